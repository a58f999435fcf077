//! The load balancer's own traffic: what a metric says in the periods in which the load is not there, and what that
//! lets one expect of the periods in which it is.

use chrono::{DateTime, TimeDelta, Utc};

use super::robust::{MEDIAN_VARIANCE, Robust, SIGMAS_95, median, scatter, student};
use super::server::Server;
use super::window::Windows;

/// What a metric says per period when the load is not there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// Median over the quiet periods.
    pub median: f64,
    /// Standard deviation around the median, or around the trend where there is one; robust.
    pub spread: f64,
    /// How many periods it stands on.
    pub periods: usize,
    /// How far it moved from before the load to after it, beyond what trend and spread explain.
    pub moved: f64,
    /// Its trend, by the hour; 0 where there is none.
    pub per_hour: f64,
    /// How much of a period's deviation is still there in the next: 0 for mere noise, towards 1 for slow wandering.
    memory: f64,
    /// Where the trend passes through `level`.
    centre: DateTime<Utc>,
    level: f64,
}

/// A quiet period: seconds since the first, and what was reported.
type Quiet = (f64, f64);

impl Baseline {
    /// From the whole periods before and after the load; `None` when the metric is known in none of them.
    pub(super) fn of(server: &Server<'_>, metric: &str, windows: &Windows) -> Option<Baseline> {
        Baseline::from(server, metric, windows, &[])
    }

    /// From those between the levels as well: for a metric that is as quiet there.
    pub(super) fn with_pauses(server: &Server<'_>, metric: &str, windows: &Windows) -> Option<Baseline> {
        Baseline::from(server, metric, windows, &windows.between)
    }

    fn from(
        server: &Server<'_>,
        metric: &str,
        windows: &Windows,
        between: &[DateTime<Utc>],
    ) -> Option<Baseline> {
        let first = *windows.before.iter().chain(between).chain(&windows.after).min()?;
        let known = |periods: &[DateTime<Utc>]| -> Vec<Quiet> {
            let value = |at: &DateTime<Utc>| Some((seconds(*at - first), server.or_zero(metric, *at)?));
            periods.iter().filter_map(value).filter(|(_, value)| value.is_finite()).collect()
        };
        let (before, between, after) = (known(&windows.before), known(between), known(&windows.after));
        let all: Vec<Quiet> = [before.as_slice(), &between, &after].concat();
        let robust = Robust::of(all.iter().map(|(_, value)| *value))?;
        let slope = if after.is_empty() { 0.0 } else { slope(&all) };
        let mut times: Vec<f64> = all.iter().map(|(at, _)| *at).collect();
        let centre = median(&mut times)?;
        let mut levels: Vec<f64> = all.iter().map(|(at, value)| value - slope * (at - centre)).collect();
        let level = median(&mut levels)?;
        let residual = |(at, value): &Quiet| value - level - slope * (at - centre);
        let residuals = |quiet: &[Quiet]| -> Vec<f64> { quiet.iter().map(residual).collect() };
        let parameters = if slope == 0.0 { 1 } else { 2 };
        // One period shows no spread; then that of a Poisson count of its size is taken.
        let spread = match all.len() {
            1 => robust.median.max(0.0).sqrt(),
            _ => scatter(&residuals(&all), parameters),
        };
        let mut baseline = Baseline {
            median: robust.median,
            spread,
            periods: all.len(),
            moved: 0.0,
            per_hour: slope * 3_600.0,
            memory: memory(&residuals(&before)),
            #[allow(clippy::cast_possible_truncation)]
            centre: first.checked_add_signed(TimeDelta::milliseconds((centre * 1_000.0) as i64))?,
            level,
        };
        baseline.moved = baseline.moved(&residuals(&before), &residuals(&after));
        Some(baseline)
    }

    /// What is expected of the period that starts at `at`.
    pub(super) fn at(&self, at: DateTime<Utc>) -> f64 {
        (self.level + self.per_hour / 3_600.0 * seconds(at - self.centre)).max(0.0)
    }

    /// Half the width in which 95 % of a period's values lie: what a single period can't tell from nothing.
    pub fn noise(&self) -> f64 {
        student(SIGMAS_95, self.degrees()) * self.spread
    }

    /// How sure its spread is: degrees of freedom, of as many periods as are independent.
    pub(super) fn degrees(&self) -> usize {
        let of_line = if self.per_hour == 0.0 { 1 } else { 2 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let independent = self.independent(self.periods).round() as usize;
        independent.saturating_sub(of_line)
    }

    /// With a larger spread, where the load's own periods show one.
    pub(super) fn spreading(self, spread: f64) -> Baseline {
        Baseline { spread: self.spread.max(spread), ..self }
    }

    /// The standard error of the mean of so many periods, this baseline taken off: their own, and the baseline's.
    /// Other people's traffic wanders, so that neighbours tell less than as many strangers would.
    pub(super) fn error_of_mean(&self, periods: usize) -> f64 {
        let of_mean = 1.0 / self.independent(periods);
        let of_median = MEDIAN_VARIANCE / self.independent(self.periods);
        self.spread * (of_mean + of_median).sqrt()
    }

    /// Half the 95 % interval of the sum of so many periods, this baseline taken off.
    pub(super) fn noise_of_sum(&self, periods: usize) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let count = periods as f64;
        count * (student(SIGMAS_95, self.degrees()) * self.error_of_mean(periods) + self.moved)
    }

