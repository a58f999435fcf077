//! The search for the limit: double, bisect, confirm. Pure.
//!
//! Levels double until one fails or the maximum has passed; the gap between the highest that passed and the lowest that
//! failed is halved until it is within the precision; and what passed is then held a second time. Where that fails the
//! limit is lower than it seemed: the search goes on below, and confirms once more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::schedule::{LevelOutcome, Most, Step, StopReason};
use super::{Share, quantity};

/// Doublings up to the maximum at most: a search of any size starts at no less than a 64th of it.
const MOST_DOUBLINGS: u32 = 6;

/// Where a search starts if that is more: fewer connections than these trouble nobody.
const SMALLEST_START: u32 = 50;

/// Confirmations that may fail before the limit is called unsteady; each costs another round of bisecting.
const MOST_REFUTED: u32 = 2;

/// What is finer than this measures the noise of the limit, and takes a level more for every halving.
const FINEST: f64 = 0.01;

/// A search between nothing and a maximum, to within a share of what passed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "SearchParts", into = "SearchParts")]
#[schemars(with = "SearchParts")]
pub struct Search {
    max: u32,
    precision: Share,
}

/// A search as it stands in a record.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Search")]
struct SearchParts {
    /// Connections of the largest level that may be opened.
    max: u32,
    /// The gap between the highest level that passed and the lowest that failed, over the former.
    precision: Share,
}

/// Why a search can't be made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SearchError {
    /// Up to nothing.
    #[error("a search up to 0 connections tests nothing; the smallest is 1")]
    Zero,
    /// Too fine.
    #[error("a precision of {found:.2} % measures only noise; the finest is {} %", FINEST * 100.0)]
    TooFine {
        /// The precision, in percent.
        found: f64,
    },
}

/// How far a search has come.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// The highest level that passed and has not failed; 0 where none has.
    passed: u32,
    /// The one that passed before it.
    passed_before: u32,
    /// The lowest level that failed.
    failed: Option<u32>,
    /// Whether `passed` passed twice.
    confirmed: bool,
    /// Confirmations that failed.
    refuted: u32,
    /// Nothing could be opened, and nothing has passed.
    nobody_there: bool,
}

impl Search {
    /// A search up to `max` connections.
    pub fn new(max: u32, precision: Share) -> Result<Search, SearchError> {
        match () {
            () if max == 0 => Err(SearchError::Zero),
            () if precision.get() < FINEST => Err(SearchError::TooFine { found: precision.get() * 100.0 }),
            () => Ok(Search { max, precision }),
        }
    }

    /// Connections of the largest level that may be opened.
    pub fn max(&self) -> u32 {
        self.max
    }

    /// How narrow the gap between passed and failed becomes, as a share of the former.
    pub fn precision(&self) -> f64 {
        self.precision.get()
    }

    /// What to do after the levels in `done`.
    pub(super) fn next(&self, done: &[LevelOutcome]) -> Step {
        self.step(&done.iter().fold(Progress::default(), |progress, outcome| progress.after(*outcome)))
    }

    /// The most that any run of luck can make of it, followed to the end.
    pub(super) fn most(&self) -> Most {
        self.most_from(&Progress::default())
    }

    fn most_from(&self, progress: &Progress) -> Most {
        let Step::Open(connections) = self.step(progress) else { return Most::default() };
        let then =
            |passed| self.most_from(&progress.after(LevelOutcome { connections, opened: true, passed }));
        then(true).or(then(false)).and(connections)
    }

    fn step(&self, progress: &Progress) -> Step {
        let Progress { passed, failed, confirmed, refuted, nobody_there, .. } = *progress;
        match failed {
            _ if nobody_there => Step::Done(StopReason::NobodyThere),
            _ if confirmed => Step::Done(StopReason::Finished),
            _ if refuted >= MOST_REFUTED => Step::Done(StopReason::Unsteady),
            None => Step::Open(self.doubled(passed).unwrap_or(passed)),
            Some(failed) if failed - passed > self.tolerance(passed) => {
                Step::Open(passed + (failed - passed) / 2)
            }
            // Not one connection is held.
            Some(_) if passed == 0 => Step::Done(StopReason::Finished),
            Some(_) => Step::Open(passed),
        }
    }

