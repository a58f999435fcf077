use std::io::Write as _;
use std::time::Duration;

use ciborium::Value as Item;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::http::{RPC, SIGNED, cbor, form, json, send};
use super::*;

fn bytes(item: &Item) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(item, &mut bytes).unwrap();
    bytes
}

fn map(members: Vec<(&str, Item)>) -> Item {
    Item::Map(members.into_iter().map(|(name, item)| (Item::from(name), item)).collect())
}

fn member<'a>(item: &'a Item, name: &str) -> &'a Item {
    item.as_map()
        .unwrap()
        .iter()
        .find(|(key, _)| key.as_text() == Some(name))
        .map(|(_, value)| value)
        .unwrap()
}

/// A PutMetricData of one value.
fn put(value: f64) -> Vec<u8> {
    bytes(&map(vec![
        ("Namespace", Item::from("albcap")),
        (
            "MetricData",
            Item::Array(vec![map(vec![("MetricName", Item::from("Open")), ("Value", Item::Float(value))])]),
        ),
    ]))
}

#[tokio::test]
async fn every_answer_has_an_id_and_a_date() {
    let endpoint = Endpoint::start().await;
    for answer in [
        form(&endpoint, "Action=DescribeLoadBalancers&Version=2015-12-01").await,
        form(&endpoint, "Action=Nothing&Version=2015-12-01").await,
        cbor(&endpoint, "DescribeAlarms", &bytes(&map(vec![])), &[]).await,
        json(&endpoint, "Logs_20140328.Nothing", "{}").await,
        send(&endpoint, "/elsewhere", &[], b"").await,
    ] {
        let id = answer.header("x-amzn-RequestId").unwrap();
        assert_eq!(id.len(), 36);
        assert!(answer.header("Date").unwrap().ends_with("GMT"));
    }
}

#[tokio::test]
async fn query_answers_in_xml_and_errors_in_its_envelope() {
    let endpoint = Endpoint::start().await;
    let good = form(&endpoint, "Action=DescribeLoadBalancers&Version=2015-12-01").await;
    assert_eq!((good.status, good.header("content-type")), (200, Some("text/xml")));
    let start = "<DescribeLoadBalancersResponse \
                 xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
                 <DescribeLoadBalancersResult><LoadBalancers><member>";
    assert!(good.text().starts_with(start), "{}", good.text());
    let bad = form(&endpoint, "Action=DescribeLoadBalancers&Version=2015-12-01&Names.member.1=a%3Cb").await;
    assert_eq!(bad.status, 400);
    let id = bad.header("x-amzn-RequestId").unwrap();
    assert_eq!(
        bad.text(),
        format!(
            "<ErrorResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><Error>\
             <Type>Sender</Type><Code>LoadBalancerNotFound</Code>\
             <Message>Load balancers &apos;[a&lt;b]&apos; not found</Message></Error>\
             <RequestId>{id}</RequestId></ErrorResponse>"
        )
    );
    for (body, code) in [
        ("Action=DescribeLoadBalancers", "InvalidAction"),
        ("Action=DescribeLoadBalancers&Version=2012-06-01", "InvalidAction"),
        ("Action=DeleteLoadBalancer&Version=2015-12-01", "InvalidAction"),
        ("Version=2015-12-01", "MissingAction"),
    ] {
        let answer = form(&endpoint, body).await;
        assert!(answer.text().contains(&format!("<Code>{code}</Code>")), "{body}");
    }
}

