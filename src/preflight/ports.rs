//! Whether the largest level has a port for each connection: a pair of addresses has each port once.
//!
//! TIME_WAIT is counted as it is before the load. What a run's own levels leave for the next is not: the port of a connection
//! rests for a minute with whoever ends its stream first, and of held connections that is the server, since after the
//! close frames its end is awaited for 3 s (RFC 6455 §7.1.1). Against the simulated ALB, levels of 300 and 400 with a pause of
//! 2 s left 700 sockets in TIME_WAIT on its side and none on this one. Refused upgrades, and servers that never end a
//! stream, leave theirs here (of 300 upgrades of which 150 were refused: 150); nobody knows them before the load. What
//! comes of them is seen as it comes: sockets in TIME_WAIT are recorded each second, and a connection without a port is
//! a failure `port_exhausted`, of this machine.

use super::source_ip::ways;
use super::wording::{pass, refuse, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, PortRange, TargetAddresses};
use crate::plan::quantity::show_count;

const NAME: &str = "ports";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Never, look };

fn look(known: &Known<'_>) -> Finding {
    let Some(target) = known.target else { return skip(NAME, "the target's addresses are not known") };
    let (pairs, pairs_of) = pairs(known, target.within(known.families()));
    if pairs == 0 {
        return skip(NAME, "no source address can reach the target");
    }
    let range = known.machine.ports.unwrap_or_else(|| PortRange::usual(&known.machine.os));
    let largest = u64::from(known.plan.schedule.largest());
    let room = u64::from(range.count()).saturating_mul(pairs);
    let ports = format!("{} ports x {}", show_count(range.count().into()), counted(pairs, pairs_of));
    let found = format!("{ports} for {}", counted(largest, ["connection", "connections"]));
    let waiting = known.machine.time_wait.unwrap_or(0);
    if largest.saturating_add(waiting) <= room {
        return pass(NAME, found, "");
    }
    if largest <= room {
        return warn(
            NAME,
            format!("{found}, {} in TIME_WAIT", show_count(waiting)),
            "ports of connections that were closed a moment ago are not free yet, and may be too few without them",
            "wait a minute, or give more addresses by --source-ip",
        );
    }
    let wider = if known.machine.os == "linux" {
        "widen the range ('sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"')"
    } else {
        "widen the system's range of ephemeral ports"
    };
    refuse(
        NAME,
        found,
        format!(
            "{} connections need as many ports, but {ports} allow {}",
            show_count(largest),
            show_count(room)
        ),
        format!("{wider}, give more addresses by --source-ip, or let the largest level be {room}"),
    )
}

/// How many pairs of addresses there are, and what they are called. The system alone chooses one source for each.
fn pairs(known: &Known<'_>, target: TargetAddresses) -> (u64, [&'static str; 2]) {
    match &known.plan.route.source_ip {
        None => (u64::from(target.ipv4) + u64::from(target.ipv6), ["target address", "target addresses"]),
        Some(sources) => (ways(sources, target), ["pair of source and target", "pairs of source and target"]),
    }
}

