//! The load balancer itself was at its maximum.

use super::{Case, Diagnosis};
use crate::facts::metric::REJECTED_CONNECTIONS;
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Phase};

/// How a rejected connection may look from here: AWS does not say at which step it is turned away.
fn explains(failure: &Failures) -> bool {
    matches!(failure.phase, Phase::Connect | Phase::Tls | Phase::Upgrade)
        && matches!(
            failure.kind,
            Kind::Seen(FailureKind::Refused | FailureKind::Reset | FailureKind::Eof | FailureKind::Timeout)
        )
}

/// Whether this rule explains the run's refused connections.
pub(super) fn has_spoken(case: &Case<'_>) -> bool {
    case.concern(explains).is_some() && case.rise(REJECTED_CONNECTIONS).is_some()
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
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
