//! One value a period from a number that moves.

use crate::sim::Sampling;

/// The number at one moment of a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// How much of the period had passed, from 0 to 1.
    pub(super) passed: f64,
    /// The number.
    pub(super) value: u64,
}

/// Folds a period's samples, of which there may be few if it was not seen whole; 0 if none.
pub(super) fn fold(sampling: Sampling, samples: &[Sample]) -> f64 {
    let values = samples.iter().map(|sample| sample.value);
    match sampling {
        // the first of two that are equally near
        Sampling::Snapshot => samples
            .iter()
            .min_by(|one, other| from_middle(one).total_cmp(&from_middle(other)))
            .map_or(0.0, |sample| sample.value as f64),
        Sampling::Mean => values.sum::<u64>() as f64 / samples.len().max(1) as f64,
        Sampling::Max => values.max().unwrap_or(0) as f64,
    }
}

/// Distance from the middle of the period.
fn from_middle(sample: &Sample) -> f64 {
    (sample.passed - 0.5).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(pairs: &[(f64, u64)]) -> Vec<Sample> {
        pairs.iter().map(|&(passed, value)| Sample { passed, value }).collect()
    }

    #[test]
    fn a_ramp_is_seen_in_three_ways() {
        let ramp = samples(&[(0.05, 0), (0.25, 10), (0.45, 30), (0.55, 50), (0.95, 40)]);
        assert_eq!(fold(Sampling::Snapshot, &ramp), 30.0);
        assert_eq!(fold(Sampling::Mean, &ramp), 26.0);
        assert_eq!(fold(Sampling::Max, &ramp), 50.0);
    }

    #[test]
    fn a_period_seen_in_part_has_what_was_seen() {
        let late = samples(&[(0.8, 7), (0.9, 9)]);
        assert_eq!(fold(Sampling::Snapshot, &late), 7.0);
        assert_eq!(fold(Sampling::Mean, &late), 8.0);
        for sampling in [Sampling::Snapshot, Sampling::Mean, Sampling::Max] {
            assert_eq!(fold(sampling, &[]), 0.0);
        }
    }
}
