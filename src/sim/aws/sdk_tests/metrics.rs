use std::time::SystemTime;

use aws_sdk_cloudwatch::primitives::DateTime as SdkTime;
use aws_sdk_cloudwatch::types::{
    Dimension, DimensionFilter, Metric, MetricDataQuery, MetricDatum, MetricStat, ScanBy, StandardUnit,
    StatisticSet, StatusCode,
};
use chrono::{DateTime, Duration, Utc};

use super::*;
use crate::sim::aws::PlatformSample;

const NAMESPACE: &str = "AWS/ApplicationELB";
const BALANCER: &str = "app/albcap-sim/0123456789abcdef";

fn sdk_time(at: DateTime<Utc>) -> SdkTime {
    SdkTime::from_millis(at.timestamp_millis())
}

/// The start of the current minute; read once a test, since the minute may turn over while it runs.
fn this_minute() -> DateTime<Utc> {
    let second = Utc::now().timestamp();
    DateTime::from_timestamp(second - second.rem_euclid(60), 0).unwrap()
}

fn minutes(count: i64) -> Duration {
    Duration::minutes(count)
}

fn sample(at: DateTime<Utc>, value: f64) -> PlatformSample {
    PlatformSample {
        namespace: NAMESPACE,
        metric: "ActiveConnectionCount",
        dimensions: vec![("LoadBalancer".to_owned(), BALANCER.to_owned())],
        unit: "Count",
        at,
        value,
        visible_at: at,
    }
}

fn dimension(name: &str, value: &str) -> Dimension {
    Dimension::builder().name(name).value(value).build()
}

fn query(id: &str, namespace: &str, metric: &str, dimensions: Vec<Dimension>) -> MetricDataQuery {
    let metric =
        Metric::builder().namespace(namespace).metric_name(metric).set_dimensions(Some(dimensions)).build();
    let stat = MetricStat::builder().metric(metric).period(60).stat("Sum").build();
    MetricDataQuery::builder().id(id).metric_stat(stat).build()
}

fn active(id: &str) -> MetricDataQuery {
    query(id, NAMESPACE, "ActiveConnectionCount", vec![dimension("LoadBalancer", BALANCER)])
}

#[tokio::test]
async fn platform_metrics_are_summed_over_nodes_once_they_are_visible() {
    let now = this_minute();
    let endpoint = Endpoint::start().await;
    let mut samples = Vec::new();
    for minute in [3, 2] {
        samples.push(sample(now - minutes(minute), 10.0));
        samples.push(sample(now - minutes(minute), 32.5));
    }
    samples.push(PlatformSample {
        visible_at: Utc::now() + Duration::hours(1),
        ..sample(now - minutes(1), 99.0)
    });
    endpoint.account.publish(samples);
    let answer = endpoint
        .cloudwatch()
        .get_metric_data()
        .metric_data_queries(active("m1"))
        .metric_data_queries(MetricDataQuery::builder().id("half").expression("FILL(m1, 0) / 2").build())
        .metric_data_queries(query("none", NAMESPACE, "ActiveConnectionCount", vec![]))
        .start_time(sdk_time(now - minutes(3)))
        .end_time(sdk_time(now))
        .send()
        .await
        .unwrap();
    let [m1, half, none] = answer.metric_data_results() else { panic!("{answer:?}") };
    assert_eq!(m1.id(), Some("m1"));
    assert_eq!(m1.label(), Some("ActiveConnectionCount"));
    assert_eq!(m1.values(), [42.5, 42.5]);
    assert_eq!(m1.timestamps(), [sdk_time(now - minutes(2)), sdk_time(now - minutes(3))]);
    assert_eq!(m1.status_code(), Some(&StatusCode::Complete));
    assert_eq!(half.values(), [0.0, 21.25, 21.25]);
    assert!(none.values().is_empty());
    assert_eq!(none.status_code(), Some(&StatusCode::Complete));
    assert_eq!(answer.next_token(), None);
}

#[tokio::test]
async fn the_sdk_s_paginator_gets_every_datapoint_once() {
    let now = this_minute();
    let endpoint =
        Endpoint::with(Settings { page_size: Some(7), partial_data: true, ..Settings::default() }).await;
    let ages = 1..=30;
    endpoint.account.publish(ages.clone().map(|minute| sample(now - minutes(minute), 1.0)).collect());
    let mut pages = endpoint
        .cloudwatch()
        .get_metric_data()
        .metric_data_queries(active("a"))
        .metric_data_queries(active("b"))
        .start_time(sdk_time(now - minutes(30)))
        .end_time(sdk_time(now))
        .scan_by(ScanBy::TimestampAscending)
        .into_paginator()
        .send();
    let mut seen = BTreeMap::new();
    let mut statuses = Vec::new();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        count += 1;
        for result in page.unwrap().metric_data_results() {
            let id = result.id().unwrap().to_owned();
            seen.entry(id).or_insert_with(Vec::new).extend_from_slice(result.timestamps());
            statuses.extend(result.status_code().cloned());
        }
    }
    let expected: Vec<SdkTime> = ages.rev().map(|minute| sdk_time(now - minutes(minute))).collect();
    assert_eq!(seen["a"], expected);
    assert_eq!(seen["b"], expected);
    assert_eq!(count, 60_usize.div_ceil(7));
    assert!(statuses.contains(&StatusCode::PartialData));
    assert_eq!(endpoint.calls("cloudwatch:GetMetricData"), count as u64);
}

