//! What the events add up to.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::machine::Part;
use super::{
    Braked, Event, Failure, FailureKind, Header, Histogram, HowEnded, Initiator, LevelEnded, LevelMachine,
    LevelStarted, PeerCount, Phase, Receipt, Sample, Stamped, TokensObtained,
};
use crate::facts::{Facts, Finding, LoadBalancerFacts, Series};
use crate::plan::Redacted;

/// A run, finished or not: the fold of its events.
#[derive(Debug, Clone)]
pub struct Run {
    /// When the header was written.
    pub started_at: DateTime<Utc>,
    /// Plan, version and host.
    pub header: Header,
    /// What was known before the load.
    pub facts: Option<Facts>,
    /// What preflight found.
    pub findings: Vec<Finding>,
    /// The levels, in order.
    pub levels: Vec<LevelRun>,
    /// Connections open over time, from the samples.
    pub open: Vec<OpenAt>,
    /// The samples, as they were taken.
    pub samples: Vec<(DateTime<Utc>, Sample)>,
    /// The tokens of the level that is about to start.
    pub tokens: Option<TokensObtained>,
    /// The rule of the brake that was broken, and when.
    pub braked: Option<(DateTime<Utc>, Braked)>,
    /// CloudWatch's numbers: the final ones if there are any, else the latest provisional ones.
    pub series: Option<Series>,
    /// What came of publishing it, request by request.
    pub receipts: Vec<Receipt>,
    /// How the load ended, and when; `None` when it was killed (or still runs).
    pub ended: Option<(DateTime<Utc>, HowEnded)>,
    /// When the record was rebuilt from memory, if it was: single failures and most of this machine's readings from
    /// before that are not in it.
    pub recovered_at: Option<DateTime<Utc>>,
    /// The last event's time.
    pub last_at: DateTime<Utc>,
}

/// How many connections were open at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenAt {
    /// The instant.
    pub at: DateTime<Utc>,
    /// Connections open.
    pub open: u32,
}

/// One level of a run.
#[derive(Debug, Clone)]
pub struct LevelRun {
    /// Connections asked for.
    pub connections: u32,
    /// Those among them that the level before had left alive.
    pub alive: u32,
    /// What came of obtaining their tokens, before the first attempt; `None` where none were used.
    pub tokens: Option<TokensObtained>,
    /// First attempt.
    pub started_at: DateTime<Utc>,
    /// The load balancer's idle timeout from this level on, where it had been changed by then.
    pub idle_timeout: Option<Duration>,
    /// Last attempt settled.
    pub held_from: Option<DateTime<Utc>>,
    /// Hold over.
    pub held_until: Option<DateTime<Utc>>,
    /// By how much this machine's clock was set while it was held, where it was: its times are CloudWatch's no more.
    pub clock_set: Option<String>,
    /// Last close, or when its connections were left to the next level.
    pub ended_at: Option<DateTime<Utc>>,
    /// Whether its hold ran to its end.
    pub complete: bool,
    /// Connections that were a success; `None` for a level that was killed.
    pub held: Option<u32>,
    /// The last counts; of a level that is not [`sampled`](LevelRun::sampled), none are known.
    pub counts: Sample,
    /// Whether any counts were recorded: not for a level that was killed as it started.
    pub sampled: bool,
    /// From the first attempt to open, µs; with `--rate` from the instant that was planned for it.
    pub connect_us: Histogram,
    /// From a heartbeat's planned instant to its answer, a pong or a text, µs.
    pub heartbeat_rtt_us: Histogram,
    /// From the planned instant of a heartbeat to its sending, µs.
    pub heartbeat_late_us: Histogram,
    /// How late the latest attempt began against the schedule of `--rate`; `None` without one.
    pub rate_behind: Option<Duration>,
    /// Counts by address.
    pub peers: Vec<PeerCount>,
    /// Failures of the same sort together.
    pub failures: BTreeMap<(Phase, FailureKind, Initiator), FailureGroup>,
    /// How this machine fared.
    pub machine: LevelMachine,
}

/// Failures of the same phase, kind and initiator.
#[derive(Debug, Clone, Default)]
pub struct FailureGroup {
    /// How many.
    pub count: u32,
    /// The first non-empty example.
    pub example: Redacted,
    /// When and how old each died, in the order in which they did.
    pub deaths: Vec<Death>,
    /// Failures by the peer's address, without its port.
    pub peers: BTreeMap<String, u32>,
    /// Earliest and latest.
    pub span: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// The death of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    /// When.
    pub at: DateTime<Utc>,
    /// From the first attempt to it; with `--rate` from the instant that was planned for it.
    pub age: Duration,
    /// How long nothing had been sent or received; `None` for a connection that was never open.
    pub silence: Option<Duration>,
}

