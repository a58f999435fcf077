//! Log events into requests that `PutLogEvents` takes whole (aws-facts.md §7).

use std::ops::Range;

use chrono::TimeDelta;
use thiserror::Error;

use super::log_events::LogEvent;

/// The most bytes of a request: messages, and [`EVENT_OVERHEAD`] for each.
const MAX_BYTES: usize = 1_048_576;
/// What AWS adds to the length of every message, bytes.
const EVENT_OVERHEAD: usize = 26;
/// The most events of a request.
const MAX_EVENTS: usize = 10_000;
/// A request's events may span no more than this.
const MAX_SPAN: TimeDelta = TimeDelta::hours(24);

impl LogEvent {
    /// What AWS counts and bills it as.
    #[must_use]
    pub fn billed_bytes(&self) -> u64 {
        (self.message.len() + EVENT_OVERHEAD) as u64
    }
}

/// Why events can't be sent as they are. The number is the event's place, from 0.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LogBatchError {
    /// AWS refuses empty messages.
    #[error("log event {0} is empty, which CloudWatch Logs refuses")]
    Empty(usize),
    /// It fits into no request.
    #[error("log event {0} has {1} bytes, more than a request to CloudWatch Logs holds")]
    TooLarge(usize, usize),
    /// AWS refuses a request out of order as a whole.
    #[error("log event {0} is older than the one before it, and CloudWatch Logs takes them in order only")]
    OutOfOrder(usize),
}

/// The requests that carry `events`, as ranges of them: every event in exactly one, in order.
///
/// # Errors
/// An event that AWS would refuse, or that is out of order; then nothing should be sent.
pub(super) fn log_batches(events: &[LogEvent]) -> Result<Vec<Range<usize>>, LogBatchError> {
    let mut batches = Vec::new();
    let (mut first, mut bytes) = (0, 0);
    for (place, event) in events.iter().enumerate() {
        if event.message.is_empty() {
            return Err(LogBatchError::Empty(place));
        }
        let size = event.message.len() + EVENT_OVERHEAD;
        if size > MAX_BYTES {
            return Err(LogBatchError::TooLarge(place, event.message.len()));
        }
        if place > 0 && event.at < events[place - 1].at {
            return Err(LogBatchError::OutOfOrder(place));
        }
        let full =
            bytes + size > MAX_BYTES || place - first == MAX_EVENTS || event.at - events[first].at > MAX_SPAN;
        if full {
            batches.push(first..place);
            (first, bytes) = (place, 0);
        }
        bytes += size;
    }
    if first < events.len() {
        batches.push(first..events.len());
    }
    Ok(batches)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::single_range_in_vec_init)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn event(second: i64, length: usize) -> LogEvent {
        LogEvent {
            at: DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap(),
            message: "x".repeat(length),
            series: "sample".to_owned(),
            metrics: None,
        }
    }

    #[test]
    fn nothing_needs_no_request() {
        assert_eq!(log_batches(&[]), Ok(vec![]));
    }

    #[test]
    fn a_request_holds_ten_thousand_events() {
        let events = vec![event(0, 1); 10_001];
        assert_eq!(log_batches(&events[..10_000]), Ok(vec![0..10_000]));
        assert_eq!(log_batches(&events), Ok(vec![0..10_000, 10_000..10_001]));
    }

    #[test]
    fn the_overhead_of_every_event_counts() {
        let half = MAX_BYTES / 2 - EVENT_OVERHEAD;
        assert_eq!(log_batches(&[event(0, half), event(0, half)]), Ok(vec![0..2]));
        assert_eq!(log_batches(&[event(0, half), event(0, half + 1)]), Ok(vec![0..1, 1..2]));
    }

    #[test]
    fn a_request_spans_a_day() {
        let day = 24 * 3600;
        assert_eq!(log_batches(&[event(0, 1), event(day, 1)]), Ok(vec![0..2]));
        assert_eq!(log_batches(&[event(0, 1), event(day + 1, 1), event(2 * day, 1)]), Ok(vec![0..1, 1..3]));
    }

    #[test]
    fn what_aws_would_refuse_is_told_before() {
        let most = MAX_BYTES - EVENT_OVERHEAD;
        assert_eq!(log_batches(&[event(0, most)]), Ok(vec![0..1]));
        assert_eq!(log_batches(&[event(0, most + 1)]), Err(LogBatchError::TooLarge(0, most + 1)));
        assert_eq!(log_batches(&[event(0, 1), event(0, 0)]), Err(LogBatchError::Empty(1)));
        assert_eq!(log_batches(&[event(1, 1), event(0, 1)]), Err(LogBatchError::OutOfOrder(1)));
    }
}
