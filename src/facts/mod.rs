//! What the world told us, as plain data: the load balancer, this machine, CloudWatch's series; and [`Finding`],
//! what a check makes of them. `forwarding` and `capacity` hold what elbv2 tells beyond the load balancer itself,
//! `reading` and `series` what CloudWatch answers, `addresses` where the target is.

mod addresses;
mod capacity;
mod forwarding;
mod reading;
mod series;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{aws_name, seconds};
use crate::prices::Prices;
pub use addresses::{Addresses, Families, TargetAddresses};
pub use capacity::ReservationFacts;
pub use forwarding::{Forwarding, ListenerFacts, TargetGroupFacts};
pub use reading::{Reading, Subject};
pub use series::{Metrics, Point, Series, SeriesStatus};
// The words in which facts are asked for and told.
pub use crate::plan::{
    AlbMetric, AwsName, AwsNameError, LoadBalancerArn, LoadBalancerError, LoadBalancerRef, Period,
    same_dns_name,
};

/// What elbv2 tells about the load balancer (aws-facts.md §5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadBalancerFacts {
    /// Its ARN.
    pub arn: LoadBalancerArn,
    /// Its DNS name.
    #[serde(deserialize_with = "aws_name::dns")]
    pub dns_name: String,
    /// `active`, `active_impaired`, `provisioning` or `failed`.
    pub state: String,
    /// `internet-facing` or `internal`.
    pub scheme: Option<String>,
    /// The names of its availability zones.
    #[serde(deserialize_with = "aws_name::zone")]
    pub zones: Vec<String>,
    /// `idle_timeout.timeout_seconds`; `None` when the attribute is missing.
    #[serde(with = "seconds::option", rename = "idle_timeout_s")]
    #[schemars(with = "Option<f64>")]
    pub idle_timeout: Option<Duration>,
    /// `client_keep_alive.seconds`; `None` when the attribute is missing.
    #[serde(with = "seconds::option", rename = "client_keep_alive_s")]
    #[schemars(with = "Option<f64>")]
    pub client_keep_alive: Option<Duration>,
    /// Why the attributes, and with them both timeouts, could not be read; `None` when they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes_unavailable: Option<Unavailable>,
    /// Targets by state over all target groups; `None` when they could not be read.
    pub targets: Option<BTreeMap<String, u32>>,
    /// What else it tells.
    #[serde(default, flatten)]
    pub details: LoadBalancerDetails,
}

/// What no run hangs on, but some checks look at; a part is `None` when it could not be read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LoadBalancerDetails {
    /// Its listeners.
    #[serde(default)]
    pub listeners: Option<Vec<ListenerFacts>>,
    /// Its target groups.
    #[serde(default)]
    pub target_groups: Option<Vec<TargetGroupFacts>>,
    /// Its capacity reservation.
    #[serde(default)]
    pub reservation: Option<ReservationFacts>,
    /// Why the others could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
}

/// A call that brought nothing, where the run can go on without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unread {
    /// The IAM action.
    pub action: String,
    /// Whether it was denied, and not only failed.
    pub denied: bool,
    /// What happened, and what to do about it.
    #[serde(flatten)]
    pub why: Unavailable,
}

impl LoadBalancerFacts {
    /// AWS's own default (aws-facts.md §3), assumed where the attribute is missing.
    pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

    /// The idle timeout: read, or AWS's default.
    pub fn effective_idle_timeout(&self) -> Duration {
        self.idle_timeout.unwrap_or(Self::DEFAULT_IDLE_TIMEOUT)
    }

    /// Whose metrics tell of it.
    pub fn subject(&self) -> Subject {
        let groups = self.details.target_groups.iter().flatten();
        Subject {
            load_balancer: self.arn.dimension().to_owned(),
            zones: self.zones.clone(),
            target_groups: groups.filter_map(|group| group.dimension.clone()).collect(),
        }
    }
}

/// Why something could not be had, as one line of cause and one of remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unavailable {
    /// What went wrong.
    pub cause: String,
    /// What to do about it.
    pub remedy: String,
}

