//! The verdict of whole runs: `compared` where both sides have their numbers, `lacking` where something is not there,
//! `shapes` where a misfit has a name, `machine` where this machine was the limit.

mod compared;
mod lacking;
mod left_behind;
mod machine;
mod shapes;

use super::testing::Scenario;
use super::{Judged, Outcome, judge};

fn with_judged<T>(scenario: Scenario, look: impl FnOnce(&Judged<'_>) -> T) -> T {
    look(&judge(&scenario.run()))
}

fn outcome(scenario: Scenario) -> (Outcome, String) {
    with_judged(scenario, |judged| {
        assert!(!judged.verdict.reasons.is_empty(), "every outcome has a reason");
        (judged.outcome(), judged.verdict.reasons.join("; "))
    })
}

fn usual() -> Scenario {
    Scenario { levels: vec![200, 500], ..Scenario::default() }
}
