//! Alarms made, read back and taken away, between the values of `publish` and the SDK's.

use aws_sdk_cloudwatch::types::{self, AlarmType, ComparisonOperator, MetricAlarm, MetricDataQuery};

use super::error::AwsError;
use super::sdk_error::Call;
use super::session::Aws;
use crate::publish::recommend::{
    Alarm, AlarmThere, Comparison, Metric, MetricDimension, MetricStat, MissingData, Query,
};

const DESCRIBE: Call = Call { service: "cloudwatch", operation: "DescribeAlarms" };
const PUT: Call = Call { service: "cloudwatch", operation: "PutMetricAlarm" };
const DELETE: Call = Call { service: "cloudwatch", operation: "DeleteAlarms" };

/// Alarms of one page, and of one deletion.
const PAGE: usize = 100;
/// Pages at most. An account's alarms of one load balancer are a handful.
const MOST_PAGES: usize = 100;

impl Aws {
    /// The metric alarms whose names begin so.
    pub(super) async fn alarms_there(&self, prefix: &str) -> Result<Vec<AlarmThere>, AwsError> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let request = self
                .cloudwatch
                .describe_alarms()
                .alarm_name_prefix(prefix)
                .alarm_types(AlarmType::MetricAlarm)
                .max_records(i32::try_from(PAGE).unwrap_or(i32::MAX))
                .set_next_token(token.take());
            let page = DESCRIBE.timed(request.send()).await;
            let page = page.map_err(|error| DESCRIBE.error(&self.cloudwatch_endpoint, &error))?;
            found.extend(page.metric_alarms.unwrap_or_default().iter().map(there));
            token = page.next_token;
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(DESCRIBE.endless(&self.cloudwatch_endpoint))
    }

    /// Makes an alarm, or replaces the one of its name.
    pub(super) async fn put_alarm(&self, alarm: &Alarm) -> Result<(), AwsError> {
        let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let actions = |actions: &[String]| Some(actions.to_vec()).filter(|actions| !actions.is_empty());
        let request = self
            .cloudwatch
            .put_metric_alarm()
            .alarm_name(&alarm.alarm_name)
            .alarm_description(&alarm.alarm_description)
            .set_alarm_actions(actions(&alarm.alarm_actions))
            .set_insufficient_data_actions(actions(&alarm.insufficient_data_actions))
            .set_metrics(Some(alarm.metrics.iter().map(query).collect()))
            .evaluation_periods(count(alarm.evaluation_periods))
            .datapoints_to_alarm(count(alarm.datapoints_to_alarm))
            .threshold(f64::from(alarm.threshold))
            .comparison_operator(match alarm.comparison_operator {
                Comparison::AtLeast => ComparisonOperator::GreaterThanOrEqualToThreshold,
                Comparison::Above => ComparisonOperator::GreaterThanThreshold,
            })
            .treat_missing_data(missing(alarm.treat_missing_data));
        let put = PUT.timed(request.send()).await;
        put.map(|_| ()).map_err(|error| PUT.error(&self.cloudwatch_endpoint, &error))
    }

    /// Takes alarms away. That one of them is not there any more is as good.
    pub(super) async fn delete_alarms(&self, names: &[String]) -> Result<(), AwsError> {
        for names in names.chunks(PAGE) {
            let request = self.cloudwatch.delete_alarms().set_alarm_names(Some(names.to_vec()));
            match DELETE.timed(request.send()).await {
                Ok(_) => {}
                Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found()) => {}
                Err(error) => return Err(DELETE.error(&self.cloudwatch_endpoint, &error)),
            }
        }
        Ok(())
    }
}

fn missing(data: MissingData) -> &'static str {
    match data {
        MissingData::NotBreaching => "notBreaching",
        MissingData::Ignore => "ignore",
        MissingData::Missing => "missing",
    }
}

