//! `MetricDataQuery`, as GetMetricData and PutMetricAlarm both take it: a metric to read or an expression over others.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::{MAX_NAME, invalid, required};
use super::math::{self, Expression};
use super::metric_key::{self, MetricKey};
use super::statistic::Statistic;
use super::unit;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::value::{Structure, Value};

/// Characters of an expression.
const MAX_EXPRESSION: usize = 2048;

/// One query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricQuery {
    /// Its name within the request.
    pub(crate) id: String,
    /// What it gives.
    pub(crate) source: Source,
    /// The label to show; made up when `None`.
    pub(crate) label: Option<String>,
    /// Whether the request wants the result, or only expressions do.
    pub(crate) return_data: bool,
}

/// Where a query's values come from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// A statistic of a metric.
    Metric(MetricStat),
    /// The text of an expression, and what it means.
    Expression(String, Expression),
}

/// A statistic of a metric by period.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricStat {
    /// Which metric.
    pub(crate) key: MetricKey,
    /// The length of a period in seconds.
    pub(crate) period: i64,
    /// The statistic, with the name by which it was asked for.
    pub(crate) statistic: (String, Statistic),
    /// Only samples of this unit, if given.
    pub(crate) unit: Option<&'static str>,
}

/// Reads the queries of a request and checks that they fit together. `valid_period` is what the operation allows.
pub(crate) fn read(
    fields: &Fields<'_>,
    name: &str,
    valid_period: fn(i64) -> bool,
) -> Result<Vec<MetricQuery>, AwsError> {
    let queries: Vec<MetricQuery> = fields
        .structures(name)?
        .iter()
        .map(|query| read_one(query, valid_period))
        .collect::<Result<_, _>>()?;
    let mut ids = BTreeSet::new();
    for query in &queries {
        if !ids.insert(query.id.as_str()) {
            return Err(AwsError::validation(format!(
                "The values for parameter id in {name} must be unique: {} is not.",
                query.id
            )));
        }
    }
    evaluation_order(&queries)?;
    Ok(queries)
}

fn read_one(fields: &Fields<'_>, valid_period: fn(i64) -> bool) -> Result<MetricQuery, AwsError> {
    let Some(id) = fields.text("Id")? else {
        return Err(AwsError::validation(required(&fields.path("Id"))));
    };
    let well_formed = (1..=MAX_NAME).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !well_formed {
        return Err(AwsError::validation(format!(
            "The value {id} for parameter {} is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.",
            fields.path("Id")
        )));
    }
    let source = match (fields.structure("MetricStat")?, fields.text("Expression")?) {
        (Some(stat), None) => Source::Metric(read_stat(&stat, valid_period)?),
        (None, Some(text)) => Source::Expression(text.to_owned(), read_expression(id, text, fields)?),
        (Some(_), Some(_)) => {
            return Err(AwsError::validation(format!(
                "The parameters {} and {} are mutually exclusive and you have specified both.",
                fields.path("Expression"),
                fields.path("MetricStat")
            )));
        }
        (None, None) => {
            return Err(AwsError::validation(format!(
                "Either {} or {} must be specified.",
                fields.path("Expression"),
                fields.path("MetricStat")
            )));
        }
    };
    Ok(MetricQuery {
        id: id.to_owned(),
        source,
        label: fields.text("Label")?.map(str::to_owned),
        return_data: fields.boolean("ReturnData")?.unwrap_or(true),
    })
}

fn read_expression(id: &str, text: &str, fields: &Fields<'_>) -> Result<Expression, AwsError> {
    if !(1..=MAX_EXPRESSION).contains(&text.chars().count()) {
        return Err(AwsError::validation(format!(
            "The parameter {} must be between 1 and {MAX_EXPRESSION} characters long.",
            fields.path("Expression")
        )));
    }
    math::parse(text).map_err(|problem| in_expression(id, problem))
}

/// The message for whatever is wrong with an expression.
pub(crate) fn in_expression(id: &str, problem: impl std::fmt::Display) -> AwsError {
    AwsError::validation(format!("Error in expression '{id}': {problem}"))
}

fn read_stat(fields: &Fields<'_>, valid_period: fn(i64) -> bool) -> Result<MetricStat, AwsError> {
    const CODE: &str = "ValidationError";
    let missing = |name: &str| AwsError::validation(required(&fields.path(name)));
    let metric = fields.structure("Metric")?.ok_or_else(|| missing("Metric"))?;
    let missing_of_metric = |name: &str| AwsError::validation(required(&metric.path(name)));
    let key = MetricKey {
        namespace: metric_key::namespace(&metric, CODE)?
            .ok_or_else(|| missing_of_metric("Namespace"))?
            .to_owned(),
        name: metric_key::metric_name(&metric, CODE)?
            .ok_or_else(|| missing_of_metric("MetricName"))?
            .to_owned(),
        dimensions: metric_key::dimensions(&metric, CODE, CODE)?,
    };
    let period = fields.integer("Period")?.ok_or_else(|| missing("Period"))?;
    if !valid_period(period) {
        return Err(AwsError::validation(invalid(period, &fields.path("Period"))));
    }
    let name = fields.text("Stat")?.ok_or_else(|| missing("Stat"))?;
    let statistic = Statistic::parse(name).ok_or_else(|| {
        AwsError::validation(format!(
            "The value {name} for parameter {} is not a valid statistic.",
            fields.path("Stat")
        ))
    })?;
    let unit = fields
        .text("Unit")?
        .map(|name| {
            unit::parse(name).ok_or_else(|| AwsError::validation(unit::refused(&fields.path("Unit"))))
        })
        .transpose()?;
    Ok(MetricStat { key, period, statistic: (name.to_owned(), statistic), unit })
}

