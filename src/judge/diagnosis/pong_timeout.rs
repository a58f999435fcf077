//! Connections were up, but nobody answered.

use super::{Case, Diagnosis};
use crate::judge::wording::show_duration;
use crate::judge::{Failures, Kind};
use crate::record::FailureKind;

fn explains(failure: &Failures) -> bool {
    failure.kind == Kind::Seen(FailureKind::PongTimeout)
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    let patience = show_duration(case.run.header.plan.heartbeat.pong_timeout);
    Some(Diagnosis {
        cause: format!(
            "Heartbeats were not answered within {patience}: the connections stood, but nobody was at the other end."
        ),
        evidence: vec![concern.evidence()],
        remedy: "Look whether the targets' event loops were blocked or their processors full; a server that answers, \
                 only later, wants a longer --pong-timeout."
            .into(),
        explains,
    })
}
