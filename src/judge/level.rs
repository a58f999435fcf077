//! One level, judged by its own numbers.

use std::time::Duration;

use super::failures::failures;
use super::wording::{plural, show_count};
use super::{Failures, Kind, Strain, wilson_low95};
use crate::plan::{Pace, PassRule};
use crate::record::{FailureKind, LevelRun};

/// One level, judged by its own numbers.
#[derive(Debug, Clone)]
pub struct JudgedLevel<'a> {
    /// What was recorded of it.
    pub run: &'a LevelRun,
    /// Connections that were a success; `None` unless its hold ran to its end.
    pub held: Option<u32>,
    /// Whether it passed; `None` for an interrupted one, which is neither.
    pub passed: Option<bool>,
    /// Successes over connections asked for.
    pub success_rate: Option<f64>,
    /// Wilson's 95 % lower bound of it.
    pub success_rate_low95: Option<f64>,
    /// Heartbeats answered over connections opened; `None` where none was opened.
    pub avg_heartbeats: Option<f64>,
    /// From the first attempt to the last close.
    pub duration: Option<Duration>,
    /// Its failures, the most frequent first.
    pub failures: Vec<Failures>,
    /// Those among them that this machine's slowness may have brought about.
    pub(super) slowed: Vec<Failures>,
    /// The others.
    pub(super) others: Vec<Failures>,
    /// The load balancer's idle timeout while it ran, where one is known.
    pub idle_timeout: Option<Duration>,
    /// How this machine held it up.
    pub strain: Strain<'a>,
    /// Whether it failed, and would not have but for this machine (or mostly by it): it says nothing about the load
    /// balancer then.
    pub limited_by_machine: bool,
}

/// `--rate` was missed where an attempt began later than this share of the time that all were to take …
const RATE_MISSED: f64 = 0.1;

/// … and by more than chance: a process is late by some milliseconds always.
const RATE_MISSED_BY: Duration = Duration::from_secs(1);

impl<'a> JudgedLevel<'a> {
    /// How long opening took: from the first attempt until the last one had settled.
    pub fn opening(&self) -> Option<Duration> {
        (self.run.held_from? - self.run.started_at).to_std().ok()
    }

    /// How late the latest attempt began against `--rate`'s schedule, where that is too late for the rate to count as
    /// kept.
    pub fn rate_missed_by(&self, pace: &Pace) -> Option<Duration> {
        let attempts = self.connections().saturating_sub(self.run.alive);
        let planned = pace.rate?.spans(attempts);
        self.run.rate_behind.filter(|behind| *behind >= planned.mul_f64(RATE_MISSED).max(RATE_MISSED_BY))
    }

    /// Judges a level. `idle_timeout` is the load balancer's, where one is known.
    pub(super) fn of(
        run: &'a LevelRun,
        rule: &PassRule,
        idle_timeout: Option<Duration>,
        strain: Strain<'a>,
    ) -> JudgedLevel<'a> {
        let held = run.held.filter(|_| run.complete);
        let asked = run.connections;
        #[allow(clippy::cast_precision_loss)]
        let answered = run.counts.heartbeats_answered as f64;
        let failures = failures(run, idle_timeout);
        let (slowed, others) = strain.divide(&failures);
        let mut level = JudgedLevel {
            run,
            held,
            passed: held.map(|held| rule.passes(held, asked)),
            success_rate: held.filter(|_| asked > 0).map(|held| f64::from(held) / f64::from(asked)),
            success_rate_low95: held.and_then(|held| wilson_low95(held, asked)),
            avg_heartbeats: (run.counts.opened > 0).then(|| answered / f64::from(run.counts.opened)),
            duration: run.ended_at.and_then(|ended| (ended - run.started_at).to_std().ok()),
            failures,
            slowed,
            others,
            idle_timeout,
            strain,
            limited_by_machine: false,
        };
        level.limited_by_machine = level.is_limited_by_machine(rule);
        level
    }

    /// Connections asked for: the level's name.
    pub fn connections(&self) -> u32 {
        self.run.connections
    }

    /// How many failed by this machine's doing: it refused, or was too slow.
    fn failed_by_machine(&self) -> u32 {
        self.slowed.iter().chain(self.others.iter().filter(|f| f.is_local())).map(|f| f.count).sum()
    }

    fn is_limited_by_machine(&self, rule: &PassRule) -> bool {
        let ours = self.failed_by_machine();
        let others = self.run.failed().saturating_sub(ours);
        let without = self.held.unwrap_or(0).saturating_add(ours);
        self.passed == Some(false)
            && ours > 0
            && (ours >= others || rule.passes(without, self.run.connections))
    }

    /// What this machine lacked, with the numbers, each a sentence: `no file descriptor was left for 20 connections`.
    pub(super) fn shortages(&self) -> Vec<String> {
        let local = |kind: Option<FailureKind>| {
            let such = |f: &&Failures| match (kind, f.kind) {
                (Some(kind), found) => found == Kind::Seen(kind),
                (None, Kind::Seen(FailureKind::FdLimit | FailureKind::PortExhausted)) => false,
                (None, _) => f.is_local(),
            };
            let count: u32 = self.failures.iter().filter(such).map(|f| f.count).sum();
            (count > 0).then(|| plural(u64::from(count), "connection"))
        };
        let descriptors =
            local(Some(FailureKind::FdLimit)).map(|c| format!("no file descriptor was left for {c}"));
        let ports =
            local(Some(FailureKind::PortExhausted)).map(|c| format!("no local port was left for {c}"));
        let refused = local(None).map(|c| format!("the operating system refused {c}"));
        [descriptors, ports, refused].into_iter().flatten().chain(self.slowness()).collect()
    }

    /// How slow this machine was where that may have brought failures about, each a sentence.
    pub(super) fn slowness(&self) -> Vec<String> {
        self.strain.evidence(&self.slowed)
    }

    /// What this machine lacked at a level that it limited, with the numbers: `at level 500, no local port was left …`.
    pub(super) fn machine_reason(&self) -> String {
        format!("at level {}, {}", show_count(u64::from(self.connections())), self.shortages().join("; "))
    }
}
