//! The shape of the JSON report. Fields are added, never renamed; a change of meaning raises `schema`. What is not
//! known is `null`, never 0. Field order is that of the documentation.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::record::{Initiator, LatencySummary, Phase};

/// The report of a run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// The version of this document's meaning: 1.
    pub schema: u32,
    /// Which run.
    pub run: RunPart,
    /// What was planned.
    pub plan: PlanPart,
    /// What the checks found before the load.
    pub preflight: Vec<FindingPart>,
    /// The levels, in the order in which they were tried.
    pub levels: Vec<LevelPart>,
    /// How many connections are reliable.
    pub capacity: CapacityPart,
    /// What CloudWatch said.
    pub server: ServerPart,
    /// Both sides, compared; the server's numbers have the baseline taken off.
    pub correlation: CorrelationPart,
    /// Causes that were found.
    pub diagnosis: Vec<DiagnosisPart>,
    /// Whether CloudWatch and the clients tell the same story.
    pub verdict: VerdictPart,
}

/// Which run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RunPart {
    /// Its id.
    pub id: String,
    /// When it began, RFC 3339 with milliseconds.
    pub started_at: String,
    /// When its load had ended; `null` when it was killed.
    pub ended_at: Option<String>,
    /// The URL, without userinfo and query values.
    pub url: String,
    /// The version that ran it.
    pub tool_version: String,
    /// How it ended.
    pub ended: EndedPart,
    /// What is missing from a record that was rebuilt from memory during the run; `null` if nothing is.
    pub incomplete: Option<String>,
    /// How many processes shared the load.
    pub shards: u32,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndedPart {
    /// By its plan.
    Finished,
    /// By a signal.
    Interrupted,
    /// By the brake.
    Aborted,
    /// Its record has no end.
    Killed,
}

/// What was planned.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlanPart {
    /// Connections of each level; empty for a search, which chooses them as it goes.
    pub levels: Vec<u32>,
    /// The search for the limit; `null` where the levels were listed.
    pub search: Option<SearchPlanPart>,
    /// Least time that each is held, seconds.
    pub duration_s: f64,
    /// Whole CloudWatch periods that each hold must contain.
    pub periods: u32,
    /// Time between two heartbeats of a connection, seconds; `null` where none are sent.
    pub heartbeat_s: Option<f64>,
    /// Whether every level opens anew (`fresh`) or only what is missing to those alive (`cumulative`).
    pub mode: String,
    /// Success rate that a level must hold.
    pub threshold: f64,
    /// Safe limit over highest reliable level.
    pub safety: f64,
}

/// A search for the limit, as it was planned.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SearchPlanPart {
    /// Connections of the largest level that may be opened.
    pub max: u32,
    /// The gap between the highest level that passed and the lowest that failed, over the former.
    pub precision: f64,
}

/// What a search for the limit came to, and what it cost.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SearchPart {
    /// `confirmed` (the highest level that passed did so twice), `nothing_passed`, `unsteady` or `unfinished`.
    pub end: String,
    /// The highest level that passed below the lowest that failed.
    pub highest_passed: Option<u32>,
    /// The lowest level that failed.
    pub lowest_failed: Option<u32>,
    /// Levels that were begun.
    pub levels: u64,
    /// Connections that they asked for, together.
    pub connections: u64,
    /// From the first attempt to the end of the load, seconds.
    pub duration_s: f64,
}

/// What a check found before the load.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FindingPart {
    /// The check.
    pub check: String,
    /// How bad it is: `pass`, `info`, `warn`, `refuse` or `skip`.
    pub status: crate::judge::Status,
    /// The value found.
    pub found: String,
    /// What it means.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
}

