//! TCP got no answer.

use super::matter::Concern;
use super::{Case, Diagnosis, nat_ports, rejected_by_load_balancer};
use crate::judge::wording::show_duration;
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Phase};

pub(super) fn explains(failure: &Failures) -> bool {
    failure.phase == Phase::Connect
        && matches!(failure.kind, Kind::Seen(FailureKind::Timeout | FailureKind::Unreachable))
}

/// Those that were not rejected.
pub(super) fn concern<'a>(case: &Case<'a>) -> Option<Concern<'a>> {
    case.concern(|failure| explains(failure) && !rejected_by_load_balancer::explains_in(case, failure))
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = concern(case)?;
    if nat_ports::has_spoken(case) {
        return None;
    }
    let patience = show_duration(case.run.header.plan.pace.connect_timeout);
    Some(Diagnosis {
        cause: format!("TCP connections got no answer within {patience}, or had no way to the host."),
        evidence: std::iter::once(format!("{} ({})", concern.evidence(), concern.kinds()))
            .chain(case.rose("LowReputationPacketsDropped"))
            .chain(rejected_by_load_balancer::evidence(case, &concern))
            .collect(),
        remedy: "Check the load balancer's security group, network ACLs and routes. If only larger levels fail, look \
                 at what lies between: NAT gateways give 55,000 ports to one destination, firewalls have tables that \
                 fill."
            .into(),
        explains,
    })
}
