//! Median and spread: statistics that one wild minute can't move.

/// The middle of some values, and how far they usually lie from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Robust {
    /// The median.
    pub(super) median: f64,
    /// 1.4826 x the median absolute deviation: the standard deviation, were the values normal.
    pub(super) spread: f64,
    /// How many values.
    pub(super) count: usize,
}

/// Makes the median absolute deviation of normal values their standard deviation.
const MAD_TO_SIGMA: f64 = 1.4826;

/// Two standard normal deviations hold 95 %.
pub(super) const SIGMAS_95: f64 = 1.96;

/// A median is so much less certain than a mean of the same normal values: the variance is π/2 of the mean's.
pub(super) const MEDIAN_VARIANCE: f64 = std::f64::consts::FRAC_PI_2;

impl Robust {
    /// Of any values; `None` of none.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Robust> {
        let mut values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        let median = median(&mut values)?;
        let mut distances: Vec<f64> = values.iter().map(|v| (v - median).abs()).collect();
        Some(Robust { median, spread: MAD_TO_SIGMA * self::median(&mut distances)?, count: values.len() })
    }
}

/// The median; sorts the values on its way.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values.get(middle).copied()
    } else {
        let above = values.get(middle)?;
        Some(f64::midpoint(values[middle - 1], *above))
    }
}

/// The median of values that have weights: half of the weight lies on either side of it.
pub(super) fn weighted_median(values: &[(f64, f64)]) -> Option<f64> {
    let mut sorted: Vec<(f64, f64)> = values.iter().copied().filter(|(_, weight)| *weight > 0.0).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = sorted.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut below = 0.0;
    for (i, (value, weight)) in sorted.iter().enumerate() {
        below += weight;
        if below > half * (1.0 + 1e-12) {
            return Some(*value);
        }
        if below >= half * (1.0 - 1e-12) {
            return Some(sorted.get(i + 1).map_or(*value, |next| f64::midpoint(*value, next.0)));
        }
    }
    None
}

/// How far normal values scatter around something that was fitted to them with `parameters` numbers. The larger of two
/// estimates that one wild value can't move: the median absolute deviation, and the mean one without its largest
/// tenth. The second is the surer one of few values, and sees what the first is blind to: a minority that scatters.
pub(super) fn scatter(residuals: &[f64], parameters: usize) -> f64 {
    /// Makes the mean absolute deviation of normal values their standard deviation.
    const MEAN_TO_SIGMA: f64 = 1.2533;
    /// What the largest tenth holds more than its share.
    const TRIMMED: f64 = 1.22;
    let mut sizes: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
    let Some(middle) = median(&mut sizes) else { return 0.0 };
    let kept = &sizes[..sizes.len() - sizes.len().div_ceil(10).min(sizes.len() - 1)];
    #[allow(clippy::cast_precision_loss)]
    let (count, free) = (sizes.len() as f64, sizes.len().saturating_sub(parameters).max(1) as f64);
    #[allow(clippy::cast_precision_loss)]
    let mean = kept.iter().sum::<f64>() / kept.len() as f64;
    let trimmed = if sizes.len() < 6 { mean } else { TRIMMED * mean };
    (MAD_TO_SIGMA * middle).max(MEAN_TO_SIGMA * trimmed) * (count / free).sqrt()
}

/// Student's quantile with so many degrees of freedom that belongs to a normal one of `z`: few values don't know their
/// own scatter. Cornish and Fisher's expansion, good to a few per cent from three degrees on; with fewer it is bounded.
pub(super) fn student(z: f64, degrees: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let n = degrees.max(2) as f64;
    let first = (z.powi(3) + z) / (4.0 * n);
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n);
    z + first + second
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_wild_value_moves_nothing() {
        let robust = Robust::of([10.0, 11.0, 12.0, 11.0, 9_000.0]).unwrap();
        assert_eq!((robust.median, robust.count), (11.0, 5));
        assert!((robust.spread - 1.4826).abs() < 1e-9, "{robust:?}");
        assert_eq!(Robust::of([]), None);
        assert_eq!(Robust::of([f64::NAN]), None);
        assert_eq!(Robust::of([1.0, 3.0]).unwrap().median, 2.0);
    }

    #[test]
    fn weights_move_the_middle() {
        assert_eq!(weighted_median(&[]), None);
        assert_eq!(weighted_median(&[(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)]), Some(2.0));
        assert_eq!(weighted_median(&[(1.0, 1.0), (2.0, 1.0)]), Some(1.5));
        assert_eq!(weighted_median(&[(1.0, 1.0), (2.0, 5.0), (9.0, 1.0)]), Some(2.0));
        assert_eq!(weighted_median(&[(1.0, 0.0), (2.0, 1.0)]), Some(2.0));
    }

    #[test]
    fn scatter_is_near_the_standard_deviation_and_passes_over_one_wild_value() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut normal = || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let mean =
            (0..200).map(|_| scatter(&(0..17).map(|_| normal()).collect::<Vec<_>>(), 1)).sum::<f64>() / 200.0;
        assert!((0.9..1.3).contains(&mean), "{mean}");
        assert_eq!(scatter(&[0.0; 8], 1), 0.0);
        assert_eq!(scatter(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 900.0], 1), 0.0);
        assert_eq!(scatter(&[], 1), 0.0);
    }

    #[test]
    fn few_values_are_less_certain() {
        // Of the usual tables: 2.776, 2.120, and the normal quantile.
        assert!((student(1.96, 4) - 2.776).abs() < 0.06);
        assert!((student(1.96, 16) - 2.120).abs() < 0.01);
        assert!((student(1.96, 100_000) - 1.96).abs() < 0.001);
        assert!(student(1.96, 0).is_finite());
    }
}
