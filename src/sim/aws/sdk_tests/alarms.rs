use aws_sdk_cloudwatch::types::{
    ComparisonOperator, Dimension, Metric, MetricDataQuery, MetricStat, StateValue, Statistic,
};

use super::*;

fn plain(
    client: &aws_sdk_cloudwatch::Client,
    name: &str,
) -> aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmFluentBuilder {
    client
        .put_metric_alarm()
        .alarm_name(name)
        .namespace("AWS/ApplicationELB")
        .metric_name("RejectedConnectionCount")
        .dimensions(Dimension::builder().name("LoadBalancer").value("app/a/1").build())
        .statistic(Statistic::Sum)
        .period(60)
        .evaluation_periods(3)
        .datapoints_to_alarm(2)
        .threshold(0.0)
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .treat_missing_data("notBreaching")
        .alarm_actions("arn:aws:sns:us-east-1:123456789012:pager")
}

#[tokio::test]
async fn an_alarm_begins_without_data_and_keeps_its_state() {
    let endpoint = Endpoint::start().await;
    let cloudwatch = endpoint.cloudwatch();
    plain(&cloudwatch, "a1").alarm_description("first").send().await.unwrap();
    let answer = cloudwatch.describe_alarms().alarm_names("a1").send().await.unwrap();
    let [alarm] = answer.metric_alarms() else { panic!("{answer:?}") };
    assert_eq!(alarm.state_value(), Some(&StateValue::InsufficientData));
    assert_eq!(alarm.alarm_arn(), Some("arn:aws:cloudwatch:us-east-1:123456789012:alarm:a1"));
    assert_eq!(alarm.alarm_description(), Some("first"));
    assert_eq!(alarm.metric_name(), Some("RejectedConnectionCount"));
    assert_eq!(alarm.statistic(), Some(&Statistic::Sum));
    assert_eq!((alarm.period(), alarm.evaluation_periods()), (Some(60), Some(3)));
    assert_eq!(alarm.datapoints_to_alarm(), Some(2));
    assert_eq!(alarm.threshold(), Some(0.0));
    assert_eq!(alarm.treat_missing_data(), Some("notBreaching"));
    assert_eq!(alarm.dimensions()[0].value(), Some("app/a/1"));
    assert_eq!(alarm.actions_enabled(), Some(true));
    assert_eq!(alarm.alarm_actions().len(), 1);
    let since = *alarm.state_updated_timestamp().unwrap();

    plain(&cloudwatch, "a1").threshold(9.5).send().await.unwrap();
    let answer = cloudwatch.describe_alarms().send().await.unwrap();
    let [alarm] = answer.metric_alarms() else { panic!("{answer:?}") };
    assert_eq!(alarm.threshold(), Some(9.5));
    // An update replaces the whole configuration, and nothing else.
    assert_eq!(alarm.alarm_description(), None);
    assert_eq!(alarm.state_updated_timestamp(), Some(&since));
}

#[tokio::test]
async fn a_math_alarm_tells_its_queries() {
    let endpoint = Endpoint::start().await;
    let cloudwatch = endpoint.cloudwatch();
    let stat = MetricStat::builder()
        .metric(Metric::builder().namespace("albcap").metric_name("Open").build())
        .period(60)
        .stat("Maximum")
        .build();
    let metric = MetricDataQuery::builder().id("m1").metric_stat(stat).return_data(false).build();
    let expression = MetricDataQuery::builder()
        .id("e1")
        .expression("FILL(m1, 0) / 2")
        .label("sockets")
        .return_data(true)
        .build();
    let put = || {
        cloudwatch
            .put_metric_alarm()
            .alarm_name("math")
            .evaluation_periods(1)
            .threshold(1.0)
            .comparison_operator(ComparisonOperator::LessThanThreshold)
            .metrics(metric.clone())
    };
    put().metrics(expression.clone()).send().await.unwrap();
    let answer = cloudwatch.describe_alarms().alarm_name_prefix("ma").send().await.unwrap();
    let told = answer.metric_alarms()[0].metrics();
    assert_eq!(told[1], expression);
    assert_eq!(told[0].metric_stat().unwrap().stat(), Some("Maximum"));
    assert_eq!(refusal!(put().send().await), ("ValidationError".to_owned(), 400));
}

#[tokio::test]
async fn alarms_come_in_pages_and_by_filter() {
    let endpoint = Endpoint::start().await;
    let cloudwatch = endpoint.cloudwatch();
    for index in 0..5 {
        plain(&cloudwatch, &format!("a{index}")).send().await.unwrap();
    }
    let mut pages = cloudwatch.describe_alarms().max_records(2).into_paginator().send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.unwrap().metric_alarms().len());
    }
    assert_eq!(sizes, [2, 2, 1]);
    let count = |answer: aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput| {
        answer.metric_alarms().len()
    };
    let describe = || cloudwatch.describe_alarms();
    assert_eq!(count(describe().state_value(StateValue::Ok).send().await.unwrap()), 0);
    assert_eq!(count(describe().action_prefix("arn:aws:sns").send().await.unwrap()), 5);
    assert_eq!(count(describe().alarm_names("nobody").send().await.unwrap()), 0);
    let invalid = ("ValidationError".to_owned(), 400);
    assert_eq!(refusal!(describe().alarm_names("a").alarm_name_prefix("a").send().await), invalid);
    assert_eq!(refusal!(describe().max_records(101).send().await), invalid);
    let error = describe().next_token("nonsense").send().await.unwrap_err();
    assert!(error.into_service_error().is_invalid_next_token());
}

#[tokio::test]
async fn deleting_forgets_those_that_exist() {
    let endpoint = Endpoint::start().await;
    let cloudwatch = endpoint.cloudwatch();
    plain(&cloudwatch, "a1").send().await.unwrap();
    plain(&cloudwatch, "a2").send().await.unwrap();
    cloudwatch.delete_alarms().alarm_names("a1").send().await.unwrap();
    let error = cloudwatch.delete_alarms().alarm_names("a1").alarm_names("a2").send().await.unwrap_err();
    assert!(error.into_service_error().is_resource_not_found());
    let left = cloudwatch.describe_alarms().send().await.unwrap();
    assert_eq!(left.metric_alarms(), []);
}
