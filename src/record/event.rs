//! One event a line: what the record is made of.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Braked, Histogram, Loss, MachineSecond, Receipt};
use crate::facts::{Facts, Finding, Series};
use crate::plan::{Plan, Redacted, seconds};

/// The record's schema; raised only when a meaning changes.
pub const SCHEMA: u32 = 1;

/// An event and when it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stamped {
    /// When, by this machine's clock.
    #[serde(with = "millis")]
    #[schemars(with = "DateTime<Utc>")]
    pub at: DateTime<Utc>,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

impl Stamped {
    /// An event at that time, to the millisecond as it is written: what is judged at once is then judged by the same
    /// numbers as what is read back.
    pub fn new(at: DateTime<Utc>, event: Event) -> Stamped {
        Stamped { at: at.trunc_subsecs(3), event }
    }
}

/// Everything that can stand in a record. Unknown types are read as [`Event::Unknown`] and ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The first line: what was planned, by which version, where.
    Header(Box<Header>),
    /// What was known before the load.
    Facts(Box<Facts>),
    /// What a preflight check found.
    Finding(Finding),
    /// The tokens of the level that starts next were obtained, or not.
    Tokens(TokensObtained),
    /// The first connection of a level is about to be attempted.
    LevelStarted(LevelStarted),
    /// The level's last connection attempt settled; the hold begins.
    HoldStarted {
        /// The level's ordinal.
        level: u32,
    },
    /// The hold is over; no more heartbeats are sent.
    HoldEnded {
        /// The level's ordinal.
        level: u32,
    },
    /// The client's counts, once a second.
    Sample(Sample),
    /// How this machine fared, once a second.
    Machine(MachineSecond),
    /// One connection failed.
    Failure(Failure),
    /// A rule of the brake was broken; what is open is closed.
    Brake(Braked),
    /// The load balancer's idle timeout is no longer what it was: from the level on that runs, or ran last.
    IdleTimeout {
        /// What it is now, seconds.
        timeout_s: f64,
    },
    /// The level's last connection was closed, or was left to the next level.
    LevelEnded(Box<LevelEnded>),
    /// The load is over.
    Ended(Ended),
    /// CloudWatch's numbers; the last ones hold, but provisional ones never replace final ones.
    ServerSeries(Box<Series>),
    /// What came of one request that published the run.
    Receipt(Box<Receipt>),
    /// The record's file was truncated during the run, and this one was rebuilt from memory.
    Recovered {
        /// What had happened to it.
        lost: Loss,
    },
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

/// The first line of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The run's id: date, time and four random digits.
    pub run_id: String,
    /// The version that wrote it.
    pub tool_version: String,
    /// Where it ran.
    pub host: Host,
    /// What was planned.
    pub plan: Plan,
}

/// The machine that ran it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Its name, where it can be told.
    pub name: Option<String>,
    /// Operating system and architecture: `linux x86_64`.
    pub platform: String,
}

/// What came of obtaining a level's tokens, before its first connection was attempted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokensObtained {
    /// The level's ordinal.
    pub level: u32,
    /// Tokens asked for, one for each connection.
    pub wanted: u32,
    /// Tokens that were had; each of the others is a failure of the level.
    pub obtained: u32,
    /// How long it took.
    #[serde(with = "seconds", rename = "took_s")]
    #[schemars(with = "f64")]
    pub took: Duration,
}

/// A level begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LevelStarted {
    /// Its ordinal, from 0.
    pub level: u32,
    /// Connections asked for.
    pub connections: u32,
    /// Those among them that were alive when the level before ended its hold, and are not opened anew. One that died
    /// since then is a failure of this level.
    #[serde(default)]
    pub alive: u32,
}

/// The client's counts of the level so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// The level's ordinal; `None` between levels.
    pub level: Option<u32>,
    /// Connections open at this moment.
    pub open: u32,
    /// Connections that completed their handshake, and those that were alive at the level's start.
    pub opened: u32,
    /// Connections that failed.
    pub failed: u32,
    /// Heartbeats sent.
    pub heartbeats_sent: u64,
    /// Heartbeats answered in time.
    pub heartbeats_answered: u64,
    /// Bytes sent above TLS: frames, and the handshakes that were answered.
    pub bytes_sent: u64,
    /// Bytes received, handshake and frames, above TLS.
    pub bytes_received: u64,
    /// Text and binary messages received, but for heartbeats of either side.
    pub messages_received: u64,
    /// Answers given to the server's own heartbeats.
    #[serde(default)]
    pub replies_sent: u64,
}

