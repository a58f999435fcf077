//! This machine was the limit.

use super::{Case, Diagnosis, no_failures};
use crate::judge::Kind;
use crate::judge::wording::show_count;
use crate::record::FailureKind;

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern_of_limits()?;
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
    } else if has(FailureKind::Reset) {
        (
            "the operating system ended connections",
            "Look for what destroys sockets on this machine: ss -K, an address that was removed, a security agent.",
        )
    } else {
        ("the operating system refused", "Look at the example, and at this machine's limits.")
    };
    let measured = if has(FailureKind::FdLimit) {
        descriptors(case)
    } else if has(FailureKind::PortExhausted) {
        ports(case)
    } else {
        None
    };
    Some(Diagnosis {
        cause: format!("This machine was the limit, not the load balancer: {what}."),
        evidence: std::iter::once(concern.evidence()).chain(measured).chain(concern.example()).collect(),
        remedy: remedy.into(),
        // No other rule sees them: `Case::concern` leaves them out.
        explains: no_failures,
    })
}

/// The most descriptors that were seen open, and the limit that held when the run began.
fn descriptors(case: &Case<'_>) -> Option<String> {
    let most = case.levels.iter().filter_map(|level| level.run.machine.descriptors_max).max()?;
    let limit = case.run.facts.as_ref().and_then(|facts| facts.machine.descriptors);
    let of = limit.map_or_else(String::new, |limit| format!(", of {} at the start", show_count(limit)));
    Some(format!("at most {} descriptors were seen open{of}", show_count(most)))
}

/// The most sockets in TIME_WAIT, beside the range of ports.
fn ports(case: &Case<'_>) -> Option<String> {
    let machines = || case.levels.iter().map(|level| &level.run.machine);
    let waiting = machines().filter_map(|machine| machine.time_wait_max).max()?;
    let range = machines().filter_map(|machine| machine.ephemeral_ports).max()?;
    Some(format!(
        "the system gives out {} ports to one destination, and up to {} sockets were in TIME_WAIT",
        show_count(u64::from(range)),
        show_count(waiting)
    ))
}
