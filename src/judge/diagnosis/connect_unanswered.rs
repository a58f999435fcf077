//! TCP got no answer.

use super::{Case, Diagnosis};
use crate::judge::wording::show_duration;
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Phase};

fn explains(failure: &Failures) -> bool {
    failure.phase == Phase::Connect
        && matches!(failure.kind, Kind::Seen(FailureKind::Timeout | FailureKind::Unreachable))
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    let patience = show_duration(case.run.header.plan.pace.connect_timeout);
    Some(Diagnosis {
        cause: format!("TCP connections got no answer within {patience}, or had no way to the host."),
        evidence: vec![format!("{} ({})", concern.evidence(), concern.kinds())],
        remedy: "Check the load balancer's security group, network ACLs and routes. If only larger levels fail, look \
                 at what lies between: NAT gateways give 55,000 ports to one destination, firewalls have tables that \
                 fill."
            .into(),
        explains,
    })
}