impl Run {
    /// A run of which only the header is known.
    pub fn new(at: DateTime<Utc>, header: Header) -> Run {
        Run {
            started_at: at,
            header,
            facts: None,
            findings: Vec::new(),
            levels: Vec::new(),
            open: Vec::new(),
            samples: Vec::new(),
            tokens: None,
            braked: None,
            series: None,
            receipts: Vec::new(),
            ended: None,
            recovered_at: None,
            last_at: at,
        }
    }

    /// Takes what a later command learned, as it appends it to the record.
    pub fn learn(&mut self, events: &[Stamped]) {
        events.iter().for_each(|event| self.apply(event));
    }

    /// Takes one more event.
    pub fn apply(&mut self, stamped: &Stamped) {
        let at = stamped.at;
        match &stamped.event {
            Event::Facts(facts) => {
                self.facts = Some(Facts::clone(facts));
                // `analyze` may have learned them tomorrow: no part of the run's own time.
                return;
            }
            Event::Finding(finding) => {
                let held = self.levels.last_mut().filter(|level| level.part() == Part::Holding);
                if let Some(level) = held.filter(|_| finding.check == Finding::CLOCK) {
                    level.clock_set = Some(finding.found.clone());
                }
                self.findings.push(finding.clone());
            }
            Event::Tokens(tokens) => self.tokens = Some(*tokens),
            Event::LevelStarted(level) => {
                let tokens = self.tokens.take().filter(|tokens| tokens.level == level.level);
                let idle_timeout = self.levels.last().and_then(|before| before.idle_timeout);
                self.levels.push(LevelRun { tokens, idle_timeout, ..LevelRun::new(level, at) });
                // What lives on from the level before is in the last sample already.
                if level.alive == 0 {
                    self.open.push(OpenAt { at, open: 0 });
                }
            }
            Event::HoldStarted { level } => {
                if let Some(level) = self.level_mut(*level) {
                    level.held_from = Some(at);
                }
            }
            Event::HoldEnded { level } => {
                if let Some(level) = self.level_mut(*level) {
                    level.held_until = Some(at);
                }
            }
            Event::Sample(sample) => {
                self.open.push(OpenAt { at, open: sample.open });
                self.samples.push((at, *sample));
                if let Some(level) = sample.level.and_then(|level| self.level_mut(level)) {
                    level.counts = *sample;
                    level.sampled = true;
                }
            }
            Event::Machine(second) => {
                if let Some(level) = second.level.and_then(|level| self.level_mut(level)) {
                    let part = level.part();
                    level.machine.take(at, second, part);
                }
            }
            Event::Failure(failure) => {
                if let Some(level) = self.level_mut(failure.level) {
                    level.fail(at, failure);
                }
            }
            Event::IdleTimeout { timeout_s } => {
                if let Some(level) = self.levels.last_mut() {
                    level.idle_timeout = Duration::try_from_secs_f64(*timeout_s).ok();
                }
            }
            Event::Brake(braked) => self.braked = Some((at, braked.clone())),
            Event::LevelEnded(ended) => {
                self.open.push(OpenAt { at, open: ended.counts.open });
                if let Some(level) = self.level_mut(ended.level) {
                    level.end(at, ended);
                }
            }
            Event::Ended(ended) => self.ended = Some((at, ended.how)),
            Event::ServerSeries(series) => {
                let later = Series::clone(series);
                self.series = Some(match self.series.take() {
                    Some(before) => before.updated_by(later),
                    None => later,
                });
                // Read later, perhaps tomorrow: no part of the run's own time.
                return;
            }
            Event::Receipt(receipt) => {
                self.receipts.push(Receipt::clone(receipt));
                // Of what came after the run, too.
                return;
            }
            Event::Recovered { .. } => {
                self.recovered_at = Some(at);
                return;
            }
            Event::Header(_) | Event::Unknown => return,
        }
        self.last_at = at;
    }

    /// When the load was over: the last close, or the last sign of life.
    pub fn load_ended_at(&self) -> DateTime<Utc> {
        self.ended.map_or(self.last_at, |(at, _)| at)
    }

    /// When the first connection was attempted.
    pub fn load_started_at(&self) -> Option<DateTime<Utc>> {
        self.levels.first().map(|level| level.started_at)
    }

    /// The load balancer, where one is known.
    pub fn load_balancer(&self) -> Option<&LoadBalancerFacts> {
        self.facts.as_ref()?.load_balancer.as_ref()
    }

    /// How far this machine's clock was ahead of AWS's; `None` where that is not known.
    pub fn clock_ahead(&self) -> Option<TimeDelta> {
        self.facts.as_ref()?.clock_ahead()
    }