/// The queries in an order in which each comes after all that it refers to.
pub(crate) fn evaluation_order(queries: &[MetricQuery]) -> Result<Vec<usize>, AwsError> {
    let by_id: BTreeMap<&str, usize> =
        queries.iter().enumerate().map(|(index, query)| (query.id.as_str(), index)).collect();
    let mut waits_for: Vec<BTreeSet<usize>> = Vec::with_capacity(queries.len());
    for query in queries {
        let mut needed = BTreeSet::new();
        if let Source::Expression(_, expression) = &query.source {
            for id in expression.ids() {
                let index =
                    by_id.get(id).ok_or_else(|| in_expression(&query.id, format!("Unknown id {id}")))?;
                needed.insert(*index);
            }
        }
        waits_for.push(needed);
    }
    let mut order = Vec::with_capacity(queries.len());
    let mut waiting: BTreeSet<usize> = (0..queries.len()).collect();
    while !waiting.is_empty() {
        let ready: Vec<usize> =
            waiting.iter().copied().filter(|index| waits_for[*index].is_disjoint(&waiting)).collect();
        let Some(first) = waiting.first().filter(|_| ready.is_empty()) else {
            for index in &ready {
                waiting.remove(index);
            }
            order.extend(ready);
            continue;
        };
        return Err(in_expression(&queries[*first].id, "The expressions refer to each other in a circle"));
    }
    Ok(order)
}

impl MetricQuery {
    /// The query as a structure of the model, defaults filled in.
    pub(crate) fn to_value(&self) -> Value {
        let query = Structure::new().with("Id", &self.id);
        let query = match &self.source {
            Source::Metric(stat) => query.with(
                "MetricStat",
                Structure::new()
                    .with("Metric", stat.key.to_value())
                    .with("Period", stat.period)
                    .with("Stat", &stat.statistic.0)
                    .with_some("Unit", stat.unit),
            ),
            Source::Expression(text, _) => query.with("Expression", text),
        };
        query.with_some("Label", self.label.as_ref()).with("ReturnData", self.return_data).into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::window::valid_period;
    use super::*;

    fn metric(id: &str) -> Structure {
        Structure::new().with("Id", id).with(
            "MetricStat",
            Structure::new()
                .with("Metric", Structure::new().with("Namespace", "N").with("MetricName", "M"))
                .with("Period", 60)
                .with("Stat", "Sum"),
        )
    }

    fn expression(id: &str, text: &str) -> Structure {
        Structure::new().with("Id", id).with("Expression", text)
    }

    fn read_all(queries: Vec<Structure>) -> Result<Vec<MetricQuery>, AwsError> {
        let request = Value::from(Structure::new().with("Queries", queries));
        read(&Fields::of(&request).unwrap(), "Queries", valid_period)
    }

    #[test]
    fn queries_come_after_what_they_refer_to() {
        let queries =
            read_all(vec![expression("c", "b + a"), expression("b", "a * 2"), metric("a")]).unwrap();
        assert_eq!(evaluation_order(&queries).unwrap(), [2, 1, 0]);
    }

    #[test]
    fn queries_that_do_not_fit_together_are_refused() {
        for (queries, part) in [
            (vec![expression("a", "b"), expression("b", "a")], "circle"),
            (vec![expression("a", "a + 1")], "circle"),
            (vec![expression("a", "m9")], "Unknown id m9"),
            (vec![metric("a"), metric("a")], "unique"),
            (vec![metric("A")], "pattern"),
            (vec![metric("a-b")], "pattern"),
            (vec![metric("1")], "pattern"),
            (vec![metric(&"a".repeat(256))], "pattern"),
            (vec![expression("a", "METRICS()")], "Unsupported function METRICS"),
            (vec![Structure::new().with("Id", "a")], "Either"),
            (vec![metric("a").with("Expression", "b")], "mutually exclusive"),
            (vec![Structure::new().with("Expression", "b")], "Id is required"),
        ] {
            let error = read_all(queries).unwrap_err();
            assert_eq!(error.code, "ValidationError");
            assert!(error.message.contains(part), "{}", error.message);
        }
    }

    #[test]
    fn a_query_is_told_as_it_was_given() {
        let queries = read_all(vec![metric("a")]).unwrap();
        let told = queries[0].to_value();
        let fields = Fields::of(&told).unwrap();
        assert_eq!(fields.boolean("ReturnData").unwrap(), Some(true));
        let again = read_all(vec![]).unwrap();
        assert!(again.is_empty());
        let Value::Map(members) = told.clone() else { panic!("{told:?}") };
        let request = Value::Map(vec![("Queries".to_owned(), Value::List(vec![Value::Map(members)]))]);
        let reread = read(&Fields::of(&request).unwrap(), "Queries", valid_period).unwrap();
        assert_eq!(reread, queries);
    }
}
