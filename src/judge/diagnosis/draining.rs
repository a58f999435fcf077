//! Targets left, and what was still open on them was cut when their deregistration delay ended (aws-facts.md §3).
//!
//! A target that was draining before the load got none of its connections: it explains nothing.

use std::time::Duration;

use super::held::{addresses, at_one_instant, cut, instant, stretch, together};
use super::{Case, Diagnosis, hosts};
use crate::judge::clock::Clock;
use crate::judge::wording::{plural, spoken};
use crate::judge::{Failures, Stretch};
use crate::plan::earlier;

/// The deregistration delay that a target group has unless it was changed (aws-facts.md §3); it is not read.
const DEREGISTRATION_DELAY: Duration = Duration::from_secs(300);

fn may_be(failure: &Failures) -> bool {
    cut(failure) && (at_one_instant(failure) || together(failure))
}

/// What shows that targets were leaving when connections were cut: fewer healthy ones since the period of the cut, or since
/// one that lies a deregistration delay before it at most. A period more, for the cut comes after the delay, and clocks
/// differ.
fn leaving(case: &Case<'_>, cut: Stretch) -> Option<String> {
    let period = case.server?.period();
    let at = Clock::of(case.run).by_aws(cut.times.0);
    let earliest = period.floor(earlier(at, DEREGISTRATION_DELAY.saturating_add(period.length())));
    let left: Vec<String> = hosts::of(case)
        .iter()
        .filter_map(|group| group.left(|fell| (earliest..=period.floor(at)).contains(&fell)))
        .collect();
    (!left.is_empty()).then(|| spoken(&left))
}

/// Whether this rule explains such failures of the run.
pub(super) fn explains_in(case: &Case<'_>, failure: &Failures) -> bool {
    may_be(failure) && failure.pattern.stretch().is_some_and(|stretch| leaving(case, stretch).is_some())
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(|failure| explains_in(case, failure))?;
    let stretch = stretch(&concern)?;
    let leaving = leaving(case, stretch)?;
    let count = plural(u64::from(concern.count), "connection");
    Some(Diagnosis {
        cause: format!("Targets were draining, and {count} still open on them were cut at one instant."),
        evidence: [leaving, concern.evidence(), instant(stretch)]
            .into_iter()
            .chain(addresses(&concern, case.levels))
            .collect(),
        remedy: "Let no deploy and no scaling in happen during a run, or raise deregistration_delay.timeout_seconds of \
                 the target group; an application that is told to leave should close its connections little by little."
            .into(),
        explains: may_be,
    })
}
