//! TCP got no answer.

use super::{Case, Diagnosis, nat_ports, rejected_by_load_balancer};
use crate::judge::wording::show_duration;
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Phase};

pub(super) fn explains(failure: &Failures) -> bool {
    failure.phase == Phase::Connect
        && matches!(failure.kind, Kind::Seen(FailureKind::Timeout | FailureKind::Unreachable))
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    if nat_ports::has_spoken(case) || rejected_by_load_balancer::has_spoken(case) {
        return None;
    }
    let patience = show_duration(case.run.header.plan.pace.connect_timeout);
    Some(Diagnosis {
        cause: format!("TCP connections got no answer within {patience}, or had no way to the host."),
        evidence: std::iter::once(format!("{} ({})", concern.evidence(), concern.kinds()))
            .chain(case.rose("LowReputationPacketsDropped"))
            .collect(),
        remedy: "Check the load balancer's security group, network ACLs and routes. If only larger levels fail, look \
                 at what lies between: NAT gateways give 55,000 ports to one destination, firewalls have tables that \
                 fill."
            .into(),
        explains,
    })
}
