//! Reads PutMetricAlarm's request and refuses what AWS refuses (aws-facts.md §6).

use super::alarm::Configuration;
use super::members::{camel, constraint, must_not_be_null, one_of, refuse, required_integer};
use super::watched;
use crate::sim::aws::cloudwatch::limits::{MAX_NAME, storable};
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;

/// Actions for one state.
const MAX_ACTIONS: usize = 5;
/// Characters of an action's ARN, and of a description.
const MAX_TEXT: usize = 1024;
/// Kinds of alarms that the simulator does not have.
const NOT_SIMULATED: [&str; 5] = [
    "EvaluationCriteria",
    "EvaluationInterval",
    "EvaluationWindow",
    "ThresholdMetricId",
    "WarmUpConfiguration",
];

/// The configuration that a request describes.
pub(crate) fn configuration(fields: &Fields<'_>) -> Result<Configuration, AwsError> {
    if let Some(name) = NOT_SIMULATED.iter().find(|name| fields.has(name)) {
        return Err(refuse(format!("The parameter {name} is not simulated.")));
    }
    let watched = watched::read(fields)?;
    let evaluation_periods = required_integer(fields, "EvaluationPeriods")?;
    watched::check_span(watched.longest_period(), evaluation_periods)?;
    let low_sample_counts = one_of(fields, "EvaluateLowSampleCountPercentile", &["evaluate", "ignore"])?;
    if low_sample_counts.is_some() && !watched.is_percentile() {
        return Err(refuse(
            "Option EvaluateLowSampleCountPercentile is only supported for percentile statistics",
        ));
    }
    Ok(Configuration {
        name: read_name(fields)?,
        description: read_description(fields)?,
        actions_enabled: fields.boolean("ActionsEnabled")?.unwrap_or(true),
        ok_actions: read_actions(fields, "OKActions")?,
        alarm_actions: read_actions(fields, "AlarmActions")?,
        insufficient_data_actions: read_actions(fields, "InsufficientDataActions")?,
        watched,
        evaluation_periods,
        datapoints_to_alarm: read_datapoints(fields, evaluation_periods)?,
        threshold: read_threshold(fields)?,
        comparison: one_of(
            fields,
            "ComparisonOperator",
            &[
                "GreaterThanOrEqualToThreshold",
                "GreaterThanThreshold",
                "LessThanThreshold",
                "LessThanOrEqualToThreshold",
            ],
        )?
        .ok_or_else(|| must_not_be_null("comparisonOperator"))?,
        treat_missing_data: one_of(
            fields,
            "TreatMissingData",
            &["breaching", "notBreaching", "ignore", "missing"],
        )?,
        low_sample_counts,
    })
}

fn read_datapoints(fields: &Fields<'_>, evaluation_periods: i64) -> Result<Option<i64>, AwsError> {
    match fields.integer("DatapointsToAlarm")? {
        Some(datapoints) if datapoints < 1 => Err(constraint(
            datapoints,
            "datapointsToAlarm",
            "Member must have value greater than or equal to 1",
        )),
        Some(datapoints) if datapoints > evaluation_periods => {
            Err(refuse("DatapointsToAlarm must be less than or equal to EvaluationPeriods"))
        }
        datapoints => Ok(datapoints),
    }
}

fn read_threshold(fields: &Fields<'_>) -> Result<f64, AwsError> {
    let threshold = fields
        .number("Threshold")?
        .ok_or_else(|| refuse("Threshold must be set for alarms on a static threshold"))?;
    if storable(threshold) {
        return Ok(threshold);
    }
    Err(constraint(threshold, "threshold", "Member must be a finite number within 2^360"))
}

fn read_name(fields: &Fields<'_>) -> Result<String, AwsError> {
    let name = fields.text("AlarmName")?.ok_or_else(|| must_not_be_null("alarmName"))?;
    if !(1..=MAX_NAME).contains(&name.chars().count()) {
        return Err(constraint(name, "alarmName", "Member must have length between 1 and 255, inclusive"));
    }
    if name.chars().any(|character| character.is_ascii_control()) {
        return Err(refuse("AlarmName must not contain ASCII control characters"));
    }
    Ok(name.to_owned())
}

