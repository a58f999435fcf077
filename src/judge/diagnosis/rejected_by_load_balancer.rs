//! The load balancer itself was at its maximum.

use super::matter::Concern;
use super::{Case, Diagnosis};
use crate::facts::metric::REJECTED_CONNECTIONS;
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Phase};

type Such = fn(&Failures) -> bool;

/// How a rejected connection may look from here: AWS does not say at which step it is turned away.
fn may_be(failure: &Failures) -> bool {
    was_turned_away(failure)
        || is_of_opening(failure) && matches!(failure.kind, Kind::Seen(FailureKind::Timeout))
}

/// Those whom somebody turned away; nobody answered the others.
fn was_turned_away(failure: &Failures) -> bool {
    is_of_opening(failure)
        && matches!(failure.kind, Kind::Seen(FailureKind::Refused | FailureKind::Reset | FailureKind::Eof))
}

fn is_of_opening(failure: &Failures) -> bool {
    matches!(failure.phase, Phase::Connect | Phase::Tls | Phase::Upgrade)
}

/// Which failures of the run this rule explains: all that may be rejected connections, or those only that were turned
/// away, by for how many the rejections that were counted are enough.
fn explained<'a>(case: &Case<'a>) -> Option<(Such, Concern<'a>)> {
    [may_be as Such, was_turned_away].into_iter().find_map(|such| {
        let concern = case.concern(such)?;
        case.rise_for(REJECTED_CONNECTIONS, concern.count)?;
        Some((such, concern))
    })
}

/// Whether this rule explains such failures of the run.
pub(super) fn explains_in(case: &Case<'_>, failure: &Failures) -> bool {
    may_be(failure) && explained(case).is_some_and(|(such, _)| such(failure))
}

/// Rejections that were too few to explain these failures, as evidence that there were some.
pub(super) fn evidence(case: &Case<'_>, concern: &Concern<'_>) -> Option<String> {
    concern.groups.iter().any(|group| may_be(group)).then(|| case.rose(REJECTED_CONNECTIONS)).flatten()
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let (explains, concern) = explained(case)?;
    let rose = case.rose(REJECTED_CONNECTIONS)?;
    Some(Diagnosis {
        cause: "The load balancer rejected connections, since it was at its own maximum.".into(),
        evidence: vec![rose, format!("{} ({})", concern.evidence(), concern.kinds())],
        remedy: "Give it time to scale: raise the load by no more than half every five minutes, or reserve capacity \
                 units for it; then run again."
            .into(),
        explains,
    })
}
