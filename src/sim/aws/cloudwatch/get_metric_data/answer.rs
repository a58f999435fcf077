//! The answer: the results, cut into a page.

use chrono::{DateTime, Utc};

use super::pages::{self, Place};
use super::request::Request;
use super::results::results;
use crate::sim::aws::account::{Settings, State};
use crate::sim::aws::cloudwatch::metric_query::{MetricQuery, Source};
use crate::sim::aws::cloudwatch::store::MetricStore;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let request = Request::read(fields)?;
    let answer = request.answer(&state.cloudwatch.metrics, call.settings, call.now)?;
    Ok(Some(answer.into()))
}

impl Request {
    fn answer(
        &self,
        metrics: &MetricStore,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<Structure, AwsError> {
        let identity = self.identity();
        let place = match &self.token {
            None => Place { as_of: now, offset: 0 },
            // A request with math is answered on one page, so it never had a token.
            Some(token) => Place::of_token(token, &identity)
                .filter(|_| !self.has_math())
                .ok_or_else(|| AwsError::new("InvalidNextToken", "The value of NextToken is not valid."))?,
        };
        let results = results(self, metrics, place.as_of)?;
        let lengths: Vec<usize> = results.iter().map(|(_, points)| points.len()).collect();
        let total: usize = lengths.iter().sum();
        let size = self.page_size(settings, place.offset, total);
        let shown: Vec<Structure> = pages::slices(&lengths, place.offset, size)
            .into_iter()
            .map(|slice| {
                let (query, points) = &results[slice.result];
                match settings.owes(query) {
                    true => result(query, &[], "InternalError"),
                    false if slice.complete => result(query, &points[slice.points], "Complete"),
                    false => result(query, &points[slice.points], "PartialData"),
                }
            })
            .collect();
        let next = Place { offset: place.offset + size, ..place };
        let token = (next.offset < total && !self.has_math()).then(|| next.token(&identity));
        Ok(Structure::new()
            .with("MetricDataResults", shown)
            .with_some("NextToken", token)
            .with("Messages", Value::List(Vec::new())))
    }

    /// Datapoints on this page at most.
    fn page_size(&self, settings: &Settings, offset: usize, total: usize) -> usize {
        if self.has_math() {
            return self.max_datapoints;
        }
        let size = self.max_datapoints.min(settings.page_size.unwrap_or(usize::MAX)).max(1);
        if settings.partial_data && offset == 0 && total > 1 { size.min(total.div_ceil(2)) } else { size }
    }
}

impl Settings {
    /// Whether that is a metric which is never completed.
    fn owes(&self, query: &MetricQuery) -> bool {
        matches!(&query.source, Source::Metric(stat) if self.owed.contains(&stat.key.name))
    }
}

fn result(query: &MetricQuery, points: &[(i64, f64)], status: &str) -> Structure {
    let label = query.label.clone().unwrap_or_else(|| match &query.source {
        Source::Metric(stat) => stat.key.name.clone(),
        Source::Expression(..) => query.id.clone(),
    });
    let timestamps: Vec<Value> =
        points.iter().filter_map(|(at, _)| DateTime::from_timestamp(*at, 0)).map(Value::Timestamp).collect();
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    Structure::new()
        .with("Id", &query.id)
        .with("Label", label)
        .with("Timestamps", timestamps)
        .with("Values", values)
        .with("StatusCode", status)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::Duration;

    use super::*;
    use crate::sim::aws::cloudwatch::distribution::Distribution;
    use crate::sim::aws::cloudwatch::metric_key::MetricKey;
    use crate::sim::aws::cloudwatch::store::Sample;

    fn now() -> DateTime<Utc> {
        "2026-03-31T12:10:00Z".parse().unwrap()
    }

    /// Ten minutes of one metric from two nodes: the k-th minute before now sums up to 2k.
    fn metrics() -> MetricStore {
        let mut metrics = MetricStore::default();
        for minute in 1..=10 {
            for _ in 0..2 {
                metrics.add(
                    MetricKey {
                        namespace: "AWS/ApplicationELB".to_owned(),
                        name: "ActiveConnectionCount".to_owned(),
                        dimensions: BTreeMap::new(),
                    },
                    (now() - Duration::minutes(minute)).timestamp(),
                    Sample {
                        unit: "Count",
                        visible_at: now() - Duration::minutes(minute - 1),
                        high_resolution: true,
                        values: Distribution::single(f64::from(i32::try_from(minute).unwrap())),
                    },
                    now(),
                );
            }
        }
        metrics
    }

    fn stat(id: &str, statistic: &str) -> Structure {
        Structure::new().with("Id", id).with(
            "MetricStat",
            Structure::new()
                .with(
                    "Metric",
                    Structure::new()
                        .with("Namespace", "AWS/ApplicationELB")
                        .with("MetricName", "ActiveConnectionCount"),
                )
                .with("Period", 60)
                .with("Stat", statistic),
        )
    }

    fn request(queries: Vec<Structure>) -> Structure {
        Structure::new()
            .with("StartTime", now() - Duration::minutes(3) - Duration::seconds(5))
            .with("EndTime", now())
            .with("MetricDataQueries", queries)
    }

    fn ask_with(request: Structure, settings: &Settings) -> Result<Value, AwsError> {
        let request = Value::from(request);
        let request = Request::read(&Fields::of(&request)?)?;
        Ok(request.answer(&metrics(), settings, now())?.into())
    }

    fn ask(request: Structure) -> Result<Value, AwsError> {
        ask_with(request, &Settings::default())
    }

    /// Id, minutes before now, values and status of a result.
    type Row = (String, Vec<i64>, Vec<f64>, String);

    /// The results of an answer, and its token.
    fn rows(answer: &Value) -> (Vec<Row>, Option<String>) {
        let fields = Fields::of(answer).unwrap();
        let rows = fields
            .structures("MetricDataResults")
            .unwrap()
            .iter()
            .map(|result| {
                let minutes = result
                    .timestamps("Timestamps")
                    .unwrap()
                    .into_iter()
                    .map(|at| (now() - at).num_minutes())
                    .collect();
                (
                    result.text("Id").unwrap().unwrap().to_owned(),
                    minutes,
                    result.numbers("Values").unwrap().unwrap(),
                    result.text("StatusCode").unwrap().unwrap().to_owned(),
                )
            })
            .collect();
        (rows, fields.text("NextToken").unwrap().map(str::to_owned))
    }

    fn complete(id: &str, minutes: Vec<i64>, values: Vec<f64>) -> Row {
        (id.to_owned(), minutes, values, "Complete".to_owned())
    }

    #[test]
    fn the_newest_comes_first_unless_asked_otherwise() {
        let (rows_descending, token) = rows(&ask(request(vec![stat("a", "Sum")])).unwrap());
        // 12:06:55 is rounded down to 12:06.
        assert_eq!(rows_descending, [complete("a", vec![1, 2, 3, 4], vec![2.0, 4.0, 6.0, 8.0])]);
        assert_eq!(token, None);
        let ascending = request(vec![stat("a", "Sum")]).with("ScanBy", "TimestampAscending");
        let (rows_ascending, _) = rows(&ask(ascending).unwrap());
        assert_eq!(rows_ascending, [complete("a", vec![4, 3, 2, 1], vec![8.0, 6.0, 4.0, 2.0])]);
    }

    #[test]
    fn the_end_is_exclusive_and_statistics_are_per_period() {
        let request = Structure::new()
            .with("StartTime", now() - Duration::minutes(2))
            .with("EndTime", now() - Duration::minutes(1))
            .with(
                "MetricDataQueries",
                ["Sum", "Average", "Minimum", "Maximum", "SampleCount", "p50"]
                    .map(|name| stat(&name.to_lowercase(), name))
                    .into_iter()
                    .collect::<Vec<_>>(),
            );
        let (rows, _) = rows(&ask(request).unwrap());
        let values: Vec<f64> = rows.iter().map(|(_, _, values, _)| values[0]).collect();
        assert_eq!(values, [4.0, 2.0, 2.0, 2.0, 2.0, 2.0]);
        assert!(rows.iter().all(|(_, minutes, ..)| minutes == &[2]));
    }

    #[test]
    fn math_works_on_results_that_are_not_returned() {
        let answer = ask(request(vec![
            Structure::new().with("Id", "half").with("Expression", "FILL(a, 0) / 2"),
            stat("a", "Sum").with("ReturnData", false),
        ]))
        .unwrap();
        assert_eq!(rows(&answer).0, [complete("half", vec![1, 2, 3, 4], vec![1.0, 2.0, 3.0, 4.0])]);
    }

    #[test]
    fn pages_are_cut_by_datapoints_and_joined_by_id() {
        let queries = || request(vec![stat("a", "Sum"), stat("b", "Average")]).with("MaxDatapoints", 3);
        let (first, token) = rows(&ask(queries()).unwrap());
        assert_eq!(
            first,
            [
                ("a".to_owned(), vec![1, 2, 3], vec![2.0, 4.0, 6.0], "PartialData".to_owned()),
                ("b".to_owned(), vec![], vec![], "PartialData".to_owned())
            ]
        );
        let (second, token) = rows(&ask(queries().with("NextToken", token.unwrap())).unwrap());
        assert_eq!(second[0], complete("a", vec![4], vec![8.0]));
        assert_eq!(second[1].1, [1, 2]);
        let (third, end) = rows(&ask(queries().with("NextToken", token.unwrap())).unwrap());
        assert_eq!(third, [complete("b", vec![3, 4], vec![3.0, 4.0])]);
        assert_eq!(end, None);
    }

    #[test]
    fn settings_can_shorten_pages_and_halve_the_first() {
        let small = Settings { page_size: Some(1), ..Settings::default() };
        let (page, token) = rows(&ask_with(request(vec![stat("a", "Sum")]), &small).unwrap());
        assert_eq!((page[0].2.len(), token.is_some()), (1, true));
        let partial = Settings { partial_data: true, ..Settings::default() };
        let (page, token) = rows(&ask_with(request(vec![stat("a", "Sum")]), &partial).unwrap());
        assert_eq!((page[0].2.len(), page[0].3.as_str()), (2, "PartialData"));
        let rest = request(vec![stat("a", "Sum")]).with("NextToken", token.unwrap());
        let (page, token) = rows(&ask_with(rest, &partial).unwrap());
        assert_eq!((page[0].2.len(), page[0].3.as_str(), token), (2, "Complete", None));
    }

    #[test]
    fn a_request_with_math_has_no_token() {
        let queries = vec![stat("a", "Sum"), Structure::new().with("Id", "b").with("Expression", "a")];
        let (page, token) = rows(&ask(request(queries).with("MaxDatapoints", 5)).unwrap());
        assert_eq!((page[1].2.len(), page[1].3.as_str(), token), (1, "PartialData", None));
    }

    #[test]
    fn a_metric_without_data_is_complete_and_empty() {
        let (rows, _) = rows(&ask(request(vec![stat("a", "Sum").with("Label", "x")])).unwrap());
        assert_eq!(rows.len(), 1);
        let wrong_unit = Structure::new().with("Id", "u").with(
            "MetricStat",
            Structure::new()
                .with(
                    "Metric",
                    Structure::new()
                        .with("Namespace", "AWS/ApplicationELB")
                        .with("MetricName", "ActiveConnectionCount"),
                )
                .with("Period", 60)
                .with("Stat", "Sum")
                .with("Unit", "Bytes"),
        );
        let (rows, _) = self::rows(&ask(request(vec![wrong_unit])).unwrap());
        assert_eq!(rows, [complete("u", vec![], vec![])]);
    }

    #[test]
    fn a_token_of_another_request_is_refused() {
        let first = request(vec![stat("a", "Sum")]).with("MaxDatapoints", 1);
        let (_, token) = rows(&ask(first).unwrap());
        let token = token.unwrap();
        for (queries, token) in
            [(vec![stat("a", "Average")], token.as_str()), (vec![stat("a", "Sum")], "nonsense")]
        {
            let error = ask(request(queries).with("NextToken", token)).unwrap_err();
            assert_eq!(error.code, "InvalidNextToken");
        }
    }
}
