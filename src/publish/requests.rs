//! All that is to be sent of a run, cut into requests that AWS takes whole; less what it has taken already.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

use super::by_aws;
use super::embedded::embedded;
use super::ledger::{Ledger, Part};
use super::log_batches::{LogBatchError, log_batches};
use super::log_events::{LogEvent, log_events, stretches};
use super::metric_batches::metric_batches;
use super::metrics::{Datum, levels_and_run};
use super::open_connections::open_connections;
use super::wanted::{Carrier, Wanted};
use crate::judge::Judged;
use crate::record::{Answer, Place, Receipt, Sent};

/// CloudWatch drops metrics and log events that are older (aws-facts.md §6, §7) …
const OLDEST: TimeDelta = TimeDelta::days(14);

/// … and those that are further ahead.
const NEWEST: TimeDelta = TimeDelta::hours(2);

/// Metrics that are older than this when they are sent take two days to appear (aws-facts.md §6).
const SLOW_AFTER: TimeDelta = TimeDelta::hours(24);

/// How much of a run there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// It goes on: what is not over is left out.
    SoFar,
    /// All that there will be.
    Whole,
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What is sent.
    pub body: Body,
    /// Where to.
    place: Place,
    /// The custom metrics in it.
    metrics: Vec<Sent>,
    /// The log events in it.
    logs: Vec<Sent>,
}

impl Request {
    /// What is noted of it, first that it is sent and then what came of it.
    #[must_use]
    pub fn answered(&self, answer: Answer) -> Receipt {
        let (place, metrics, logs) = (self.place.clone(), self.metrics.clone(), self.logs.clone());
        Receipt { place, metrics, logs, answer }
    }
}

/// What a request sends.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// PutMetricData.
    Metrics {
        /// The namespace.
        namespace: String,
        /// The dimensions that all data share.
        dimensions: Vec<(String, String)>,
        /// The data, each with at most 150 values in a piece.
        data: Vec<Datum>,
    },
    /// PutLogEvents.
    Logs {
        /// The log group.
        group: String,
        /// The log stream.
        stream: String,
        /// The events, in order.
        events: Vec<LogEvent>,
    },
}

/// All that is to be sent, and what to say of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Publication {
    /// The requests, in order.
    pub requests: Vec<Request>,
    /// The custom metrics among them: names with different dimensions, each of which AWS bills for.
    pub metrics: u64,
    /// Their data.
    pub data: usize,
    /// Log events.
    pub events: usize,
    /// The log events' bytes, as AWS bills them.
    pub event_bytes: u64,
    /// Data and events that AWS took before.
    pub taken_before: usize,
    /// Data and events that are sent again since the answer to an earlier request was lost.
    pub in_doubt: usize,
    /// Data and events that CloudWatch would drop, for their age or since they lie ahead.
    pub out_of_range: usize,
    /// Whether CloudWatch will take two days to show the metrics.
    pub slow: bool,
}

/// Why a run can't be published.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PublishError {
    /// Neither a level that ended nor a sample.
    #[error("the record holds no level, so there is nothing to publish")]
    Nothing,
    /// Older than what CloudWatch takes.
    #[error(
        "the load was over at {} UTC, and CloudWatch takes metrics of the last two weeks and log events of the last 14 days only",
        .0.format("%Y-%m-%d %H:%M")
    )]
    TooOld(DateTime<Utc>),
    /// Further ahead than what CloudWatch takes.
    #[error("the record's times lie in the future, until {} UTC, and CloudWatch takes two hours of it", .0.format("%Y-%m-%d %H:%M"))]
    Ahead(DateTime<Utc>),
    /// A run's id that can't be the name of a log stream (aws-facts.md §7).
    #[error("the run's id {0:?} can't be the name of a log stream")]
    Stream(String),
    /// An event that CloudWatch Logs would refuse.
    #[error(transparent)]
    Event(#[from] LogBatchError),
}

impl PublishError {
    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            PublishError::Nothing => {
                "publish a run that opened connections; this one was stopped before its first"
            }
            PublishError::TooOld(_) => "the record keeps it all: see albcap report RECORD",
            PublishError::Ahead(_) => "correct this machine's clock, and publish when that time has come",
            PublishError::Stream(_) | PublishError::Event(_) => {
                "publish the metrics alone: --publish metrics"
            }
        }
    }
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The AWS Region.
    pub region: String,
    /// The endpoint in place of AWS's own.
    pub endpoint: Option<String>,
}

