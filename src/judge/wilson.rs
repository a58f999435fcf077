//! How sure a success rate is.

use super::robust::SIGMAS_95;

/// The lower end of Wilson's 95 % interval of a rate: 50 of 50 are 100 %, but prove no more than 92.9 %.
/// (E. B. Wilson, 1927; two-sided, z = 1.96.) `None` when nothing was asked for.
pub fn wilson_low95(held: u32, asked: u32) -> Option<f64> {
    if asked == 0 {
        return None;
    }
    let n = f64::from(asked);
    let rate = f64::from(held.min(asked)) / n;
    let z2 = SIGMAS_95 * SIGMAS_95;
    let middle = rate + z2 / (2.0 * n);
    let half = SIGMAS_95 * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
    Some(((middle - half) / (1.0 + z2 / n)).max(0.0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        for (held, asked, low) in [
            (50, 50, 0.92865),
            (998, 1_000, 0.99274),
            (495, 500, 0.97681),
            (1, 1, 0.20654),
            (0, 10, 0.0),
            (5, 10, 0.23659),
        ] {
            let found = wilson_low95(held, asked).unwrap();
            assert!((found - low).abs() < 5e-6, "{held} of {asked}: {found}");
        }
        assert_eq!(wilson_low95(0, 0), None);
        assert_eq!(wilson_low95(7, 5), wilson_low95(5, 5), "a record may say anything");
    }
}
