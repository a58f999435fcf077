//! By how much a metric rose while the load was there.

use chrono::{DateTime, Utc};

use crate::judge::baseline::Baseline;
use crate::judge::server::Server;
use crate::judge::window::Windows;

/// A metric's sum over the load, its baseline taken off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::judge) struct Rise {
    /// By how much; may be negative.
    pub(in crate::judge) by: f64,
    /// What 95 % of loads without any effect stay within.
    pub(in crate::judge) noise: f64,
    /// Start of the first and of the last period above the baseline.
    pub(in crate::judge) span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// How many periods it is summed over.
    pub(in crate::judge) periods: usize,
}

impl Rise {
    /// Whether it rose at all.
    pub(in crate::judge) fn is_clear(&self) -> bool {
        self.by >= 1.0 && self.by > self.noise
    }
}

/// The rise over the load and the periods after it that belong to it; `None` where a period of it is unknown, or the
/// baseline is.
pub(in crate::judge) fn rise(server: &Server<'_>, metric: &str, windows: &Windows) -> Option<Rise> {
    let baseline = Baseline::of(server, metric, windows)?;
    let known = |at: &DateTime<Utc>| Some(server.or_zero(metric, *at)? - baseline.at(*at));
    let above_baseline: Option<Vec<f64>> = windows.load.iter().map(known).collect();
    let values = above_baseline.filter(|values| !values.is_empty())?;
    let above = |i: &usize| values[*i] > baseline.noise();
    let first = (0..values.len()).find(above);
    let last = (0..values.len()).rev().find(above);
    Some(Rise {
        by: values.iter().sum::<f64>(),
        noise: baseline.noise_of_sum(values.len()),
        span: first.zip(last).map(|(first, last)| (windows.load[first], windows.load[last])),
        periods: values.len(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::facts::metric::{NEW_CONNECTIONS, REJECTED_CONNECTIONS};
    use crate::judge::clock::Clock;
    use crate::judge::testing::Scenario;

    fn risen(scenario: Scenario, metric: &str) -> Option<Rise> {
        let run = scenario.run();
        let series = run.series.as_ref().unwrap();
        let windows = Windows::of(&run, Clock::default(), series);
        rise(&Server::of(series), metric, &windows)
    }

    #[test]
    fn the_baseline_is_taken_off() {
        let found = risen(Scenario { baseline: 40.0, ..Scenario::default() }, NEW_CONNECTIONS).unwrap();
        assert!((found.by - 300.0).abs() < 1e-6, "{found:?}");
        assert!(found.is_clear());
        let (first, last) = found.span.unwrap();
        assert_eq!(first.format("%H:%M").to_string(), "13:00");
        assert_eq!(last.format("%H:%M").to_string(), "13:03");
    }

    #[test]
    fn nothing_reported_is_no_rise_and_nothing_read_is_unknown() {
        let calm = risen(Scenario::default(), REJECTED_CONNECTIONS).unwrap();
        assert!(!calm.is_clear() && calm.span.is_none());
        assert_eq!(risen(Scenario::default(), "NoSuchMetric"), None);
    }
}
