//! What CloudWatch answers, and what is made of it.

use std::time::Duration;

use chrono::TimeDelta;
use ciborium::{Value, cbor};

use super::*;
use crate::aws::canned::{Answer, Canned, Request, http};
use crate::aws::session::tests::hasty;
use crate::facts::{Metrics, metric};

const ALB: &str = "app/prod/50dc6c495c0c9188";
const START: i64 = 1_764_000_000;

fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn cbor_answer(status: u16, value: &Value) -> Answer {
    Answer::Http {
        status,
        headers: vec![
            ("content-type", "application/cbor".to_owned()),
            ("smithy-protocol", "rpc-v2-cbor".to_owned()),
        ],
        body: encoded(value),
    }
}

/// A result as CloudWatch gives it; times are tag 1, seconds since the epoch.
fn result(id: &str, points: &[(i64, f64)], status: &str) -> Value {
    let stamp = |at: i64| Value::Tag(1, Box::new(Value::Float((START + at) as f64)));
    let stamps: Vec<Value> = points.iter().map(|(at, _)| stamp(*at)).collect();
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    cbor!({ "Id" => id, "Timestamps" => stamps, "Values" => values, "StatusCode" => status }).unwrap()
}

fn answer(results: Vec<Value>, next: Option<&str>) -> Answer {
    let mut members = vec![(Value::from("MetricDataResults"), Value::from(results))];
    members.extend(next.map(|token| (Value::from("NextToken"), Value::from(token))));
    cbor_answer(200, &Value::Map(members))
}

