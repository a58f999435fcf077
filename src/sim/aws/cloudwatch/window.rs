//! The time that a query covers: how its start is rounded, where its periods lie, and how far back data reaches
//! (aws-facts.md §2).

use chrono::{DateTime, Utc};

use super::limits::DAY;

/// How long data of less than a minute is kept, in seconds.
pub(crate) const KEPT_SECONDS: i64 = 3 * 3600;
/// How long data of a minute is kept.
pub(crate) const KEPT_MINUTES: i64 = 15 * DAY;
/// How long data of five minutes is kept.
pub(crate) const KEPT_FIVE_MINUTES: i64 = 63 * DAY;
/// How long data of an hour is kept.
pub(crate) const KEPT_HOURS: i64 = 455 * DAY;

/// Whether GetMetricData knows the period: 1, 5, 10, 20, 30 or whole minutes.
pub(crate) fn valid_period(period: i64) -> bool {
    matches!(period, 1 | 5 | 10 | 20 | 30) || (period >= 60 && period % 60 == 0)
}

/// The periods of one query, in seconds since the epoch. The first begins at the rounded start; they are not aligned
/// to anything else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    /// Where the first period begins; inclusive.
    pub(crate) start: i64,
    /// Where data ends; exclusive.
    pub(crate) end: i64,
    /// The length of a period.
    pub(crate) period: i64,
    /// Data from before this is gone, or too coarse for the period.
    pub(crate) horizon: i64,
}

impl Window {
    /// The window of a query made at `now`; `period` must be a valid one.
    pub(crate) fn new(start: DateTime<Utc>, end: DateTime<Utc>, period: i64, now: DateTime<Utc>) -> Self {
        let now = now.timestamp();
        let age = now - start.timestamp();
        let grain = if age > KEPT_FIVE_MINUTES {
            3600
        } else if age > KEPT_MINUTES {
            300
        } else if period < 60 {
            period
        } else {
            60
        };
        let kept = if period < 60 {
            KEPT_SECONDS
        } else if period % 3600 == 0 {
            KEPT_HOURS
        } else if period % 300 == 0 {
            KEPT_FIVE_MINUTES
        } else {
            KEPT_MINUTES
        };
        let start = start.timestamp();
        Window {
            start: start - start.rem_euclid(grain),
            // A datapoint stamped within the last, cut second is still before the end.
            end: end.timestamp() + i64::from(end.timestamp_subsec_nanos() > 0),
            period,
            horizon: now - kept,
        }
    }

    /// The start of the period that a stamp lies in, if it lies in the window at all.
    pub(crate) fn period_of(&self, at: i64) -> Option<i64> {
        (self.start..self.end).contains(&at).then(|| at - (at - self.start) % self.period)
    }

    /// The starts of all its periods.
    pub(crate) fn periods(&self) -> impl Iterator<Item = i64> + use<> {
        let Window { start, end, period, .. } = *self;
        (0..).map(move |index| start + index * period).take_while(move |at| *at < end)
    }

    /// How many periods it has.
    pub(crate) fn len(&self) -> i64 {
        (self.end - self.start + self.period - 1) / self.period
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn start(text: &str, period: i64) -> DateTime<Utc> {
        let now = at("2026-03-31T00:00:00Z");
        let window = Window::new(at(text), now, period, now);
        DateTime::from_timestamp(window.start, 0).unwrap()
    }

    #[test]
    fn the_start_is_rounded_down_by_age_and_period() {
        for (given, period, rounded) in [
            ("2026-03-30T12:32:34Z", 60, "2026-03-30T12:32:00Z"),
            ("2026-03-30T12:32:34Z", 300, "2026-03-30T12:32:00Z"),
            ("2026-03-30T12:32:34Z", 10, "2026-03-30T12:32:30Z"),
            ("2026-03-30T12:32:34Z", 1, "2026-03-30T12:32:34Z"),
            ("2026-03-10T12:32:34Z", 300, "2026-03-10T12:30:00Z"),
            ("2026-01-01T12:32:34Z", 3600, "2026-01-01T12:00:00Z"),
        ] {
            assert_eq!(start(given, period), at(rounded), "{given} {period}");
        }
    }

    #[test]
    fn periods_begin_at_the_start_and_end_before_the_end() {
        let now = at("2026-03-31T01:00:00Z");
        let window = Window::new(at("2026-03-31T00:00:00Z"), at("2026-03-31T00:02:30Z"), 60, now);
        let starts: Vec<i64> = window.periods().map(|start| start - window.start).collect();
        assert_eq!(starts, [0, 60, 120]);
        assert_eq!(window.len(), 3);
        assert_eq!(window.period_of(window.start + 119), Some(window.start + 60));
        assert_eq!(window.period_of(window.start - 1), None);
        assert_eq!(window.period_of(window.end), None);
    }

    #[test]
    fn an_end_within_a_second_includes_that_second() {
        let now = at("2026-03-31T01:00:00Z");
        let window = Window::new(at("2026-03-31T00:00:00Z"), at("2026-03-31T00:00:05.2Z"), 1, now);
        assert_eq!(window.len(), 6);
    }

    #[test]
    fn periods_are_seconds_of_a_minute_or_whole_minutes() {
        let valid: Vec<i64> = (-60..=240).filter(|period| valid_period(*period)).collect();
        assert_eq!(valid, [1, 5, 10, 20, 30, 60, 120, 180, 240]);
    }

    #[test]
    fn the_horizon_follows_the_period() {
        let now = at("2026-03-31T00:00:00Z");
        for (period, kept) in
            [(10, KEPT_SECONDS), (60, KEPT_MINUTES), (300, KEPT_FIVE_MINUTES), (3600, KEPT_HOURS)]
        {
            let window = Window::new(now - chrono::Duration::days(1), now, period, now);
            assert_eq!(window.horizon, now.timestamp() - kept, "{period}");
        }
    }
}
