//! Sending what a run publishes: one request at a time, each sent once. Whether a request whose answer was lost is sent
//! again is decided by who keeps the receipts; the SDK, which would do so in silence, does not.

use std::ops::Range;

use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatch::primitives;
use aws_sdk_cloudwatch::types as cw;
use aws_sdk_cloudwatchlogs::types as logs;

use super::error::AwsError;
use super::sdk_error::{Call, is_fault_of_the_service, was_sent};
use super::session::Aws;
use crate::publish::{Body, Datum, LogEvent, Unit};

const PUT_METRIC_DATA: Call = Call { service: "cloudwatch", operation: "PutMetricData" };
const PUT_LOG_EVENTS: Call = Call { service: "logs", operation: "PutLogEvents" };

/// What AWS took of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Everything.
    All,
    /// Of log events, only these; the others it dropped (aws-facts.md §7).
    Part {
        /// The events taken, by their places.
        events: Range<usize>,
        /// Why the others were dropped.
        dropped: String,
    },
}

/// Why a request was not answered with success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// What went wrong.
    pub error: AwsError,
    /// Whether it had been sent, so that AWS may have taken it all the same.
    pub perhaps_taken: bool,
    /// Whether it may go well a little later.
    pub passes: bool,
}

impl Aws {
    /// Sends one request, once.
    ///
    /// # Errors
    /// [`Unanswered`], which tells whether AWS may have taken it.
    pub async fn put(&self, body: &Body) -> Result<Taken, Unanswered> {
        match body {
            Body::Metrics { namespace, dimensions, data } => {
                self.put_metric_data(namespace, dimensions, data).await.map(|()| Taken::All)
            }
            Body::Logs { group, stream, events } => self.put_log_events(group, stream, events).await,
        }
    }

    async fn put_metric_data(
        &self,
        namespace: &str,
        shared: &[(String, String)],
        data: &[Datum],
    ) -> Result<(), Unanswered> {
        let data = data.iter().flat_map(|datum| entries(datum, shared)).collect();
        let request = self.put_metrics.put_metric_data().namespace(namespace).set_metric_data(Some(data));
        let answer = PUT_METRIC_DATA.timed(request.send()).await;
        answer.map(drop).map_err(|error| self.unanswered_metrics(&error))
    }

    fn unanswered_metrics<E>(&self, error: &SdkError<E>) -> Unanswered
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        unanswered(PUT_METRIC_DATA.error(&self.cloudwatch_endpoint, error), error)
    }

    async fn put_log_events(
        &self,
        group: &str,
        stream: &str,
        events: &[LogEvent],
    ) -> Result<Taken, Unanswered> {
        let lines = events.iter().map(|event| {
            let line =
                logs::InputLogEvent::builder().timestamp(event.at.timestamp_millis()).message(&event.message);
            line.build().expect("time and text are given")
        });
        let request = self
            .logs
            .put_log_events()
            .log_group_name(group)
            .log_stream_name(stream)
            .set_log_events(Some(lines.collect()));
        let answer = PUT_LOG_EVENTS.timed(request.send()).await;
        let answer =
            answer.map_err(|error| unanswered(PUT_LOG_EVENTS.error(&self.logs_endpoint, &error), &error))?;
        Ok(answer.rejected_log_events_info.map_or(Taken::All, |rejected| taken(&rejected, events.len())))
    }
}

fn unanswered<E>(said: AwsError, error: &SdkError<E>) -> Unanswered
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let passes = said.is_transient() || is_fault_of_the_service(error);
    Unanswered { error: said, perhaps_taken: was_sent(error), passes }
}

/// A datum's entries, one for each piece.
fn entries(datum: &Datum, shared: &[(String, String)]) -> Vec<cw::MetricDatum> {
    let own = datum.dimensions.iter().map(|(name, value)| (*name, value.as_str()));
    let shared = shared.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let dimensions: Vec<cw::Dimension> = shared
        .chain(own)
        .map(|(name, value)| cw::Dimension::builder().name(name).value(value).build())
        .collect();
    let entry = |(values, counts): (&[f64], &[f64])| {
        cw::MetricDatum::builder()
            .metric_name(datum.name)
            .set_dimensions(Some(dimensions.clone()))
            .timestamp(primitives::DateTime::from_millis(datum.at.timestamp_millis()))
            .set_values(Some(values.to_vec()))
            .set_counts(Some(counts.to_vec()))
            .unit(unit(datum.unit))
            .storage_resolution(datum.resolution_s())
            .build()
    };
    datum.pieces().map(entry).collect()
}

fn unit(unit: Unit) -> cw::StandardUnit {
    match unit {
        Unit::Count => cw::StandardUnit::Count,
        Unit::Percent => cw::StandardUnit::Percent,
        Unit::Milliseconds => cw::StandardUnit::Milliseconds,
        Unit::None => cw::StandardUnit::None,
    }
}

