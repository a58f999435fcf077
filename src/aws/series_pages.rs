//! Pages of GetMetricData put together: points by what was asked for, and what of it is still owed (aws-facts.md §2).

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::primitives;
use aws_sdk_cloudwatch::types::{MetricDataResult, StatusCode};
use chrono::{DateTime, Utc};

use crate::facts::Point;

/// What becomes of a metric that CloudWatch answered in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partial {
    /// It is unknown: what is absent from it can't be told from zero.
    Unknown,
    /// What has come is taken, for whoever judges by single values.
    Taken,
}

/// What the pages said so far; `K` names what was asked for.
#[derive(Debug)]
pub(super) struct SeriesPages<K> {
    series: BTreeMap<K, Collected>,
}

impl<K> Default for SeriesPages<K> {
    fn default() -> SeriesPages<K> {
        SeriesPages { series: BTreeMap::new() }
    }
}

#[derive(Debug, Default)]
struct Collected {
    points: BTreeMap<DateTime<Utc>, f64>,
    standing: Standing,
}

/// How a metric stands after its last page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Standing {
    /// More may come, or it has to be asked for again.
    #[default]
    Owed,
    Complete,
    Forbidden,
}

impl<K: Ord + Copy> SeriesPages<K> {
    /// Takes one page; `asked_by` tells what an `Id` stands for.
    pub(super) fn take(&mut self, page: &GetMetricDataOutput, asked_by: impl Fn(&str) -> Option<K>) {
        for result in page.metric_data_results() {
            if let Some(asked) = result.id().and_then(&asked_by) {
                self.series.entry(asked).or_default().take(result);
            }
        }
    }

    /// Whether CloudWatch said `Forbidden` of anything.
    pub(super) fn forbidden(&self) -> bool {
        let mut standings = self.series.values().map(|series| series.standing);
        standings.any(|standing| standing == Standing::Forbidden)
    }

    /// Those of `asked` that are not complete. What they have so far is thrown away, since the next round brings it
    /// again from the start.
    pub(super) fn drop_owed(&mut self, asked: &[K]) -> Vec<K> {
        self.series.retain(|_, series| series.standing == Standing::Complete);
        asked.iter().copied().filter(|asked| !self.series.contains_key(asked)).collect()
    }

    /// What there is, ascending in time; `partial` decides of what is not complete.
    pub(super) fn into_points(mut self, partial: Partial) -> BTreeMap<K, Vec<Point>> {
        if partial == Partial::Unknown {
            self.series.retain(|_, series| series.standing == Standing::Complete);
        }
        self.series
            .into_iter()
            .map(|(asked, series)| {
                let points = series.points.into_iter();
                (asked, points.map(|(at, value)| Point { at, value }).collect())
            })
            .collect()
    }
}

impl Collected {
    fn take(&mut self, result: &MetricDataResult) {
        let pairs = result.timestamps().iter().zip(result.values());
        for (at, value) in pairs {
            // CloudWatch holds finite numbers only; anything else is no point.
            if let (Some(at), true) = (instant(at), value.is_finite()) {
                self.points.insert(at, *value);
            }
        }
        self.standing = match result.status_code() {
            None | Some(StatusCode::Complete) => Standing::Complete,
            Some(StatusCode::Forbidden) => Standing::Forbidden,
            // PartialData: more pages come, or it is asked for again. InternalError, or a word not known yet: again.
            Some(_) => Standing::Owed,
        };
    }
}

fn instant(at: &primitives::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.secs(), at.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(id: &str, points: &[(i64, f64)], status: StatusCode) -> MetricDataResult {
        let stamps = points.iter().map(|(at, _)| primitives::DateTime::from_secs(*at));
        MetricDataResult::builder()
            .id(id)
            .set_timestamps(Some(stamps.collect()))
            .set_values(Some(points.iter().map(|(_, value)| *value).collect()))
            .status_code(status)
            .build()
    }

    fn page(results: Vec<MetricDataResult>) -> GetMetricDataOutput {
        GetMetricDataOutput::builder().set_metric_data_results(Some(results)).build()
    }

    fn metric(id: &str) -> Option<&'static str> {
        ["A", "B", "C"].into_iter().find(|name| name.eq_ignore_ascii_case(id))
    }

    fn values(points: &[Point]) -> Vec<(i64, f64)> {
        points.iter().map(|p| (p.at.timestamp(), p.value)).collect()
    }

    #[test]
    fn pages_are_merged_by_id_and_sorted() {
        let mut pages = SeriesPages::default();
        let first = page(vec![
            result("a", &[(180, 3.0), (120, 2.0)], StatusCode::PartialData),
            result("b", &[], StatusCode::Complete),
        ]);
        let second = page(vec![
            result("a", &[(120, 2.5), (60, 1.0)], StatusCode::Complete),
            result("stranger", &[(60, 9.0)], StatusCode::Complete),
        ]);
        pages.take(&first, metric);
        pages.take(&second, metric);
        assert_eq!(pages.drop_owed(&["A", "B"]), [""; 0]);
        let points = pages.into_points(Partial::Unknown);
        assert_eq!(values(&points["A"]), [(60, 1.0), (120, 2.5), (180, 3.0)]);
        assert_eq!(values(&points["B"]), []);
        assert_eq!(points.len(), 2);
    }

    #[test]
    fn what_is_owed_is_asked_for_again_from_the_start() {
        let mut pages = SeriesPages::default();
        let first = page(vec![
            result("a", &[(60, 1.0)], StatusCode::InternalError),
            result("b", &[(60, 2.0)], StatusCode::Complete),
            result("c", &[(60, 3.0)], StatusCode::from("Novelty")),
        ]);
        pages.take(&first, metric);
        assert_eq!(pages.drop_owed(&["A", "B", "C"]), ["A", "C"]);
        let again = page(vec![result("a", &[(120, 4.0)], StatusCode::Complete)]);
        pages.take(&again, metric);
        assert_eq!(pages.drop_owed(&["A", "B", "C"]), ["C"]);
        let points = pages.into_points(Partial::Unknown);
        assert_eq!(values(&points["A"]), [(120, 4.0)]);
        assert!(!points.contains_key("C"));
    }

    #[test]
    fn a_metric_that_no_page_names_is_owed() {
        let mut pages = SeriesPages::default();
        pages.take(&page(vec![]), metric);
        assert_eq!(pages.drop_owed(&["A"]), ["A"]);
    }

    #[test]
    fn forbidden_is_told() {
        let mut pages = SeriesPages::default();
        assert!(!pages.forbidden());
        pages.take(&page(vec![result("a", &[], StatusCode::Forbidden)]), metric);
        assert!(pages.forbidden());
    }

    #[test]
    fn what_is_no_number_is_no_point() {
        let mut pages = SeriesPages::default();
        let odd = [(60, f64::NAN), (120, f64::INFINITY), (180, 1.0)];
        pages.take(&page(vec![result("a", &odd, StatusCode::Complete)]), metric);
        assert_eq!(values(&pages.into_points(Partial::Unknown)["A"]), [(180, 1.0)]);
    }
}
