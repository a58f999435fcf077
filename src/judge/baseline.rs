//! The load balancer's own traffic, as it was before and after the load.

use super::robust::{Robust, SIGMAS_95};
use super::server::Server;
use super::window::Windows;

/// What a metric says per period when the load is not there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// Median over the periods before and after the load.
    pub median: f64,
    /// 1.4826 x their median absolute deviation.
    pub spread: f64,
    /// How many periods it stands on.
    pub periods: usize,
    /// How far it moved from before the load to after it, beyond what its spread explains.
    pub moved: f64,
}

impl Baseline {
    /// From the whole periods on both sides of the load; `None` when the metric is known in none of them.
    pub(super) fn of(server: &Server<'_>, metric: &str, windows: &Windows) -> Option<Baseline> {
        let known = |periods: &[_]| -> Vec<f64> {
            periods.iter().filter_map(|at| server.or_zero(metric, *at)).collect()
        };
        let (before, after) = (known(&windows.before), known(&windows.after));
        let all = Robust::of(before.iter().chain(&after).copied())?;
        // One period shows no spread; then that of a Poisson count of its size is taken.
        let spread = if all.count == 1 { all.median.max(0.0).sqrt() } else { all.spread };
        Some(Baseline { median: all.median, spread, periods: all.count, moved: moved(&before, &after) })
    }

    /// Half the width in which 95 % of a period's values lie: what a single period can't tell from nothing. It is
    /// not divided by the number of periods, since other people's traffic wanders slowly.
    pub fn noise(&self) -> f64 {
        SIGMAS_95 * self.spread
    }
}

/// The difference of the medians before and after, less its own 95 % uncertainty.
fn moved(before: &[f64], after: &[f64]) -> f64 {
    /// A median is so much less certain than a mean of the same normal values: √(π/2).
    const MEDIAN_OVER_MEAN: f64 = 1.2533;
    let (Some(b), Some(a)) = (Robust::of(before.iter().copied()), Robust::of(after.iter().copied())) else {
        return 0.0;
    };
    #[allow(clippy::cast_precision_loss)]
    let variance_of = |r: &Robust, spread: f64| spread.powi(2) / r.count as f64;
    // The side with fewer periods borrows the other's spread: two equal values prove no calm.
    let spread = a.spread.max(b.spread);
    let uncertain = MEDIAN_OVER_MEAN * (variance_of(&b, spread) + variance_of(&a, spread)).sqrt() * SIGMAS_95;
    ((a.median - b.median).abs() - uncertain).max(0.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::facts::metric::ACTIVE_CONNECTIONS;
    use crate::judge::testing::Scenario;

    fn baseline(scenario: Scenario) -> Baseline {
        let run = scenario.run();
        let series = run.series.as_ref().unwrap();
        let windows = Windows::of(&run, series.period, series.from, series.until);
        Baseline::of(&Server::of(series), ACTIVE_CONNECTIONS, &windows).unwrap()
    }

    #[test]
    fn steady_traffic_has_no_spread_and_no_movement() {
        let found = baseline(Scenario { baseline: 12.0, ..Scenario::default() });
        assert_eq!((found.median, found.spread, found.moved), (12.0, 0.0, 0.0));
        assert!(found.periods >= 10, "{found:?}");
    }

    #[test]
    fn absent_periods_count_as_zero() {
        let found = baseline(Scenario::default());
        assert_eq!((found.median, found.noise()), (0.0, 0.0));
    }

    #[test]
    fn noise_and_movement_are_told_apart() {
        let noisy = baseline(Scenario { baseline: 100.0, noise: 20.0, ..Scenario::default() });
        assert!(noisy.noise() > 15.0 && noisy.moved < 20.0, "{noisy:?}");
        let moving = baseline(Scenario { baseline: 100.0, moved: 50.0, ..Scenario::default() });
        assert!(moving.moved > 40.0, "{moving:?}");
    }
}
