use aws_sdk_cloudwatchlogs::types::{InputLogEvent, OrderBy};
use chrono::Utc;

use super::*;

const GROUP: &str = "/albcap/runs";

fn event(timestamp: i64, message: &str) -> InputLogEvent {
    InputLogEvent::builder().timestamp(timestamp).message(message).build().unwrap()
}

/// An endpoint with a group and a stream in it.
async fn with_stream() -> (Endpoint, aws_sdk_cloudwatchlogs::Client) {
    let endpoint = Endpoint::start().await;
    let logs = endpoint.logs();
    logs.create_log_group().log_group_name(GROUP).send().await.unwrap();
    logs.create_log_stream().log_group_name(GROUP).log_stream_name("run-1").send().await.unwrap();
    (endpoint, logs)
}

fn messages(events: &[aws_sdk_cloudwatchlogs::types::OutputLogEvent]) -> Vec<&str> {
    events.iter().filter_map(|event| event.message()).collect()
}

#[tokio::test]
async fn groups_and_streams_are_created_once_and_described() {
    let (_endpoint, logs) = with_stream().await;
    logs.put_retention_policy().log_group_name(GROUP).retention_in_days(30).send().await.unwrap();
    let exists = logs.create_log_group().log_group_name(GROUP).send().await.unwrap_err();
    assert!(exists.into_service_error().is_resource_already_exists_exception());
    let exists =
        logs.create_log_stream().log_group_name(GROUP).log_stream_name("run-1").send().await.unwrap_err();
    assert!(exists.into_service_error().is_resource_already_exists_exception());
    let groups = logs.describe_log_groups().log_group_name_prefix("/albcap").send().await.unwrap();
    let [group] = groups.log_groups() else { panic!("{groups:?}") };
    assert_eq!(group.retention_in_days(), Some(30));
    assert_eq!(group.arn(), Some("arn:aws:logs:us-east-1:123456789012:log-group:/albcap/runs:*"));
    let streams = logs.describe_log_streams().log_group_name(GROUP).send().await.unwrap();
    let [stream] = streams.log_streams() else { panic!("{streams:?}") };
    assert_eq!(stream.log_stream_name(), Some("run-1"));
    assert_eq!(stream.last_event_timestamp(), None);
}

#[tokio::test]
async fn events_are_read_in_both_directions_until_the_token_stays() {
    let (_endpoint, logs) = with_stream().await;
    let now = Utc::now().timestamp_millis();
    let put = logs
        .put_log_events()
        .log_group_name(GROUP)
        .log_stream_name("run-1")
        .set_log_events(Some(
            ["a", "b", "c", "d", "e"]
                .iter()
                .zip(0..)
                .map(|(message, offset)| event(now + offset, message))
                .collect(),
        ))
        .send()
        .await
        .unwrap();
    assert!(put.rejected_log_events_info().is_none());
    let get = || logs.get_log_events().log_group_name(GROUP).log_stream_name("run-1").limit(2);
    let mut answer = get().start_from_head(true).send().await.unwrap();
    let mut seen = Vec::new();
    loop {
        seen.extend(messages(answer.events()).iter().map(|message| (*message).to_owned()));
        let token = answer.next_forward_token().unwrap().to_owned();
        let next = get().start_from_head(true).next_token(&token).send().await.unwrap();
        if next.next_forward_token() == Some(token.as_str()) {
            assert_eq!(messages(next.events()), Vec::<&str>::new());
            break;
        }
        answer = next;
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);

    let newest = get().send().await.unwrap();
    assert_eq!(messages(newest.events()), ["d", "e"]);
    let older = get().next_token(newest.next_backward_token().unwrap()).send().await.unwrap();
    assert_eq!(messages(older.events()), ["b", "c"]);

    let window = get().start_time(now + 1).end_time(now + 3).send().await.unwrap();
    assert_eq!(messages(window.events()), ["b", "c"]);
    let streams = logs
        .describe_log_streams()
        .log_group_name(GROUP)
        .order_by(OrderBy::LastEventTime)
        .send()
        .await
        .unwrap();
    assert_eq!(streams.log_streams()[0].last_event_timestamp(), Some(now + 4));
}

