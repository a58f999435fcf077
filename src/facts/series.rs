//! CloudWatch's metrics of a window, as the record keeps them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Period;
use crate::plan::aws_name;

/// CloudWatch's answer for a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// The `LoadBalancer` dimension: `app/NAME/ID`.
    #[serde(deserialize_with = "aws_name::load_balancer")]
    pub load_balancer: String,
    /// The period of every point.
    #[serde(rename = "period_s")]
    pub period: Period,
    /// Start of the window, inclusive.
    pub from: DateTime<Utc>,
    /// End of the window, exclusive.
    pub until: DateTime<Utc>,
    /// When it was read last.
    pub read_at: DateTime<Utc>,
    /// Whether the numbers may still change.
    pub status: SeriesStatus,
    /// Each metric by its name, ascending in time, in its [`metric::statistic`]. A metric that had no point is there,
    /// empty; one that could not be read is not there.
    pub metrics: Metrics,
    /// The same for each availability zone, by its name: [`metric::OF_ZONES`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "aws_name::zone")]
    pub zones: BTreeMap<String, Metrics>,
    /// The same for each target group, by its dimension (`targetgroup/NAME/ID`): [`metric::OF_TARGET_GROUPS`].
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "aws_name::target_group"
    )]
    pub target_groups: BTreeMap<String, Metrics>,
}

impl Series {
    /// Whether the numbers will change no more.
    pub fn is_final(&self) -> bool {
        self.status == SeriesStatus::Final
    }

    /// What holds after a later read. Final numbers stay: another final read of the same window adds what they lack, and
    /// only one of another window or load balancer takes their place. Of provisional ones the later hold.
    #[must_use]
    pub fn updated_by(mut self, later: Series) -> Series {
        let window = |series: &Series| (series.period, series.from, series.until);
        match (self.status, later.status) {
            (SeriesStatus::Final, SeriesStatus::Provisional) => self,
            (SeriesStatus::Final, SeriesStatus::Final)
                if self.load_balancer == later.load_balancer && window(&self) == window(&later) =>
            {
                add_missing(&mut self.metrics, later.metrics);
                for (parts, of_later) in
                    [(&mut self.zones, later.zones), (&mut self.target_groups, later.target_groups)]
                {
                    for (part, metrics) in of_later {
                        add_missing(parts.entry(part).or_default(), metrics);
                    }
                }
                self
            }
            _ => later,
        }
    }
}

fn add_missing(metrics: &mut Metrics, later: Metrics) {
    for (name, points) in later {
        metrics.entry(name).or_insert(points);
    }
}

/// Points ascending in time, by the metric's name.
pub type Metrics = BTreeMap<String, Vec<Point>>;

/// Whether the numbers may still change (aws-facts.md §2, "settled").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeriesStatus {
    /// They will change no more: the reads were complete and equal, or late enough.
    Final,
    /// The wait ended before that was known.
    Provisional,
}

/// A metric's statistic over one period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// The period's start.
    pub at: DateTime<Utc>,
    /// The statistic's value.
    pub value: f64,
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn series(status: SeriesStatus, minutes: i64, value: f64, names: &[&str]) -> Series {
        let at = DateTime::UNIX_EPOCH;
        let metrics = || -> Metrics {
            names.iter().map(|&name| (name.to_owned(), vec![Point { at, value }])).collect()
        };
        Series {
            load_balancer: "app/a/1".to_owned(),
            period: Period::try_from(60).expect("a minute"),
            from: at,
            until: at + TimeDelta::minutes(minutes),
            read_at: at + TimeDelta::minutes(minutes),
            status,
            metrics: metrics(),
            zones: [("us-east-1a".to_owned(), metrics())].into(),
            target_groups: BTreeMap::new(),
        }
    }

    #[test]
    fn final_numbers_stay_and_a_later_read_only_adds() {
        use SeriesStatus::{Final, Provisional};
        let before = series(Final, 10, 1.0, &["A"]);
        assert_eq!(before.clone().updated_by(series(Provisional, 10, 2.0, &["A", "B"])), before);
        assert_eq!(before.clone().updated_by(series(Provisional, 20, 2.0, &["A", "B"])), before);
        let added = before.clone().updated_by(series(Final, 10, 2.0, &["A", "B"]));
        for metrics in [&added.metrics, &added.zones["us-east-1a"]] {
            assert_eq!((metrics["A"][0].value, metrics["B"][0].value), (1.0, 2.0));
        }
        assert_eq!(added.read_at, before.read_at);
        let other_window = series(Final, 20, 2.0, &["A"]);
        assert_eq!(before.updated_by(other_window.clone()), other_window);
        let provisional = series(Provisional, 10, 1.0, &["A"]);
        for later in [Provisional, Final].map(|status| series(status, 10, 2.0, &["A"])) {
            assert_eq!(provisional.clone().updated_by(later.clone()), later);
        }
    }
}
