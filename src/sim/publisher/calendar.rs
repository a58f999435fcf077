//! Periods begin at multiples of their length since the epoch, in UTC, as CloudWatch's do.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Samples taken in a period, at the middles of as many equal parts.
const SAMPLES: i64 = 10;

/// One period: from `start`, which its metrics are stamped with, to just before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    /// Its first instant.
    pub(crate) start: DateTime<Utc>,
    /// The next period's first instant.
    pub(crate) end: DateTime<Utc>,
}

impl Period {
    /// The period of that length that contains `instant`. Lengths are whole milliseconds.
    pub(super) fn containing(instant: DateTime<Utc>, length: Duration) -> Self {
        let millis = i64::try_from(length.as_millis()).unwrap_or(i64::MAX).max(1);
        let into = TimeDelta::milliseconds(instant.timestamp_millis().rem_euclid(millis))
            + TimeDelta::nanoseconds(i64::from(instant.timestamp_subsec_nanos() % 1_000_000));
        let start = instant - into;
        Self { start, end: start + TimeDelta::milliseconds(millis) }
    }

    /// Its length.
    pub(crate) fn length(&self) -> TimeDelta {
        self.end - self.start
    }

    /// The first instant after `now` at which there is something to do: a sample, or the end.
    pub(super) fn next_after(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        (0..SAMPLES)
            .map(|part| self.start + self.length() * (2 * part as i32 + 1) / (2 * SAMPLES as i32))
            .find(|&instant| instant > now)
            .unwrap_or(self.end)
    }

    /// How much of the period has passed at `instant`, from 0 to 1.
    pub(super) fn share_passed(&self, instant: DateTime<Utc>) -> f64 {
        let passed = (instant - self.start).as_seconds_f64() / self.length().as_seconds_f64();
        passed.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn minutes_begin_at_whole_minutes() {
        let minute = Duration::from_secs(60);
        let expected = Period { start: at("2026-11-24T10:05:00Z"), end: at("2026-11-24T10:06:00Z") };
        for inside in ["2026-11-24T10:05:00Z", "2026-11-24T10:05:59.999999999Z"] {
            assert_eq!(Period::containing(at(inside), minute), expected);
        }
        assert_eq!(Period::containing(expected.end, minute).start, expected.end);
    }

    #[test]
    fn other_lengths_begin_at_multiples_since_the_epoch() {
        let period = Period::containing(at("1970-01-01T00:00:20.5Z"), Duration::from_secs(7));
        assert_eq!(period, Period { start: at("1970-01-01T00:00:14Z"), end: at("1970-01-01T00:00:21Z") });
        let period = Period::containing(at("1970-01-01T00:00:00.7504Z"), Duration::from_millis(250));
        assert_eq!(period.start, at("1970-01-01T00:00:00.750Z"));
        let before = Period::containing(at("1969-12-31T23:59:59Z"), Duration::from_secs(60));
        assert_eq!(before.end, at("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn ten_samples_lie_evenly_and_the_end_follows() {
        let period = Period::containing(at("2026-11-24T10:05:00Z"), Duration::from_secs(60));
        let mut now = period.start;
        let mut instants = Vec::new();
        while now < period.end {
            now = period.next_after(now);
            instants.push((now - period.start).num_seconds());
        }
        assert_eq!(instants, [3, 9, 15, 21, 27, 33, 39, 45, 51, 57, 60]);
        assert_eq!(period.share_passed(period.start + TimeDelta::seconds(15)), 0.25);
    }
}
