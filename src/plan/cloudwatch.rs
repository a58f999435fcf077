//! What is asked of CloudWatch, and the grid of its periods.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{earlier, later, offset_by, seconds};

/// What is asked of CloudWatch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CloudWatchPlan {
    /// The period of the statistics; AWS publishes an ALB's at 60 s (aws-facts.md §1).
    #[serde(rename = "period_s")]
    pub period: Period,
    /// How far before the start the ALB's own traffic is measured.
    #[serde(with = "seconds", rename = "baseline_s")]
    #[schemars(with = "f64")]
    pub baseline: Duration,
    /// Longest wait after the last close; zero does not wait.
    #[serde(with = "seconds", rename = "settle_s")]
    #[schemars(with = "f64")]
    pub settle: Duration,
}

/// A CloudWatch period: 1, 5, 10, 20 or 30 s, or a multiple of 60 s (aws-facts.md §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schemars(with = "u32")]
pub struct Period(u32);

/// Not a period that CloudWatch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("CloudWatch has no such period; use 1, 5, 10, 20 or 30 s, or a multiple of 60 s up to a day")]
pub struct PeriodError;

impl Period {
    /// AWS's own for an ALB (aws-facts.md §1).
    pub const MINUTE: Period = Period(60);

    /// A period of that length.
    pub fn new(length: Duration) -> Result<Period, PeriodError> {
        if length.subsec_nanos() != 0 {
            return Err(PeriodError);
        }
        Period::try_from(u32::try_from(length.as_secs()).map_err(|_| PeriodError)?)
    }

    /// Its length.
    pub fn length(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }

    /// Its length in whole seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }

    /// What must lie between a hold's ends and a period for the period to be judged: 10 s, or a sixth of it if less.
    /// It covers the differences between the clocks of the nodes and ours.
    pub fn spare(self) -> Duration {
        Duration::from_secs(10).min(self.length() / 6)
    }

    /// The start of the period in which `at` lies.
    pub fn floor(self, at: DateTime<Utc>) -> DateTime<Utc> {
        let length = i64::from(self.0) * 1_000;
        let millis = at.timestamp_millis().div_euclid(length) * length;
        DateTime::from_timestamp_millis(millis).unwrap_or(at)
    }

    /// The first start of a period at or after `at`.
    pub fn ceil(self, at: DateTime<Utc>) -> DateTime<Utc> {
        let floor = self.floor(at);
        if floor == at { floor } else { later(floor, self.length()) }
    }

    /// The starts of the whole periods that lie inside `from..until` with [`Period::spare`] left at both ends.
    pub fn whole_within(
        self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> impl Iterator<Item = DateTime<Utc>> {
        self.starts(self.ceil(later(from, self.spare())), earlier(until, self.spare()))
    }

    /// How long CloudWatch keeps numbers by this period (aws-facts.md §2).
    pub fn kept(self) -> TimeDelta {
        match self.seconds() {
            0..60 => TimeDelta::hours(3),
            60..300 => TimeDelta::days(15),
            300..3_600 => TimeDelta::days(63),
            _ => TimeDelta::days(455),
        }
    }

    /// The starts of the whole periods from `first` (itself a start) that end by `until`.
    pub fn starts(self, first: DateTime<Utc>, until: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let step = TimeDelta::seconds(i64::from(self.0));
        std::iter::successors(Some(first), move |at| at.checked_add_signed(step))
            .take_while(move |at| offset_by(*at, step) <= until)
    }
}

impl TryFrom<u32> for Period {
    type Error = PeriodError;

    fn try_from(seconds: u32) -> Result<Period, PeriodError> {
        match seconds {
            1 | 5 | 10 | 20 | 30 => Ok(Period(seconds)),
            60..=86_400 if seconds.is_multiple_of(60) => Ok(Period(seconds)),
            _ => Err(PeriodError),
        }
    }
}

impl From<Period> for u32 {
    fn from(period: Period) -> u32 {
        period.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_the_periods_that_cloudwatch_has() {
        for seconds in [1, 5, 10, 20, 30, 60, 120, 3_600, 86_400] {
            assert!(Period::try_from(seconds).is_ok(), "{seconds}");
        }
        for seconds in [0, 2, 15, 45, 61, 90, 86_460, u32::MAX] {
            assert!(Period::try_from(seconds).is_err(), "{seconds}");
        }
        assert!(Period::new(Duration::from_millis(1_500)).is_err());
    }

    #[test]
    fn floor_and_ceil_follow_the_epoch() {
        let period = Period::try_from(60).unwrap();
        let at: DateTime<Utc> = "2026-11-24T13:00:59.999Z".parse().unwrap();
        assert_eq!(period.floor(at).to_rfc3339(), "2026-11-24T13:00:00+00:00");
        assert_eq!(period.ceil(at).to_rfc3339(), "2026-11-24T13:01:00+00:00");
        assert_eq!(period.ceil(period.floor(at)), period.floor(at));
    }

    #[test]
    fn a_period_too_near_to_an_end_is_not_whole() {
        let period = Period::try_from(60).unwrap();
        let starts = |from: &str, until: &str| {
            period.whole_within(from.parse().unwrap(), until.parse().unwrap()).count()
        };
        assert_eq!(starts("2026-11-24T13:00:50Z", "2026-11-24T13:03:10Z"), 2);
        assert_eq!(starts("2026-11-24T13:00:51Z", "2026-11-24T13:03:10Z"), 1);
        assert_eq!(starts("2026-11-24T13:00:50Z", "2026-11-24T13:03:09Z"), 1);
        assert_eq!(starts("2026-11-24T13:00:50Z", "2026-11-24T13:00:50Z"), 0);
    }
}