/// All that is to be sent of a run at a time, less what the run's receipts say AWS has taken; with `again` that too.
///
/// # Errors
/// [`PublishError`]; then nothing is to be sent.
pub fn publication(
    judged: &Judged<'_>,
    wanted: &Wanted,
    destination: &Destination,
    extent: Extent,
    again: bool,
    now: DateTime<Utc>,
) -> Result<Publication, PublishError> {
    let nothing_ended = judged.levels.iter().all(|level| level.run.ended_at.is_none());
    if extent == Extent::Whole && nothing_ended && judged.run.samples.is_empty() {
        return Err(PublishError::Nothing);
    }
    let run = judged.run;
    let ahead = run.clock_ahead().unwrap_or_default();
    let shared = shared_dimensions(judged, wanted);
    let place = place(wanted, destination, &shared);
    let ledger = Ledger::of(if again { &[] } else { &run.receipts }, &place);
    let ended = by_aws(run.load_ended_at(), ahead);
    let mut sorter = Sorter { ledger: &ledger, now, told: Publication::default(), ended };

    let mut data = Vec::new();
    if wanted.metrics.is_some() {
        data.extend(open_connections(run, ahead, wanted.high_resolution, extent));
        let of_levels = levels_and_run(judged, extent).into_iter();
        data.extend(of_levels.map(|datum| Datum { at: by_aws(datum.at, ahead), ..datum }));
        data.retain(|datum| sorter.is_due(Part::Metric, &datum.sent()));
    }
    let mut events: Vec<LogEvent> = Vec::new();
    if wanted.logs {
        events = log_events(judged, ahead, extent, |series, at| {
            sorter.is_due(Part::Log, &Sent { series: series.to_owned(), from: at, until: at })
        });
    }
    sorter.refuse_if_all_is_dropped(data.is_empty() && events.is_empty())?;
    let mut publication = sorter.told;
    publication.data = data.len();
    publication.metrics = data.iter().map(Datum::series).collect::<BTreeSet<_>>().len() as u64;
    publication.slow = data.iter().any(|datum| now - datum.at > SLOW_AFTER);
    if wanted.metrics == Some(Carrier::Embedded) {
        let carried = embedded(&data, &shared, wanted.namespace.as_str(), &run.header.run_id);
        let is_due = |event: &LogEvent| !ledger.holds(Part::Metric, &event.series, event.at, event.at);
        events.extend(carried.into_iter().filter(is_due));
        events.sort_by_key(|event| event.at);
        data.clear();
    }
    publication.events = events.len();
    publication.event_bytes = events.iter().map(LogEvent::billed_bytes).sum();
    publication.requests.extend(metric_requests(data, &place, &shared));
    publication.requests.extend(log_requests(&events, &place, &run.header.run_id)?);
    Ok(publication)
}

/// The dimensions of all metrics: the load balancer, where it is known, and the user's own.
fn shared_dimensions(judged: &Judged<'_>, wanted: &Wanted) -> Vec<(String, String)> {
    let balancer = judged.run.load_balancer();
    let balancer = balancer.map(|facts| ("LoadBalancer".to_owned(), facts.arn.dimension().to_owned()));
    let own = wanted.dimensions().iter().map(|own| (own.name().to_owned(), own.value().to_owned()));
    balancer.into_iter().chain(own).collect()
}

fn place(wanted: &Wanted, destination: &Destination, shared: &[(String, String)]) -> Place {
    Place {
        region: destination.region.clone(),
        endpoint: destination.endpoint.clone(),
        namespace: wanted.metrics.map(|_| wanted.namespace.as_str().to_owned()),
        dimensions: wanted.metrics.map(|_| shared.iter().cloned().collect()).unwrap_or_default(),
        log_group: wanted.writes_logs().then(|| wanted.log_group.as_str().to_owned()),
    }
}

/// Decides of each item whether it is to be sent, and counts why not.
struct Sorter<'a> {
    ledger: &'a Ledger<'a>,
    now: DateTime<Utc>,
    ended: DateTime<Utc>,
    told: Publication,
}

impl Sorter<'_> {
    fn is_due(&mut self, part: Part, item: &Sent) -> bool {
        let (series, from, until) = (item.series.as_str(), item.from, item.until);
        if self.ledger.holds(part, series, from, until) {
            self.told.taken_before += 1;
            return false;
        }
        if self.now - from > OLDEST || from - self.now > NEWEST {
            self.told.out_of_range += 1;
            return false;
        }
        if self.ledger.doubts(part, series, from, until) {
            self.told.in_doubt += 1;
        }
        true
    }

    fn refuse_if_all_is_dropped(&self, nothing_is_due: bool) -> Result<(), PublishError> {
        if !nothing_is_due || self.told.out_of_range == 0 {
            return Ok(());
        }
        let ended = self.ended;
        Err(if ended > self.now { PublishError::Ahead(ended) } else { PublishError::TooOld(ended) })
    }
}

fn metric_requests(data: Vec<Datum>, place: &Place, shared: &[(String, String)]) -> Vec<Request> {
    let place = Place { log_group: None, ..place.clone() };
    let Some(namespace) = place.namespace.clone() else { return Vec::new() };
    let batches = metric_batches(data, shared, &namespace);
    let request = |data: Vec<Datum>| Request {
        place: place.clone(),
        metrics: stretches(data.iter().map(Datum::sent)),
        logs: Vec::new(),
        body: Body::Metrics { namespace: namespace.clone(), dimensions: shared.to_vec(), data },
    };
    batches.into_iter().map(request).collect()
}

fn log_requests(events: &[LogEvent], place: &Place, stream: &str) -> Result<Vec<Request>, PublishError> {
    let Some(group) = &place.log_group else { return Ok(Vec::new()) };
    let is_name = (1..=512).contains(&stream.len()) && !stream.contains([':', '*']);
    if !events.is_empty() && !is_name {
        return Err(PublishError::Stream(stream.to_owned()));
    }
    let request = |range: std::ops::Range<usize>| {
        let events = events[range].to_vec();
        let (metrics, logs) = LogEvent::receipts_of(&events);
        let place = match metrics.is_empty() {
            false => place.clone(),
            true => Place { namespace: None, dimensions: BTreeMap::new(), ..place.clone() },
        };
        let body = Body::Logs { group: group.clone(), stream: stream.to_owned(), events };
        Request { body, place, metrics, logs }
    };
    Ok(log_batches(events)?.into_iter().map(request).collect())
}
