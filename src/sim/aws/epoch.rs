//! Epoch seconds, which is how CBOR and JSON write a point in time.

use chrono::{DateTime, Utc};

/// Milliseconds beyond which there is no date.
const FAR: f64 = 8.2e15;

/// A point in time as epoch seconds; exact to the millisecond for any real date.
pub(crate) fn to_seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

/// Epoch seconds as a point in time, rounded to milliseconds, which is as fine as AWS's timestamps are.
pub(crate) fn from_seconds(seconds: f64) -> Option<DateTime<Utc>> {
    let milliseconds = (seconds * 1000.0).round();
    // NaN fails the comparison too.
    if milliseconds.abs() < FAR { DateTime::from_timestamp_millis(milliseconds as i64) } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_survive_and_nothing_overflows() {
        let at = from_seconds(1_700_000_000.123_4).unwrap();
        assert_eq!(at.timestamp_millis(), 1_700_000_000_123);
        assert_eq!(from_seconds(to_seconds(at)), Some(at));
        for impossible in [f64::NAN, f64::INFINITY, 1e300, -1e300] {
            assert_eq!(from_seconds(impossible), None);
        }
    }
}
