//! The name could not be resolved.

use super::{Case, Diagnosis};
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Phase};

fn explains(failure: &Failures) -> bool {
    failure.kind == Kind::Seen(FailureKind::Dns) || failure.phase == Phase::Dns
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    Some(Diagnosis {
        cause: format!("The name {} could not be resolved.", case.run.header.plan.destination().host()),
        evidence: std::iter::once(concern.evidence()).chain(concern.example()).collect(),
        remedy: "Check the URL's host, and the resolver of this machine.".into(),
        explains,
    })
}