fn decoded(request: &Request) -> Value {
    ciborium::from_reader(request.body.as_slice()).unwrap()
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_map()?;
    members.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// The Ids that a request asks for.
fn ids(request: &Request) -> Vec<String> {
    let request = decoded(request);
    let queries = member(&request, "MetricDataQueries").unwrap();
    let queries = queries.as_array().unwrap().iter();
    queries.map(|query| member(query, "Id").unwrap().as_text().unwrap().to_owned()).collect()
}

fn alb(zones: &[&str], target_groups: &[&str]) -> Subject {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Subject { load_balancer: ALB.to_owned(), zones: owned(zones), target_groups: owned(target_groups) }
}

async fn read(server: &Canned) -> Result<Metrics, AwsError> {
    read_of(server, &alb(&[], &[])).await.map(|reading| reading.metrics)
}

async fn read_of(server: &Canned, subject: &Subject) -> Result<Reading, AwsError> {
    let from = DateTime::from_timestamp(START, 0).unwrap();
    hasty(&server.url)
        .await
        .read_metrics(
            subject,
            Period::new(Duration::from_secs(60)).unwrap(),
            from,
            from + Duration::from_secs(600),
        )
        .await
}

#[tokio::test]
async fn pages_are_followed_and_merged() {
    let server = Canned::serve(|request| {
        let token = decoded(request);
        let page = match member(&token, "NextToken").and_then(Value::as_text) {
            None => (120, "PartialData", Some("two")),
            Some(_) => (60, "Complete", None),
        };
        let of = |id: &String| match id.as_str() {
            "m_ActiveConnectionCount" => result(id, &[(page.0, page.0 as f64)], page.1),
            _ => result(id, &[], "Complete"),
        };
        answer(ids(request).iter().map(of).collect(), page.2)
    })
    .await;
    let series = read(&server).await.unwrap();
    let names: Vec<&str> = series.keys().map(String::as_str).collect();
    let mut all = metric::ALL.to_vec();
    all.sort_unstable();
    assert_eq!(names, all);
    let active: Vec<(i64, f64)> = series["ActiveConnectionCount"]
        .iter()
        .map(|point| (point.at.timestamp() - START, point.value))
        .collect();
    assert_eq!(active, [(60, 60.0), (120, 120.0)]);
    assert!(series["ConsumedLCUs"].is_empty());
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn sums_of_the_albs_own_dimension_are_asked_for_without_a_unit() {
    let server = Canned::serve(|request| {
        let of = |id: &String| result(id, &[], "Complete");
        answer(ids(request).iter().map(of).collect(), None)
    })
    .await;
    read(&server).await.unwrap();
    let request = decoded(&server.seen()[0]);
    let queries = member(&request, "MetricDataQueries").unwrap();
    let queries = queries.as_array().unwrap();
    assert_eq!(queries.len(), metric::ALL.len());
    let expected = cbor!({
        "Id" => "m_ActiveConnectionCount",
        "MetricStat" => {
            "Metric" => {
                "Namespace" => "AWS/ApplicationELB",
                "MetricName" => "ActiveConnectionCount",
                "Dimensions" => [{ "Name" => "LoadBalancer", "Value" => ALB }],
            },
            "Period" => 60,
            "Stat" => "Sum",
        },
        "ReturnData" => true,
    });
    assert_eq!(queries[0], expected.unwrap());
    let at = |name: &str| member(&request, name).unwrap().as_tag().unwrap().1.clone();
    assert_eq!(at("StartTime"), Value::from(START as f64));
    assert_eq!(at("EndTime"), Value::from((START + 600) as f64));
}

#[tokio::test]
async fn parts_are_asked_for_by_their_dimensions_and_kept_apart() {
    let server = Canned::serve(|request| {
        let of = |(nth, id): (usize, &String)| result(id, &[(60, nth as f64)], "Complete");
        answer(ids(request).iter().enumerate().map(of).collect(), None)
    })
    .await;
    let subject = alb(&["us-east-1a", "us-east-1b"], &["targetgroup/ws/6d0ecf831eec9f09"]);
    let reading = read_of(&server, &subject).await.unwrap();
    let request = decoded(&server.seen()[0]);
    let queries = member(&request, "MetricDataQueries").unwrap().as_array().unwrap();
    assert_eq!((queries.len(), server.seen().len()), (subject.metrics(), 1));
    let asked: Vec<(String, String, String)> = queries
        .iter()
        .map(|query| {
            let stat = member(query, "MetricStat").unwrap();
            let metric = member(stat, "Metric").unwrap();
            let text = |of: &Value, name: &str| member(of, name).unwrap().as_text().unwrap().to_owned();
            let dimensions = member(metric, "Dimensions").unwrap().as_array().unwrap().iter();
            let dimensions: Vec<String> =
                dimensions.map(|d| format!("{}={}", text(d, "Name"), text(d, "Value"))).collect();
            (text(metric, "MetricName"), text(stat, "Stat"), dimensions.join(" "))
        })
        .collect();
    let asks = |metric: &str, stat: &str, dimensions: &str| {
        let wanted = (metric.to_owned(), stat.to_owned(), dimensions.to_owned());
        asked.iter().position(|asked| *asked == wanted).unwrap_or_else(|| panic!("{wanted:?}")) as f64
    };
    let zone =
        asks("ActiveConnectionCount", "Sum", &format!("AvailabilityZone=us-east-1b LoadBalancer={ALB}"));
    let group = format!("TargetGroup=targetgroup/ws/6d0ecf831eec9f09 LoadBalancer={ALB}");
    let unhealthy = asks("UnHealthyHostCount", "Maximum", &group);
    let healthy = asks("HealthyHostCount", "Minimum", &group);
    assert_eq!(reading.zones["us-east-1b"]["ActiveConnectionCount"][0].value, zone);
    let hosts = &reading.target_groups["targetgroup/ws/6d0ecf831eec9f09"];
    assert_eq!(hosts["UnHealthyHostCount"][0].value, unhealthy);
    assert_eq!(hosts["HealthyHostCount"][0].value, healthy);
    assert_eq!(reading.metrics.len(), metric::ALL.len());
}

#[tokio::test]
async fn more_than_a_call_takes_is_asked_for_in_several() {
    let server = Canned::serve(|request| {
        let of = |id: &String| result(id, &[(60, 1.0)], "Complete");
        answer(ids(request).iter().map(of).collect(), None)
    })
    .await;
    let names: Vec<String> = (0..100).map(|nth| format!("targetgroup/ws-{nth}/6d0ecf831eec9f09")).collect();
    let subject = Subject { target_groups: names, ..alb(&[], &[]) };
    let reading = read_of(&server, &subject).await.unwrap();
    assert_eq!(reading.target_groups.len(), 100);
    let sizes: Vec<usize> = server.seen().iter().map(|request| ids(request).len()).collect();
    assert_eq!(sizes, [MOST_QUERIES, subject.metrics() - MOST_QUERIES]);
}

#[tokio::test]
async fn only_what_failed_is_asked_for_again() {
    let server = Canned::serve(|request| {
        let of = |id: &String| match (id.as_str(), request.earlier) {
            ("m_RequestCount", 0) => result(id, &[(60, 1.0)], "InternalError"),
            ("m_RequestCount", _) => result(id, &[(60, 7.0)], "Complete"),
            ("m_ProcessedBytes", _) => result(id, &[], "InternalError"),
            _ => result(id, &[(60, 2.0)], "Complete"),
        };
        answer(ids(request).iter().map(of).collect(), None)
    })
    .await;
    let reading = read_of(&server, &alb(&[], &[])).await.unwrap();
    assert_eq!(reading.owed, ["ProcessedBytes"]);
    let series = reading.metrics;
    assert_eq!(series["RequestCount"][0].value, 7.0);
    assert!(!series.contains_key("ProcessedBytes"));
    assert_eq!(series.len(), metric::ALL.len() - 1);
    let asked: Vec<Vec<String>> = server.seen()[1..].iter().map(ids).collect();
    assert_eq!(
        asked,
        [
            vec!["m_ProcessedBytes".to_owned(), "m_RequestCount".to_owned()],
            vec!["m_ProcessedBytes".to_owned()]
        ]
    );
}

#[tokio::test]
async fn forbidden_in_an_answer_is_a_denial() {
    let server = Canned::serve(|request| {
        let of = |id: &String| result(id, &[], "Forbidden");
        answer(ids(request).iter().map(of).collect(), None)
    })
    .await;
    let tried = before_load(&server).await.unwrap_err();
    for error in [read(&server).await.unwrap_err(), tried] {
        assert!(
            matches!(&error, AwsError::AccessDenied { action, .. } if action == "cloudwatch:GetMetricData"),
            "{error:?}"
        );
    }
}

async fn before_load(server: &Canned) -> Result<Metrics, AwsError> {
    before_load_as(server, Partial::Unknown).await
}

async fn before_load_as(server: &Canned, partial: Partial) -> Result<Metrics, AwsError> {
    let until = DateTime::from_timestamp(START, 0).unwrap();
    let from = until - TimeDelta::minutes(15);
    let subject = alb(&[], &["targetgroup/ws/6d0ecf831eec9f09"]);
    let read = hasty(&server.url)
        .await
        .read_some(&metric::BEFORE_LOAD, &subject, Period::MINUTE, from, until, partial)
        .await;
    read.map(|reading| reading.metrics)
}

#[tokio::test]
async fn before_the_load_little_is_asked_for_and_any_answer_taken() {
    let server = Canned::serve(|_| answer(vec![], None)).await;
    assert_eq!(before_load(&server).await.unwrap(), BTreeMap::new());
    let asked = ids(&server.seen()[0]);
    assert_eq!(
        asked,
        ["m_ConsumedLCUs", "m_ActiveConnectionCount", "m_RequestCount", "g0_UnHealthyHostCount"]
    );
    assert_eq!(server.seen().len(), ROUNDS);
    let server = Canned::serve(|_| {
        let late = result("m_RequestCount", &[(-60, 9.0)], "InternalError");
        answer(vec![late, result("m_ConsumedLCUs", &[(-60, 0.5)], "Complete")], None)
    })
    .await;
    let told = before_load(&server).await.unwrap();
    assert_eq!(told.keys().collect::<Vec<_>>(), ["ConsumedLCUs"], "what was not completed is not told");
    assert_eq!(told["ConsumedLCUs"][0].value, 0.5);
    let told = before_load_as(&server, Partial::Taken).await.unwrap();
    assert_eq!(told["RequestCount"][0].value, 9.0, "but who can't wait is given it");
    let server = Canned::serve(|request| {
        let status = if request.earlier == 0 { "InternalError" } else { "Complete" };
        answer(ids(request).iter().map(|id| result(id, &[(-60, 0.5)], status)).collect(), None)
    })
    .await;
    assert_eq!(before_load(&server).await.unwrap().len(), 3, "what is owed is asked for again");
}

#[tokio::test]
async fn endless_pages_and_empty_answers_end() {
    let server = Canned::serve(|_| answer(vec![], Some("same"))).await;
    let error = read(&server).await.unwrap_err();
    assert!(error.to_string().contains("too many pages"), "{error}");
    assert_eq!(server.seen().len(), 2);
    let server = Canned::serve(|_| answer(vec![], None)).await;
    let error = read(&server).await.unwrap_err();
    assert!(error.to_string().contains("no metric") && error.is_transient(), "{error}");
    assert_eq!(server.seen().len(), ROUNDS);
}

#[tokio::test]
async fn errors_by_their_code() {
    let denied = cbor!({ "__type" => "com.amazonaws.cloudwatch#AccessDenied", "message" => "no" });
    let denied = denied.unwrap();
    let server = Canned::serve(move |_| cbor_answer(403, &denied)).await;
    let error = read(&server).await.unwrap_err();
    assert_eq!(error.to_string(), "AWS denies cloudwatch:GetMetricData: no");
    let throttled = cbor!({ "__type" => "ThrottlingException", "message" => "slow" }).unwrap();
    let server = Canned::serve(move |_| cbor_answer(400, &throttled)).await;
    let error = read(&server).await.unwrap_err();
    assert!(matches!(error, AwsError::Throttled { .. }), "{error:?}");
    assert_eq!(server.seen().len(), 3);
    // moto's 404, a proxy's page and a truncated body are none of CloudWatch's.
    let server = Canned::serve(|_| http(404, "text/html", "<html>")).await;
    let error = read(&server).await.unwrap_err();
    assert!(error.to_string().ends_with("with HTTP 404"), "{error}");
    let server = Canned::serve(|_| http(200, "application/cbor", &b"\xbf\x71Met"[..])).await;
    let error = read(&server).await.unwrap_err();
    assert!(matches!(error, AwsError::Unreadable { .. }), "{error:?}");
}