#[tokio::test]
async fn cbor_answers_as_the_protocol_says() {
    let endpoint = Endpoint::start().await;
    let nothing = cbor(&endpoint, "PutMetricData", &put(1.0), &[]).await;
    assert_eq!(nothing.status, 200);
    assert_eq!(nothing.header("smithy-protocol"), Some("rpc-v2-cbor"));
    // Without output there is neither a body nor a type of one.
    assert_eq!((nothing.header("content-type"), nothing.body.len()), (None, 0));

    let now = chrono::Utc::now().timestamp();
    let query = map(vec![
        ("Id", Item::from("m")),
        (
            "MetricStat",
            map(vec![
                (
                    "Metric",
                    map(vec![("Namespace", Item::from("albcap")), ("MetricName", Item::from("Open"))]),
                ),
                ("Period", Item::from(60)),
                ("Stat", Item::from("Sum")),
            ]),
        ),
    ]);
    let request = map(vec![
        ("MetricDataQueries", Item::Array(vec![query])),
        ("StartTime", Item::Tag(1, Box::new(Item::from(now - 120)))),
        ("EndTime", Item::Tag(1, Box::new(Item::from(now + 1)))),
    ]);
    let answer = cbor(&endpoint, "GetMetricData", &bytes(&request), &[]).await;
    assert_eq!(answer.header("content-type"), Some("application/cbor"));
    let item: Item = ciborium::from_reader(&answer.body[..]).unwrap();
    let result = &member(&item, "MetricDataResults").as_array().unwrap()[0];
    assert_eq!(member(result, "Values"), &Item::Array(vec![Item::Float(1.0)]));
    let stamp = &member(result, "Timestamps").as_array().unwrap()[0];
    let (tag, seconds) = stamp.as_tag().unwrap();
    assert_eq!(tag, 1);
    assert!(seconds.as_float().unwrap() % 60.0 == 0.0);
}

#[tokio::test]
async fn cbor_errors_name_the_shape_and_for_old_clients_the_code() {
    let endpoint = Endpoint::start().await;
    let request = bytes(&map(vec![("DashboardName", Item::from("none"))]));
    let answer = cbor(&endpoint, "GetDashboard", &request, &[("x-amzn-query-mode", "true")]).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("x-amzn-query-error"), Some("ResourceNotFound;Sender"));
    let item: Item = ciborium::from_reader(&answer.body[..]).unwrap();
    assert_eq!(member(&item, "__type").as_text(), Some("com.amazonaws.cloudwatch#DashboardNotFoundError"));
    assert!(member(&item, "message").as_text().unwrap().contains("none"));
    let plain = cbor(&endpoint, "GetDashboard", &request, &[]).await;
    assert_eq!(plain.header("x-amzn-query-error"), None);
}

#[tokio::test]
async fn bodies_may_be_gzip_and_must_be_what_they_say() {
    let endpoint = Endpoint::start().await;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&put(1.0)).unwrap();
    let gzip = encoder.finish().unwrap();
    let encoding = [("Content-Encoding", "gzip")];
    assert_eq!(cbor(&endpoint, "PutMetricData", &gzip, &encoding).await.status, 200);
    for (body, headers) in [
        (&b"not gzip"[..], &encoding[..]),
        (&gzip[..], &[][..]),
        (&gzip[..], &[("Content-Encoding", "br")][..]),
        (&b"\xff\xff"[..], &[][..]),
    ] {
        let answer = cbor(&endpoint, "PutMetricData", body, headers).await;
        assert_eq!(answer.status, 400);
        let item: Item = ciborium::from_reader(&answer.body[..]).unwrap();
        assert_eq!(
            member(&item, "__type").as_text(),
            Some("com.amazonaws.cloudwatch#SerializationException")
        );
    }
}

