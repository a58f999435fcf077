//! Works out what every query of a request gives, before any paging.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::request::Request;
use crate::sim::aws::cloudwatch::math::{self, Series};
use crate::sim::aws::cloudwatch::metric_query::{self, MetricQuery, Source, in_expression};
use crate::sim::aws::cloudwatch::store::MetricStore;
use crate::sim::aws::cloudwatch::window::Window;
use crate::sim::aws::error::AwsError;

/// Datapoints that one request may make the simulator work out, over all pages; far more than any real use.
const MAX_WORK: usize = 2_000_000;

/// A query, and its datapoints in the wanted order: period starts and values.
pub(crate) type QueryResult<'a> = (&'a MetricQuery, Vec<(i64, f64)>);

/// The datapoints of every wanted query, in the wanted order.
pub(crate) fn results<'a>(
    request: &'a Request,
    metrics: &MetricStore,
    as_of: DateTime<Utc>,
) -> Result<Vec<QueryResult<'a>>, AwsError> {
    let mut series: BTreeMap<String, Series> = BTreeMap::new();
    let mut work = 0;
    for index in metric_query::evaluation_order(&request.queries)? {
        let query = &request.queries[index];
        let result = match &query.source {
            Source::Metric(stat) => {
                let window = Window::new(request.start, request.end, stat.period, as_of);
                let points = metrics
                    .read(&stat.key, stat.unit, &window, as_of)
                    .iter()
                    .filter_map(|(at, values)| Some((*at, stat.statistic.1.of(values)?)))
                    .collect();
                Series { window, points }
            }
            Source::Expression(_, expression) => {
                math::evaluate(expression, &series).map_err(|problem| in_expression(&query.id, problem))?
            }
        };
        work += result.points.len();
        if work > MAX_WORK {
            return Err(AwsError::validation(
                "The request makes too many datapoints; ask for less time or a longer period.",
            ));
        }
        series.insert(query.id.clone(), result);
    }
    Ok(request
        .queries
        .iter()
        .filter(|query| query.return_data)
        .map(|query| {
            let mut points: Vec<(i64, f64)> = series
                .remove(&query.id)
                .map(|series| series.points.into_iter().collect())
                .unwrap_or_default();
            if !request.ascending {
                points.reverse();
            }
            (query, points)
        })
        .collect())
}
