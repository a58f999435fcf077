//! TLS could not be established.

use super::{Case, Diagnosis};
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Phase};

fn explains(failure: &Failures) -> bool {
    failure.phase == Phase::Tls || failure.kind == Kind::Seen(FailureKind::Tls)
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    Some(Diagnosis {
        cause: "TLS could not be established.".into(),
        evidence: std::iter::once(concern.evidence())
            .chain(concern.example())
            .chain(case.rose("ClientTLSNegotiationErrorCount"))
            .collect(),
        remedy: "Check that the certificate is for the URL's host (no public certificate covers a load balancer's own \
                 *.elb.amazonaws.com name), give a private authority with --cacert, and a client certificate with \
                 --cert and --key where the listener asks for one."
            .into(),
        explains,
    })
}