#[tokio::test]
async fn both_protocols_of_cloudwatch_see_one_store() {
    let endpoint = Endpoint::start().await;
    let target = |operation: &str| format!("GraniteServiceVersion20100801.{operation}");
    let put = json(
        &endpoint,
        &target("PutDashboard"),
        r#"{"DashboardName":"d","DashboardBody":"{\"widgets\":[]}"}"#,
    )
    .await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(put.header("content-type"), Some("application/x-amz-json-1.0"));
    let request = bytes(&map(vec![("DashboardName", Item::from("d"))]));
    let got = cbor(&endpoint, "GetDashboard", &request, &[]).await;
    let item: Item = ciborium::from_reader(&got.body[..]).unwrap();
    assert_eq!(member(&item, "DashboardBody").as_text(), Some("{\"widgets\":[]}"));

    let error = json(&endpoint, &target("GetDashboard"), r#"{"DashboardName":"none"}"#).await;
    assert_eq!(error.header("x-amzn-query-error"), Some("ResourceNotFound;Sender"));
    assert_eq!(error.json()["__type"], "com.amazonaws.cloudwatch#DashboardNotFoundError");
    let listed = json(&endpoint, &target("ListDashboards"), "{}").await;
    assert!(listed.json()["DashboardEntries"][0]["LastModified"].is_number());
    let mistyped = json(&endpoint, &target("GetDashboard"), r#"{"DashboardName":1}"#).await;
    assert_eq!(mistyped.json()["__type"], "com.amazonaws.cloudwatch#SerializationException");
}

#[tokio::test]
async fn logs_name_their_errors_without_a_namespace() {
    let endpoint = Endpoint::start().await;
    let answer =
        json(&endpoint, "Logs_20140328.CreateLogStream", r#"{"logGroupName":"/a","logStreamName":"b"}"#)
            .await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("content-type"), Some("application/x-amz-json-1.1"));
    assert_eq!(answer.header("x-amzn-query-error"), None);
    assert_eq!(
        answer.json(),
        serde_json::json!({
            "__type": "ResourceNotFoundException",
            "message": "The specified log group does not exist."
        })
    );
}

#[tokio::test]
async fn unsigned_requests_are_refused_and_not_counted() {
    let endpoint = Endpoint::start().await;
    let query = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = b"Action=DescribeLoadBalancers&Version=2015-12-01";
    let unsigned = send(&endpoint, "/", &query, body).await;
    assert_eq!(unsigned.status, 403);
    assert!(unsigned.text().contains("<Code>MissingAuthenticationToken</Code>"));
    let half = [query[0], ("Authorization", "AWS4-HMAC-SHA256 Credential=a")];
    let answer = send(&endpoint, "/", &half, body).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("<Code>IncompleteSignature</Code>"));
    let rpc = [("smithy-protocol", "rpc-v2-cbor")];
    let answer = send(&endpoint, &format!("{RPC}/DescribeAlarms"), &rpc, b"").await;
    assert_eq!(answer.status, 403);
    let target = [("X-Amz-Target", "Logs_20140328.DescribeLogGroups")];
    let answer = send(&endpoint, "/", &target, b"{}").await;
    assert_eq!(answer.json()["__type"], "MissingAuthenticationTokenException");
    assert_eq!(endpoint.account.calls(), []);
}

#[tokio::test]
async fn what_nobody_listens_to_is_not_found() {
    let endpoint = Endpoint::start().await;
    let headers = [("Authorization", SIGNED), ("Content-Type", "text/plain")];
    for path in ["/", "/elsewhere"] {
        let answer = send(&endpoint, path, &headers, b"").await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["__type"], "com.amazonaws.cloudwatch#UnknownOperationException");
    }
    let unknown = cbor(&endpoint, "DescribeAlarmHistory", b"\xa0", &[]).await;
    assert_eq!(unknown.status, 404);
    let without_protocol = [("Authorization", SIGNED)];
    let path = format!("{RPC}/DescribeAlarms");
    let answer = send(&endpoint, &path, &without_protocol, b"\xa0").await;
    assert_eq!(answer.status, 404);
    assert_eq!(json(&endpoint, "Logs_20140328.Nothing", "{}").await.status, 400);
    assert_eq!(json(&endpoint, "Other_1.Nothing", "{}").await.status, 404);
}

#[tokio::test]
async fn large_requests_are_refused_where_the_limits_are() {
    let endpoint = Endpoint::start().await;
    let item = map(vec![("Namespace", Item::from("albcap")), ("Padding", Item::from("x".repeat(1 << 20)))]);
    let answer = cbor(&endpoint, "PutMetricData", &bytes(&item), &[]).await;
    assert_eq!(answer.status, 413);
    let length = [("Authorization", SIGNED), ("X-Amz-Target", "Logs_20140328.PutLogEvents")];
    let answer = send(&endpoint, "/", &length, &vec![b' '; 9 << 20]).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["__type"], "RequestEntityTooLarge");
}

#[tokio::test]
async fn dropping_the_server_closes_its_connections() {
    let endpoint = Endpoint::start().await;
    let mut stream = TcpStream::connect(endpoint.address()).await.unwrap();
    stream.write_all(b"POST /elsewhere HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 404");
    endpoint.server.abort();
    // Without that the connection would stay open for the next request.
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest))
        .await
        .expect("the connection must end")
        .ok();
}
