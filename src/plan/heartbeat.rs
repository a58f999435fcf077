//! What keeps a held connection alive, and shows that it is.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::seconds;

/// A WebSocket ping every interval (RFC 6455 §5.5.2), its pong awaited.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// Time between two heartbeats of a connection.
    #[serde(with = "seconds", rename = "interval_s")]
    #[schemars(with = "f64")]
    pub interval: Duration,
    /// How long an answer may take before the connection counts as failed.
    #[serde(with = "seconds", rename = "pong_timeout_s")]
    #[schemars(with = "f64")]
    pub pong_timeout: Duration,
}
