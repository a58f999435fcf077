//! A run as lines of a log stream, each of them one JSON object that says what it is (`type`) and of which run.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{Extent, by_aws};
use crate::judge::Judged;
use crate::record::{Sample, Sent};
use crate::report::{self, Report};

/// One line of a log stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// When it happened, by AWS's clock.
    pub at: DateTime<Utc>,
    /// Its text, JSON.
    pub message: String,
    /// Which kind of event it is, and of what: with the time, what tells it from all others of the run.
    pub series: String,
    /// The metrics that CloudWatch takes out of it, if any; what is in several events is told with the last of them.
    pub metrics: Option<Vec<Sent>>,
}

impl LogEvent {
    /// What of metrics, and what of log events, AWS has once it took these.
    pub fn receipts_of(events: &[LogEvent]) -> (Vec<Sent>, Vec<Sent>) {
        let own = |event: &LogEvent| Sent { series: event.series.clone(), from: event.at, until: event.at };
        let (embedded, plain): (Vec<&LogEvent>, Vec<&LogEvent>) =
            events.iter().partition(|event| event.metrics.is_some());
        let carried = embedded.iter().flat_map(|event| event.metrics.iter().flatten().cloned());
        let metrics = carried.chain(embedded.iter().map(|event| own(event)));
        (stretches(metrics), stretches(plain.into_iter().map(own)))
    }
}

/// One stretch a series, from its first to its last: what lies between was sent with it, or had been before.
pub(super) fn stretches(items: impl Iterator<Item = Sent>) -> Vec<Sent> {
    let mut found: BTreeMap<String, Sent> = BTreeMap::new();
    for item in items {
        let stretch = found.entry(item.series.clone()).or_insert_with(|| item.clone());
        stretch.from = stretch.from.min(item.from);
        stretch.until = stretch.until.max(item.until);
    }
    found.into_values().collect()
}

/// What every line begins with.
#[derive(Serialize)]
struct Line<'a, T> {
    r#type: &'static str,
    run: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balancer: Option<&'a str>,
    #[serde(flatten)]
    fields: T,
}

/// A second of the run, as the record has it, but with the level by its connections.
#[derive(Serialize)]
struct SampleFields {
    /// The level, as the connections it asked for; `null` between two.
    level: Option<u32>,
    open: u32,
    opened: u32,
    failed: u32,
    heartbeats_sent: u64,
    heartbeats_answered: u64,
    bytes_sent: u64,
    bytes_received: u64,
    messages_received: u64,
    replies_sent: u64,
}

/// Failures of one kind in one level.
#[derive(Serialize)]
struct FailureFields<'a> {
    level: u32,
    #[serde(flatten)]
    failures: &'a report::FailurePart,
}

/// What the run came to.
#[derive(Serialize)]
struct VerdictFields<'a> {
    ended: report::EndedPart,
    #[serde(flatten)]
    verdict: &'a report::VerdictPart,
    capacity: &'a report::CapacityPart,
    correlation: &'a report::CorrelationPart,
    diagnosis: &'a [report::DiagnosisPart],
}

/// The run's events, in order: a sample a second, then (at the same time at the earliest) levels that are over with
/// their failures, and the verdict where the run is. The fields of levels, failures and verdict are the JSON report's.
/// Only those are written out that `is_due`, by series and time.
pub(super) fn log_events(
    judged: &Judged<'_>,
    clock_ahead: TimeDelta,
    extent: Extent,
    mut is_due: impl FnMut(&str, DateTime<Utc>) -> bool,
) -> Vec<LogEvent> {
    let run = judged.run;
    let document = report::document(judged);
    let writer = Writer {
        run: &run.header.run_id,
        load_balancer: run.load_balancer().map(|facts| facts.arn.dimension()),
        clock_ahead,
    };
    let mut events: Vec<LogEvent> = run
        .samples
        .iter()
        .filter(|(at, _)| is_due("sample", by_aws(*at, clock_ahead)))
        .map(|(at, sample)| writer.line("sample", "sample".to_owned(), *at, sample_fields(judged, sample)))
        .collect();
    let mut others: Vec<LogEvent> = Vec::new();
    for (place, (level, part)) in judged.levels.iter().zip(&document.levels).enumerate() {
        let Some(at) = level.run.ended_at else { continue };
        let name = format!("level {}", place + 1);
        others.push(writer.line("level", name.clone(), at, part));
        for failures in &part.failures {
            let fields = FailureFields { level: part.connections, failures };
            let series =
                format!("{name} failure {:?} {} {:?}", failures.phase, failures.kind, failures.initiator);
            others.push(writer.line("failure", series, at, fields));
        }
    }
    if extent == Extent::Whole {
        let at = run.series.as_ref().map_or(run.load_ended_at(), |series| series.read_at);
        others.push(writer.line("verdict", "verdict".to_owned(), at, verdict_fields(&document)));
    }
    events.extend(others.into_iter().filter(|event| is_due(&event.series, event.at)));
    events.sort_by_key(|event| event.at);
    events
}