    /// The connections that completed their handshake, over all levels: each once, however many levels it lived through.
    pub fn opened(&self) -> u64 {
        self.levels.iter().map(|level| u64::from(level.opened_anew())).sum()
    }

    fn level_mut(&mut self, level: u32) -> Option<&mut LevelRun> {
        self.levels.get_mut(usize::try_from(level).ok()?)
    }
}

impl LevelRun {
    fn new(level: &LevelStarted, at: DateTime<Utc>) -> LevelRun {
        LevelRun {
            connections: level.connections,
            alive: level.alive,
            tokens: None,
            started_at: at,
            idle_timeout: None,
            held_from: None,
            held_until: None,
            clock_set: None,
            ended_at: None,
            complete: false,
            held: None,
            counts: Sample::default(),
            sampled: false,
            connect_us: Histogram::default(),
            heartbeat_rtt_us: Histogram::default(),
            heartbeat_late_us: Histogram::default(),
            rate_behind: None,
            peers: Vec::new(),
            failures: BTreeMap::new(),
            machine: LevelMachine::default(),
        }
    }

    fn fail(&mut self, at: DateTime<Utc>, failure: &Failure) {
        let group = self.failures.entry((failure.phase, failure.kind, failure.by)).or_default();
        group.count += 1;
        if group.example.as_str().is_empty() {
            group.example = failure.example.clone();
        }
        group.deaths.push(Death { at, age: failure.age, silence: failure.silence });
        if let Some(peer) = failure.peer {
            *group.peers.entry(peer.ip().to_string()).or_default() += 1;
        }
        let (first, last) = group.span.unwrap_or((at, at));
        group.span = Some((first.min(at), last.max(at)));
    }

    /// Which part of it runs.
    fn part(&self) -> Part {
        match (self.held_from, self.held_until) {
            (None, _) => Part::Opening,
            (Some(_), None) => Part::Holding,
            (Some(_), Some(_)) => Part::Closing,
        }
    }

    fn end(&mut self, at: DateTime<Utc>, ended: &LevelEnded) {
        self.ended_at = Some(at);
        self.complete = ended.complete;
        self.held = Some(ended.held);
        self.counts = ended.counts;
        self.sampled = true;
        self.connect_us = ended.connect_us.clone();
        self.heartbeat_rtt_us = ended.heartbeat_rtt_us.clone();
        self.heartbeat_late_us = ended.heartbeat_late_us.clone();
        self.rate_behind = ended.rate_behind_ms.map(Duration::from_millis);
        self.peers.clone_from(&ended.peers);
    }

    /// Connections that completed their handshake in this level.
    pub fn opened_anew(&self) -> u32 {
        self.counts.opened.saturating_sub(self.alive)
    }

