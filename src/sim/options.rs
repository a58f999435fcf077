//! The settings of the simulator, one field a flag of `albcap simulate`.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;
use std::time::Duration;

use super::SimError;
use super::alb::{Certificate, Doom, Rejection, UpgradeAnswer};
use super::aws::{DenyAfter, IdleTimeoutThen, Trouble};

/// Every setting of the simulator; the default is a healthy load balancer of one node.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address of node 0, which is also the DNS name; node `i` listens `i` addresses further, on
    /// the same port. Port 0 lets the system choose.
    pub listen: SocketAddrV4,
    /// How many nodes (addresses) the load balancer has.
    pub nodes: u8,
    /// TLS on the listener, with a certificate made at the start.
    pub tls: bool,
    /// What is wrong with that certificate, if anything.
    pub certificate: Certificate,
    /// The listener speaks HTTP/2 and nothing else, which can't be upgraded.
    pub http2_only: bool,
    /// What elbv2 says the load balancer is.
    pub load_balancer_type: LoadBalancerType,
    /// The region that ARNs and zones carry.
    pub region: String,
    /// A connection without a byte in either direction for this long is closed
    /// (aws-facts.md §3, `idle_timeout.timeout_seconds`).
    pub idle_timeout: Duration,
    /// Age at which a connection is closed after its next plain request
    /// (aws-facts.md §3, `client_keep_alive.seconds`); an upgraded one is left alone.
    pub client_keep_alive: Duration,
    /// TCP connections that the metrics count for each WebSocket: 2, as AWS documents, or 1.
    pub legs: u8,
    /// Healthy targets registered in the one target group.
    pub targets: u16,
    /// Unhealthy ones beside them.
    pub unhealthy_targets: u16,
    /// Ones that are being deregistered.
    pub draining_targets: u16,
    /// Length of a CloudWatch period; AWS has 60 s.
    pub period: Duration,
    /// How long after its end a period's metrics can be read.
    pub publish_delay: Duration,
    /// How far AWS's clock, by which periods are taken and answers dated, is ahead of this machine's.
    pub clock_ahead: Duration,
    /// How a period's one ActiveConnectionCount comes from a number that moves.
    pub sampling: Sampling,
    /// Other clients' connections, there all the time, with a little traffic of their own.
    pub baseline: u32,
    /// Client connections, over all nodes and with the baseline, that the load balancer holds at most.
    pub max_connections: Option<u64>,
    /// Share of upgrades, 0 to 1, that are refused.
    pub reject_rate: f64,
    /// By whom they are, and with which status.
    pub rejection: Rejection,
    /// How the target answers the others.
    pub upgrade_answer: UpgradeAnswer,
    /// Text messages that the target sends in the same write as its 101.
    pub greeting: Vec<String>,
    /// Time from the upgrade after which a connection meets its doom.
    pub kill_after: Option<Duration>,
    /// What that is.
    pub kill_by: Doom,
    /// That time counts from the first upgrade of all, so that every connection open then meets it at one instant.
    pub kill_together: bool,
    /// A target fails its health checks while more clients than that are connected, others' among them.
    pub unhealthy_above: Option<u32>,
    /// Time from the first upgrade after which a healthy target is deregistered.
    pub drain_after: Option<Duration>,
    /// How long the connections of a deregistered target are let live.
    pub deregistration_delay: Duration,
    /// Client connections, over all nodes and with the baseline, that the metrics know of at most.
    pub count_at_most: Option<u64>,
    /// A period without a request has no metrics but those that are always there.
    pub silent_without_requests: bool,
    /// What elbv2 says of the load balancer's state.
    pub state: LoadBalancerState,
    /// Capacity units that are reserved.
    pub reserved_lcus: Option<u32>,
    /// Another idle timeout that elbv2 tells after some answers; the load balancer keeps to `idle_timeout`.
    pub idle_timeout_then: Option<IdleTimeoutThen>,
    /// IAM actions, such as `cloudwatch:GetMetricData`, that are answered with AccessDenied.
    pub deny: Vec<String>,
    /// IAM actions that are answered with AccessDenied after their first calls.
    pub deny_after: Vec<DenyAfter>,
    /// Calls that meet a fault of the AWS endpoint.
    pub troubles: Vec<Trouble>,
    /// Datapoints a page of GetMetricData holds; left out, as many as on AWS.
    pub page_size: Option<usize>,
    /// GetMetricData answers in parts (`PartialData`).
    pub partial_data: bool,
    /// Metrics that GetMetricData answers with `InternalError`, by name.
    pub owed: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
            nodes: 1,
            tls: false,
            certificate: Certificate::default(),
            http2_only: false,
            load_balancer_type: LoadBalancerType::Application,
            region: "us-east-1".to_owned(),
            idle_timeout: Duration::from_secs(60),
            client_keep_alive: Duration::from_secs(3600),
            legs: 2,
            targets: 2,
            unhealthy_targets: 0,
            draining_targets: 0,
            period: Duration::from_secs(60),
            publish_delay: Duration::ZERO,
            clock_ahead: Duration::ZERO,
            sampling: Sampling::Snapshot,
            baseline: 0,
            max_connections: None,
            reject_rate: 0.0,
            rejection: Rejection::default(),
            upgrade_answer: UpgradeAnswer::default(),
            greeting: Vec::new(),
            kill_after: None,
            kill_by: Doom::default(),
            kill_together: false,
            unhealthy_above: None,
            drain_after: None,
            // AWS's default (aws-facts.md §3).
            deregistration_delay: Duration::from_secs(300),
            count_at_most: None,
            silent_without_requests: false,
            state: LoadBalancerState::Active,
            reserved_lcus: None,
            idle_timeout_then: None,
            deny: Vec::new(),
            deny_after: Vec::new(),
            troubles: Vec::new(),
            owed: Vec::new(),
            page_size: None,
            partial_data: false,
        }
    }
}

