//! An alarm and what it watches, in the words of PutMetricAlarm: the CLI's input and CloudFormation's properties have
//! the same names, so that one serialization serves both (aws-facts.md §6).

use serde::Serialize;

/// Seconds of a period: AWS publishes an ALB's metrics by the minute (aws-facts.md §1).
pub(super) const MINUTE_S: u32 = 60;

/// A metric alarm on the one query that returns data.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Alarm {
    /// Its name, 1 to 255 characters.
    pub alarm_name: String,
    /// Why it is there and where its threshold comes from; at most 1,024 characters.
    pub alarm_description: String,
    /// ARNs of what is told when it goes off, at most five.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarm_actions: Vec<String>,
    /// The same for when there is no data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub insufficient_data_actions: Vec<String>,
    /// What is watched: at most ten metrics, and exactly one query that returns data.
    pub metrics: Vec<Query>,
    /// Periods that are looked at.
    pub evaluation_periods: u32,
    /// How many of them must be beyond the threshold.
    pub datapoints_to_alarm: u32,
    /// What the query's value is compared with.
    pub threshold: u32,
    /// How.
    pub comparison_operator: Comparison,
    /// What a period without a value means.
    pub treat_missing_data: MissingData,
}

/// Which values are beyond the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Comparison {
    /// The threshold itself too.
    #[serde(rename = "GreaterThanOrEqualToThreshold")]
    AtLeast,
    /// Only what is above it.
    #[serde(rename = "GreaterThanThreshold")]
    Above,
}

/// What a period without a value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MissingData {
    /// All is well.
    NotBreaching,
    /// Nothing: the alarm stays as it is.
    Ignore,
    /// That nothing is known: the alarm says so.
    Missing,
}

/// A metric, or an expression over other queries.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Query {
    /// By which expressions name it.
    pub id: String,
    /// The metric, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_stat: Option<MetricStat>,
    /// The expression, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// How a graph calls it.
    pub label: String,
    /// Whether this is what is watched.
    pub return_data: bool,
}

/// A statistic of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricStat {
    /// Which metric.
    pub metric: Metric,
    /// Seconds; left out where the service that reads it decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<u32>,
    /// `Sum`, `Minimum`, …
    pub stat: String,
}

/// One metric of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Metric {
    /// `AWS/ApplicationELB`, or the user's own.
    pub namespace: String,
    /// Its name.
    pub metric_name: String,
    /// Whose.
    pub dimensions: Vec<MetricDimension>,
}

/// A dimension of a metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricDimension {
    /// Such as `LoadBalancer`.
    pub name: String,
    /// Such as `app/NAME/ID`.
    pub value: String,
}

impl Metric {
    /// A metric of an ALB, at its dimension or at that of one of its target groups: only combinations that AWS
    /// publishes (aws-facts.md §1).
    pub(super) fn of_alb(name: &str, load_balancer: &str, target_group: Option<&str>) -> Metric {
        let dimension = |name: &str, value: &str| MetricDimension { name: name.into(), value: value.into() };
        let group = target_group.map(|group| dimension("TargetGroup", group));
        Metric {
            namespace: "AWS/ApplicationELB".into(),
            metric_name: name.into(),
            dimensions: group.into_iter().chain([dimension("LoadBalancer", load_balancer)]).collect(),
        }
    }
}

impl Query {
    /// A metric by the minute; `return_data` is set by [`Query::watched`].
    pub(super) fn metric(id: &str, metric: Metric, stat: &str) -> Query {
        Query {
            id: id.into(),
            label: metric.metric_name.clone(),
            metric_stat: Some(MetricStat { metric, period: Some(MINUTE_S), stat: stat.into() }),
            expression: None,
            return_data: false,
        }
    }

    /// An expression over others.
    pub(super) fn expression(id: &str, expression: impl Into<String>, label: &str) -> Query {
        Query {
            id: id.into(),
            metric_stat: None,
            expression: Some(expression.into()),
            label: label.into(),
            return_data: false,
        }
    }

    /// The same as what is watched.
    pub(super) fn watched(self) -> Query {
        Query { return_data: true, ..self }
    }
}

impl Comparison {
    /// As a sentence has it.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Comparison::AtLeast => ">=",
            Comparison::Above => ">",
        }
    }
}

impl Alarm {
    /// What is compared, as a person reads it: the expression with the metrics' names in it.
    pub(super) fn watches(&self) -> String {
        let Some(watched) = self.metrics.iter().find(|query| query.return_data) else { return String::new() };
        let Some(expression) = &watched.expression else { return watched.named() };
        let named = |text: String, query: &Query| text.replace(&query.id, &query.named());
        self.metrics.iter().filter(|query| query.metric_stat.is_some()).fold(expression.clone(), named)
    }
}

impl Query {
    fn named(&self) -> String {
        self.metric_stat.as_ref().map_or_else(|| self.id.clone(), |stat| stat.metric.metric_name.clone())
    }
}