fn query(query: &Query) -> MetricDataQuery {
    MetricDataQuery::builder()
        .id(&query.id)
        .set_metric_stat(query.metric_stat.as_ref().map(stat))
        .set_expression(query.expression.clone())
        .label(&query.label)
        .return_data(query.return_data)
        .build()
}

fn stat(stat: &MetricStat) -> types::MetricStat {
    let dimension = |dimension: &MetricDimension| {
        types::Dimension::builder().name(&dimension.name).value(&dimension.value).build()
    };
    let metric = types::Metric::builder()
        .namespace(&stat.metric.namespace)
        .metric_name(&stat.metric.metric_name)
        .set_dimensions(Some(stat.metric.dimensions.iter().map(dimension).collect()))
        .build();
    types::MetricStat::builder()
        .metric(metric)
        .set_period(stat.period.and_then(|period| i32::try_from(period).ok()))
        .stat(&stat.stat)
        .build()
}

fn there(alarm: &MetricAlarm) -> AlarmThere {
    AlarmThere {
        alarm_name: alarm.alarm_name.clone().unwrap_or_default(),
        alarm_description: alarm.alarm_description.clone().unwrap_or_default(),
        alarm: read(alarm),
    }
}

/// The alarm in our words; `None` where it has something that ours never have.
fn read(alarm: &MetricAlarm) -> Option<Alarm> {
    let ours =
        alarm.actions_enabled != Some(false) && alarm.ok_actions().is_empty() && alarm.metric_name.is_none();
    let threshold = alarm.threshold?;
    let whole = (0.0..=f64::from(u32::MAX)).contains(&threshold) && threshold.fract() == 0.0;
    let periods = u32::try_from(alarm.evaluation_periods?).ok()?;
    (ours && whole).then_some(())?;
    Some(Alarm {
        alarm_name: alarm.alarm_name.clone()?,
        alarm_description: alarm.alarm_description.clone().unwrap_or_default(),
        alarm_actions: alarm.alarm_actions().to_vec(),
        insufficient_data_actions: alarm.insufficient_data_actions().to_vec(),
        metrics: alarm.metrics().iter().map(read_query).collect::<Option<_>>()?,
        evaluation_periods: periods,
        // Left out, it is as many as are looked at.
        datapoints_to_alarm: alarm
            .datapoints_to_alarm
            .map_or(Some(periods), |count| u32::try_from(count).ok())?,
        // Whole and within u32, as just checked.
        threshold: threshold as u32,
        comparison_operator: match alarm.comparison_operator.as_ref()? {
            ComparisonOperator::GreaterThanOrEqualToThreshold => Comparison::AtLeast,
            ComparisonOperator::GreaterThanThreshold => Comparison::Above,
            _ => return None,
        },
        treat_missing_data: match alarm.treat_missing_data.as_deref() {
            Some("notBreaching") => MissingData::NotBreaching,
            Some("ignore") => MissingData::Ignore,
            Some("missing") | None => MissingData::Missing,
            Some(_) => return None,
        },
    })
}

fn read_query(query: &MetricDataQuery) -> Option<Query> {
    let stat = match &query.metric_stat {
        None => None,
        Some(stat) => {
            let metric = stat.metric.as_ref()?;
            let dimension = |dimension: &types::Dimension| {
                Some(MetricDimension { name: dimension.name.clone()?, value: dimension.value.clone()? })
            };
            Some(MetricStat {
                metric: Metric {
                    namespace: metric.namespace.clone()?,
                    metric_name: metric.metric_name.clone()?,
                    dimensions: metric.dimensions().iter().map(dimension).collect::<Option<_>>()?,
                },
                period: stat.period.and_then(|period| u32::try_from(period).ok()),
                stat: stat.stat.clone()?,
            })
        }
    };
    Some(Query {
        id: query.id.clone()?,
        metric_stat: stat,
        expression: query.expression.clone(),
        label: query.label.clone().unwrap_or_default(),
        return_data: query.return_data.unwrap_or(true),
    })
}