#[tokio::test]
async fn an_empty_stream_gives_a_token_that_finds_what_comes_later() {
    let (_endpoint, logs) = with_stream().await;
    let get = || logs.get_log_events().log_group_name(GROUP).log_stream_name("run-1");
    let empty = get().send().await.unwrap();
    logs.put_log_events()
        .log_group_name(GROUP)
        .log_stream_name("run-1")
        .log_events(event(Utc::now().timestamp_millis(), "late"))
        .send()
        .await
        .unwrap();
    let later = get().next_token(empty.next_forward_token().unwrap()).send().await.unwrap();
    assert_eq!(messages(later.events()), ["late"]);
}

#[tokio::test]
async fn events_at_the_wrong_time_are_told_in_a_success() {
    let (_endpoint, logs) = with_stream().await;
    let now = Utc::now().timestamp_millis();
    let day = 86_400_000;
    let put = logs
        .put_log_events()
        .log_group_name(GROUP)
        .log_stream_name("run-1")
        .log_events(event(now - 20 * day, "old"))
        .log_events(event(now - 15 * day, "old"))
        .log_events(event(now, "kept"))
        .log_events(event(now + day, "new"))
        .send()
        .await
        .unwrap();
    let rejected = put.rejected_log_events_info().unwrap();
    assert_eq!(rejected.too_old_log_event_end_index(), Some(2));
    assert_eq!(rejected.too_new_log_event_start_index(), Some(3));
    assert_eq!(rejected.expired_log_event_end_index(), None);
    let kept = logs.get_log_events().log_group_name(GROUP).log_stream_name("run-1").send().await.unwrap();
    assert_eq!(messages(kept.events()), ["kept"]);
}

#[tokio::test]
async fn what_aws_refuses_is_refused() {
    let (_endpoint, logs) = with_stream().await;
    let invalid = ("InvalidParameterException".to_owned(), 400);
    let not_found = ("ResourceNotFoundException".to_owned(), 400);
    for name in ["aws/mine", "with space", ""] {
        assert_eq!(refusal!(logs.create_log_group().log_group_name(name).send().await), invalid, "{name}");
    }
    let stream = |group: &str, stream: &str| {
        logs.create_log_stream().log_group_name(group).log_stream_name(stream).send()
    };
    assert_eq!(refusal!(stream(GROUP, "a:b").await), invalid);
    assert_eq!(refusal!(stream("/other", "a").await), not_found);
    let retain =
        |group: &str, days| logs.put_retention_policy().log_group_name(group).retention_in_days(days).send();
    assert_eq!(refusal!(retain(GROUP, 8).await), invalid);
    assert_eq!(refusal!(retain("/other", 7).await), not_found);
    let now = Utc::now().timestamp_millis();
    let put = |stream: &str, events: Vec<InputLogEvent>| {
        logs.put_log_events()
            .log_group_name(GROUP)
            .log_stream_name(stream)
            .set_log_events(Some(events))
            .send()
    };
    assert_eq!(refusal!(put("other", vec![event(now, "m")]).await), not_found);
    assert_eq!(refusal!(put("run-1", vec![]).await), invalid);
    assert_eq!(refusal!(put("run-1", vec![event(now, "")]).await), invalid);
    assert_eq!(refusal!(put("run-1", vec![event(now, "b"), event(now - 1, "a")]).await), invalid);
    assert_eq!(refusal!(put("run-1", vec![event(now - 90_000_000, "a"), event(now, "b")]).await), invalid);
    let get = logs.get_log_events().log_group_name(GROUP).log_stream_name("run-1");
    assert_eq!(refusal!(get.next_token("nonsense").send().await), invalid);
    let denied = Endpoint::denying("logs:*").await;
    assert_eq!(
        refusal!(denied.logs().create_log_group().log_group_name("/a").send().await),
        ("AccessDeniedException".to_owned(), 400)
    );
}

#[tokio::test]
async fn a_full_batch_of_characters_that_json_escapes_is_taken() {
    let (_endpoint, logs) = with_stream().await;
    let message = "\u{1}".repeat(1_048_576 - 26);
    logs.put_log_events()
        .log_group_name(GROUP)
        .log_stream_name("run-1")
        .log_events(event(Utc::now().timestamp_millis(), &message))
        .send()
        .await
        .unwrap();
}