    /// The first level of the doubling above `passed`. It is the maximum that is halved, so that the last is the maximum.
    fn doubled(&self, passed: u32) -> Option<u32> {
        let smallest = SMALLEST_START.min(self.max);
        let levels = (0..=MOST_DOUBLINGS).rev().map(|halvings| self.max >> halvings);
        levels.into_iter().find(|level| *level >= smallest && *level > passed)
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn tolerance(&self, passed: u32) -> u32 {
        // A hair is added, so that 5 % of 100 does not become 4 for the want of a binary digit.
        ((f64::from(passed) * self.precision.get() + 1e-9) as u32).max(1)
    }
}

impl Progress {
    fn after(self, level: LevelOutcome) -> Progress {
        let LevelOutcome { connections, opened, passed } = level;
        let again = connections == self.passed;
        match (passed, again) {
            (true, true) => Progress { confirmed: true, ..self },
            (true, false) => Progress { passed: connections, passed_before: self.passed, ..self },
            (false, false) => {
                Progress { failed: Some(connections), nobody_there: !opened && self.passed == 0, ..self }
            }
            (false, true) => Progress {
                passed: self.passed_before,
                passed_before: 0,
                failed: Some(connections),
                confirmed: false,
                refuted: self.refuted + 1,
                nobody_there: false,
            },
        }
    }
}

impl TryFrom<SearchParts> for Search {
    type Error = SearchError;

