//! Somebody broke HTTP or RFC 6455.

use super::{Case, Diagnosis};
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Phase};

fn explains(failure: &Failures) -> bool {
    failure.kind == Kind::Seen(FailureKind::Protocol)
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    let commonest = concern.groups.iter().max_by_key(|group| group.count)?;
    let what =
        if commonest.phase < Phase::Ready { "the answer to upgrades" } else { "frames of open connections" };
    Some(Diagnosis {
        cause: format!("The server, or something before it, broke the WebSocket protocol in {what}."),
        evidence: std::iter::once(concern.evidence()).chain(concern.example()).collect(),
        remedy: "Look what the example says, and whether the URL leads to a WebSocket server at all: a load balancer \
                 passes frames on as they are, so that it is the application's library, or a proxy before it."
            .into(),
        explains,
    })
}