/// One level.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LevelPart {
    /// Connections asked for.
    pub connections: u32,
    /// Connections that completed their handshake, and those that were alive at the start.
    pub opened: u32,
    /// Connections that the level before had left alive (mode `cumulative`).
    pub alive_at_start: u32,
    /// Connections that were a success; `null` for a level that was cut short.
    pub held: Option<u32>,
    /// Successes over connections asked for.
    pub success_rate: Option<f64>,
    /// Wilson's 95 % lower bound of it.
    pub success_rate_low95: Option<f64>,
    /// Whether it held the threshold; `null` for a level that was cut short.
    pub passed: Option<bool>,
    /// Heartbeats sent.
    pub heartbeats_sent: u64,
    /// Heartbeats answered in time.
    pub heartbeats_answered: u64,
    /// Heartbeats answered over connections opened.
    pub avg_heartbeats: Option<f64>,
    /// From the first attempt to open, with `--rate` from the instant that was planned for it, milliseconds; `null` where
    /// none was opened.
    pub connect_ms: Option<LatencySummary>,
    /// From a heartbeat's planned instant to its answer, milliseconds; `null` where none was answered.
    pub heartbeat_rtt_ms: Option<LatencySummary>,
    /// How much later than planned heartbeats were sent, milliseconds: this machine's doing.
    pub heartbeat_late_ms: Option<LatencySummary>,
    /// Bytes sent above TLS: frames, and the handshakes that were answered.
    pub bytes_sent: u64,
    /// Bytes received above TLS.
    pub bytes_received: u64,
    /// Messages received, but for heartbeats of either side.
    pub messages_received: u64,
    /// Answers given to the server's own heartbeats.
    pub replies_sent: u64,
    /// Failures, the most frequent first.
    pub failures: Vec<FailurePart>,
    /// How the machine that made the load fared.
    pub machine: MachinePart,
    /// Counts by the peer's address.
    pub peers: Vec<PeerPart>,
    /// First attempt.
    pub started_at: String,
    /// Last attempt settled.
    pub held_from: Option<String>,
    /// Hold over.
    pub held_until: Option<String>,
    /// Last close, or when the connections were left to the next level.
    pub ended_at: Option<String>,
    /// From the first attempt to that, seconds.
    pub duration_s: Option<f64>,
    /// From `started_at` to `held_from`, seconds: how long opening took.
    pub opening_s: Option<f64>,
    /// How late the latest attempt began against the schedule of `--rate`, seconds; `null` without one.
    pub rate_behind_s: Option<f64>,
    /// What came of obtaining the connections' tokens, before the first attempt; `null` where none were used.
    pub tokens: Option<TokensPart>,
}

/// What came of obtaining a level's tokens.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TokensPart {
    /// Tokens asked for, one for each connection.
    pub wanted: u32,
    /// Tokens that were had; each of the others is a failure of phase `token`.
    pub obtained: u32,
    /// How long it took, seconds; no part of `duration_s`.
    pub took_s: f64,
}

/// How the machine that made the load fared during one level; `null` where it is not known.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MachinePart {
    /// Whether it, and not the load balancer, made the level fail.
    pub limited: bool,
    /// The most CPU that this process used in any second, cores.
    pub cpu_cores_max: Option<f64>,
    /// How late a timer of this process fired at worst, milliseconds.
    pub lag_ms_max: Option<f64>,
    /// The most file descriptors that this process had open.
    pub descriptors_max: Option<u64>,
    /// TCP segments that the whole machine sent again.
    pub retransmitted: Option<u64>,
    /// Handshakes that listening sockets of the whole machine dropped.
    pub listen_drops: Option<u64>,
}

/// Failures of one level that have phase, kind and initiator in common.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FailurePart {
    /// Where in their lives the connections were.
    pub phase: Phase,
    /// What happened.
    pub kind: String,
    /// Who brought it about.
    pub initiator: Initiator,
    /// How many.
    pub count: u32,
    /// What was said, once; secrets struck out, at most 200 bytes.
    pub example: String,
}

/// Counts of one address.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PeerPart {
    /// The address.
    pub address: String,
    /// Connections opened there.
    pub opened: u32,
    /// Connections that failed there.
    pub failed: u32,
    /// Connections that it did not take, and an address of the other family did.
    pub passed_over: u32,
}

/// How many connections are reliable.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CapacityPart {
    /// The highest level that passed below the first that failed; 0 when none passed, `null` when none was judged.
    pub max_reliable: Option<u32>,
    /// No level failed: the true limit may be higher.
    pub at_least: bool,
    /// `max_reliable` x safety, rounded down.
    pub safe_limit: Option<u32>,
    /// The lowest level that failed.
    pub first_failed: Option<u32>,
    /// The commonest failure kind there, or `machine`.
    pub limited_by: Option<String>,
    /// What a search for it came to; `null` where the levels were listed.
    pub search: Option<SearchPart>,
    /// What the safe limit asks of the load balancer; `null` without one, or where no level passed.
    pub at_safe_limit: Option<SafeLoadPart>,
}

/// What the safe limit asks of the load balancer, and what AWS charges for it by the hour.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SafeLoadPart {
    /// Connections for each target that was healthy before the load.
    pub connections_per_target: Option<u32>,
    /// Load balancer capacity units, by dimension.
    pub lcus: BTreeMap<String, f64>,
    /// The dimension with most of them, which alone is charged.
    pub decided_by: String,
    /// US dollars an hour for the units.
    pub lcu_dollars_per_hour: f64,
    /// US dollars an hour for the load balancer beside them.
    pub alb_dollars_per_hour: f64,
}

/// What CloudWatch said.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServerPart {
    /// The `LoadBalancer` dimension.
    pub load_balancer: Option<String>,
    /// The period, seconds.
    pub period_s: Option<u32>,
    /// Whether the numbers may still change; `none` where there are none.
    pub status: ServerStatus,
    /// The sum of each metric over each period, by the metric's name.
    pub series: BTreeMap<String, Vec<PointPart>>,
}

