//! A level's failures, grouped anew by their derived kinds.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Kind, Pattern};
use crate::record::{Death, FailureGroup, FailureKind, Initiator, LevelRun, Phase};

/// Failures of one level that have phase, kind and initiator in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    /// Where in their lives the connections were.
    pub phase: Phase,
    /// What happened, as derived.
    pub kind: Kind,
    /// Who brought it about.
    pub by: Initiator,
    /// How many.
    pub count: u32,
    /// What was said, once; redacted, not escaped.
    pub example: String,
    /// Least and longest silence before death, where it is known.
    pub silence: Option<(Duration, Duration)>,
    /// The peers' addresses, the most frequent first; empty where they are not known of just these failures.
    pub peers: Vec<String>,
    /// What their deaths have in common.
    pub pattern: Pattern,
    /// Their deaths.
    deaths: Vec<Death>,
}

impl Failures {
    /// Whether this machine was the reason: it had no descriptor or no port left, or failed on its own.
    pub fn is_local(&self) -> bool {
        self.by == Initiator::Local
            || matches!(self.kind, Kind::Seen(FailureKind::FdLimit | FailureKind::PortExhausted))
    }

    /// Those whose deaths are such, and the others.
    pub(super) fn divide(&self, such: impl Fn(&Death) -> bool) -> (Option<Failures>, Option<Failures>) {
        let (ours, others): (Vec<Death>, Vec<Death>) = self.deaths.iter().copied().partition(such);
        match (ours.is_empty(), others.is_empty()) {
            (true, _) => (None, Some(self.clone())),
            (_, true) => (Some(self.clone()), None),
            _ => (Some(self.a_part(ours)), Some(self.a_part(others))),
        }
    }

    /// Some of them.
    fn a_part(&self, deaths: Vec<Death>) -> Failures {
        Failures {
            phase: self.phase,
            kind: self.kind,
            by: self.by,
            count: u32::try_from(deaths.len()).unwrap_or(u32::MAX),
            example: self.example.clone(),
            silence: shortest_and_longest(&deaths),
            // Which peers were theirs is not known, unless there was but one.
            peers: if self.peers.len() == 1 { self.peers.clone() } else { Vec::new() },
            pattern: Pattern::of(&deaths),
            deaths,
        }
    }
}

/// The level's failures, the most frequent first.
pub(super) fn failures(level: &LevelRun, idle_timeout: Option<Duration>) -> Vec<Failures> {
    let mut derived: BTreeMap<(Phase, Kind, Initiator), Failures> = BTreeMap::new();
    for ((phase, seen, by), group) in &level.failures {
        for part in split(*phase, *seen, *by, group, idle_timeout) {
            derived
                .entry((part.phase, part.kind, part.by))
                .and_modify(|all| all.absorb(&part))
                .or_insert(part);
        }
    }
    let mut failures: Vec<Failures> = derived.into_values().collect();
    for failure in &mut failures {
        failure.pattern = Pattern::of(&failure.deaths);
    }
    failures.sort_by_key(|f| std::cmp::Reverse(f.count));
    failures
}

/// One recorded group may hold deaths at the idle timeout and others.
fn split(
    phase: Phase,
    seen: FailureKind,
    by: Initiator,
    group: &FailureGroup,
    idle_timeout: Option<Duration>,
) -> Vec<Failures> {
    let (idle, other): (Vec<Death>, Vec<Death>) = group
        .deaths
        .iter()
        .copied()
        .partition(|death| Kind::of(phase, seen, death.silence, idle_timeout) == Kind::IdleTimeout);
    let idle_count = u32::try_from(idle.len()).unwrap_or(u32::MAX).min(group.count);
    let whole = idle_count == 0 || idle_count == group.count;
    let mut peers: Vec<(&String, &u32)> = group.peers.iter().collect();
    peers.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    // The record counts a group's peers together: of a split one only a single peer is sure.
    let peers: Vec<String> = if whole || peers.len() == 1 {
        peers.into_iter().map(|(address, _)| address.clone()).collect()
    } else {
        Vec::new()
    };
    [(Kind::IdleTimeout, idle_count, idle), (Kind::Seen(seen), group.count - idle_count, other)]
        .into_iter()
        .filter(|(_, count, _)| *count > 0)
        .map(|(kind, count, deaths)| Failures {
            phase,
            kind,
            by,
            count,
            example: group.example.as_str().to_owned(),
            silence: shortest_and_longest(&deaths),
            peers: peers.clone(),
            pattern: Pattern::Scattered,
            deaths,
        })
        .collect()
}

fn shortest_and_longest(deaths: &[Death]) -> Option<(Duration, Duration)> {
    let silences = || deaths.iter().filter_map(|death| death.silence);
    silences().min().zip(silences().max())
}

impl Failures {
    fn absorb(&mut self, other: &Failures) {
        self.count += other.count;
        self.deaths.extend(&other.deaths);
        if self.example.is_empty() {
            self.example.clone_from(&other.example);
        }
        self.silence = match (self.silence, other.silence) {
            (Some((low, high)), Some((lower, higher))) => Some((low.min(lower), high.max(higher))),
            (mine, theirs) => mine.or(theirs),
        };
        for peer in &other.peers {
            if !self.peers.contains(peer) {
                self.peers.push(peer.clone());
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::testing::{Fault, Scenario};

    #[test]
    fn one_group_may_split_and_two_may_join() {
        let fault = |kind, count, silence_s| Fault {
            level: 0,
            phase: Phase::Hold,
            kind,
            count,
            silence_s: Some(silence_s),
            ..Fault::default()
        };
        let run = Scenario {
            levels: vec![100],
            faults: vec![
                fault(FailureKind::Eof, 5, 60.0),
                fault(FailureKind::Eof, 2, 12.0),
                fault(FailureKind::Reset, 3, 59.5),
            ],
            ..Scenario::default()
        }
        .run();
        let found = failures(&run.levels[0], Some(Duration::from_secs(60)));
        let brief: Vec<(String, u32)> = found.iter().map(|f| (f.kind.to_string(), f.count)).collect();
        assert_eq!(brief, [("idle_timeout".into(), 8), ("eof".into(), 2)]);
        assert_eq!(found[0].silence, Some((Duration::from_millis(59_500), Duration::from_secs(60))));
        let unknown = failures(&run.levels[0], None);
        let brief: Vec<(String, u32)> = unknown.iter().map(|f| (f.kind.to_string(), f.count)).collect();
        assert_eq!(brief, [("eof".into(), 7), ("reset".into(), 3)]);
    }
}