impl Options {
    /// Refuses what can't be simulated, naming the flag.
    pub(super) fn check(&self) -> Result<(), SimError> {
        let refuse = |text: &str| Err(SimError::Options(text.to_owned()));
        let last_node = u32::from(*self.listen.ip()) + u32::from(self.nodes.saturating_sub(1));
        if !self.listen.ip().is_loopback() || !Ipv4Addr::from(last_node).is_loopback() {
            return refuse("the simulator listens on loopback addresses (127.0.0.0/8) only");
        }
        if self.nodes == 0 {
            return refuse("--nodes must be at least 1");
        }
        if !matches!(self.legs, 1 | 2) {
            return refuse("--legs must be 1 or 2");
        }
        if self.idle_timeout.is_zero() {
            return refuse("--idle-timeout must be longer than 0");
        }
        if self.period.is_zero() || !self.period.subsec_nanos().is_multiple_of(1_000_000) {
            return refuse("--period must be a whole number of milliseconds, and not 0");
        }
        if !(0.0..=1.0).contains(&self.reject_rate) {
            return refuse("--reject-rate must lie between 0 and 1");
        }
        if !(400..=599).contains(&self.rejection.status) {
            return refuse("--reject-status must be a status from 400 to 599");
        }
        if self.rejection.reason.is_some() && self.rejection.by == super::RejectedBy::Target {
            return refuse("--reject-for is why the load balancer refuses: not with --reject-by target");
        }
        if self.drain_after.is_some() && self.targets == 0 {
            return refuse("--drain-after needs a healthy target");
        }
        Ok(())
    }
}

/// An IAM action, or a pattern of actions that ends in `*`.
pub fn action_pattern(text: &str) -> Result<String, SimError> {
    let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let is_pattern = text == "*"
        || text.split_once(':').is_some_and(|(service, action)| {
            word(service) && (action == "*" || word(action.strip_suffix('*').unwrap_or(action)))
        });
    match is_pattern {
        true => Ok(text.to_owned()),
        false => Err(SimError::Options(format!(
            "'{text}' is no IAM action, such as cloudwatch:GetMetricData or logs:*"
        ))),
    }
}

impl FromStr for DenyAfter {
    type Err = SimError;

    /// `ACTION=N`.
    fn from_str(text: &str) -> Result<Self, SimError> {
        let parts = text.split_once('=').and_then(|(action, calls)| {
            Some((action_pattern(action.trim()).ok()?, calls.trim().parse().ok()?))
        });
        match parts {
            Some((action, calls)) => Ok(DenyAfter { action, calls }),
            None => Err(SimError::Options(format!(
                "'{text}' is not ACTION=N, such as cloudwatch:GetMetricData=1"
            ))),
        }
    }
}

impl FromStr for IdleTimeoutThen {
    type Err = SimError;

    /// `N=SECONDS`.
    fn from_str(text: &str) -> Result<Self, SimError> {
        let parts = text.split_once('=').and_then(|(answers, seconds)| {
            let seconds: u64 = seconds.trim().trim_end_matches('s').parse().ok()?;
            (seconds > 0).then_some((answers.trim().parse().ok()?, seconds))
        });
        match parts {
            Some((answers, seconds)) => {
                Ok(IdleTimeoutThen { answers, timeout: Duration::from_secs(seconds) })
            }
            None => Err(SimError::Options(format!("'{text}' is not N=SECONDS, such as 1=30s"))),
        }
    }
}

/// How one value a period is taken from the number of active connections. How AWS does it is not
/// documented (aws-facts.md §0.5); a judge must bear all three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// The number at the middle of the period, the instant that favours neither neighbour.
    #[default]
    Snapshot,
    /// The mean of ten samples spread evenly over the period.
    Mean,
    /// The largest of the same ten samples.
    Max,
}

