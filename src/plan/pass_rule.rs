//! When a level has passed, and what is made of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::quantity::parse_fraction;

/// When a level has passed, and what is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PassRule {
    /// Success rate that a level must hold.
    pub threshold: Share,
    /// Safe limit = highest reliable level x this.
    pub safety: Share,
    /// Go on after the first failed level.
    pub keep_going: bool,
    /// The safe limit below which the exit code is 4.
    pub require: Option<u32>,
}

impl PassRule {
    /// Whether `held` of `asked` connections pass.
    pub fn passes(&self, held: u32, asked: u32) -> bool {
        asked > 0 && f64::from(held) / f64::from(asked) >= self.threshold.get()
    }

    /// The safe limit under a highest reliable level, rounded down.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn safe_limit(&self, max_reliable: u32) -> u32 {
        // A hair is added, so that 0.8 x 1,000 does not become 799 for the want of a binary digit.
        (f64::from(max_reliable) * self.safety.get() + 1e-9).floor() as u32
    }
}

/// A share in (0, 1]; typed as `95%` or `0.95`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(with = "f64")]
pub struct Share(f64);

/// Not a share.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a share lies above 0 and at most at 100 %; write 95% or 0.95")]
pub struct ShareError;

impl Share {
    /// The share as a number in (0, 1].
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Share {
    type Error = ShareError;

    fn try_from(value: f64) -> Result<Share, ShareError> {
        if value > 0.0 && value <= 1.0 { Ok(Share(value)) } else { Err(ShareError) }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> f64 {
        share.0
    }
}

impl std::str::FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Share, ShareError> {
        Share::try_from(parse_fraction(text).ok_or(ShareError)?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rule(threshold: &str, safety: &str) -> PassRule {
        PassRule {
            threshold: threshold.parse().unwrap(),
            safety: safety.parse().unwrap(),
            keep_going: false,
            require: None,
        }
    }

    #[test]
    fn shares_as_people_write_them() {
        assert_eq!("95%".parse::<Share>().unwrap().get(), 0.95);
        assert_eq!("0.95".parse::<Share>().unwrap().get(), 0.95);
        assert_eq!("100%".parse::<Share>().unwrap().get(), 1.0);
        for text in ["0", "0%", "95", "101%", "-1%", "NaN", "inf", "", "x"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_level_passes_at_its_threshold_and_not_below() {
        let rule = rule("95%", "80%");
        assert!(rule.passes(95, 100));
        assert!(!rule.passes(94, 100));
        assert!(!rule.passes(0, 0));
    }

    #[test]
    fn a_level_passes_at_any_threshold_that_it_meets_exactly() {
        for tenths in 1..=1_000 {
            let (threshold, held) = (format!("{}.{}%", tenths / 10, tenths % 10), tenths);
            assert!(rule(&threshold, "80%").passes(held, 1_000), "{threshold}");
            assert!(!rule(&threshold, "80%").passes(held - 1, 1_000), "{threshold}");
        }
    }

    #[test]
    fn the_safe_limit_rounds_down_but_not_for_binary_fractions() {
        assert_eq!(rule("95%", "80%").safe_limit(1_000), 800);
        assert_eq!(rule("95%", "80%").safe_limit(7), 5);
        assert_eq!(rule("95%", "70%").safe_limit(10), 7);
    }
}