struct Writer<'a> {
    run: &'a str,
    load_balancer: Option<&'a str>,
    clock_ahead: TimeDelta,
}

impl Writer<'_> {
    fn line(
        &self,
        kind: &'static str,
        series: String,
        at: DateTime<Utc>,
        fields: impl Serialize,
    ) -> LogEvent {
        let line = Line { r#type: kind, run: self.run, load_balancer: self.load_balancer, fields };
        // Numbers, strings and lists of them: nothing in a line can fail to serialize.
        let text = serde_json::to_string(&line).unwrap_or_default();
        let message = report::escaped_json(&text);
        LogEvent { at: by_aws(at, self.clock_ahead), message, series, metrics: None }
    }
}

fn sample_fields(judged: &Judged<'_>, sample: &Sample) -> SampleFields {
    let level = sample.level.and_then(|level| judged.levels.get(usize::try_from(level).ok()?));
    SampleFields {
        level: level.map(|level| level.connections()),
        open: sample.open,
        opened: sample.opened,
        failed: sample.failed,
        heartbeats_sent: sample.heartbeats_sent,
        heartbeats_answered: sample.heartbeats_answered,
        bytes_sent: sample.bytes_sent,
        bytes_received: sample.bytes_received,
        messages_received: sample.messages_received,
        replies_sent: sample.replies_sent,
    }
}

fn verdict_fields(document: &Report) -> VerdictFields<'_> {
    VerdictFields {
        ended: document.run.ended,
        verdict: &document.verdict,
        capacity: &document.capacity,
        correlation: &document.correlation,
        diagnosis: &document.diagnosis,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::{example, hostile};

    fn of_type<'a>(lines: &'a [(DateTime<Utc>, Value)], kind: &str) -> Vec<&'a Value> {
        lines.iter().map(|(_, line)| line).filter(|line| line["type"] == kind).collect()
    }

    fn lines(events: &[LogEvent]) -> Vec<(DateTime<Utc>, Value)> {
        events.iter().map(|event| (event.at, serde_json::from_str(&event.message).unwrap())).collect()
    }

    #[test]
    fn a_run_is_a_line_a_second_a_level_a_failure_and_a_verdict() {
        let run = example().run();
        let judged = judge(&run);
        let events = log_events(&judged, TimeDelta::zero(), Extent::Whole, |_, _| true);
        assert!(events.is_sorted_by_key(|event| event.at), "CloudWatch Logs takes them in order only");
        let lines = lines(&events);
        assert!(lines.iter().all(|(_, line)| line["run"] == run.header.run_id.as_str()));
        assert_eq!(of_type(&lines, "sample").len(), run.samples.len());
        let report: Value = serde_json::from_str(&report::json(&judged)).unwrap();
        let levels = of_type(&lines, "level");
        assert_eq!(levels.len(), run.levels.len());
        for (line, in_report) in levels.iter().zip(report["levels"].as_array().unwrap()) {
            for (field, value) in in_report.as_object().unwrap() {
                assert_eq!(&line[field], value, "{field}");
            }
        }
        let failures: usize = judged.levels.iter().map(|level| level.failures.len()).sum();
        assert!(failures > 0);
        assert_eq!(of_type(&lines, "failure").len(), failures);
        let [verdict] = of_type(&lines, "verdict")[..] else { panic!("one verdict") };
        assert_eq!(verdict["outcome"], report["verdict"]["outcome"]);
        assert_eq!(verdict["capacity"], report["capacity"]);
        assert_eq!(verdict["ended"], "finished");
    }

    #[test]
    fn what_goes_on_has_no_verdict_yet() {
        let run = example().run();
        let judged = judge(&run);
        let so_far = lines(&log_events(&judged, TimeDelta::zero(), Extent::SoFar, |_, _| true));
        assert!(of_type(&so_far, "verdict").is_empty());
        assert!(!of_type(&so_far, "level").is_empty());
    }

    #[test]
    fn times_are_aws_s() {
        let run = example().run();
        let judged = judge(&run);
        let (ours, theirs) = (
            log_events(&judged, TimeDelta::zero(), Extent::Whole, |_, _| true),
            log_events(&judged, TimeDelta::seconds(7), Extent::Whole, |_, _| true),
        );
        assert!(ours.iter().zip(&theirs).all(|(a, b)| a.at - b.at == TimeDelta::seconds(7)));
    }

    #[test]
    fn no_two_events_are_taken_for_one_another_and_nothing_acts_on_a_screen() {
        for run in [example().run(), hostile().run()] {
            let events = log_events(&judge(&run), TimeDelta::zero(), Extent::Whole, |_, _| true);
            let mut keys: Vec<_> = events.iter().map(|event| (&event.series, event.at)).collect();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), events.len());
            assert!(events.iter().all(|event| !event.message.chars().any(char::is_control)));
        }
    }
}
