//! TCP came about, and then nothing.

use super::{Case, Diagnosis, rejected_by_load_balancer};
use crate::judge::wording::show_duration;
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Phase};

/// Many TLS handshakes at once are work too: who does not answer one need not differ about TLS.
fn explains(failure: &Failures) -> bool {
    matches!(failure.phase, Phase::Tls | Phase::Upgrade) && failure.kind == Kind::Seen(FailureKind::Timeout)
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern =
        case.concern(|failure| explains(failure) && !rejected_by_load_balancer::explains_in(case, failure))?;
    // No target is chosen before the request.
    let (what, of_targets, remedy) = match concern.groups.iter().max_by_key(|group| group.count)?.phase {
        Phase::Tls => (
            "TLS handshakes",
            None,
            "What kept them is not known: a load balancer that grows, something between, or a port on which nothing \
             speaks TLS. Open connections more slowly with --rate or a smaller --window.",
        ),
        _ => (
            "Upgrades",
            case.rose("TargetConnectionErrorCount"),
            "What kept them is not known: targets too slow to accept or to answer, a load balancer that grows, or \
             something between. Look at the targets' processors and accept queues, or open connections more \
             slowly with a smaller --window.",
        ),
    };
    let patience = show_duration(case.run.header.plan.pace.connect_timeout);
    Some(Diagnosis {
        cause: format!("{what} were not answered within {patience}, though TCP connections came about."),
        evidence: std::iter::once(concern.evidence())
            .chain(of_targets)
            .chain(rejected_by_load_balancer::evidence(case, &concern))
            .collect(),
        remedy: remedy.into(),
        explains,
    })
}
