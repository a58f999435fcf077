//! Nobody listens where the connections go.

use super::{Case, Diagnosis, rejected_by_load_balancer};
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Phase};

fn explains(failure: &Failures) -> bool {
    failure.phase == Phase::Connect && failure.kind == Kind::Seen(FailureKind::Refused)
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern =
        case.concern(|failure| explains(failure) && !rejected_by_load_balancer::explains_in(case, failure))?;
    let none_open = case.run.opened() == 0;
    let (cause, remedy) = if none_open {
        (
            "Nobody listens: every connection was refused.",
            "Check host and port of the URL, and that the load balancer has a listener on that port.",
        )
    } else {
        (
            "Connections were refused, though others to the same place were accepted.",
            "Look whether the server stopped listening in mid-run, or one of its addresses never did.",
        )
    };
    Some(Diagnosis {
        cause: cause.into(),
        evidence: std::iter::once(concern.evidence())
            .chain(rejected_by_load_balancer::evidence(case, &concern))
            .collect(),
        remedy: remedy.into(),
        explains,
    })
}
