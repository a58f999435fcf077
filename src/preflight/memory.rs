//! Whether the largest level fits into the memory that the machine, or this process's cgroup, has left.

use super::wording::{pass, refuse, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, MemoryLimit};
use crate::plan::Plan;
use crate::plan::TargetUrl;
use crate::plan::quantity::{plural, show_bytes};

const NAME: &str = "memory";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

/// The program without a connection, its runtime and AWS's clients included.
const PROGRAM: u64 = 64 << 20;
/// A held connection as `benches/engine.rs` measures it, rounded up: 0.2 KiB here and 4.5 KiB in the kernel.
const HELD: u64 = 6 << 10;
/// With TLS: its keys and the peer's certificate stay for the connection's life.
const HELD_TLS: u64 = 12 << 10;
/// A handshake under way.
const HANDSHAKE: u64 = 32 << 10;

fn look(known: &Known<'_>) -> Finding {
    let Some(memory) = known.machine.memory else {
        return skip(NAME, "this system does not tell how much there is");
    };
    let largest = u64::from(known.plan.schedule.largest());
    let needed = needed(known.plan, largest);
    let available = memory.available_bytes;
    let found = format!("{} for {}", show_bytes(available), plural(largest, "connection"));
    if needed <= available / 2 {
        return pass(NAME, found, "");
    }
    let whose = match memory.limited_by {
        MemoryLimit::Machine => "this machine has",
        MemoryLimit::Cgroup => "this process's cgroup (its container or service) leaves it",
    };
    let detail = format!(
        "{} need about {}, and {whose} {}",
        plural(largest, "connection"),
        show_bytes(needed),
        show_bytes(available)
    );
    let more = match memory.limited_by {
        MemoryLimit::Machine => "use a larger machine",
        MemoryLimit::Cgroup => "raise the limit (ECS 'memory', Kubernetes limits.memory, systemd MemoryMax)",
    };
    let remedy = format!("{more}, or let the largest level be smaller");
    if needed <= available { warn(NAME, found, detail, remedy) } else { refuse(NAME, found, detail, remedy) }
}

fn needed(plan: &Plan, connections: u64) -> u64 {
    let tls = plan.url.as_str().parse::<TargetUrl>().is_ok_and(|url| url.is_tls());
    let held = connections * if tls { HELD_TLS } else { HELD };
    let handshakes = connections.min(plan.pace.window.into()) * HANDSHAKE;
    PROGRAM + held + handshakes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::examples::{Case, case, machine, plan};
    use super::*;
    use crate::facts::{MachineFacts, MemoryFacts, Status};
    use crate::plan::Schedule;

    fn look_at(url: &str, largest: u32, available: Option<u64>, limited_by: MemoryLimit) -> Finding {
        let shown = url.parse::<TargetUrl>().unwrap().shown();
        let memory = available.map(|available_bytes| MemoryFacts { available_bytes, limited_by });
        let case = Case {
            plan: plan(|plan| {
                plan.url = shown;
                plan.pace.window = 256;
                plan.schedule = Schedule::Levels(vec![largest].try_into().unwrap());
            }),
            machine: MachineFacts { memory, ..machine() },
            ..case()
        };
        look(&case.known())
    }

    #[test]
    fn need_against_what_is_left() {
        // 64 MiB, 100,000 of 6 or 12 KiB, and 256 of 32 KiB.
        let (ws, wss) = (689_897_472, 1_304_297_472);
        for (url, available, status) in [
            ("ws://h/", ws * 2, Status::Pass),
            ("ws://h/", ws * 2 - 1, Status::Warn),
            ("ws://h/", ws, Status::Warn),
            ("ws://h/", ws - 1, Status::Refuse),
            ("wss://h/", wss, Status::Warn),
            ("wss://h/", wss - 1, Status::Refuse),
        ] {
            let finding = look_at(url, 100_000, Some(available), MemoryLimit::Machine);
            assert_eq!(finding.status, status, "{url} {available}: {finding:?}");
        }
        assert_eq!(look_at("ws://h/", 1, None, MemoryLimit::Machine).status, Status::Skip);
        assert_eq!(look_at("ws://h/", u32::MAX, Some(u64::MAX), MemoryLimit::Machine).status, Status::Pass);
    }

    #[test]
    fn whose_limit_it_is_decides_what_to_do() {
        let container = look_at("wss://h/", 100_000, Some(500_000_000), MemoryLimit::Cgroup);
        assert_eq!(container.found, "500.0 MB for 100,000 connections");
        assert_eq!(
            container.detail,
            "100,000 connections need about 1.3 GB, and this process's cgroup (its container or service) leaves it 500.0 MB"
        );
        assert!(container.remedy.contains("limits.memory"), "{container:?}");
        let machine = look_at("wss://h/", 100_000, Some(500_000_000), MemoryLimit::Machine);
        assert!(machine.remedy.starts_with("use a larger machine"), "{machine:?}");
    }
}
