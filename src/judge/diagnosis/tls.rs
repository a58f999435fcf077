//! TLS could not be established: by whom makes the difference.

use super::{Case, Diagnosis, rejected_by_load_balancer};
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Initiator, Phase};

/// A handshake that nobody answered may be anybody's: `upgrade_unanswered` tells of it.
fn explains(failure: &Failures) -> bool {
    failure.kind == Kind::Seen(FailureKind::Tls)
        || failure.phase == Phase::Tls && failure.kind != Kind::Seen(FailureKind::Timeout)
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern =
        case.concern(|failure| explains(failure) && !rejected_by_load_balancer::explains_in(case, failure))?;
    let refused_here: u32 =
        concern.groups.iter().filter(|group| group.by == Initiator::Client).map(|group| group.count).sum();
    let (cause, remedy) = if refused_here == concern.count {
        (
            "TLS could not be established: this side does not accept the certificate that it was shown.",
            "Check that the certificate is for the URL's host (no public certificate covers a load balancer's own \
             *.elb.amazonaws.com name) and has not expired, and give a private authority with --cacert.",
        )
    } else {
        (
            "TLS could not be established.",
            "Check that the listener speaks TLS, and a version and ciphers that are still in use, and give a client \
             certificate with --cert and --key where it asks for one. Certificates that this side refused are for \
             another host, expired, or of a private authority, which --cacert takes.",
        )
    };
    Some(Diagnosis {
        cause: cause.into(),
        evidence: std::iter::once(concern.evidence())
            .chain(concern.example())
            .chain(case.rose("ClientTLSNegotiationErrorCount"))
            .chain(rejected_by_load_balancer::evidence(case, &concern))
            .collect(),
        remedy: remedy.into(),
        explains,
    })
}
