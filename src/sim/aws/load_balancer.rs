//! What elbv2 tells about the account's one load balancer (aws-facts.md §5).

use std::collections::BTreeMap;

/// The account's load balancer, as elbv2 describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadBalancer {
    /// `arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{id}`; it also names the
    /// account that owns everything else at this endpoint.
    pub arn: String,
    /// The name, unique in its account and region.
    pub name: String,
    /// The host name that clients connect to.
    pub dns_name: String,
    /// The region, such as `us-east-1`.
    pub region: String,
    /// `application`, `network` or `gateway`.
    pub load_balancer_type: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// `active`, `provisioning`, `active_impaired` or `failed`.
    pub state: String,
    /// The availability zones, such as `us-east-1a`.
    pub zones: Vec<String>,
    /// Attributes by key, all strings: `idle_timeout.timeout_seconds`, `client_keep_alive.seconds`, ...
    pub attributes: BTreeMap<String, String>,
    /// The listeners.
    pub listeners: Vec<Listener>,
    /// The target groups; the first is where every listener forwards to.
    pub target_groups: Vec<TargetGroup>,
    /// Reserved capacity in LCUs over all zones; `None` when nothing is reserved.
    pub reserved_lcus: Option<u32>,
}

/// One listener.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// The port that clients connect to.
    pub port: u16,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// The security policy of an HTTPS listener, such as `ELBSecurityPolicy-TLS13-1-2-2021-06`.
    pub ssl_policy: Option<String>,
}

/// One target group.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetGroup {
    /// `arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{id}`.
    pub arn: String,
    /// The name, unique in its account and region.
    pub name: String,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// `HTTP1`, `HTTP2` or `GRPC`; WebSockets need the first.
    pub protocol_version: String,
    /// The port that targets receive on unless registered with another.
    pub port: u16,
    /// `instance`, `ip`, `lambda` or `alb`.
    pub target_type: String,
    /// The registered targets.
    pub targets: Vec<Target>,
}

/// One registered target and its health.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// An instance id or an address, by the group's target type.
    pub id: String,
    /// The port it was registered with.
    pub port: u16,
    /// Its availability zone.
    pub zone: String,
    /// `initial`, `healthy`, `unhealthy`, `unhealthy.draining`, `unused`, `draining` or `unavailable`.
    pub state: String,
    /// Why it is not healthy, such as `Target.Timeout`.
    pub reason: Option<String>,
}