/// Whether CloudWatch's numbers may still change.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServerStatus {
    /// Two reads a period apart were equal.
    Final,
    /// The wait ended before that.
    Provisional,
    /// Nothing was read.
    None,
}

/// A metric's sum over one period.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PointPart {
    /// The period's start.
    pub at: String,
    /// The sum.
    pub value: f64,
}

/// Both sides, compared; a member is `null` where there is nothing to compare with.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct CorrelationPart {
    /// ActiveConnectionCount against the connections open.
    pub active_connections: Option<ActivePart>,
    /// NewConnectionCount against the connections opened.
    pub new_connections: Option<TotalPart>,
    /// RequestCount against the upgrades that reached a target.
    pub requests: Option<TotalPart>,
    /// ProcessedBytes against the bytes on the wire above TLS.
    pub processed_bytes: Option<TotalPart>,
    /// The load balancer's zones; `null` where CloudWatch was not asked for them.
    pub zones: Option<Vec<ZonePart>>,
    /// The load balancer's addresses, as the clients used them.
    pub addresses: Option<Vec<AddressPart>>,
    /// This machine's clock less AWS's, seconds, as all times were corrected by; `null` where it was not measured.
    pub clock_offset_s: Option<f64>,
}

/// One availability zone's part of the load.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ZonePart {
    /// Its name.
    pub zone: String,
    /// ActiveConnectionCount on average over the judged periods.
    pub server: f64,
    /// Its part of all zones.
    pub share: f64,
}

/// One address's part of the load.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AddressPart {
    /// The address.
    pub address: String,
    /// Connections opened there, over all levels.
    pub opened: u64,
}

/// Connections of somebody else that came or went during the load.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OthersPart {
    /// About how many, as ActiveConnectionCount counts them.
    pub connections: f64,
    /// Start of the first period that shows them.
    pub from: String,
    /// End of the last period that shows them.
    pub until: String,
}

/// ActiveConnectionCount against the connections open.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ActivePart {
    /// `agrees`, `disagrees`, `inconclusive` or `not_checked`.
    pub verdict: String,
    /// Server over client; 2 is expected, both legs of a WebSocket.
    pub factor: Option<f64>,
    /// Lower end of its 95 % interval.
    pub factor_low95: Option<f64>,
    /// Upper end of its 95 % interval.
    pub factor_high95: Option<f64>,
    /// Periods on which the factor stands.
    pub periods: usize,
    /// The load balancer's own traffic.
    pub baseline: Option<f64>,
    /// Its trend by the hour; 0 where there is none.
    pub baseline_per_hour: Option<f64>,
    /// The level from which on the server's number stays where it is while the clients' rises.
    pub saturated_from: Option<u32>,
    /// Somebody else's connections that came or went during the load.
    pub others: Option<OthersPart>,
    /// Level by level.
    pub levels: Vec<LevelFitPart>,
}

/// One level, compared.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LevelFitPart {
    /// The level.
    pub connections: u32,
    /// Connections open on average over its judged periods.
    pub client: Option<f64>,
    /// ActiveConnectionCount over them.
    pub server: Option<f64>,
    /// Server over client.
    pub ratio: Option<f64>,
    /// Lower end of the ratio's 95 % interval.
    pub ratio_low95: Option<f64>,
    /// Upper end of the ratio's 95 % interval.
    pub ratio_high95: Option<f64>,
    /// Periods judged.
    pub periods: usize,
    /// `agrees`, `disagrees`, `inconclusive` or `not_checked`.
    pub verdict: String,
}

/// A sum over the whole load, compared.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TotalPart {
    /// `agrees`, `disagrees` or `inconclusive`.
    pub verdict: String,
    /// What the clients counted.
    pub client: u64,
    /// What CloudWatch counted.
    pub server: Option<f64>,
    /// Server over client.
    pub ratio: Option<f64>,
    /// Lower end of the ratio's 95 % interval.
    pub ratio_low95: Option<f64>,
    /// Upper end of the ratio's 95 % interval.
    pub ratio_high95: Option<f64>,
    /// Periods over which the server's number is summed; 0 where it is unknown.
    pub periods: usize,
}

/// A cause, with what speaks for it and what to do about it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DiagnosisPart {
    /// A sentence.
    pub cause: String,
    /// Facts with their numbers.
    pub evidence: Vec<String>,
    /// What to do.
    pub remedy: String,
}

/// Whether CloudWatch and the clients tell the same story.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VerdictPart {
    /// `agrees`, `disagrees`, `inconclusive` or `not_checked`.
    pub outcome: String,
    /// Why, with the numbers.
    pub reasons: Vec<String>,
}
