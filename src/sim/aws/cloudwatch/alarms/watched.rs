//! What an alarm watches: one metric, or the one result of several queries.

use super::alarm::Watched;
use super::members::refuse;
use crate::sim::aws::cloudwatch::limits::DAY;
use crate::sim::aws::cloudwatch::metric_key::{self, MetricKey};
use crate::sim::aws::cloudwatch::metric_query::{self, MetricQuery, MetricStat, Source};
use crate::sim::aws::cloudwatch::statistic::Statistic;
use crate::sim::aws::cloudwatch::unit;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;

/// Metrics in a math alarm; and as many expressions.
const MAX_QUERIES_OF_A_KIND: usize = 10;

const CODE: &str = "ValidationError";

/// What is given by `Metrics` instead, in a math alarm.
const SINGLE_METRIC: [&str; 7] =
    ["MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic"];

/// The periods of alarms: 10, 20 and 30 seconds, or whole minutes.
fn valid_period(period: i64) -> bool {
    matches!(period, 10 | 20 | 30) || (period >= 60 && period % 60 == 0)
}

/// An alarm looks back at most a day, or a week when its period is an hour or longer.
pub(crate) fn check_span(period: Option<i64>, evaluation_periods: i64) -> Result<(), AwsError> {
    let Some(period) = period else {
        return Ok(());
    };
    let (longest, words) = if period >= 3600 { (7 * DAY, "seven days") } else { (DAY, "a day") };
    if period.saturating_mul(evaluation_periods) > longest {
        return Err(refuse(format!(
            "Metrics cannot be checked across more than {words} (EvaluationPeriods * Period must be <= {longest})."
        )));
    }
    Ok(())
}

/// What the request wants to be watched: `MetricName` and its like, or `Metrics`.
pub(crate) fn read(fields: &Fields<'_>) -> Result<Watched, AwsError> {
    if fields.has("Metrics") {
        if let Some(name) = SINGLE_METRIC.iter().find(|name| fields.has(name)) {
            return Err(refuse(format!("{name} should not be set if list of Metrics is set.")));
        }
        return read_queries(fields).map(Watched::Queries);
    }
    let needed = |name: &str| refuse(format!("{name} must not be null"));
    let key = MetricKey {
        name: metric_key::metric_name(fields, CODE)?.ok_or_else(|| needed("MetricName"))?.to_owned(),
        namespace: metric_key::namespace(fields, CODE)?.ok_or_else(|| needed("Namespace"))?.to_owned(),
        dimensions: metric_key::dimensions(fields, CODE, CODE)?,
    };
    let period = fields.integer("Period")?.ok_or_else(|| needed("Period"))?;
    if !valid_period(period) {
        return Err(refuse("Metric period must be 10, 20, 30 or a multiple of 60"));
    }
    let (name, statistic) = match (fields.text("Statistic")?, fields.text("ExtendedStatistic")?) {
        (Some(name), None) => (name, Statistic::parse_basic(name)),
        (None, Some(name)) => (name, Statistic::parse_percentile(name)),
        _ => {
            return Err(refuse("Exactly one of Statistic and ExtendedStatistic must be set"));
        }
    };
    let statistic = statistic.ok_or_else(|| refuse(format!("The value {name} is not a valid statistic.")))?;
    let unit = match fields.text("Unit")? {
        None => None,
        Some(name) => Some(unit::parse(name).ok_or_else(|| refuse(unit::refused("Unit")))?),
    };
    Ok(Watched::Metric(MetricStat { key, period, statistic: (name.to_owned(), statistic), unit }))
}

fn read_queries(fields: &Fields<'_>) -> Result<Vec<MetricQuery>, AwsError> {
    let queries = metric_query::read(fields, "Metrics", valid_period)?;
    let expressions = queries.iter().filter(|query| matches!(query.source, Source::Expression(..))).count();
    if expressions.max(queries.len() - expressions) > MAX_QUERIES_OF_A_KIND {
        return Err(refuse(format!(
            "Metrics may hold at most {MAX_QUERIES_OF_A_KIND} metrics and {MAX_QUERIES_OF_A_KIND} expressions."
        )));
    }
    if queries.iter().filter(|query| query.return_data).count() != 1 {
        return Err(refuse("Exactly one element of the metrics list should return data."));
    }
    Ok(queries)
}

impl Watched {
    /// The longest period among the metrics, if there is any metric.
    pub(crate) fn longest_period(&self) -> Option<i64> {
        match self {
            Watched::Metric(stat) => Some(stat.period),
            Watched::Queries(queries) => queries
                .iter()
                .filter_map(|query| match &query.source {
                    Source::Metric(stat) => Some(stat.period),
                    Source::Expression(..) => None,
                })
                .max(),
        }
    }

    /// Whether it is a percentile of one metric.
    pub(crate) fn is_percentile(&self) -> bool {
        matches!(self, Watched::Metric(stat) if matches!(stat.statistic.1, Statistic::Percentile(_)))
    }
}
