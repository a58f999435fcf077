//! The server closed connections with a close frame, held ones or new: an ALB never sends one.

use super::held::has_pattern;
use super::{Case, Diagnosis};
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Initiator, Phase};

fn code_of(failure: &Failures) -> Option<u16> {
    match failure.kind {
        Kind::Seen(FailureKind::Closed(code))
            if failure.phase >= Phase::Ready && failure.by != Initiator::Client =>
        {
            Some(code)
        }
        _ => None,
    }
}

/// Those whose deaths have something in common are other rules'.
fn explains(failure: &Failures) -> bool {
    code_of(failure).is_some() && !has_pattern(failure)
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    let commonest = concern.groups.iter().max_by_key(|f| f.count)?;
    let code = code_of(commonest)?;
    let which = if commonest.phase == Phase::Ready {
        "new connections before they were ready"
    } else {
        "held connections"
    };
    Some(Diagnosis {
        cause: format!("The application itself closed {which}, with code {code} ({}).", meaning(code)),
        evidence: std::iter::once(concern.evidence()).chain(concern.example()).collect(),
        remedy: "Look at the server's log for that time. Many servers close a client that does not speak their own \
                 protocol or heartbeat, whatever WebSocket pings it sends: see --protocol, --on-open and --reply."
            .into(),
        explains,
    })
}

/// RFC 6455 §7.4.1 and the IANA registry of close codes.
fn meaning(code: u16) -> &'static str {
    match code {
        1000 => "normal closure",
        1001 => "going away: a deploy or a stop",
        1002 => "protocol error",
        1003 | 1007 => "data that it can't accept",
        1005 => "no code given",
        1008 => "policy violation",
        1009 => "message too big",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        4000..=4999 => "the application's own code",
        _ => "no common meaning",
    }
}