/// What is left of `sent` events: the ends of the old are exclusive, the start of the new inclusive (aws-facts.md §7).
fn taken(rejected: &logs::RejectedLogEventsInfo, sent: usize) -> Taken {
    let place = |index: Option<i32>| index.and_then(|index| usize::try_from(index).ok());
    let too_old = place(rejected.too_old_log_event_end_index).unwrap_or(0);
    let expired = place(rejected.expired_log_event_end_index).unwrap_or(0);
    let too_new = place(rejected.too_new_log_event_start_index).unwrap_or(sent);
    let last = too_new.min(sent);
    let first = too_old.max(expired).min(last);
    let dropped = [
        (too_old, "older than 14 days"),
        (expired, "older than the log group keeps them"),
        (sent - last, "more than two hours ahead"),
    ];
    let dropped: Vec<String> = dropped
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{count} of {sent} log events as {why}"))
        .collect();
    if dropped.is_empty() {
        Taken::All
    } else {
        Taken::Part { events: first..last, dropped: dropped.join(", ") }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read;

    use chrono::{DateTime, TimeDelta};

    use super::super::canned::{Answer, Canned, http};
    use super::super::session::tests::hasty;
    use super::*;

    fn metrics(values: usize) -> Body {
        let datum = Datum {
            name: "ConnectLatency",
            dimensions: vec![("Level", "5000".to_owned())],
            at: DateTime::from_timestamp(1_764_000_000, 0).unwrap(),
            covers: TimeDelta::zero(),
            unit: Unit::Milliseconds,
            values: (0..values).map(|number| f64::from(u32::try_from(number).unwrap()) + 0.1).collect(),
            counts: vec![3.0; values],
        };
        let dimensions = vec![("LoadBalancer".to_owned(), "app/prod/50dc6c495c0c9188".to_owned())];
        Body::Metrics { namespace: "albcap".to_owned(), dimensions, data: vec![datum] }
    }

    fn events() -> Body {
        let event = LogEvent {
            at: DateTime::from_timestamp(1_764_000_000, 0).unwrap(),
            message: "{}".to_owned(),
            series: "sample".to_owned(),
            metrics: None,
        };
        Body::Logs { group: "/albcap/runs".to_owned(), stream: "r".to_owned(), events: vec![event] }
    }

    fn yes() -> Answer {
        let headers = vec![
            ("content-type", "application/cbor".to_owned()),
            ("smithy-protocol", "rpc-v2-cbor".to_owned()),
        ];
        Answer::Http { status: 200, headers, body: Vec::new() }
    }

    /// What comes of one request, and how often it was sent.
    async fn sent(body: &Body, answer: Answer) -> (Result<Taken, Unanswered>, usize) {
        let server = Canned::serve(move |_| answer.clone()).await;
        let outcome = hasty(&server.url).await.put(body).await;
        (outcome, server.seen().len())
    }

    #[tokio::test]
    async fn a_request_is_sent_once_and_whether_it_was_taken_is_known_or_in_doubt() {
        assert_eq!(sent(&metrics(3), yes()).await, (Ok(Taken::All), 1));
        let json = || http(200, "application/x-amz-json-1.1", "{}");
        assert_eq!(sent(&events(), json()).await, (Ok(Taken::All), 1));
        let refused = || http(503, "text/html", "down");
        for (answer, perhaps_taken) in [(Answer::HangUp, true), (Answer::Silence, true), (refused(), false)] {
            for body in [metrics(3), events()] {
                let (outcome, times) = sent(&body, answer.clone()).await;
                let unanswered = outcome.unwrap_err();
                assert_eq!(
                    (unanswered.perhaps_taken, times),
                    (perhaps_taken, 1),
                    "{answer:?}: {unanswered:?}"
                );
            }
        }
        let (outcome, _) = sent(&events(), http(200, "text/html", "<html>welcome</html>")).await;
        assert!(outcome.unwrap_err().perhaps_taken, "it says yes, and nothing that can be read");
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        let nobody = hasty(&url).await.put(&metrics(3)).await.unwrap_err();
        assert!(!nobody.perhaps_taken && nobody.passes, "{nobody:?}");
    }

    #[tokio::test]
    async fn a_batch_takes_no_more_bytes_than_was_reckoned() {
        let server = Canned::serve(|_| yes()).await;
        let body = metrics(20_000);
        let Body::Metrics { namespace, dimensions, data } = &body else { unreachable!("it is one") };
        hasty(&server.url).await.put(&body).await.unwrap();
        let wire = server.seen().remove(0).body;
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&wire[..]).read_to_end(&mut plain).unwrap();
        let reckoned = crate::publish::reckoned_bytes(&data[0], dimensions) + namespace.len();
        assert!(plain.len() <= reckoned, "{} of {reckoned}", plain.len());
        assert!(wire.len() < plain.len(), "the SDK compresses it");
    }

    fn rejected(old: Option<i32>, expired: Option<i32>, new: Option<i32>) -> logs::RejectedLogEventsInfo {
        logs::RejectedLogEventsInfo::builder()
            .set_too_old_log_event_end_index(old)
            .set_expired_log_event_end_index(expired)
            .set_too_new_log_event_start_index(new)
            .build()
    }

    #[test]
    fn what_was_dropped_is_told_and_what_was_taken_is_known() {
        assert_eq!(taken(&rejected(None, None, None), 5), Taken::All);
        let Taken::Part { events, dropped } = taken(&rejected(Some(2), None, Some(4)), 5) else { panic!() };
        assert_eq!(events, 2..4);
        assert_eq!(
            dropped,
            "2 of 5 log events as older than 14 days, 1 of 5 log events as more than two hours ahead"
        );
        let Taken::Part { events, .. } = taken(&rejected(None, Some(5), None), 5) else { panic!() };
        assert!(events.is_empty());
        let Taken::Part { events, .. } = taken(&rejected(Some(99), None, Some(-3)), 5) else { panic!() };
        assert!(events.end <= 5, "whatever is answered");
    }
}