fn counted(count: u64, [one, many]: [&str; 2]) -> String {
    format!("{} {}", show_count(count), if count == 1 { one } else { many })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::examples::{Case, case, machine, plan};
    use super::*;
    use crate::facts::{Families, MachineFacts, Status};
    use crate::plan::Schedule;

    fn look_at(largest: u32, sources: Option<&str>, target: Option<(u32, u32)>) -> Finding {
        let levels = vec![largest].try_into().unwrap();
        let case = Case {
            plan: plan(|plan| {
                plan.schedule = Schedule::Levels(levels);
                plan.route.source_ip = sources.map(|list| list.parse().unwrap());
            }),
            machine: MachineFacts { ports: Some(PortRange { first: 50_000, last: 50_999 }), ..machine() },
            target: target.map(|(ipv4, ipv6)| TargetAddresses { ipv4, ipv6 }),
            ..case()
        };
        look(&case.known())
    }

    #[test]
    fn every_pair_of_addresses_has_every_port_once() {
        for (largest, sources, target, status) in [
            (1_000, None, Some((1, 0)), Status::Pass),
            (1_001, None, Some((1, 0)), Status::Refuse),
            (3_000, None, Some((2, 1)), Status::Pass),
            (3_001, None, Some((2, 1)), Status::Refuse),
            (6_000, Some("10.0.0.1-10.0.0.3"), Some((2, 1)), Status::Pass),
            (6_001, Some("10.0.0.1-10.0.0.3"), Some((2, 1)), Status::Refuse),
            (7_000, Some("10.0.0.1-10.0.0.3,::1"), Some((2, 1)), Status::Pass),
            (7_001, Some("10.0.0.1-10.0.0.3,::1"), Some((2, 1)), Status::Refuse),
            (1, Some("::1"), Some((1, 0)), Status::Skip),
            (u32::MAX, None, None, Status::Skip),
        ] {
            let finding = look_at(largest, sources, target);
            assert_eq!(finding.status, status, "{largest} {sources:?} {target:?}: {finding:?}");
        }
    }

    #[test]
    fn addresses_to_which_there_is_no_way_have_no_ports() {
        for (families, largest, status) in [
            (None, 2_000, Status::Pass),
            (Some(Families::BOTH), 2_000, Status::Pass),
            (Some(Families { ipv4: true, ipv6: false }), 1_000, Status::Pass),
            (Some(Families { ipv4: true, ipv6: false }), 1_001, Status::Refuse),
            (Some(Families { ipv4: false, ipv6: false }), 1, Status::Skip),
        ] {
            let levels = vec![largest].try_into().unwrap();
            let ports = Some(PortRange { first: 50_000, last: 50_999 });
            let case = Case {
                plan: plan(|plan| plan.schedule = Schedule::Levels(levels)),
                machine: MachineFacts { ports, families, ..machine() },
                target: Some(TargetAddresses { ipv4: 1, ipv6: 1 }),
                ..case()
            };
            assert_eq!(look(&case.known()).status, status, "{largest} {families:?}");
        }
    }

    #[test]
    fn ports_in_time_wait_are_warned_about_since_they_come_back() {
        for (largest, waiting, status) in [
            (900, Some(100), Status::Pass),
            (900, Some(101), Status::Warn),
            (1_000, Some(u64::MAX), Status::Warn),
            (1_001, Some(0), Status::Refuse),
            (1_000, None, Status::Pass),
        ] {
            let levels = vec![largest].try_into().unwrap();
            let ports = Some(PortRange { first: 50_000, last: 50_999 });
            let case = Case {
                plan: plan(|plan| plan.schedule = Schedule::Levels(levels)),
                machine: MachineFacts { ports, time_wait: waiting, ..machine() },
                target: Some(TargetAddresses { ipv4: 1, ipv6: 0 }),
                ..case()
            };
            assert_eq!(look(&case.known()).status, status, "{largest} {waiting:?}");
        }
    }

    #[test]
    fn a_refusal_tells_the_sum_and_the_ways_out() {
        let finding = look_at(5_000, Some("10.0.0.1-10.0.0.2"), Some((2, 0)));
        assert_eq!(finding.found, "1,000 ports x 4 pairs of source and target for 5,000 connections");
        assert_eq!(
            finding.detail,
            "5,000 connections need as many ports, but 1,000 ports x 4 pairs of source and target allow 4,000"
        );
        for part in ["ip_local_port_range", "--source-ip", "level be 4000"] {
            assert!(finding.remedy.contains(part), "{part} in {finding:?}");
        }
    }

    #[test]
    fn a_range_that_is_not_told_is_taken_to_be_linuxs_own() {
        let case = Case {
            machine: MachineFacts { ports: None, ..machine() },
            target: Some(TargetAddresses { ipv4: 1, ipv6: 0 }),
            ..case()
        };
        assert_eq!(look(&case.known()).found, "28,232 ports x 1 target address for 5,000 connections");
    }
}
