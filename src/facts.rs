//! What the world told us, as plain data: the load balancer, this machine, CloudWatch's series; and [`Finding`],
//! what a check makes of them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::seconds;
// The words in which facts are asked for and told, for the rooms that see facts only.
pub use crate::plan::{LoadBalancerArn, LoadBalancerRef, Period};

/// What elbv2 tells about the load balancer (aws-facts.md §5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadBalancerFacts {
    /// Its ARN.
    pub arn: LoadBalancerArn,
    /// Its DNS name.
    pub dns_name: String,
    /// `active`, `active_impaired`, `provisioning` or `failed`.
    pub state: String,
    /// `internet-facing` or `internal`.
    pub scheme: Option<String>,
    /// The names of its availability zones.
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
}

impl LoadBalancerFacts {
    /// AWS's own default (aws-facts.md §3), assumed where the attribute is missing.
    pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

    /// The idle timeout: read, or AWS's default.
    pub fn effective_idle_timeout(&self) -> Duration {
        self.idle_timeout.unwrap_or(Self::DEFAULT_IDLE_TIMEOUT)
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
    Found(LoadBalancerFacts),
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsAnswer {
    /// Nothing was asked: the plan does not read CloudWatch, or there is no load balancer to ask for.
    NotAsked,
    /// It answered.
    Readable,
    /// The credentials do not allow it.
    Denied(Unavailable),
    /// It did not answer, for another reason.
    Unavailable(Unavailable),
}

/// What this machine can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// The source addresses of the plan that are not this machine's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_sources: Vec<IpAddr>,
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

    /// How many there are.
    pub fn count(self) -> u32 {
        (u32::from(self.last) + 1).saturating_sub(u32::from(self.first))
    }
}

/// How many addresses the target has, of each family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetAddresses {
    /// Of IPv4.
    pub ipv4: u32,
    /// Of IPv6.
    pub ipv6: u32,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// The load balancer.
    pub load_balancer: Option<LoadBalancerFacts>,
    /// This machine.
    pub machine: MachineFacts,
    /// The target's addresses before the load; `None` where its name could not be resolved.
    #[serde(default)]
    pub target: Option<TargetAddresses>,
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

/// CloudWatch's answer for a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// The `LoadBalancer` dimension: `app/NAME/ID`.
    pub load_balancer: String,
    /// The period of every point.
    #[serde(rename = "period_s")]
    pub period: Period,
    /// Start of the window, inclusive.
    pub from: DateTime<Utc>,
    /// End of the window, exclusive.
    pub until: DateTime<Utc>,
    /// When it was read last.
    pub read_at: DateTime<Utc>,
    /// Whether the numbers may still change.
    pub status: SeriesStatus,
    /// The `Sum` of each metric, by its name, ascending in time. A metric that had no point is there, empty; one that
    /// could not be read is not there.
    pub metrics: BTreeMap<String, Vec<Point>>,
}

/// Whether the numbers may still change (aws-facts.md §2, "settled").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeriesStatus {
    /// They will change no more: the reads were complete and equal, or late enough.
    Final,
    /// The wait ended before that was known.
    Provisional,
}

/// The sum of a metric over one period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// The period's start.
    pub at: DateTime<Utc>,
    /// The sum.
    pub value: f64,
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
    /// Everything that is asked for at the load balancer's dimension.
    pub const ALL: [&str; 19] = [
        ACTIVE_CONNECTIONS,
        NEW_CONNECTIONS,
        PROCESSED_BYTES,
        REQUESTS,
        REJECTED_CONNECTIONS,
        CONSUMED_LCUS,
        "ClientTLSNegotiationErrorCount",
        "TargetConnectionErrorCount",
        "TargetTLSNegotiationErrorCount",
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
