//! Which level comes next, given what the earlier ones brought.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Search;
use super::quantity::{QuantityError, parse_count};

/// How the levels are chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The listed ones, ascending.
    Levels(Levels),
    /// Those that narrow the limit down.
    Search(Search),
}

/// What became of a level, as far as the choice of the next one needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelOutcome {
    /// Connections that were asked for.
    pub connections: u32,
    /// Whether any of its connections was open, if only for a moment.
    pub opened: bool,
    /// Whether it held its threshold.
    pub passed: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Open a level of so many connections.
    Open(u32),
    /// Nothing more.
    Done(StopReason),
}

/// Why no more levels are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The last planned level is done.
    Finished,
    /// A level failed.
    LevelFailed,
    /// A search began with a level of which nothing could be opened: no smaller one will do better.
    NobodyThere,
    /// What a search had found failed again and again when it was held once more.
    Unsteady,
}

/// What a schedule can come to at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Most {
    /// Levels.
    pub levels: u64,
    /// The connections of all levels together.
    pub connections: u64,
    /// Those among them that follow another of their level.
    pub followers: u64,
}

impl Most {
    /// With one more level.
    pub(super) fn and(self, connections: u32) -> Most {
        Most {
            levels: self.levels + 1,
            connections: self.connections + u64::from(connections),
            followers: self.followers + u64::from(connections.saturating_sub(1)),
        }
    }

    /// The most of either.
    pub(super) fn or(self, other: Most) -> Most {
        Most {
            levels: self.levels.max(other.levels),
            connections: self.connections.max(other.connections),
            followers: self.followers.max(other.followers),
        }
    }
}

impl Schedule {
    /// What to do after the levels in `done`; `keep_going` passes over failed ones, as a search always does.
    pub fn next(&self, done: &[LevelOutcome], keep_going: bool) -> Step {
        let levels = match self {
            Schedule::Search(search) => return search.next(done),
            Schedule::Levels(levels) => levels,
        };
        if !keep_going && done.last().is_some_and(|level| !level.passed) {
            return Step::Done(StopReason::LevelFailed);
        }
        match levels.as_slice().get(done.len()) {
            Some(connections) => Step::Open(*connections),
            None => Step::Done(StopReason::Finished),
        }
    }

    /// The levels that are known beforehand, in order: of a search, none.
    pub fn listed(&self) -> &[u32] {
        match self {
            Schedule::Levels(levels) => levels.as_slice(),
            Schedule::Search(_) => &[],
        }
    }

    /// The search, where it is one.
    pub fn search(&self) -> Option<&Search> {
        match self {
            Schedule::Levels(_) => None,
            Schedule::Search(search) => Some(search),
        }
    }

    /// The largest level that may be opened.
    pub fn largest(&self) -> u32 {
        match self {
            Schedule::Levels(levels) => levels.as_slice().iter().copied().max().unwrap_or(0),
            Schedule::Search(search) => search.max(),
        }
    }

    /// How many levels and connections there can be, whatever comes of them.
    pub fn most(&self) -> Most {
        match self {
            Schedule::Search(search) => search.most(),
            Schedule::Levels(levels) => {
                levels.as_slice().iter().fold(Most::default(), |most, level| most.and(*level))
            }
        }
    }
}

/// Test points: at least one, none of zero, strictly ascending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
#[schemars(with = "Vec<u32>")]
pub struct Levels(Vec<u32>);

/// Why a list of levels can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LevelsError {
    /// Nothing between the commas.
    #[error("no level is given; write for example 50,100,200")]
    Empty,
    /// A level of nothing.
    #[error("a level of 0 connections tests nothing; the smallest is 1")]
    Zero,
    /// Out of order or twice.
    #[error("levels must ascend, but {1} comes after {0}; write them from the smallest to the largest")]
    NotAscending(u32, u32),
    /// Not a number.
    #[error(transparent)]
    Count(#[from] QuantityError),
}

impl Levels {
    /// The levels in order.
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }
}

impl TryFrom<Vec<u32>> for Levels {
    type Error = LevelsError;

    fn try_from(levels: Vec<u32>) -> Result<Levels, LevelsError> {
        if levels.is_empty() {
            return Err(LevelsError::Empty);
        }
        if levels.contains(&0) {
            return Err(LevelsError::Zero);
        }
        match levels.windows(2).find(|pair| pair[0] >= pair[1]) {
            Some(pair) => Err(LevelsError::NotAscending(pair[0], pair[1])),
            None => Ok(Levels(levels)),
        }
    }
}

impl From<Levels> for Vec<u32> {
    fn from(levels: Levels) -> Vec<u32> {
        levels.0
    }
}

impl std::str::FromStr for Levels {
    type Err = LevelsError;

    fn from_str(text: &str) -> Result<Levels, LevelsError> {
        if text.trim().is_empty() {
            return Err(LevelsError::Empty);
        }
        let levels: Vec<u32> = text.split(',').map(parse_count).collect::<Result<_, _>>()?;
        Levels::try_from(levels)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_parsed_and_bad_ones_refused() {
        assert_eq!("50,1k,2M".parse::<Levels>().unwrap().as_slice(), [50, 1_000, 2_000_000]);
        assert_eq!("".parse::<Levels>(), Err(LevelsError::Empty));
        assert_eq!("0".parse::<Levels>(), Err(LevelsError::Zero));
        assert_eq!("50,20".parse::<Levels>(), Err(LevelsError::NotAscending(50, 20)));
        assert_eq!("50,50".parse::<Levels>(), Err(LevelsError::NotAscending(50, 50)));
        assert!(matches!("5m".parse::<Levels>(), Err(LevelsError::Count(QuantityError::CountInMinutes(_)))));
        assert!("50,,60".parse::<Levels>().is_err());
    }

    #[test]
    fn levels_follow_each_other_until_one_fails() {
        let schedule = Schedule::Levels("50,100,200".parse().unwrap());
        let outcome = |connections, passed| LevelOutcome { connections, opened: true, passed };
        let cases: [(&[LevelOutcome], bool, Step); 5] = [
            (&[], false, Step::Open(50)),
            (&[outcome(50, true)], false, Step::Open(100)),
            (&[outcome(50, false)], false, Step::Done(StopReason::LevelFailed)),
            (&[outcome(50, false)], true, Step::Open(100)),
            (
                &[outcome(50, true), outcome(100, true), outcome(200, true)],
                false,
                Step::Done(StopReason::Finished),
            ),
        ];
        for (done, keep_going, step) in cases {
            assert_eq!(schedule.next(done, keep_going), step, "{done:?}");
        }
        assert_eq!(
            (schedule.largest(), schedule.most()),
            (200, Most { levels: 3, connections: 350, followers: 347 })
        );
    }
}
