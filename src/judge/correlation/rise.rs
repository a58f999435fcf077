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
    /// How many periods of the load are not known: it may have risen by more.
    pub(in crate::judge) unknown: usize,
}

impl Rise {
    /// Whether it rose at all.
    pub(in crate::judge) fn is_clear(&self) -> bool {
        self.by >= 1.0 && self.by > self.noise
    }
}

/// The rise over the load and the periods after it that belong to it; `None` where a period of it is unknown, or the
/// baseline is.
pub(super) fn rise(server: &Server<'_>, metric: &str, windows: &Windows) -> Option<Rise> {
    known_rise(server, metric, windows).filter(|rise| rise.unknown == 0)
}

/// The rise over those of these periods that are known: at least so much. `None` where none is, or the baseline is not.
pub(in crate::judge) fn known_rise(server: &Server<'_>, metric: &str, windows: &Windows) -> Option<Rise> {
    let baseline = Baseline::of(server, metric, windows)?;
    let above_baseline = |at: &DateTime<Utc>| Some((*at, server.or_zero(metric, *at)? - baseline.at(*at)));
    let known: Vec<(DateTime<Utc>, f64)> = windows.load.iter().filter_map(above_baseline).collect();
    let above = || known.iter().filter(|(_, value)| *value > baseline.noise()).map(|(at, _)| *at);
    (!known.is_empty()).then(|| Rise {
        by: known.iter().map(|(_, value)| value).sum(),
        noise: baseline.noise_of_sum(known.len()),
        span: above().next().zip(above().next_back()),
        periods: known.len(),
        unknown: windows.load.len() - known.len(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::facts::metric::{NEW_CONNECTIONS, REJECTED_CONNECTIONS};
    use crate::judge::clock::Clock;
    use crate::judge::testing::Scenario;
    use crate::record::Run;

    type Rising = fn(&Server<'_>, &str, &Windows) -> Option<Rise>;

    fn of(run: &Run, metric: &str, rising: Rising) -> Option<Rise> {
        let series = run.series.as_ref().unwrap();
        rising(&Server::of(series), metric, &Windows::of(run, Clock::default(), series))
    }

    fn risen(scenario: Scenario, metric: &str) -> Option<Rise> {
        of(&scenario.run(), metric, rise)
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

    #[test]
    fn what_is_known_is_the_least_that_it_rose_by() {
        let mut run = Scenario::default().run();
        let whole = of(&run, NEW_CONNECTIONS, rise).unwrap();
        assert_eq!(of(&run, NEW_CONNECTIONS, known_rise), Some(whole));
        // The last two periods of the load are not there yet, and none of those behind.
        for points in run.series.as_mut().unwrap().metrics.values_mut() {
            points.retain(|point| point.at.format("%H:%M").to_string().as_str() < "13:07");
        }
        assert_eq!(of(&run, NEW_CONNECTIONS, rise), None);
        let known = of(&run, NEW_CONNECTIONS, known_rise).unwrap();
        assert_eq!((known.unknown, known.periods), (2, whole.periods - 2));
        assert!((known.by - whole.by).abs() < 1e-6 && known.is_clear(), "{known:?}");
    }
}