/// What came of asking AWS for the load balancer.
#[derive(Debug, Clone, PartialEq)]
pub enum LoadBalancerAnswer {
    /// Nothing was asked: `--no-aws`.
    NotAsked,
    /// It could not be found or read.
    Unavailable(Unavailable),
    /// It was found.
    Found(Box<LoadBalancerFacts>),
}

impl LoadBalancerAnswer {
    /// The facts, where there are any.
    pub fn facts(&self) -> Option<&LoadBalancerFacts> {
        match self {
            LoadBalancerAnswer::Found(facts) => Some(facts),
            LoadBalancerAnswer::NotAsked | LoadBalancerAnswer::Unavailable(_) => None,
        }
    }
}

/// What came of asking CloudWatch for the load balancer's metrics, before the load.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricsAnswer {
    /// Nothing was asked: the plan does not read CloudWatch, or there is no load balancer to ask for.
    NotAsked,
    /// It answered: the last periods before the load, by the metric's name, of [`metric::BEFORE_LOAD`]; of what only
    /// target groups have, the most of any.
    Readable(BTreeMap<String, Vec<Point>>),
    /// The credentials do not allow it.
    Denied(Unavailable),
    /// It did not answer, for another reason.
    Unavailable(Unavailable),
}

/// What this machine can do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MachineFacts {
    /// `linux`, `macos`, …
    pub os: String,
    /// Logical processors that this process may use.
    pub cores: u32,
    /// File descriptors that this process may have open, after the soft limit was raised; `None` where there is no limit.
    pub descriptors: Option<u64>,
    /// Descriptors open before the load.
    pub descriptors_used: u64,
    /// The ports that the system gives to outgoing connections; `None` where it does not tell.
    #[serde(default)]
    pub ports: Option<PortRange>,
    /// The families of addresses in which this machine has a way to the target; `None` where that was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub families: Option<Families>,
    /// The source addresses of the plan that are not this machine's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_sources: Vec<IpAddr>,
    /// TCP sockets in TIME_WAIT before the load.
    #[serde(default)]
    pub time_wait: Option<u64>,
    /// Memory that this process may still take.
    #[serde(default)]
    pub memory: Option<MemoryFacts>,
    /// The kernel's table of tracked connections; `None` where there is none.
    #[serde(default)]
    pub conntrack: Option<ConntrackFacts>,
}

/// Memory that this process may still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryFacts {
    /// So many bytes.
    pub available_bytes: u64,
    /// Whose limit that is.
    pub limited_by: MemoryLimit,
}

/// Whose limit holds for this process's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemoryLimit {
    /// The machine has no more.
    Machine,
    /// The cgroup (a container's or a service's) may take no more.
    Cgroup,
}

/// Linux's nf_conntrack: when its table is full, packets of new connections are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConntrackFacts {
    /// Connections in it.
    pub tracked: u64,
    /// Connections that it can hold.
    pub most: u64,
}

/// A range of ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

impl PortRange {
    /// What Linux has unless it is told otherwise.
    pub const LINUX_DEFAULT: PortRange = PortRange { first: 32_768, last: 60_999 };
    /// What other systems have: IANA's dynamic ports.
    pub const DYNAMIC: PortRange = PortRange { first: 49_152, last: 65_535 };

    /// What a system (`linux`, `macos`, …) has unless it is told otherwise.
    pub fn usual(os: &str) -> PortRange {
        if os == "linux" { PortRange::LINUX_DEFAULT } else { PortRange::DYNAMIC }
    }

    /// How many there are.
    pub fn count(self) -> u32 {
        (u32::from(self.last) + 1).saturating_sub(u32::from(self.first))
    }
}

