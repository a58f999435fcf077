//! Groups, their streams, and the streams' events in order of time.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use crate::sim::aws::account::Owner;
use crate::sim::aws::error::AwsError;

/// Log groups by name.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) groups: BTreeMap<String, LogGroup>,
}

/// One log group.
#[derive(Debug)]
pub(crate) struct LogGroup {
    pub(crate) created_at: DateTime<Utc>,
    /// How long events are kept; for ever when `None`.
    pub(crate) retention_days: Option<i64>,
    /// `STANDARD`, unless it was created as another class.
    pub(crate) class: String,
    pub(crate) streams: BTreeMap<String, LogStream>,
}

/// One log stream.
#[derive(Debug)]
pub(crate) struct LogStream {
    pub(crate) created_at: DateTime<Utc>,
    /// When events last came in.
    pub(crate) last_ingestion: Option<DateTime<Utc>>,
    /// Events by time, and by arrival where times are equal.
    pub(crate) events: BTreeMap<Position, LogEvent>,
    next_sequence: u64,
}

/// Where an event is in its stream: milliseconds since the epoch, then the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) timestamp: i64,
    pub(crate) sequence: u64,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogEvent {
    pub(crate) message: String,
    pub(crate) ingested_at: DateTime<Utc>,
}

impl Logs {
    /// The group of that name.
    pub(crate) fn group(&self, name: &str) -> Result<&LogGroup, AwsError> {
        self.groups.get(name).ok_or_else(no_group)
    }

    /// The group of that name, to change it.
    pub(crate) fn group_mut(&mut self, name: &str) -> Result<&mut LogGroup, AwsError> {
        self.groups.get_mut(name).ok_or_else(no_group)
    }
}

impl LogGroup {
    /// The stream of that name.
    pub(crate) fn stream(&self, name: &str) -> Result<&LogStream, AwsError> {
        self.streams.get(name).ok_or_else(no_stream)
    }

    /// Events from before this, in milliseconds since the epoch, have expired.
    pub(crate) fn expiry(&self, now: DateTime<Utc>) -> i64 {
        self.retention_days.map_or(i64::MIN, |days| (now - Duration::days(days)).timestamp_millis())
    }
}

impl LogStream {
    /// A stream without events.
    pub(crate) fn new(created_at: DateTime<Utc>) -> Self {
        LogStream { created_at, last_ingestion: None, events: BTreeMap::new(), next_sequence: 0 }
    }

    /// Adds an event.
    pub(crate) fn add(&mut self, timestamp: i64, message: String, now: DateTime<Utc>) {
        let position = Position { timestamp, sequence: self.next_sequence };
        self.next_sequence += 1;
        self.last_ingestion = Some(now);
        self.events.insert(position, LogEvent { message, ingested_at: now });
    }
}

/// The ARN of a group, without the `:*` that stands for its streams.
pub(crate) fn group_arn(owner: &Owner, group: &str) -> String {
    owner.arn("logs", &format!("log-group:{group}"))
}

fn no_group() -> AwsError {
    AwsError::new("ResourceNotFoundException", "The specified log group does not exist.")
}

/// No such stream.
pub(crate) fn no_stream() -> AwsError {
    AwsError::new("ResourceNotFoundException", "The specified log stream does not exist.")
}
