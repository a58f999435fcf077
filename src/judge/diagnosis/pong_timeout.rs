//! Connections were up, but nobody answered.

use super::{Case, Diagnosis};
use crate::judge::wording::show_duration;
use crate::judge::{Failures, Kind};
use crate::plan::HeartbeatKind;
use crate::record::FailureKind;

fn explains(failure: &Failures) -> bool {
    failure.kind == Kind::Seen(FailureKind::PongTimeout)
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    let patience = show_duration(case.run.header.plan.heartbeat.pong_timeout);
    let (nobody, expected) = match case.run.header.plan.heartbeat.kind {
        HeartbeatKind::Text => {
            ("no text came that answers them", "Hold what the server answers against --heartbeat-expect. ")
        }
        HeartbeatKind::Ping | HeartbeatKind::None => ("nobody was at the other end", ""),
    };
    Some(Diagnosis {
        cause: format!(
            "Heartbeats were not answered within {patience}: the connections stood, but {nobody}."
        ),
        evidence: vec![concern.evidence()],
        remedy: format!(
            "{expected}Look whether the targets' event loops were blocked or their processors full; a server that \
             answers, only later, wants a longer --pong-timeout."
        ),
        explains,
    })
}