/// One connection failed: where it was, what happened, and by whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The level's ordinal.
    pub level: u32,
    /// Where in its life the connection was.
    pub phase: Phase,
    /// What happened.
    pub kind: FailureKind,
    /// Who brought it about.
    pub by: Initiator,
    /// From the first attempt to the failure; with `--rate` from the instant that was planned for it.
    #[serde(with = "seconds", rename = "age_s")]
    #[schemars(with = "f64")]
    pub age: Duration,
    /// How long nothing had been sent or received, for a connection that was open.
    #[serde(with = "seconds::option", rename = "silence_s")]
    #[schemars(with = "Option<f64>")]
    pub silence: Option<Duration>,
    /// The peer's address, once one was chosen.
    #[schemars(with = "Option<String>")]
    pub peer: Option<SocketAddr>,
    /// An example of what was said, redacted.
    pub example: Redacted,
}

/// Where in its life a connection was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Obtaining its token.
    Token,
    /// Resolving the name.
    Dns,
    /// TCP.
    Connect,
    /// TLS.
    Tls,
    /// The WebSocket handshake.
    Upgrade,
    /// Waiting for the server's ready message.
    Ready,
    /// Open and held.
    Hold,
    /// Closing. Reserved: what breaks then ends a connection that was held, and is no failure.
    Close,
}

/// Who brought a failure about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    /// This program.
    Client,
    /// The other end of the connection: load balancer or target.
    Peer,
    /// Something between the two, or silence.
    Network,
    /// This machine.
    Local,
}

/// What happened to a connection, as it was seen; `idle_timeout` is not among them, since only the judge can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum FailureKind {
    /// No token could be had for the connection: it was never attempted.
    Token,
    /// The name could not be resolved.
    Dns,
    /// The connection was refused.
    Refused,
    /// It took longer than allowed.
    Timeout,
    /// The connection was reset.
    Reset,
    /// No route.
    Unreachable,
    /// No file descriptor was left.
    FdLimit,
    /// No local port was left.
    PortExhausted,
    /// TLS could not be established, or broke.
    Tls,
    /// The upgrade was answered with this status.
    Http(u16),
    /// The peer broke HTTP or RFC 6455.
    Protocol,
    /// The server's ready message did not come in time.
    NotReady,
    /// A heartbeat was not answered in time.
    PongTimeout,
    /// A close frame with this code; 1005 when it had none (RFC 6455 §7.4.1).
    Closed(u16),
    /// The stream ended without a close frame.
    Eof,
    /// An error of the operating system that is none of these; an addition to the documented kinds (docs/contract.md).
    Io,
}

impl std::fmt::Display for FailureKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            FailureKind::Http(status) => return write!(f, "http_{status}"),
            FailureKind::Closed(code) => return write!(f, "closed_{code}"),
            FailureKind::Token => "token",
            FailureKind::Dns => "dns",
            FailureKind::Refused => "refused",
            FailureKind::Timeout => "timeout",
            FailureKind::Reset => "reset",
            FailureKind::Unreachable => "unreachable",
            FailureKind::FdLimit => "fd_limit",
            FailureKind::PortExhausted => "port_exhausted",
            FailureKind::Tls => "tls",
            FailureKind::Protocol => "protocol",
            FailureKind::NotReady => "not_ready",
            FailureKind::PongTimeout => "pong_timeout",
            FailureKind::Eof => "eof",
            FailureKind::Io => "io",
        };
        f.write_str(name)
    }
}

impl From<FailureKind> for String {
    fn from(kind: FailureKind) -> String {
        kind.to_string()
    }
}

impl TryFrom<String> for FailureKind {
    type Error = String;

