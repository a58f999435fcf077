//! So many a second.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::quantity::{YEAR, parse_count, show_count};

/// A rate above 0, typed as `500` or `500/s`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(with = "f64")]
pub struct Rate(f64);

/// Not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a rate is a number above 0 a second; write 500 or 500/s")]
pub struct RateError;

/// A rate at which a number of connections takes longer than a year, as no duration may be: surely a slip.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("at {} per second, {} connections take longer than a year", .rate.0, show_count(u64::from(*.count)))]
pub struct SlowRateError {
    rate: Rate,
    count: u32,
}

impl Rate {
    /// That so many connections take a year at most.
    ///
    /// # Errors
    /// [`SlowRateError`] where they take longer.
    pub fn check_span(self, count: u32) -> Result<(), SlowRateError> {
        if self.spans(count) > YEAR { Err(SlowRateError { rate: self, count }) } else { Ok(()) }
    }

    /// How many a second.
    pub fn per_second(self) -> f64 {
        self.0
    }

    /// When the `ordinal`-th (from 0) is due, counted from the start: an absolute schedule, which what comes late does
    /// not shift.
    pub fn due(self, ordinal: u32) -> Duration {
        // The longest that a u32 of ordinals can need at the smallest rates is cut off; nobody waits for so long.
        Duration::try_from_secs_f64(f64::from(ordinal) / self.0).unwrap_or(Duration::MAX / 4)
    }

    /// The time that so many take.
    pub fn spans(self, count: u32) -> Duration {
        self.due(count.saturating_sub(1))
    }

    /// The time that so many intervals take.
    #[allow(clippy::cast_precision_loss)]
    pub fn intervals(self, count: u64) -> Duration {
        Duration::try_from_secs_f64(count as f64 / self.0).unwrap_or(Duration::MAX / 4)
    }
}

impl TryFrom<f64> for Rate {
    type Error = RateError;

    fn try_from(per_second: f64) -> Result<Rate, RateError> {
        if per_second > 0.0 && per_second.is_finite() { Ok(Rate(per_second)) } else { Err(RateError) }
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> f64 {
        rate.0
    }
}

impl std::str::FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Rate, RateError> {
        let number = text.trim().strip_suffix("/s").unwrap_or(text.trim()).trim_end();
        match parse_count(number) {
            Ok(count) => Rate::try_from(f64::from(count)),
            // Less than one a second is a rate too.
            Err(_) if number.chars().all(|c| c.is_ascii_digit() || c == '.') => {
                Rate::try_from(number.parse::<f64>().map_err(|_| RateError)?)
            }
            Err(_) => Err(RateError),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rates_as_people_write_them() {
        for (text, rate) in [("500", 500.0), ("500/s", 500.0), ("1k", 1_000.0), ("0.5", 0.5), ("2 /s", 2.0)] {
            assert_eq!(text.parse::<Rate>().unwrap().per_second(), rate, "{text}");
        }
        for text in ["0", "-1", "", "x", "5m", "5/m", "inf", "NaN", "1e3"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_schedule_is_absolute() {
        let rate: Rate = "4".parse().unwrap();
        assert_eq!(rate.due(0), Duration::ZERO);
        assert_eq!(rate.due(10), Duration::from_millis(2_500));
        assert_eq!(rate.spans(1), Duration::ZERO);
        assert_eq!(rate.intervals(10), Duration::from_millis(2_500));
        let slow: Rate = "0.0000001".parse().unwrap();
        assert!(slow.due(u32::MAX) > Duration::from_secs(1 << 40));
        assert_eq!(slow.check_span(1), Ok(()));
        let error = slow.check_span(5_000).unwrap_err().to_string();
        assert_eq!(error, "at 0.0000001 per second, 5,000 connections take longer than a year");
    }
}
