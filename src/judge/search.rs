//! What a search for the limit came to, and what it cost.

use std::time::Duration;

use super::{Capacity, JudgedLevel};
use crate::plan::Search;
use crate::record::{HowEnded, Run};

/// What a search for the limit came to, and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Searched {
    /// What was searched.
    pub search: Search,
    /// The highest level that passed below the lowest that failed; `None` where none passed.
    pub highest_passed: Option<u32>,
    /// The lowest level that failed; `None` where none did.
    pub lowest_failed: Option<u32>,
    /// How it ended.
    pub end: SearchEnd,
    /// Levels that were begun.
    pub levels: u64,
    /// Connections that they asked for, together.
    pub connections: u64,
    /// From the first attempt to the end of the load.
    pub took: Duration,
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchEnd {
    /// The highest level that passed did so twice.
    Confirmed,
    /// No level passed, down to one connection; or nothing could be opened at all.
    NothingPassed,
    /// What had passed failed when it was held once more, again and again.
    Unsteady,
    /// It was stopped before its end.
    Unfinished,
}

impl SearchEnd {
    /// As it is written in every output.
    pub fn name(self) -> &'static str {
        match self {
            SearchEnd::Confirmed => "confirmed",
            SearchEnd::NothingPassed => "nothing_passed",
            SearchEnd::Unsteady => "unsteady",
            SearchEnd::Unfinished => "unfinished",
        }
    }
}

/// The search of a run; `None` where its levels were listed.
pub(super) fn searched(run: &Run, levels: &[JudgedLevel<'_>], capacity: &Capacity) -> Option<Searched> {
    let search = run.header.plan.schedule.search()?;
    let highest = capacity.max_reliable.unwrap_or(0);
    let times = levels.iter().filter(|l| l.passed == Some(true) && l.connections() == highest).count();
    let finished = run.ended.is_some_and(|(_, how)| how == HowEnded::Finished);
    let took = run.load_started_at().and_then(|started| (run.load_ended_at() - started).to_std().ok());
    Some(Searched {
        search: *search,
        highest_passed: Some(highest).filter(|highest| *highest > 0),
        lowest_failed: capacity.first_failed,
        end: match (finished, highest, times) {
            (_, 1.., 2..) => SearchEnd::Confirmed,
            (false, ..) => SearchEnd::Unfinished,
            (true, ..) if levels.iter().all(|level| level.passed != Some(true)) => SearchEnd::NothingPassed,
            (true, ..) => SearchEnd::Unsteady,
        },
        levels: levels.len() as u64,
        connections: levels.iter().map(|level| u64::from(level.connections())).sum(),
        took: took.unwrap_or_default(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::{Fault, Scenario};

    /// A search up to 400 that opened these levels; those at `failed` failed.
    fn searched(levels: &[u32], failed: &[usize], how: Option<HowEnded>) -> Searched {
        let fault = |level: &usize| Fault { level: *level, count: levels[*level], ..Fault::default() };
        let scenario = Scenario {
            levels: levels.to_vec(),
            faults: failed.iter().map(fault).collect(),
            search: Some(400),
            how,
            ..Scenario::default()
        };
        judge(&scenario.run()).search.unwrap()
    }

    #[test]
    fn how_searches_end() {
        let finished = Some(HowEnded::Finished);
        for (levels, failed, how, passed, first_failed, end) in [
            (&[50, 100, 75, 62, 62][..], &[1, 2][..], finished, Some(62), Some(75), SearchEnd::Confirmed),
            (&[50, 100, 200, 400, 400], &[], finished, Some(400), None, SearchEnd::Confirmed),
            (&[50, 100, 100], &[], Some(HowEnded::Interrupted), Some(100), None, SearchEnd::Confirmed),
            (&[50, 25, 12, 6, 3, 1], &[0, 1, 2, 3, 4, 5], finished, None, Some(1), SearchEnd::NothingPassed),
            (&[50, 100, 52, 52, 50], &[1, 3, 4], finished, None, Some(50), SearchEnd::Unsteady),
            (&[50, 100, 75], &[1, 2], Some(HowEnded::Interrupted), Some(50), Some(75), SearchEnd::Unfinished),
            (&[50, 100], &[1], None, Some(50), None, SearchEnd::Unfinished),
        ] {
            let found = searched(levels, failed, how);
            assert_eq!(
                (found.highest_passed, found.lowest_failed, found.end),
                (passed, first_failed, end),
                "{levels:?}"
            );
            assert_eq!(found.levels, levels.len() as u64);
            assert_eq!(found.connections, levels.iter().map(|l| u64::from(*l)).sum::<u64>());
            assert!(found.took > Duration::from_secs(120 * found.levels), "{:?}", found.took);
        }
        assert_eq!(judge(&Scenario::default().run()).search, None);
    }

    #[test]
    fn a_level_that_passed_and_then_failed_by_this_machine_is_the_machines() {
        let mut fault = Fault { level: 2, count: 100, ..Fault::default() };
        fault.kind = crate::record::FailureKind::FdLimit;
        fault.by = crate::record::Initiator::Local;
        let scenario = Scenario {
            levels: vec![50, 100, 100],
            faults: vec![fault],
            search: Some(100),
            ..Scenario::default()
        };
        let run = scenario.run();
        let judged = judge(&run);
        assert!(judged.machine_limited());
        let reason = &judged.verdict.reasons[0];
        assert!(reason.contains("no file descriptor was left for 100 connections"), "{reason}");
    }
}