    /// Connections that failed, over all groups.
    pub fn failed(&self) -> u32 {
        self.failures.values().map(|group| group.count).sum()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;

    pub(in crate::record) fn header_line() -> String {
        concat!(
            r#"{"at":"2026-11-24T13:00:00.000Z","type":"header","schema":1,"run_id":"r","tool_version":"0.1.0","host":{"name":null,"platform":"linux x86_64"},"#,
            r#""plan":{"url":"ws://h/","load_balancer":null,"schedule":{"levels":[50]},"hold":{"duration_s":120,"periods":2},"heartbeat":{"interval_s":30,"pong_timeout_s":10},"#,
            r#""pace":{"window":256,"connect_timeout_s":10,"pause_s":5},"rule":{"threshold":0.95,"safety":0.8,"keep_going":false,"require":null},"#,
            r#""cloudwatch":{"period_s":60,"baseline_s":900,"settle_s":600}}}"#
        )
        .to_owned()
    }

    pub(in crate::record) fn lines_of_a_run() -> Vec<String> {
        [
            header_line().as_str(),
            r#"{"at":"2026-11-24T13:00:01.000Z","type":"level_started","level":0,"connections":50}"#,
            r#"{"at":"2026-11-24T13:00:02.000Z","type":"hold_started","level":0}"#,
            r#"{"at":"2026-11-24T13:00:03.000Z","type":"sample","level":0,"open":49,"opened":50,"failed":1,"heartbeats_sent":50,"heartbeats_answered":49,"bytes_sent":1,"bytes_received":2,"messages_received":0}"#,
            r#"{"at":"2026-11-24T13:00:04.000Z","type":"failure","level":0,"phase":"hold","kind":"eof","by":"peer","age_s":3.0,"silence_s":2.5,"peer":"10.0.0.1:443","example":"x"}"#,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    #[test]
    fn tokens_belong_to_the_level_that_starts_after_them() {
        let lines = [
            header_line().as_str(),
            r#"{"at":"2026-11-24T13:00:01.000Z","type":"tokens","level":0,"wanted":50,"obtained":49,"took_s":1.5}"#,
            r#"{"at":"2026-11-24T13:00:02.000Z","type":"level_started","level":0,"connections":50}"#,
            r#"{"at":"2026-11-24T13:00:03.000Z","type":"level_started","level":1,"connections":60}"#,
        ]
        .map(|line| serde_json::from_str::<Stamped>(line).unwrap());
        let Event::Header(header) = lines[0].event.clone() else { panic!("a header comes first") };
        let mut run = Run::new(lines[0].at, *header);
        run.learn(&lines[1..]);
        let tokens = run.levels[0].tokens.unwrap();
        assert_eq!((tokens.wanted, tokens.obtained, tokens.took), (50, 49, Duration::from_millis(1_500)));
        assert_eq!(run.levels[1].tokens, None);
        let level_started = "2026-11-24T13:00:02Z".parse::<DateTime<Utc>>().unwrap();
        assert_eq!(run.load_started_at(), Some(level_started), "obtaining tokens is no load");
    }

    #[test]
    fn a_killed_run_keeps_what_its_samples_say() {
        let events: Vec<Stamped> =
            lines_of_a_run().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let Event::Header(header) = events[0].event.clone() else { panic!("a header comes first") };
        let mut run = Run::new(events[0].at, *header);
        events[1..].iter().for_each(|event| run.apply(event));
        let level = &run.levels[0];
        assert_eq!((level.counts.opened, level.held, level.complete, level.failed()), (50, None, false, 1));
        let group = &level.failures[&(Phase::Hold, FailureKind::Eof, Initiator::Peer)];
        let death = group.deaths[0];
        assert_eq!((death.age, death.silence), (Duration::from_secs(3), Some(Duration::from_millis(2_500))));
        assert_eq!(group.peers["10.0.0.1"], 1);
        assert_eq!(run.ended, None);
        assert_eq!(run.load_ended_at(), "2026-11-24T13:00:04Z".parse::<DateTime<Utc>>().unwrap());
    }

    #[test]
    fn what_lives_on_is_opened_once() {
        let mut run = None;
        for line in [
            header_line().as_str(),
            r#"{"at":"2026-11-24T13:00:01.000Z","type":"level_started","level":0,"connections":50}"#,
            r#"{"at":"2026-11-24T13:00:03.000Z","type":"sample","level":0,"open":49,"opened":50,"failed":1,"heartbeats_sent":50,"heartbeats_answered":49,"bytes_sent":1,"bytes_received":2,"messages_received":0}"#,
            r#"{"at":"2026-11-24T13:00:04.000Z","type":"level_started","level":1,"connections":80,"alive":49}"#,
            r#"{"at":"2026-11-24T13:00:05.000Z","type":"sample","level":1,"open":79,"opened":80,"failed":1,"heartbeats_sent":0,"heartbeats_answered":0,"bytes_sent":1,"bytes_received":2,"messages_received":0}"#,
        ] {
            let event: Stamped = serde_json::from_str(line).unwrap();
            match (&mut run, &event.event) {
                (None, Event::Header(header)) => run = Some(Run::new(event.at, Header::clone(header))),
                (None, _) => panic!("a header comes first"),
                (Some(run), _) => run.apply(&event),
            }
        }
        let run = run.unwrap();
        assert_eq!((run.levels[0].alive, run.levels[1].alive), (0, 49));
        assert_eq!(run.levels[1].opened_anew(), 31);
        assert_eq!(run.opened(), 81);
        let open: Vec<u32> = run.open.iter().map(|step| step.open).collect();
        assert_eq!(open, [0, 49, 79], "the border between two levels is no gap");
    }

    #[test]
    fn a_clock_that_is_set_belongs_to_the_level_that_is_held() {
        let finding = r#"{"at":"2026-11-24T13:00:00.000Z","type":"finding","check":"clock","status":"warn","found":"9.0 s back","detail":"","remedy":""}"#;
        let started = r#"{"at":"2026-11-24T13:00:00.000Z","type":"level_started","level":0,"connections":9}"#;
        let held = r#"{"at":"2026-11-24T13:00:00.000Z","type":"hold_started","level":0}"#;
        let Stamped { at, event: Event::Header(header) } = serde_json::from_str(&header_line()).unwrap()
        else {
            panic!("a header comes first")
        };
        let mut run = Run::new(at, *header);
        let mut set = |line: &str| {
            run.apply(&serde_json::from_str(line).unwrap());
            run.levels.first().and_then(|level| level.clock_set.clone())
        };
        assert_eq!([finding, started, finding, held].map(&mut set), [None, None, None, None]);
        assert_eq!(set(finding).as_deref(), Some("9.0 s back"));
    }
}