/// This machine over about a second; what can't be had is `None`. CPU and descriptors are this process's, all else the
/// whole machine's (on Linux: its network namespace's).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MachineSample {
    /// CPU time over wall time: 0 to the number of cores.
    pub cpu_cores: Option<f64>,
    /// File descriptors open.
    pub descriptors: Option<u64>,
    /// TCP sockets in TIME_WAIT, each of which keeps a port from being used to the same destination.
    pub time_wait: Option<u64>,
    /// How many local ports the system gives out by itself.
    pub ephemeral_ports: Option<u32>,
    /// TCP segments sent, retransmitted ones apart, since the last sample.
    pub segments_sent: Option<u64>,
    /// TCP segments sent again since the last sample.
    pub retransmitted: Option<u64>,
    /// Handshakes dropped by listening sockets here since the last sample, for whatever reason.
    pub listen_drops: Option<u64>,
    /// Those of them that were dropped since the accept queue was full.
    pub listen_overflows: Option<u64>,
}

/// What is known before the load; a part is missing where it could not be had.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// The load balancer.
    pub load_balancer: Option<LoadBalancerFacts>,
    /// This machine.
    pub machine: MachineFacts,
    /// The target's addresses before the load; `None` where its name could not be resolved.
    #[serde(default)]
    pub target: Option<TargetAddresses>,
    /// The addresses behind the target's and the load balancer's names; `None` where the target has none.
    #[serde(default)]
    pub addresses: Option<Addresses>,
    /// How far this machine's clock is ahead of AWS's, in seconds, to about half a second; negative when it is behind.
    #[serde(default)]
    pub clock_offset_s: Option<f64>,
    /// What AWS charges.
    #[serde(default)]
    pub prices: Prices,
}

impl Facts {
    /// How far this machine's clock is ahead of AWS's, where that was measured and is no nonsense.
    pub fn clock_ahead(&self) -> Option<TimeDelta> {
        clock_ahead(self.clock_offset_s)
    }
}

/// How far a clock is ahead that was found to differ by so many seconds. AWS's `Date` counts whole seconds, so that less
/// than one is as good as none.
pub fn clock_ahead(offset_s: Option<f64>) -> Option<TimeDelta> {
    /// A clock that is more than a day off was not measured, but misread.
    const MOST_S: f64 = 86_400.0;
    const LEAST_S: f64 = 1.0;
    let seconds = offset_s.filter(|s| s.is_finite() && s.abs() <= MOST_S)?;
    #[allow(clippy::cast_possible_truncation)]
    let millis = if seconds.abs() < LEAST_S { 0 } else { (seconds * 1_000.0).round() as i64 };
    Some(TimeDelta::milliseconds(millis))
}

/// What a check found, what it means, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The check's name, as `--force` takes it.
    pub check: String,
    /// How bad it is.
    pub status: Status,
    /// The value that was found, short; empty where nothing was.
    pub found: String,
    /// What it means; may be empty. Of a refusal it is the line of cause.
    pub detail: String,
    /// What to do about it; empty where nothing need be done.
    pub remedy: String,
}

impl Finding {
    /// The check of this machine's clock, which is looked at during a hold too.
    pub const CLOCK: &str = "clock";
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Pass,
    /// Worth knowing.
    Info,
    /// Could not be checked.
    Skip,
    /// The run goes on, but may disappoint.
    Warn,
    /// The run would be wasted: nothing is opened.
    Refuse,
}

