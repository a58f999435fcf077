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

/// The interval that holds the true median with 95 %, by order statistics: no distribution is assumed. Fewer than six
/// values can't reach 95 %; then it is their whole range. One value says nothing about an interval.
pub(super) fn median_interval_95(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = lower_rank(sorted.len());
    Some((sorted[rank], sorted[sorted.len() - 1 - rank]))
}

/// How many values lie outside the interval at each end: one less than the largest rank `k` with
/// P(Binomial(n, ½) < k) ≤ 2.5 %.
fn lower_rank(n: usize) -> usize {
    /// Beyond this many the normal approximation is within one rank.
    const EXACT: usize = 50;
    #[allow(clippy::cast_precision_loss)]
    let count = n as f64;
    if n > EXACT {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        return ((count + 1.0) / 2.0 - SIGMAS_95 / 2.0 * count.sqrt()).floor() as usize - 1;
    }
    let mut probability = 0.5_f64.powf(count);
    let mut below = probability;
    let mut rank = 0_usize;
    while below <= 0.025 {
        rank += 1;
        #[allow(clippy::cast_precision_loss)]
        let k = rank as f64;
        probability *= (count - k + 1.0) / k;
        below += probability;
    }
    rank.saturating_sub(1)
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
    fn the_interval_leaves_out_what_the_binomial_allows() {
        let range = |n: u32| {
            let values: Vec<f64> = (1..=n).map(f64::from).collect();
            median_interval_95(&values)
        };
        assert_eq!(range(1), None);
        assert_eq!(range(2), Some((1.0, 2.0)));
        // Ranks of the usual tables of the sign test.
        assert_eq!(range(6), Some((1.0, 6.0)));
        assert_eq!(range(9), Some((2.0, 8.0)));
        assert_eq!(range(20), Some((6.0, 15.0)));
        assert_eq!(range(100), Some((40.0, 61.0)));
    }
}
