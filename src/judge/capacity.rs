//! How many connections are reliable, and what stood in the way of more.

use std::collections::BTreeMap;

use super::{JudgedLevel, Kind};
use crate::plan::PassRule;

/// How many connections are reliable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// The highest level that passed below every one that failed; 0 when none passed, `None` when none was judged.
    pub max_reliable: Option<u32>,
    /// No level failed: the true limit may be higher.
    pub at_least: bool,
    /// `max_reliable` x safety, rounded down.
    pub safe_limit: Option<u32>,
    /// The lowest level that failed.
    pub first_failed: Option<u32>,
    /// What made it fail.
    pub limited_by: Option<Limit>,
}

/// What made the first failed level fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// This machine: it says nothing about the load balancer.
    Machine,
    /// The commonest kind of failure.
    Kind(Kind),
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Limit::Machine => f.write_str("machine"),
            Limit::Kind(kind) => kind.fmt(f),
        }
    }
}

/// The capacity that the levels show. Interrupted levels are neither passed nor failed.
pub(super) fn capacity(levels: &[JudgedLevel<'_>], rule: &PassRule) -> Capacity {
    let of = |passed| levels.iter().filter(move |l| l.passed == Some(passed));
    let first_failed = of(false).min_by_key(|l| l.connections());
    let below = first_failed.map_or(u32::MAX, JudgedLevel::connections);
    let highest = of(true).map(JudgedLevel::connections).filter(|c| *c < below).max();
    // Nothing is reliable only where something failed; where no level came to its end, nobody knows.
    let max_reliable = highest.or(first_failed.map(|_| 0));
    Capacity {
        max_reliable,
        at_least: first_failed.is_none() && highest.is_some(),
        safe_limit: max_reliable.map(|most| rule.safe_limit(most)),
        first_failed: first_failed.map(JudgedLevel::connections),
        limited_by: first_failed.and_then(limit),
    }
}

fn limit(level: &JudgedLevel<'_>) -> Option<Limit> {
    if level.limited_by_machine {
        return Some(Limit::Machine);
    }
    let mut by_kind: BTreeMap<Kind, u32> = BTreeMap::new();
    for failure in &level.failures {
        *by_kind.entry(failure.kind).or_default() += failure.count;
    }
    by_kind.into_iter().max_by_key(|(_, count)| *count).map(|(kind, _)| Limit::Kind(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::{Fault, Scenario};
    use crate::record::{FailureKind, Initiator, Phase};

    fn capacity_of(levels: &[u32], failing: &[(usize, u32)], cut: bool) -> Capacity {
        let faults = failing
            .iter()
            .map(|(level, count)| Fault { level: *level, count: *count, ..Fault::default() })
            .collect();
        let run = Scenario { levels: levels.to_vec(), faults, cut_last: cut, ..Scenario::default() }.run();
        judge(&run).capacity
    }

    #[test]
    fn the_highest_passed_below_the_first_failed() {
        for (levels, failing, cut, max, at_least, safe, failed) in [
            (&[50, 100][..], &[][..], false, Some(100), true, Some(80), None),
            (&[50, 100], &[(1, 6)], false, Some(50), false, Some(40), Some(100)),
            // Within the threshold: a level may lose some.
            (&[50, 100], &[(1, 5)], false, Some(100), true, Some(80), None),
            (&[50, 100], &[(0, 50)], false, Some(0), false, Some(0), Some(50)),
            // Kept going: what passes above the first failure does not count.
            (&[50, 100, 200], &[(1, 100)], false, Some(50), false, Some(40), Some(100)),
            (&[50, 100], &[], true, Some(50), true, Some(40), None),
            // None was held to its end: not known, which is not 0.
            (&[50], &[], true, None, false, None, None),
            (&[7], &[], false, Some(7), true, Some(5), None),
        ] {
            let found = capacity_of(levels, failing, cut);
            assert_eq!(
                (found.max_reliable, found.at_least, found.safe_limit, found.first_failed),
                (max, at_least, safe, failed),
                "{levels:?} {failing:?} {cut}"
            );
        }
    }

    #[test]
    fn the_commonest_kind_over_all_phases_limits() {
        let fault = |phase, kind, by, count| Fault { level: 0, phase, kind, by, count, ..Fault::default() };
        let limited = |faults| {
            let run = Scenario { levels: vec![100], faults, ..Scenario::default() }.run();
            let judged = judge(&run);
            (judged.capacity.limited_by.map(|l| l.to_string()), judged.machine_limited())
        };
        let reset = |phase| fault(phase, FailureKind::Reset, Initiator::Peer, 4);
        let http = fault(Phase::Upgrade, FailureKind::Http(503), Initiator::Peer, 5);
        assert_eq!(
            limited(vec![http.clone(), reset(Phase::Upgrade), reset(Phase::Connect)]),
            (Some("reset".into()), false)
        );
        let fds = fault(Phase::Connect, FailureKind::FdLimit, Initiator::Local, 4);
        assert_eq!(
            limited(vec![http, fds]),
            (Some("machine".into()), true),
            "without the four the level had passed"
        );
    }
}