    fn independent(&self, periods: usize) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let count = periods as f64;
        (count * (1.0 - self.memory) / (1.0 + self.memory)).max(1.0)
    }

    /// The difference of the medians before and after, less its own 95 % uncertainty.
    fn moved(&self, before: &[f64], after: &[f64]) -> f64 {
        let middle = |values: &[f64]| median(&mut values.to_vec());
        let (Some(b), Some(a)) = (middle(before), middle(after)) else { return 0.0 };
        let share = MEDIAN_VARIANCE / self.independent(before.len())
            + MEDIAN_VARIANCE / self.independent(after.len());
        ((a - b).abs() - SIGMAS_95 * self.spread * share.sqrt()).max(0.0)
    }
}

/// The slope per second, where there is surely one; 0 otherwise. Theil's: the median over all pairs, which a third of
/// wild values can't move; sure by Kendall's test.
fn slope(quiet: &[Quiet]) -> f64 {
    /// Of a trend that chance makes once in a hundred times.
    const SURE: f64 = 2.58;
    /// Beyond so many points only some are taken: pairs grow with the square.
    const MOST: usize = 240;
    let step = quiet.len().div_ceil(MOST).max(1);
    let thin: Vec<Quiet> = quiet.iter().copied().step_by(step).collect();
    let mut slopes = Vec::with_capacity(thin.len() * thin.len() / 2);
    let mut concordant = 0.0;
    for (i, (at, value)) in thin.iter().enumerate() {
        for (later, other) in &thin[i + 1..] {
            if later > at {
                slopes.push((other - value) / (later - at));
                concordant += if other == value { 0.0 } else { (other - value).signum() };
            }
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let n = thin.len() as f64;
    let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    if deviation == 0.0 || f64::abs(concordant) <= SURE * deviation {
        return 0.0;
    }
    median(&mut slopes).unwrap_or(0.0)
}

/// The correlation of neighbours, from the periods before the load. A short series understates it, by (1 + 4 x it) over
/// its length.
fn memory(residuals: &[f64]) -> f64 {
    /// Fewer say nothing; then some is assumed.
    const LEAST: usize = 8;
    const ASSUMED: f64 = 0.3;
    /// Beyond it a stretch would count as a single period anyway.
    const MOST: f64 = 0.95;
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    if residuals.len() < LEAST {
        return ASSUMED;
    }
    if squares <= 0.0 {
        return 0.0;
    }
    let products: f64 = residuals.iter().zip(&residuals[1..]).map(|(a, b)| a * b).sum();
    let seen = (products / squares).max(0.0);
    #[allow(clippy::cast_precision_loss)]
    let understated = (1.0 + 4.0 * seen) / residuals.len() as f64;
    (seen + understated).min(MOST)
}

#[allow(clippy::cast_precision_loss)]
fn seconds(delta: TimeDelta) -> f64 {
    delta.num_milliseconds() as f64 / 1_000.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::facts::metric::ACTIVE_CONNECTIONS;
    use crate::judge::clock::Clock;
    use crate::judge::testing::Scenario;

    fn baseline(scenario: Scenario) -> Baseline {
        let run = scenario.run();
        let series = run.series.as_ref().unwrap();
        let windows = Windows::of(&run, Clock::default(), series);
        Baseline::of(&Server::of(series), ACTIVE_CONNECTIONS, &windows).unwrap()
    }

    #[test]
    fn steady_traffic_has_no_spread_and_no_movement() {
        let found = baseline(Scenario { baseline: 12.0, ..Scenario::default() });
        assert_eq!((found.median, found.spread, found.moved, found.per_hour), (12.0, 0.0, 0.0, 0.0));
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
        assert!(moving.moved > 40.0 && moving.per_hour == 0.0, "{moving:?}");
    }

    #[test]
    fn a_trend_is_followed_and_is_no_movement() {
        let mut run = Scenario { baseline: 100.0, ..Scenario::default() }.run();
        let series = run.series.as_mut().unwrap();
        for point in series.metrics.get_mut(ACTIVE_CONNECTIONS).unwrap() {
            point.value += seconds(point.at - series.from) / 60.0 * 5.0;
        }
        let windows = Windows::of(&run, Clock::default(), run.series.as_ref().unwrap());
        let server = Server::of(run.series.as_ref().unwrap());
        let found = Baseline::of(&server, ACTIVE_CONNECTIONS, &windows).unwrap();
        assert!(
            (found.per_hour - 300.0).abs() < 1e-6 && found.moved < 1e-6 && found.spread < 1e-6,
            "{found:?}"
        );
        assert!((found.at(windows.load[0]) - 170.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn wandering_neighbours_count_for_fewer() {
        let waves: Vec<f64> = (0..16).map(|i| f64::sin(f64::from(i) / 3.0)).collect();
        assert!(memory(&waves) > 0.7);
        let alternating: Vec<f64> = (0..16).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert!(memory(&alternating) < 0.1);
        assert_eq!((memory(&[0.0; 16]), memory(&[1.0, 1.1])), (0.0, 0.3));
    }
}
