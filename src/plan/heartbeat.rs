//! What keeps a held connection alive, and shows that it is.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::seconds;

/// When heartbeats are sent, and how long their answers may take.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// What is sent.
    #[serde(default)]
    pub kind: HeartbeatKind,
    /// Time between two heartbeats of a connection, if any are sent.
    #[serde(with = "seconds", rename = "interval_s")]
    #[schemars(with = "f64")]
    pub interval: Duration,
    /// How long an answer may take before the connection counts as failed.
    #[serde(with = "seconds", rename = "pong_timeout_s")]
    #[schemars(with = "f64")]
    pub pong_timeout: Duration,
}

/// What a heartbeat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeartbeatKind {
    /// A WebSocket ping, its pong awaited (RFC 6455 §5.5.2).
    #[default]
    Ping,
    /// A text message, another one awaited.
    Text,
    /// Nothing is sent.
    None,
}

impl Heartbeat {
    /// Time between two heartbeats of a connection; `None` where none is sent, which is an infinite one.
    pub fn every(&self) -> Option<Duration> {
        (self.kind != HeartbeatKind::None).then_some(self.interval)
    }
}