#[tokio::test]
async fn refusals_of_get_metric_data_keep_their_codes() {
    let now = this_minute();
    let endpoint = Endpoint::start().await;
    let cloudwatch = endpoint.cloudwatch();
    let request =
        || cloudwatch.get_metric_data().start_time(sdk_time(now - minutes(3))).end_time(sdk_time(now));
    let invalid = ("ValidationError".to_owned(), 400);
    assert_eq!(refusal!(request().send().await), invalid);
    let twisted = request().end_time(sdk_time(now - minutes(4)));
    assert_eq!(refusal!(twisted.metric_data_queries(active("a")).send().await), invalid);
    assert_eq!(refusal!(request().metric_data_queries(active("A")).send().await), invalid);
    let error = request().metric_data_queries(active("a")).next_token("nonsense").send().await.unwrap_err();
    assert!(error.into_service_error().is_invalid_next_token());
    let denied = Endpoint::denying("cloudwatch:GetMetricData").await;
    let outcome = denied
        .cloudwatch()
        .get_metric_data()
        .metric_data_queries(active("a"))
        .start_time(sdk_time(now - minutes(3)))
        .end_time(sdk_time(now))
        .send()
        .await;
    assert_eq!(refusal!(outcome), ("AccessDenied".to_owned(), 403));
}

#[tokio::test]
async fn what_is_put_is_got_and_listed() {
    let now = this_minute();
    let endpoint = Endpoint::start().await;
    let cloudwatch = endpoint.cloudwatch();
    let at = sdk_time(now - minutes(2));
    let datum = || {
        MetricDatum::builder()
            .metric_name("Open")
            .dimensions(dimension("Run", "r1"))
            .timestamp(at)
            .unit(StandardUnit::Count)
    };
    let set = StatisticSet::builder().sample_count(2.0).sum(30.0).minimum(10.0).maximum(20.0).build();
    cloudwatch
        .put_metric_data()
        .namespace("albcap")
        .metric_data(datum().value(5.0).build())
        .metric_data(datum().set_values(Some(vec![1.0, 2.0])).set_counts(Some(vec![3.0, 1.0])).build())
        .metric_data(datum().statistic_values(set).build())
        .send()
        .await
        .unwrap();
    let mut request = cloudwatch
        .get_metric_data()
        .start_time(sdk_time(now - minutes(3)))
        .end_time(SdkTime::from(SystemTime::now()));
    for stat in ["Sum", "SampleCount", "Minimum", "Maximum", "Average"] {
        let mut query = query("q", "albcap", "Open", vec![dimension("Run", "r1")]);
        query.id = Some(stat.to_lowercase());
        query.metric_stat.as_mut().unwrap().stat = Some(stat.to_owned());
        request = request.metric_data_queries(query);
    }
    let answer = request.send().await.unwrap();
    let values: Vec<_> = answer.metric_data_results().iter().map(|result| result.values()[0]).collect();
    assert_eq!(values, [40.0, 7.0, 1.0, 20.0, 40.0 / 7.0]);

    let listed = cloudwatch
        .list_metrics()
        .namespace("albcap")
        .dimensions(DimensionFilter::builder().name("Run").build())
        .send()
        .await
        .unwrap();
    let [metric] = listed.metrics() else { panic!("{listed:?}") };
    assert_eq!(metric.metric_name(), Some("Open"));
    assert_eq!(metric.dimensions()[0].value(), Some("r1"));
    let none = cloudwatch.list_metrics().metric_name("Closed").send().await.unwrap();
    assert_eq!(none.metrics(), []);
}

#[tokio::test]
async fn a_large_put_comes_compressed_and_is_taken() {
    let endpoint = Endpoint::start().await;
    let cloudwatch = endpoint.cloudwatch();
    let data = (0..400)
        .map(|index| {
            MetricDatum::builder()
                .metric_name("Open")
                .dimensions(dimension("Index", &index.to_string()))
                .value(1.0)
                .build()
        })
        .collect();
    cloudwatch.put_metric_data().namespace("albcap").set_metric_data(Some(data)).send().await.unwrap();
    let mut pages = cloudwatch.list_metrics().into_paginator().send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        count += page.unwrap().metrics().len();
    }
    assert_eq!(count, 400);
}

#[tokio::test]
async fn refusals_of_put_metric_data_are_modelled() {
    let endpoint = Endpoint::start().await;
    let cloudwatch = endpoint.cloudwatch();
    let datum = || MetricDatum::builder().metric_name("Open");
    let put = |namespace: &str, datum: MetricDatum| {
        cloudwatch.put_metric_data().namespace(namespace).metric_data(datum).send()
    };
    let reserved = put(NAMESPACE, datum().value(1.0).build()).await.unwrap_err();
    assert!(reserved.into_service_error().is_invalid_parameter_value_exception());
    let nothing = put("albcap", datum().build()).await.unwrap_err();
    assert!(nothing.into_service_error().is_invalid_parameter_combination_exception());
    let nameless = put("albcap", MetricDatum::builder().value(1.0).build()).await.unwrap_err();
    assert!(nameless.into_service_error().is_missing_required_parameter_exception());
    let infinite = put("albcap", datum().value(f64::INFINITY).build()).await.unwrap_err();
    assert!(infinite.into_service_error().is_invalid_parameter_value_exception());
    let empty = cloudwatch.put_metric_data().namespace("albcap").send().await;
    assert_eq!(refusal!(empty), ("MissingParameter".to_owned(), 400));
}
