//! The flags of `albcap simulate`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::args::{parse_period, parse_positive_duration};
use crate::plan::Share;
use crate::plan::quantity::{parse_count, parse_duration};
use crate::sim::{Certificate, Doom, RejectedBy, RejectedFor, UpgradeAnswer};

const FAULTS: &str = "What the simulated ALB and its targets do wrong";

#[derive(Debug, Args)]
#[command(next_help_heading = "The simulated ALB")]
pub(crate) struct SimulateArgs {
    /// Close a connection that was silent for so long
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_positive_duration)]
    pub(crate) idle_timeout: Duration,
    /// The client keep-alive that elbv2 tells: after so long a connection without an upgrade ends with its next answer
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = parse_positive_duration)]
    pub(crate) client_keep_alive: Duration,
    /// TCP legs that are counted for each WebSocket
    #[arg(long, value_name = "1|2", default_value = "2", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) legs: u8,
    /// Nodes, each with an address of its own in 127.0.0.0/8
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) nodes: u8,
    /// Speak TLS, with a certificate made for the occasion
    #[arg(long)]
    pub(crate) tls: bool,
    /// What is wrong with that certificate: good (nothing, for who trusts ca_file), expired, other-host
    #[arg(long, value_name = "WHAT", default_value = "good", requires = "tls", help_heading = FAULTS)]
    pub(crate) certificate: Certificate,
    /// Speak HTTP/2 and nothing else, which no WebSocket comes through
    #[arg(long, help_heading = FAULTS)]
    pub(crate) http2_only: bool,
    /// Client connections of others that are there all the time
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_count)]
    pub(crate) baseline: u32,
    /// A text message that the target sends in the same write as its 101; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub(crate) greeting: Vec<String>,
    /// Reset client connections beyond so many
    #[arg(long, value_name = "N", value_parser = parse_count, help_heading = FAULTS)]
    pub(crate) max_connections: Option<u32>,
    /// Share of the upgrades that are refused, spread evenly
    #[arg(long, value_name = "SHARE", value_parser = parse_rejected, help_heading = FAULTS)]
    pub(crate) reject_rate: Option<f64>,
    /// The HTTP status that these are refused with, 400 to 599
    #[arg(long, value_name = "CODE", default_value = "503", requires = "reject_rate", help_heading = FAULTS,
          value_parser = clap::value_parser!(u16).range(400..=599))]
    pub(crate) reject_status: u16,
    /// Why the load balancer refuses them, which is counted too: connection-error or tls-error (at a target),
    /// low-reputation (of the client)
    #[arg(long, value_name = "WHY", requires = "reject_rate", help_heading = FAULTS)]
    pub(crate) reject_for: Option<RejectedFor>,
    /// By whom they are refused: load-balancer, target
    #[arg(long, value_name = "WHO", default_value = "load-balancer", requires = "reject_rate", help_heading = FAULTS)]
    pub(crate) reject_by: RejectedBy,
    /// How the target answers the other upgrades: good, keep-alive ('Connection: keep-alive, Upgrade', which is good
    /// too), wrong-accept, never, hang-up
    #[arg(long, value_name = "HOW", default_value = "good", help_heading = FAULTS)]
    pub(crate) upgrade_answer: UpgradeAnswer,
    /// How long after its upgrade every connection meets what --kill-by says
    #[arg(long, value_name = "TIME", value_parser = parse_positive_duration, help_heading = FAULTS)]
    pub(crate) kill_after: Option<Duration>,
    /// reset, hang-up (a FIN alone), close, close=CODE, mute (pings are not answered any more), freeze (nothing is read
    /// or sent, TCP stays), long-message (1 GiB), endless-text; or a frame against the protocol: reserved-bit,
    /// unknown-opcode, masked, long-ping, split-ping, stray-continuation, bad-utf8, bad-close-code
    #[arg(long, value_name = "WHAT", default_value = "reset", requires = "kill_after", help_heading = FAULTS)]
    pub(crate) kill_by: Doom,
    /// Let --kill-after count from the first upgrade of all: every connection open then meets it at one instant
    #[arg(long, requires = "kill_after", help_heading = FAULTS)]
    pub(crate) kill_together: bool,
    /// A target fails its health checks while more clients than that are connected
    #[arg(long, value_name = "N", value_parser = parse_count, help_heading = FAULTS)]
    pub(crate) unhealthy_above: Option<u32>,
    /// How long after the first upgrade one of the healthy targets is deregistered; it gets no new connection then
    #[arg(long, value_name = "TIME", value_parser = parse_duration, help_heading = FAULTS)]
    pub(crate) drain_after: Option<Duration>,
    /// How long after that the connections that it has are cut
    #[arg(long, value_name = "TIME", default_value = "300s", requires = "drain_after", value_parser = parse_duration, help_heading = FAULTS)]
    pub(crate) deregistration_delay: Duration,
    /// Client connections beyond so many are held, but by something that no metric counts
    #[arg(long, value_name = "N", value_parser = parse_count, help_heading = FAULTS)]
    pub(crate) count_at_most: Option<u32>,
    /// How often the metrics are published: 1, 5, 10, 20, 30 or a multiple of 60 s
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_length, help_heading = "The simulated CloudWatch")]
    pub(crate) period: Duration,
    /// How long after a period's end its metrics become visible
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration, help_heading = "The simulated CloudWatch")]
    pub(crate) publish_delay: Duration,
    /// How active connections are sampled within a period
    #[arg(long, value_enum, default_value = "snapshot", help_heading = "The simulated CloudWatch")]
    pub(crate) sampling: Sampling,
    /// Publish nothing of a period in which no request came, but what is always published: held connections are no
    /// requests
    #[arg(long, help_heading = "The simulated CloudWatch")]
    pub(crate) silent_without_requests: bool,
    /// How far AWS's clock is ahead of this machine's: periods are taken and answers are dated by it
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration, help_heading = "The simulated CloudWatch")]
    pub(crate) clock_ahead: Duration,
    /// What elbv2 says of the load balancer's state; it takes connections in all of them
    #[arg(long, value_enum, default_value = "active", help_heading = "The simulated AWS account")]
    pub(crate) state: State,
    /// Healthy targets
    #[arg(long, value_name = "N", default_value = "2", help_heading = "The simulated AWS account")]
    pub(crate) healthy_targets: u16,
    /// Unhealthy targets beside them
    #[arg(long, value_name = "N", default_value = "0", help_heading = "The simulated AWS account")]
    pub(crate) unhealthy_targets: u16,
    /// Targets that are being deregistered
    #[arg(long, value_name = "N", default_value = "0", help_heading = "The simulated AWS account")]
    pub(crate) draining_targets: u16,
    /// Capacity units that are reserved for the load balancer
    #[arg(long, value_name = "N", value_parser = parse_count, help_heading = "The simulated AWS account")]
    pub(crate) reserved_lcus: Option<u32>,
    /// Another idle timeout that elbv2 tells after its first N answers; the load balancer keeps to --idle-timeout
    #[arg(long, value_name = "N=SECONDS", help_heading = "The simulated AWS account")]
    pub(crate) idle_timeout_then: Option<crate::sim::IdleTimeoutThen>,
    /// AWS Region that the endpoint claims to be
    #[arg(
        long,
        value_name = "REGION",
        default_value = "us-east-1",
        help_heading = "The simulated AWS account"
    )]
    pub(crate) region: String,
    /// IAM action that is denied, such as cloudwatch:GetMetricData, or all that begin so: logs:*; may be repeated
    #[arg(long, value_name = "ACTION", value_parser = crate::sim::action_pattern, help_heading = "The simulated AWS account")]
    pub(crate) deny: Vec<String>,
    /// IAM action that is denied after its first N calls; may be repeated
    #[arg(long, value_name = "ACTION=N", help_heading = "The simulated AWS account")]
    pub(crate) deny_after: Vec<crate::sim::DenyAfter>,
    /// Calls of an IAM action that meet a fault of the endpoint: throttle, unavailable (503), cut (carried out, then the
    /// connection is cut), slow (2 s), hang; for all calls, @3 for the third, @3-5, or @3- from it on; may be repeated
    #[arg(long, value_name = "ACTION=WHAT[@CALLS]", help_heading = "The simulated AWS account")]
    pub(crate) aws_trouble: Vec<crate::sim::Trouble>,
    /// Metric that CloudWatch never completes (InternalError), such as ConsumedLCUs; may be repeated
    #[arg(long, value_name = "METRIC", help_heading = "The simulated AWS account")]
    pub(crate) owe: Vec<String>,
    /// End when standard input does: whoever started it is gone then, however it went
    #[arg(long, hide = true)]
    pub(crate) until_stdin_closes: bool,
}

/// In elbv2's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum State {
    /// Ready
    Active,
    /// Being set up
    Provisioning,
    /// Without the resources to scale
    ActiveImpaired,
    /// Could not be set up
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sampling {
    /// The count of one moment
    Snapshot,
    /// The mean over the period
    Mean,
    /// The highest of the period
    Max,
}

/// A period that CloudWatch has: the simulated one would publish by another that nobody can ask for.
fn parse_length(text: &str) -> Result<Duration, String> {
    parse_period(text).map(crate::plan::Period::length)
}

/// A share of which none is a share too.
fn parse_rejected(text: &str) -> Result<f64, String> {
    match text.trim() {
        "0" | "0%" => Ok(0.0),
        other => other.parse::<Share>().map(Share::get).map_err(|error| error.to_string()),
    }
}
