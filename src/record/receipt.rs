//! What AWS took of a publication: so that a repeated one sends the rest only.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What came of one request that publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// Where the request went.
    pub place: Place,
    /// The custom metrics in it; empty where it carried none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Sent>,
    /// The log events in it; empty where it carried none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<Sent>,
    /// What is known of it.
    pub answer: Answer,
}

/// Where a publication goes. Two places differ if anything in them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The AWS Region.
    pub region: String,
    /// The endpoint that was set in place of AWS's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The metrics' namespace; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The dimensions that all of its metrics share.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// The log group; `None` where there are no log events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_group: Option<String>,
}

/// A stretch of a series, both ends included; of what is no series, one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// Which: a metric with its own dimensions, or a kind of log event.
    pub series: String,
    /// The first.
    pub from: DateTime<Utc>,
    /// The last.
    pub until: DateTime<Utc>,
}

/// What is known of a request's fate. Requests are sent one after the other: of each, first that it is sent is noted, and
/// then what was answered. Where the second note is missing, AWS may have taken it or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// None yet: it is about to be sent.
    Awaited,
    /// AWS took it.
    Accepted,
    /// AWS did not take it.
    Refused,
}