    fn try_from(parts: SearchParts) -> Result<Search, SearchError> {
        Search::new(parts.max, parts.precision)
    }
}

impl From<Search> for SearchParts {
    fn from(search: Search) -> SearchParts {
        SearchParts { max: search.max, precision: search.precision }
    }
}

impl std::fmt::Display for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // At most four digits of a percentage, without its zeros.
        let percent = (self.precision() * 10_000.0).round() / 100.0;
        write!(f, "up to {} within {percent} %", quantity::show_count(self.max.into()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn search(max: u32, precision: f64) -> Search {
        Search::new(max, Share::try_from(precision).unwrap()).unwrap()
    }

    /// Follows a search, `passes` being asked of every level (and how often it was opened before).
    fn follow(
        search: &Search,
        mut passes: impl FnMut(u32, usize) -> bool,
    ) -> (Vec<LevelOutcome>, StopReason) {
        let mut done: Vec<LevelOutcome> = Vec::new();
        loop {
            match search.next(&done) {
                Step::Done(reason) => return (done, reason),
                Step::Open(connections) => {
                    assert!((1..=search.max()).contains(&connections), "{connections} of {search}");
                    let before = done.iter().filter(|level| level.connections == connections).count();
                    done.push(LevelOutcome {
                        connections,
                        opened: true,
                        passed: passes(connections, before),
                    });
                }
            }
        }
    }

    fn opened(done: &[LevelOutcome]) -> Vec<u32> {
        done.iter().map(|level| level.connections).collect()
    }

    /// The highest level that passed below all that failed, and the lowest that failed, as the judge has it.
    fn bracket(done: &[LevelOutcome]) -> (u32, Option<u32>) {
        let failed = done.iter().filter(|l| !l.passed).map(|l| l.connections).min();
        let below = |l: &&LevelOutcome| l.passed && failed.is_none_or(|failed| l.connections < failed);
        (done.iter().filter(below).map(|l| l.connections).max().unwrap_or(0), failed)
    }

    #[test]
    fn it_doubles_then_bisects_then_confirms() {
        let (done, reason) = follow(&search(5_000, 0.05), |level, _| level <= 1_000);
        assert_eq!(opened(&done), [78, 156, 312, 625, 1_250, 937, 1_093, 1_015, 976, 976]);
        assert_eq!(reason, StopReason::Finished);
        assert_eq!(bracket(&done), (976, Some(1_015)));
    }

    #[test]
    fn the_ends_of_the_range() {
        let (all, _) = follow(&search(400, 0.05), |_, _| true);
        assert_eq!(opened(&all), [50, 100, 200, 400, 400], "the maximum is confirmed too");
        let (none, reason) = follow(&search(400, 0.05), |_, _| false);
        assert_eq!((opened(&none), reason), (vec![50, 25, 12, 6, 3, 1], StopReason::Finished));
        assert_eq!(opened(&follow(&search(1, 0.05), |_, _| true).0), [1, 1]);
        assert_eq!(opened(&follow(&search(30, 0.05), |_, _| true).0), [30, 30], "small ones start at once");
        let (wide, _) = follow(&search(1_000, 1.0), |level, _| level <= 300);
        assert_eq!(opened(&wide), [62, 125, 250, 500, 250], "100 % is enough after the doubling");
    }

    #[test]
    fn a_confirmation_that_fails_is_a_lower_limit() {
        // The limit falls when nine levels have been opened, of which the last is the one to be confirmed.
        let falling = |first: u32, after: usize, then: u32| {
            let mut opened = 0;
            follow(&search(5_000, 0.05), move |level, _| {
                opened += 1;
                level <= if opened <= after { first } else { then }
            })
        };
        let (done, reason) = falling(1_000, 9, 950);
        assert_eq!((&opened(&done)[8..], reason), (&[976, 976, 937][..], StopReason::Finished));
        assert_eq!(bracket(&done), (937, Some(976)), "close enough without another level");
        let (done, reason) = falling(640, 10, 500);
        assert_eq!(opened(&done)[9..], [644, 625, 468, 546, 507, 487, 487], "the gap is searched again");
        assert_eq!((bracket(&done), reason), ((487, Some(507)), StopReason::Finished));
        let (done, reason) = falling(1_000, 9, 10);
        assert_eq!((&opened(&done)[8..], reason), (&[976, 976, 937][..], StopReason::Unsteady));
    }

    #[test]
    fn where_nothing_can_be_opened_nothing_more_is_tried() {
        let search = search(5_000, 0.05);
        let refused = |connections| LevelOutcome { connections, opened: false, passed: false };
        assert_eq!(search.next(&[refused(78)]), Step::Done(StopReason::NobodyThere));
        let passed = LevelOutcome { connections: 78, opened: true, passed: true };
        assert_eq!(search.next(&[passed, refused(156)]), Step::Open(117), "it was there before");
    }

    #[test]
    fn what_can_not_be_searched() {
        let share = |value: f64| Share::try_from(value).unwrap();
        assert_eq!(Search::new(0, share(0.05)), Err(SearchError::Zero));
        let fine = Search::new(10, share(0.001)).unwrap_err();
        assert_eq!(fine.to_string(), "a precision of 0.10 % measures only noise; the finest is 1 %");
        assert_eq!(search(5_000, 0.05).to_string(), "up to 5,000 within 5 %");
        let text = serde_json::to_string(&search(7, 0.5)).unwrap();
        assert_eq!(text, r#"{"max":7,"precision":0.5}"#);
        assert_eq!(serde_json::from_str::<Search>(&text).unwrap(), search(7, 0.5));
        assert!(serde_json::from_str::<Search>(r#"{"max":0,"precision":0.5}"#).is_err());
    }

    proptest! {
        #[test]
        fn a_steady_limit_is_found_within_the_precision_in_few_steps(
            max in 1_u32..2_000_000, share in 0.0_f64..1.2, precision in 0.01_f64..1.0,
        ) {
            let search = search(max, precision);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let limit = (f64::from(max) * share) as u32;
            let (done, reason) = follow(&search, |level, _| level <= limit);
            prop_assert_eq!(reason, StopReason::Finished);
            let (passed, failed) = bracket(&done);
            prop_assert!(passed <= limit);
            if limit >= max {
                prop_assert_eq!((passed, failed), (max, None));
            } else if limit > 0 {
                let gap = f64::from(failed.unwrap() - passed);
                prop_assert!(gap <= (precision * f64::from(passed)).max(1.0), "{gap} above {passed}");
            }
            if passed > 0 {
                let last = &done[done.len() - 2..];
                prop_assert!(last.iter().any(|l| l.connections == passed && l.passed));
                prop_assert_eq!(done.iter().filter(|l| l.connections == passed && l.passed).count(), 2);
            }
            // Seven levels of doubling, so many halvings, and the confirmation; more only far below the start.
            let halvings = (1.0 / precision).log2().ceil().max(0.0) + 1.0;
            let start = f64::from(max >> MOST_DOUBLINGS).max(f64::from(SMALLEST_START));
            let below = if f64::from(limit) < start { start.log2().ceil() } else { 0.0 };
            prop_assert!(done.len() as f64 <= 7.0 + halvings + below + 1.0, "{}", done.len());
        }

        #[test]
        fn whatever_happens_it_ends_within_what_was_said(
            max in 1_u32..2_000_000, precision in 0.02_f64..1.0, luck in prop::collection::vec(any::<bool>(), 200),
        ) {
            let search = search(max, precision);
            let mut luck = luck.into_iter();
            let (done, _) = follow(&search, |_, _| luck.next().expect("it ends long before"));
            let most = search.most();
            prop_assert!(done.len() as u64 <= most.levels, "{} of {most:?}", done.len());
            let connections: u64 = done.iter().map(|l| u64::from(l.connections)).sum();
            prop_assert!(connections <= most.connections, "{connections} of {most:?}");
            prop_assert!(most.levels <= 60, "{most:?}");
        }
    }
}
