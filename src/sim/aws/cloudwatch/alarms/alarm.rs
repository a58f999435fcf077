//! What is kept of an alarm, and how it is described.

use chrono::{DateTime, Utc};

use crate::sim::aws::account::Owner;
use crate::sim::aws::cloudwatch::metric_key::dimensions_value;
use crate::sim::aws::cloudwatch::metric_query::{MetricQuery, MetricStat};
use crate::sim::aws::cloudwatch::statistic::Statistic;
use crate::sim::aws::value::{Structure, Value};

/// One metric alarm.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Alarm {
    /// What PutMetricAlarm last said.
    pub(crate) configuration: Configuration,
    /// When it said so.
    pub(crate) configured_at: DateTime<Utc>,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub(crate) state: &'static str,
    /// When it came into that state.
    pub(crate) in_state_since: DateTime<Utc>,
}

/// An alarm's configuration, which an update replaces as a whole.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Configuration {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) actions_enabled: bool,
    pub(crate) ok_actions: Vec<String>,
    pub(crate) alarm_actions: Vec<String>,
    pub(crate) insufficient_data_actions: Vec<String>,
    pub(crate) watched: Watched,
    pub(crate) evaluation_periods: i64,
    pub(crate) datapoints_to_alarm: Option<i64>,
    pub(crate) threshold: f64,
    pub(crate) comparison: String,
    pub(crate) treat_missing_data: Option<String>,
    pub(crate) low_sample_counts: Option<String>,
}

/// What an alarm compares with its threshold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Watched {
    /// A statistic of one metric.
    Metric(MetricStat),
    /// The one query that returns data.
    Queries(Vec<MetricQuery>),
}

impl Alarm {
    /// The alarm as a `MetricAlarm` of the model.
    pub(crate) fn to_value(&self, owner: &Owner) -> Value {
        let Configuration {
            name,
            description,
            actions_enabled,
            ok_actions,
            alarm_actions,
            insufficient_data_actions,
            watched,
            evaluation_periods,
            datapoints_to_alarm,
            threshold,
            comparison,
            treat_missing_data,
            low_sample_counts,
        } = &self.configuration;
        let alarm = Structure::new()
            .with("AlarmName", name)
            .with("AlarmArn", owner.arn("cloudwatch", &format!("alarm:{name}")))
            .with_some("AlarmDescription", description.as_ref())
            .with("AlarmConfigurationUpdatedTimestamp", self.configured_at)
            .with("ActionsEnabled", *actions_enabled)
            .with("OKActions", ok_actions.clone())
            .with("AlarmActions", alarm_actions.clone())
            .with("InsufficientDataActions", insufficient_data_actions.clone())
            .with("StateValue", self.state)
            .with("StateReason", "Unchecked: Initial alarm creation")
            .with("StateUpdatedTimestamp", self.in_state_since)
            .with("StateTransitionedTimestamp", self.in_state_since);
        watched
            .describe(alarm)
            .with("EvaluationPeriods", *evaluation_periods)
            .with_some("DatapointsToAlarm", *datapoints_to_alarm)
            .with("Threshold", *threshold)
            .with("ComparisonOperator", comparison)
            .with_some("TreatMissingData", treat_missing_data.as_ref())
            .with_some("EvaluateLowSampleCountPercentile", low_sample_counts.as_ref())
            .into()
    }

    /// All its actions, whatever state they are for.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &String> {
        let Configuration { ok_actions, alarm_actions, insufficient_data_actions, .. } = &self.configuration;
        ok_actions.iter().chain(alarm_actions).chain(insufficient_data_actions)
    }
}

impl Watched {
    fn describe(&self, alarm: Structure) -> Structure {
        match self {
            Watched::Queries(queries) => {
                let queries: Vec<Value> = queries.iter().map(MetricQuery::to_value).collect();
                alarm.with("Dimensions", Value::List(Vec::new())).with("Metrics", queries)
            }
            Watched::Metric(stat) => {
                let (name, statistic) = &stat.statistic;
                let member = match statistic {
                    Statistic::Percentile(_) => "ExtendedStatistic",
                    _ => "Statistic",
                };
                alarm
                    .with("MetricName", &stat.key.name)
                    .with("Namespace", &stat.key.namespace)
                    .with(member, name)
                    .with("Dimensions", dimensions_value(&stat.key.dimensions))
                    .with("Period", stat.period)
                    .with_some("Unit", stat.unit)
            }
        }
    }
}