/// The metrics' names (aws-facts.md §1).
pub mod metric {
    /// Concurrent TCP connections, clients' and targets' legs.
    pub const ACTIVE_CONNECTIONS: &str = "ActiveConnectionCount";
    /// TCP connections opened, both legs.
    pub const NEW_CONNECTIONS: &str = "NewConnectionCount";
    /// HTTP and WebSocket bytes.
    pub const PROCESSED_BYTES: &str = "ProcessedBytes";
    /// Requests for which a node picked a target.
    pub const REQUESTS: &str = "RequestCount";
    /// Connections refused at the load balancer's maximum.
    pub const REJECTED_CONNECTIONS: &str = "RejectedConnectionCount";
    /// Reported always, so that it tells *absent* from *late*.
    pub const CONSUMED_LCUS: &str = "ConsumedLCUs";
    /// What is asked for before the load, to see what is there without it.
    pub const BEFORE_LOAD: [&str; 4] = [CONSUMED_LCUS, ACTIVE_CONNECTIONS, REQUESTS, UNHEALTHY_HOSTS];
    /// Targets that pass their health checks, as the node says that sees fewest.
    pub const HEALTHY_HOSTS: &str = "HealthyHostCount";
    /// Targets that fail their health checks, as the node says that sees most.
    pub const UNHEALTHY_HOSTS: &str = "UnHealthyHostCount";
    /// Connections to targets that could not be opened.
    pub const TARGET_CONNECTION_ERRORS: &str = "TargetConnectionErrorCount";
    /// TLS sessions with targets that could not be established.
    pub const TARGET_TLS_ERRORS: &str = "TargetTLSNegotiationErrorCount";
    /// Seconds until a target begins its answer.
    pub const TARGET_RESPONSE_TIME: &str = "TargetResponseTime";
    /// Percent of the load balancer's capacity that is in use.
    pub const CAPACITY_UTILIZATION: &str = "CapacityUtilization";
    /// What is asked for at the dimensions `AvailabilityZone, LoadBalancer`: what is carried, and what explains failures.
    pub const OF_ZONES: [&str; 8] = [
        ACTIVE_CONNECTIONS,
        NEW_CONNECTIONS,
        REQUESTS,
        REJECTED_CONNECTIONS,
        TARGET_CONNECTION_ERRORS,
        "HTTPCode_ELB_502_Count",
        "HTTPCode_ELB_503_Count",
        "HTTPCode_ELB_504_Count",
    ];
    /// What is asked for at the dimensions `LoadBalancer, TargetGroup`.
    pub const OF_TARGET_GROUPS: [&str; 7] = [
        HEALTHY_HOSTS,
        UNHEALTHY_HOSTS,
        REQUESTS,
        TARGET_CONNECTION_ERRORS,
        TARGET_TLS_ERRORS,
        TARGET_RESPONSE_TIME,
        "HTTPCode_Target_5XX_Count",
    ];

    /// The statistic in which a metric means something (aws-facts.md §1): `Sum` of all counts, and of the connections at
    /// a time, since each node reports its own.
    pub fn statistic(name: &str) -> &'static str {
        match name {
            TARGET_RESPONSE_TIME => "Average",
            HEALTHY_HOSTS => "Minimum",
            UNHEALTHY_HOSTS | CAPACITY_UTILIZATION => "Maximum",
            _ => "Sum",
        }
    }

    /// Everything that is asked for at the load balancer's dimension.
    pub const ALL: [&str; 26] = [
        ACTIVE_CONNECTIONS,
        NEW_CONNECTIONS,
        PROCESSED_BYTES,
        REQUESTS,
        REJECTED_CONNECTIONS,
        CONSUMED_LCUS,
        "ClientTLSNegotiationErrorCount",
        TARGET_CONNECTION_ERRORS,
        TARGET_TLS_ERRORS,
        TARGET_RESPONSE_TIME,
        CAPACITY_UTILIZATION,
        "PeakLCUs",
        "ReservedLCUs",
        "RuleEvaluations",
        "LowReputationPacketsDropped",
        "LowReputationRequestsDenied",
        "HTTPCode_ELB_4XX_Count",
        "HTTPCode_ELB_5XX_Count",
        "HTTPCode_ELB_500_Count",
        "HTTPCode_ELB_502_Count",
        "HTTPCode_ELB_503_Count",
        "HTTPCode_ELB_504_Count",
        "HTTPCode_Target_2XX_Count",
        "HTTPCode_Target_3XX_Count",
        "HTTPCode_Target_4XX_Count",
        "HTTPCode_Target_5XX_Count",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_below_what_can_be_measured_is_none() {
        let ahead = |offset| Facts { clock_offset_s: offset, ..Facts::default() }.clock_ahead();
        for (offset, millis) in [(0.4, 0), (-0.99, 0), (1.0, 1_000), (-90.25, -90_250)] {
            assert_eq!(ahead(Some(offset)), Some(TimeDelta::milliseconds(millis)), "{offset}");
        }
        for odd in [None, Some(f64::NAN), Some(90_000.0)] {
            assert_eq!(ahead(odd), None, "{odd:?}");
        }
    }
}
