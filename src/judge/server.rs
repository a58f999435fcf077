//! What CloudWatch said of a period, and what its silence means.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use crate::facts::{Metrics, Point, Series, metric};
use crate::plan::{Period, offset_by, sane};

/// CloudWatch's series, by metric and period.
#[derive(Clone)]
pub(super) struct Server<'a> {
    series: &'a Series,
    points: Points<'a>,
}

/// The points of each metric, by the start of their period.
type Points<'a> = HashMap<&'a str, BTreeMap<DateTime<Utc>, f64>>;

impl<'a> Server<'a> {
    /// Sorts the points onto the grid of their period.
    pub(super) fn of(series: &'a Series) -> Server<'a> {
        Server { series, points: on_grid(series, &series.metrics) }
    }

    /// The same for each availability zone, by its name. ConsumedLCUs is the load balancer's as a whole: where it has a
    /// period, a zone's absence in it means zero too.
    pub(super) fn zones(&self) -> Vec<(&'a str, Server<'a>)> {
        self.parts(&self.series.zones)
    }

    /// The same for each target group, by its dimension.
    pub(super) fn target_groups(&self) -> Vec<(&'a str, Server<'a>)> {
        self.parts(&self.series.target_groups)
    }

    fn parts(&self, parts: &'a BTreeMap<String, Metrics>) -> Vec<(&'a str, Server<'a>)> {
        let series = self.series;
        let of_part = |metrics| {
            let mut points = on_grid(series, metrics);
            points
                .extend(self.points.get_key_value(metric::CONSUMED_LCUS).map(|(name, p)| (*name, p.clone())));
            Server { series, points }
        };
        parts.iter().map(|(name, metrics)| (name.as_str(), of_part(metrics))).collect()
    }

    /// The series' period.
    pub(super) fn period(&self) -> Period {
        self.series.period
    }

    /// Whether the window reaches over that time, and CloudWatch still kept numbers of it when it was read.
    pub(super) fn covers(&self, at: DateTime<Utc>) -> bool {
        (self.series.from..self.series.until).contains(&at) && self.kept(at)
    }

    /// Whether CloudWatch still kept numbers of that time when it was read.
    pub(super) fn kept(&self, at: DateTime<Utc>) -> bool {
        sane(at) >= offset_by(sane(self.series.read_at), -self.period().kept())
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

fn on_grid<'a>(series: &Series, metrics: &'a Metrics) -> Points<'a> {
    let points = |points: &[Point]| points.iter().map(|p| (series.period.floor(p.at), p.value)).collect();
    metrics.iter().map(|(name, list)| (name.as_str(), points(list))).collect()
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