impl FromStr for Sampling {
    type Err = SimError;

    fn from_str(word: &str) -> Result<Self, SimError> {
        match word {
            "snapshot" => Ok(Self::Snapshot),
            "mean" => Ok(Self::Mean),
            "max" => Ok(Self::Max),
            _ => Err(SimError::Options(format!("'{word}' is not one of snapshot, mean, max"))),
        }
    }
}

/// The states that elbv2 knows (aws-facts.md §5). Connections are taken in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadBalancerState {
    /// Ready.
    #[default]
    Active,
    /// Being set up.
    Provisioning,
    /// Without the resources to scale.
    ActiveImpaired,
    /// Could not be set up.
    Failed,
}

impl LoadBalancerState {
    /// The word that elbv2 uses in `State.Code`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Provisioning => "provisioning",
            Self::ActiveImpaired => "active_impaired",
            Self::Failed => "failed",
        }
    }
}

/// The types that elbv2 knows. Only an application load balancer publishes metrics here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadBalancerType {
    /// An ALB.
    #[default]
    Application,
    /// An NLB.
    Network,
    /// A gateway load balancer.
    Gateway,
}

impl LoadBalancerType {
    /// The word that elbv2 uses in `Type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Network => "network",
            Self::Gateway => "gateway",
        }
    }

    /// The path segment that ARNs use (aws-facts.md §5).
    pub(super) fn arn_segment(self) -> &'static str {
        match self {
            Self::Application => "app",
            Self::Network => "net",
            Self::Gateway => "gwy",
        }
    }
}

impl FromStr for LoadBalancerType {
    type Err = SimError;

    fn from_str(word: &str) -> Result<Self, SimError> {
        [Self::Application, Self::Network, Self::Gateway]
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| SimError::Options(format!("'{word}' is not one of application, network, gateway")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sim::{RejectedBy, RejectedFor};

    #[test]
    fn the_default_can_be_simulated() {
        Options::default().check().unwrap();
    }

    #[test]
    fn impossible_settings_are_refused_by_name() {
        let odd = Rejection { status: 101, ..Rejection::default() };
        let by_target = Rejection {
            by: RejectedBy::Target,
            reason: Some(RejectedFor::LowReputation),
            ..Rejection::default()
        };
        let cases: [(Options, &str); 11] = [
            (Options { rejection: odd, ..Options::default() }, "--reject-status"),
            (Options { rejection: by_target, ..Options::default() }, "--reject-for"),
            (Options { nodes: 0, ..Options::default() }, "--nodes"),
            (
                Options { drain_after: Some(Duration::ZERO), targets: 0, ..Options::default() },
                "--drain-after",
            ),
            (Options { legs: 3, ..Options::default() }, "--legs"),
            (Options { idle_timeout: Duration::ZERO, ..Options::default() }, "--idle-timeout"),
            (Options { period: Duration::ZERO, ..Options::default() }, "--period"),
            (Options { period: Duration::from_micros(1500), ..Options::default() }, "--period"),
            (Options { reject_rate: 1.5, ..Options::default() }, "--reject-rate"),
            (Options { reject_rate: f64::NAN, ..Options::default() }, "--reject-rate"),
            (
                Options {
                    listen: SocketAddrV4::new(Ipv4Addr::new(127, 255, 255, 255), 0),
                    nodes: 2,
                    ..Options::default()
                },
                "loopback",
            ),
        ];
        for (options, named) in cases {
            let text = options.check().unwrap_err().to_string();
            assert!(text.contains(named), "{text}");
        }
    }

    #[test]
    fn words_are_read_back() {
        assert_eq!("mean".parse::<Sampling>().unwrap(), Sampling::Mean);
        assert!("median".parse::<Sampling>().is_err());
        let rule = DenyAfter { action: "cloudwatch:GetMetricData".to_owned(), calls: 1 };
        assert_eq!("cloudwatch:GetMetricData=1".parse::<DenyAfter>().unwrap(), rule);
        for wrong in ["cloudwatch:GetMetricData", "GetMetricData=1", "a:b=-1", "a:b=", "=1"] {
            assert!(wrong.parse::<DenyAfter>().is_err(), "{wrong}");
        }
        let then = IdleTimeoutThen { answers: 1, timeout: Duration::from_secs(30) };
        for text in ["1=30s", "1=30", " 1 = 30s"] {
            assert_eq!(text.parse::<IdleTimeoutThen>().unwrap(), then, "{text}");
        }
        for wrong in ["30s", "1=", "1=0s", "x=30s", "1=2m", "-1=30s"] {
            assert!(wrong.parse::<IdleTimeoutThen>().is_err(), "{wrong}");
        }
        for kind in [LoadBalancerType::Application, LoadBalancerType::Network, LoadBalancerType::Gateway] {
            assert_eq!(kind.as_str().parse::<LoadBalancerType>().unwrap(), kind);
        }
    }
}
