//! The upgrade came about, but not the message that shows the server to be ready.

use super::{Case, Diagnosis};
use crate::judge::wording::show_duration;
use crate::judge::{Failures, Kind};
use crate::record::FailureKind;

fn explains(failure: &Failures) -> bool {
    failure.kind == Kind::Seen(FailureKind::NotReady)
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    let patience = show_duration(case.run.header.plan.pace.connect_timeout);
    Some(Diagnosis {
        cause: format!("Upgraded connections were not ready within {patience}: no message matched --ready."),
        evidence: std::iter::once(concern.evidence()).chain(concern.example()).collect(),
        remedy: "Hold the server's messages against --ready, and --on-open against what it waits for; a server that is \
                 ready, only later, wants a longer --connect-timeout."
            .into(),
        explains,
    })
}
