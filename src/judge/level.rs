//! One level, judged by its own numbers.

use std::time::Duration;

use super::failures::failures;
use super::{Failures, wilson_low95};
use crate::plan::PassRule;
use crate::record::LevelRun;

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
}

impl<'a> JudgedLevel<'a> {
    /// Judges a level. `idle_timeout` is the load balancer's, where one is known.
    pub(super) fn of(run: &'a LevelRun, rule: &PassRule, idle_timeout: Option<Duration>) -> JudgedLevel<'a> {
        let held = run.held.filter(|_| run.complete);
        let asked = run.connections;
        #[allow(clippy::cast_precision_loss)]
        let answered = run.counts.heartbeats_answered as f64;
        JudgedLevel {
            run,
            held,
            passed: held.map(|held| rule.passes(held, asked)),
            success_rate: held.filter(|_| asked > 0).map(|held| f64::from(held) / f64::from(asked)),
            success_rate_low95: held.and_then(|held| wilson_low95(held, asked)),
            avg_heartbeats: (run.counts.opened > 0).then(|| answered / f64::from(run.counts.opened)),
            duration: run.ended_at.and_then(|ended| (ended - run.started_at).to_std().ok()),
            failures: failures(run, idle_timeout),
        }
    }

    /// Connections asked for: the level's name.
    pub fn connections(&self) -> u32 {
        self.run.connections
    }

    /// Connections that failed by this machine's doing.
    pub fn failed_locally(&self) -> u32 {
        self.failures.iter().filter(|f| f.is_local()).map(|f| f.count).sum()
    }

    /// Whether it failed, and would not have but for this machine (or mostly by it).
    pub(super) fn limited_by_machine(&self, rule: &PassRule) -> bool {
        let local = self.failed_locally();
        let others = self.run.failed().saturating_sub(local);
        let without = self.held.unwrap_or(0).saturating_add(local);
        self.passed == Some(false)
            && local > 0
            && (local >= others || rule.passes(without, self.run.connections))
    }
}
