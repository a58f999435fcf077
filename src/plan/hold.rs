//! How long a level is held: at least its duration, and long enough to contain whole CloudWatch periods.

use std::time::Duration;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Period, seconds};

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

impl Hold {
    /// When a hold that began at `held_from` is over. Without a `period` (no CloudWatch is asked) nothing is extended.
    pub fn until(&self, held_from: DateTime<Utc>, period: Option<Period>) -> DateTime<Utc> {
        let least = held_from + self.duration;
        match period {
            Some(period) if self.periods > 0 => {
                let first_whole = period.ceil(held_from + period.spare());
                let extended = first_whole + period.length() * self.periods + period.spare();
                least.max(extended)
            }
            _ => least,
        }
    }

    /// The shortest that a hold can be, whatever the second at which it begins.
    pub fn shortest(&self, period: Option<Period>) -> Duration {
        match period {
            Some(period) if self.periods > 0 => {
                self.duration.max(period.length() * self.periods + period.spare() * 2)
            }
            _ => self.duration,
        }
    }

    /// The longest that a hold can become, whatever the second at which it begins.
    pub fn longest(&self, period: Option<Period>) -> Duration {
        match period {
            Some(period) if self.periods > 0 => {
                self.duration.max(period.length() * (self.periods + 1) + period.spare() * 2)
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
