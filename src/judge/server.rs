//! What CloudWatch said of a period, and what its silence means.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use crate::facts::{Series, metric};
use crate::plan::Period;

/// CloudWatch's series, by metric and period.
pub(super) struct Server<'a> {
    series: &'a Series,
    points: HashMap<&'a str, BTreeMap<DateTime<Utc>, f64>>,
}

impl<'a> Server<'a> {
    /// Sorts the points onto the grid of their period.
    pub(super) fn of(series: &'a Series) -> Server<'a> {
        let on_grid = |points: &[crate::facts::Point]| {
            points.iter().map(|point| (series.period.floor(point.at), point.value)).collect()
        };
        let points = series.metrics.iter().map(|(name, points)| (name.as_str(), on_grid(points))).collect();
        Server { series, points }
    }

    /// The series' period.
    pub(super) fn period(&self) -> Period {
        self.series.period
    }

    /// Whether the window reaches over that time.
    pub(super) fn covers(&self, at: DateTime<Utc>) -> bool {
        (self.series.from..self.series.until).contains(&at)
    }

    /// Whether the metric has any point in the window; false too for one that could not be read.
    pub(super) fn has(&self, name: &str) -> bool {
        self.points.get(name).is_some_and(|points| !points.is_empty())
    }

    /// The period's sum as it was reported. Absent is unknown: the one reading for ActiveConnectionCount during a
    /// hold (aws-facts.md §0.7: a silent hold may go unreported).
    pub(super) fn reported(&self, name: &str, at: DateTime<Utc>) -> Option<f64> {
        self.points.get(name)?.get(&at).copied()
    }

    /// The period's sum, where an absent one counts 0 if the always-reported ConsumedLCUs has that period, and is
    /// unknown otherwise (contract, "What the verdict means"). A metric that could not be read stays unknown.
    pub(super) fn or_zero(&self, name: &str, at: DateTime<Utc>) -> Option<f64> {
        let points = self.points.get(name)?;
        let zero = || self.reported(metric::CONSUMED_LCUS, at).map(|_| 0.0);
        points.get(&at).copied().or_else(zero)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::testing::Scenario;

    #[test]
    fn absent_is_zero_only_where_the_load_balancer_spoke() {
        let mut run = Scenario::default().run();
        let series = run.series.as_mut().unwrap();
        let at = series.metrics[metric::CONSUMED_LCUS][0].at;
        let later = series.metrics[metric::CONSUMED_LCUS][1].at;
        series.metrics.insert("Quiet".into(), Vec::new());
        series.metrics.get_mut(metric::CONSUMED_LCUS).unwrap().retain(|p| p.at != later);
        let server = Server::of(series);
        assert_eq!(server.or_zero("Quiet", at), Some(0.0));
        assert_eq!(server.or_zero("Quiet", later), None);
        assert_eq!(server.reported("Quiet", at), None);
        assert_eq!(server.or_zero("Unread", at), None);
        assert!(!server.has("Quiet") && !server.has("Unread"));
    }
}
