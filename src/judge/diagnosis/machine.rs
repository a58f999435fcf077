//! This machine was the limit.

use super::{Case, Diagnosis};
use crate::judge::{Failures, Kind};
use crate::record::FailureKind;

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(Failures::is_local)?;
    let has = |kind| concern.groups.iter().any(|f| f.kind == Kind::Seen(kind));
    let (what, remedy) = if has(FailureKind::FdLimit) {
        (
            "it had no file descriptor left",
            "Raise the limit of open files (ulimit -n, LimitNOFILE= of systemd, ulimits of a container) to more than \
             the largest level, or use more machines.",
        )
    } else if has(FailureKind::PortExhausted) {
        (
            "it had no local port left",
            "Widen net.ipv4.ip_local_port_range, or use more source addresses or machines: each pair of source and \
             destination address has at most about 64,500 ports.",
        )
    } else {
        ("the operating system refused", "Look at the example, and at this machine's limits.")
    };
    Some(Diagnosis {
        cause: format!("This machine was the limit, not the load balancer: {what}."),
        evidence: std::iter::once(concern.evidence()).chain(concern.example()).collect(),
        remedy: remedy.into(),
        explains: Failures::is_local,
    })
}
