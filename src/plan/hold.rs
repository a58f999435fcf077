//! How long a level is held: at least its duration, and long enough to contain whole CloudWatch periods.

use std::time::Duration;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::quantity::{YEAR, show_count, show_duration};
use super::{Period, later, seconds};

/// The rule of a hold, counted from when the level's last connection attempt settled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// Least time that every level is held.
    #[serde(with = "seconds", rename = "duration_s")]
    #[schemars(with = "f64")]
    pub duration: Duration,
    /// Whole CloudWatch periods that every hold must contain, with [`Period::spare`] at both ends; 0 never extends.
    pub periods: u32,
}

/// Periods that together are longer than a year, as no duration may be: surely a slip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("holds of {} whole periods of {} last longer than a year", show_count(u64::from(*.periods)), show_duration(.period.length()))]
pub struct HoldError {
    periods: u32,
    period: Period,
}

impl Hold {
    /// Without a `period` (no CloudWatch is asked) the periods mean nothing, and are not looked at.
    pub fn new(duration: Duration, periods: u32, period: Option<Period>) -> Result<Hold, HoldError> {
        let hold = Hold { duration, periods };
        match period {
            Some(period) if hold.longest(Some(period)) > YEAR => Err(HoldError { periods, period }),
            _ => Ok(hold),
        }
    }

    /// When a hold that began at `held_from` is over. Without a `period` (no CloudWatch is asked) nothing is extended.
    pub fn until(&self, held_from: DateTime<Utc>, period: Option<Period>) -> DateTime<Utc> {
        let least = later(held_from, self.duration);
        match period {
            Some(period) if self.periods > 0 => {
                let first_whole = period.ceil(later(held_from, period.spare()));
                let whole = period.length().saturating_mul(self.periods);
                least.max(later(first_whole, whole.saturating_add(period.spare())))
            }
            _ => least,
        }
    }

    /// The shortest that a hold can be, whatever the second at which it begins.
    pub fn shortest(&self, period: Option<Period>) -> Duration {
        self.containing(self.periods, period)
    }

    /// The longest that a hold can become, whatever the second at which it begins.
    pub fn longest(&self, period: Option<Period>) -> Duration {
        self.containing(self.periods.saturating_add(1), period)
    }

    /// Its duration, or that of so many periods with the spare at both ends.
    fn containing(&self, periods: u32, period: Option<Period>) -> Duration {
        match period {
            Some(period) if self.periods > 0 => {
                let whole = period.length().saturating_mul(periods);
                self.duration.max(whole.saturating_add(period.spare() * 2))
            }
            _ => self.duration,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn minute() -> Period {
        Period::new(Duration::from_secs(60)).unwrap()
    }

    #[test]
    fn a_hold_of_two_minutes_contains_two_whole_ones_only_when_extended() {
        let hold = Hold { duration: Duration::from_secs(120), periods: 2 };
        // 13:00:20 + 10 s spare → whole minutes from 13:01 to 13:03, and 10 s of spare.
        assert_eq!(hold.until(at("2026-11-24T13:00:20Z"), Some(minute())), at("2026-11-24T13:03:10Z"));
        // Less than the spare before the minute: that minute is not judged.
        assert_eq!(hold.until(at("2026-11-24T13:00:55Z"), Some(minute())), at("2026-11-24T13:04:10Z"));
    }

    #[test]
    fn never_extended_without_cloudwatch_or_with_zero_periods() {
        let from = at("2026-11-24T13:00:20Z");
        let hold = Hold { duration: Duration::from_secs(5), periods: 2 };
        assert_eq!(hold.until(from, None), at("2026-11-24T13:00:25Z"));
        let hold = Hold { periods: 0, ..hold };
        assert_eq!(hold.until(from, Some(minute())), at("2026-11-24T13:00:25Z"));
    }

    #[test]
    fn holds_longer_than_a_year_are_refused_and_nothing_overflows() {
        let day = Period::new(Duration::from_secs(86_400)).unwrap();
        let hold = |periods, period| Hold::new(Duration::ZERO, periods, period);
        assert!(hold(364, Some(day)).is_ok());
        let error = hold(1_000, Some(day)).unwrap_err();
        assert_eq!(error.to_string(), "holds of 1,000 whole periods of 24 h last longer than a year");
        for period in [Period::MINUTE, day] {
            assert!(hold(u32::MAX, Some(period)).is_err());
            // As a record may claim it, whatever the door refuses.
            let claimed = Hold { duration: Duration::MAX, periods: u32::MAX };
            assert_eq!(claimed.longest(Some(period)), Duration::MAX);
            assert_eq!(claimed.until(at("2026-11-24T13:00:20Z"), Some(period)), DateTime::<Utc>::MAX_UTC);
            let claimed = Hold { duration: Duration::ZERO, ..claimed };
            assert!(claimed.longest(Some(period)) >= claimed.shortest(Some(period)));
            assert!(claimed.until(at("2026-11-24T13:00:20Z"), Some(period)) > at("9999-01-01T00:00:00Z"));
        }
        assert!(hold(u32::MAX, None).is_ok(), "they mean nothing without CloudWatch");
    }

    proptest! {
        #[test]
        fn every_hold_contains_its_periods_and_lies_between_the_shortest_and_the_longest(
            millis in 0_i64..86_400_000, duration in 0_u64..600, periods in 0_u32..6,
            length in prop::sample::select(vec![1_u64, 5, 10, 30, 60, 300]),
        ) {
            let from = DateTime::from_timestamp_millis(1_764_000_000_000 + millis).unwrap();
            let period = Period::new(Duration::from_secs(length)).unwrap();
            let hold = Hold { duration: Duration::from_secs(duration), periods };
            let until = hold.until(from, Some(period));
            let held = (until - from).to_std().unwrap();
            prop_assert!(held >= hold.duration);
            prop_assert!(held >= hold.shortest(Some(period)));
            prop_assert!(held <= hold.longest(Some(period)));
            prop_assert!(period.whole_within(from, until).count() >= periods as usize);
        }
    }
}