fn read_description(fields: &Fields<'_>) -> Result<Option<String>, AwsError> {
    match fields.text("AlarmDescription")? {
        Some(text) if text.chars().count() > MAX_TEXT => {
            Err(constraint(text, "alarmDescription", "Member must have length less than or equal to 1024"))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

fn read_actions(fields: &Fields<'_>, name: &str) -> Result<Vec<String>, AwsError> {
    let actions = fields.texts(name)?;
    if actions.len() > MAX_ACTIONS {
        return Err(constraint(
            format!("{actions:?}"),
            &camel(name),
            "Member must have length less than or equal to 5",
        ));
    }
    if let Some(action) = actions.iter().find(|action| !is_arn(action)) {
        return Err(refuse(format!("Invalid arn syntax: {action}")));
    }
    Ok(actions.into_iter().map(str::to_owned).collect())
}

fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    text.len() <= MAX_TEXT
        && matches!(parts[..], ["arn", partition, service, _, _, resource]
            if !partition.is_empty() && !service.is_empty() && !resource.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::alarm::Watched;
    use super::*;
    use crate::sim::aws::value::{Structure, Value};

    /// A complete request, with some members replaced or, by null, left out.
    fn request(base: Vec<(&str, Value)>, changes: Vec<(&str, Value)>) -> Value {
        let mut members: Vec<(String, Value)> = Vec::new();
        for (name, value) in base.into_iter().chain(changes) {
            members.retain(|(member, _)| member != name);
            members.push((name.to_owned(), value));
        }
        Value::Map(members)
    }

    fn single(changes: Vec<(&str, Value)>) -> Result<Configuration, AwsError> {
        let base = vec![
            ("AlarmName", Value::from("a")),
            ("MetricName", Value::from("RequestCount")),
            ("Namespace", Value::from("AWS/ApplicationELB")),
            ("Statistic", Value::from("Sum")),
            ("Period", Value::from(60)),
            ("EvaluationPeriods", Value::from(2)),
            ("Threshold", Value::from(1.5)),
            ("ComparisonOperator", Value::from("GreaterThanThreshold")),
        ];
        let request = request(base, changes);
        configuration(&Fields::of(&request).unwrap())
    }

    fn stat(id: &str, period: i64, return_data: bool) -> Structure {
        Structure::new().with("Id", id).with("ReturnData", return_data).with(
            "MetricStat",
            Structure::new()
                .with("Metric", Structure::new().with("Namespace", "N").with("MetricName", "M"))
                .with("Period", period)
                .with("Stat", "Sum"),
        )
    }

    fn expression(id: &str, text: &str) -> Structure {
        Structure::new().with("Id", id).with("Expression", text)
    }

    fn math(queries: Vec<Structure>, changes: Vec<(&str, Value)>) -> Result<Configuration, AwsError> {
        let base = vec![
            ("AlarmName", Value::from("a")),
            ("Metrics", Value::from(queries)),
            ("EvaluationPeriods", Value::from(2)),
            ("Threshold", Value::from(1.5)),
            ("ComparisonOperator", Value::from("LessThanThreshold")),
        ];
        let request = request(base, changes);
        configuration(&Fields::of(&request).unwrap())
    }

    #[test]
    fn a_plain_alarm_is_read() {
        let alarm = single(vec![("TreatMissingData", Value::from("notBreaching"))]).unwrap();
        assert_eq!(alarm.treat_missing_data.as_deref(), Some("notBreaching"));
        assert!(alarm.actions_enabled);
        assert!(matches!(alarm.watched, Watched::Metric(_)));
    }

    #[test]
    fn a_percentile_may_say_what_few_samples_mean() {
        let percentile = |name: &str| {
            single(vec![
                ("Statistic", Value::Null),
                ("ExtendedStatistic", Value::from(name)),
                ("EvaluateLowSampleCountPercentile", Value::from("ignore")),
            ])
        };
        assert!(percentile("p99.9").is_ok());
        assert!(percentile("Sum").is_err());
        assert!(single(vec![("EvaluateLowSampleCountPercentile", Value::from("ignore"))]).is_err());
    }

    #[test]
    fn the_span_is_a_day_or_with_long_periods_a_week() {
        for (period, periods, fits) in [
            (60, 1440, true),
            (60, 1441, false),
            (3600, 168, true),
            (3600, 169, false),
            (86_400, 7, true),
            (10, 8640, true),
        ] {
            let alarm =
                single(vec![("Period", Value::from(period)), ("EvaluationPeriods", Value::from(periods))]);
            assert_eq!(alarm.is_ok(), fits, "{period} x {periods}");
        }
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        let arns = |count| Value::from(vec!["arn:aws:sns:us-east-1:123456789012:t"; count]);
        assert!(single(vec![("AlarmActions", arns(5))]).is_ok());
        for (name, value) in [
            ("AlarmName", Value::Null),
            ("AlarmName", Value::from("")),
            ("AlarmName", Value::from("a".repeat(256))),
            ("AlarmName", Value::from("a\tb")),
            ("AlarmDescription", Value::from("a".repeat(1025))),
            ("AlarmActions", arns(6)),
            ("OKActions", Value::from(vec!["not an arn"])),
            ("MetricName", Value::Null),
            ("Namespace", Value::from(":x")),
            ("Period", Value::from(5)),
            ("Period", Value::from(90)),
            ("Period", Value::Null),
            ("Statistic", Value::from("p99")),
            ("Statistic", Value::Null),
            ("ExtendedStatistic", Value::from("p99")),
            ("Unit", Value::from("Parsecs")),
            ("EvaluationPeriods", Value::from(0)),
            ("EvaluationPeriods", Value::Null),
            ("DatapointsToAlarm", Value::from(3)),
            ("DatapointsToAlarm", Value::from(0)),
            ("Threshold", Value::Null),
            ("Threshold", Value::from(f64::NAN)),
            ("ComparisonOperator", Value::Null),
            ("ComparisonOperator", Value::from("Equal")),
            ("TreatMissingData", Value::from("breaks")),
            ("ThresholdMetricId", Value::from("x")),
        ] {
            let outcome = single(vec![(name, value.clone())]);
            let error = outcome.expect_err(&format!("{name} {value:?}"));
            assert_eq!(error.code, "ValidationError");
        }
    }

    #[test]
    fn a_math_alarm_watches_exactly_one_result() {
        let good = || vec![stat("m1", 60, false), expression("e1", "FILL(m1, 0) / 2")];
        assert!(math(good(), vec![]).is_ok());
        assert!(math(vec![stat("m1", 60, true)], vec![]).is_ok());
        let metrics = |count: usize| {
            let mut queries: Vec<Structure> = (0..count).map(|i| stat(&format!("m{i}"), 60, false)).collect();
            queries.push(expression("e", "m0"));
            queries
        };
        assert!(math(metrics(10), vec![]).is_ok());
        for (queries, changes) in [
            (metrics(11), vec![]),
            (vec![stat("m1", 60, true), expression("e1", "m1")], vec![]),
            (vec![stat("m1", 60, false)], vec![]),
            (vec![stat("m1", 5, true)], vec![]),
            (vec![stat("m1", 60, false), expression("e1", "m2")], vec![]),
            (good(), vec![("MetricName", Value::from("x"))]),
            (good(), vec![("Period", Value::from(60))]),
            (good(), vec![("EvaluationPeriods", Value::from(1441))]),
            (vec![], vec![]),
        ] {
            let shown = format!("{queries:?} {changes:?}");
            let error = math(queries, changes).expect_err(&shown);
            assert_eq!(error.code, "ValidationError");
        }
    }
}