    fn try_from(text: String) -> Result<FailureKind, String> {
        const PLAIN: [FailureKind; 14] = [
            FailureKind::Token,
            FailureKind::Dns,
            FailureKind::Refused,
            FailureKind::Timeout,
            FailureKind::Reset,
            FailureKind::Unreachable,
            FailureKind::FdLimit,
            FailureKind::PortExhausted,
            FailureKind::Tls,
            FailureKind::Protocol,
            FailureKind::NotReady,
            FailureKind::PongTimeout,
            FailureKind::Eof,
            FailureKind::Io,
        ];
        if let Some(code) = text.strip_prefix("http_").and_then(|code| code.parse().ok()) {
            return Ok(FailureKind::Http(code));
        }
        if let Some(code) = text.strip_prefix("closed_").and_then(|code| code.parse().ok()) {
            return Ok(FailureKind::Closed(code));
        }
        PLAIN
            .into_iter()
            .find(|kind| kind.to_string() == text)
            .ok_or_else(|| format!("'{text}' is not a kind of failure"))
    }
}

/// A level is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelEnded {
    /// The level's ordinal.
    pub level: u32,
    /// Whether its hold ran to its end; an interrupted level has neither passed nor failed.
    pub complete: bool,
    /// The last counts.
    pub counts: Sample,
    /// Connections that were a success (contract, "What counts as a success").
    pub held: u32,
    /// From the first attempt to open, µs; with `--rate` from the instant that was planned for it.
    pub connect_us: Histogram,
    /// From a heartbeat's planned instant to its answer, µs: what was sent late shows as late.
    pub heartbeat_rtt_us: Histogram,
    /// From a heartbeat's planned instant to its sending, µs: this machine's own delay.
    #[serde(default)]
    pub heartbeat_late_us: Histogram,
    /// How late the latest attempt began against the schedule of `--rate`, ms; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_behind_ms: Option<u64>,
    /// Counts by the peer's address.
    pub peers: Vec<PeerCount>,
}

/// Counts of one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeerCount {
    /// The address, without the port.
    pub address: String,
    /// Connections that completed their handshake there, in this level.
    pub opened: u32,
    /// Connections that failed there.
    pub failed: u32,
    /// Connections that it refused, that found no way there, or that it, which never took any, left unanswered; and that an
    /// address of the other family then took.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub passed_over: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The load is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// How.
    pub how: HowEnded,
}

/// How a run ended; a record that does not say was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HowEnded {
    /// By its plan.
    Finished,
    /// By a signal.
    Interrupted,
    /// By the brake.
    Aborted,
}

/// RFC 3339 with milliseconds.
mod millis {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        DateTime::<Utc>::deserialize(deserializer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_back_as_they_were_written() {
        for kind in [
            FailureKind::Token,
            FailureKind::Refused,
            FailureKind::Http(503),
            FailureKind::Closed(1006),
            FailureKind::NotReady,
            FailureKind::PongTimeout,
            FailureKind::Io,
        ] {
            assert_eq!(FailureKind::try_from(String::from(kind)), Ok(kind));
        }
        assert!(FailureKind::try_from("http_".to_owned()).is_err());
        assert!(FailureKind::try_from("whatever".to_owned()).is_err());
    }

    #[test]
    fn unknown_types_and_fields_are_ignored() {
        let newer: Stamped =
            serde_json::from_str(r#"{"at":"2026-11-24T13:00:00.000Z","type":"weather","rain":true}"#)
                .unwrap();
        assert_eq!(newer.event, Event::Unknown);
        let wider: Stamped = serde_json::from_str(
            r#"{"at":"2026-11-24T13:00:00.000Z","type":"hold_started","level":2,"more":[1]}"#,
        )
        .unwrap();
        assert_eq!(wider.event, Event::HoldStarted { level: 2 });
    }

    #[test]
    fn a_line_starts_with_its_time_and_has_milliseconds() {
        let at = "2026-11-24T13:00:00.12345Z".parse().unwrap();
        let line = serde_json::to_string(&Stamped { at, event: Event::HoldEnded { level: 0 } }).unwrap();
        assert_eq!(line, r#"{"at":"2026-11-24T13:00:00.123Z","type":"hold_ended","level":0}"#);
    }
}
