//! Whether the source addresses are this machine's, and of the target's family.

use std::net::IpAddr;

use super::wording::{pass, refuse};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, TargetAddresses};
use crate::plan::SourceAddresses;
use crate::plan::quantity::show_count;

const NAME: &str = "source_ip";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Never, look };

/// So many addresses are named; of a whole block that is foreign, more would say nothing more.
const NAMED: usize = 4;

fn look(known: &Known<'_>) -> Finding {
    let Some(sources) = &known.plan.route.source_ip else {
        return pass(NAME, "chosen by the system", "");
    };
    let (ipv4, ipv6) = sources.by_family();
    let found = match u64::from(ipv4) + u64::from(ipv6) {
        1 => sources.to_string(),
        several => format!("{} addresses", show_count(several)),
    };
    if let [first, ..] = known.machine.foreign_sources[..] {
        return foreign(found, first, &known.machine.foreign_sources);
    }
    match known.target {
        Some(target) if ways(sources, target) == 0 => {
            let (target, given) = if ipv4 == 0 { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
            refuse(
                NAME,
                found,
                format!("the target has {target} addresses only, and the source addresses are of {given}"),
                format!("give {target} addresses by --source-ip"),
            )
        }
        _ => pass(NAME, found, ""),
    }
}

/// Pairs of a source and a target address of the same family.
pub(super) fn ways(sources: &SourceAddresses, target: TargetAddresses) -> u64 {
    let (ipv4, ipv6) = sources.by_family();
    u64::from(ipv4) * u64::from(target.ipv4) + u64::from(ipv6) * u64::from(target.ipv6)
}

fn foreign(found: String, first: IpAddr, foreign: &[IpAddr]) -> Finding {
    let cause = match foreign.len() {
        1 => format!("the source address {first} is not on this machine"),
        several => {
            let named: Vec<String> = foreign.iter().take(NAMED).map(ToString::to_string).collect();
            let more = if several > NAMED { ", …" } else { "" };
            format!(
                "{} source addresses are not on this machine: {}{more}",
                show_count(several as u64),
                named.join(", ")
            )
        }
    };
    refuse(
        NAME,
        found,
        cause,
        "give addresses that this machine has ('ip addr' lists them), or add these to it (on EC2, assign them to the \
         network interface first)",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::examples::{Case, case, machine, plan};
    use super::*;
    use crate::facts::{MachineFacts, Status};

    fn look_at(sources: Option<&str>, foreign: &[&str], target: Option<(u32, u32)>) -> Finding {
        let case = Case {
            plan: plan(|plan| plan.route.source_ip = sources.map(|list| list.parse().unwrap())),
            machine: MachineFacts {
                foreign_sources: foreign.iter().map(|a| a.parse().unwrap()).collect(),
                ..machine()
            },
            target: target.map(|(ipv4, ipv6)| TargetAddresses { ipv4, ipv6 }),
            ..case()
        };
        look(&case.known())
    }

    #[test]
    fn own_addresses_of_the_targets_family_pass() {
        for (sources, target, found) in [
            (None, Some((1, 0)), "chosen by the system"),
            (Some("10.0.0.5"), Some((1, 0)), "10.0.0.5"),
            (Some("10.0.0.5"), Some((1, 1)), "10.0.0.5"),
            (Some("10.0.0.5"), None, "10.0.0.5"),
            (Some("10.1.0.0/20,::1"), Some((0, 1)), "4,097 addresses"),
        ] {
            let finding = look_at(sources, &[], target);
            assert_eq!((finding.status, finding.found.as_str()), (Status::Pass, found), "{sources:?}");
        }
    }

    #[test]
    fn foreign_addresses_are_named() {
        let one = look_at(Some("10.0.0.5-10.0.0.6"), &["10.0.0.6"], Some((1, 0)));
        assert_eq!(one.status, Status::Refuse);
        assert_eq!(one.detail, "the source address 10.0.0.6 is not on this machine");
        let all = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"];
        let many = look_at(Some("10.0.0.1-10.0.0.5"), &all, Some((1, 0)));
        assert_eq!(
            many.detail,
            "5 source addresses are not on this machine: 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, …"
        );
    }

    #[test]
    fn no_source_of_the_targets_family_is_refused() {
        let finding = look_at(Some("::1"), &[], Some((3, 0)));
        assert_eq!(finding.status, Status::Refuse);
        assert_eq!(
            finding.detail,
            "the target has IPv4 addresses only, and the source addresses are of IPv6"
        );
        assert_eq!(look_at(Some("10.0.0.1"), &[], Some((0, 1))).status, Status::Refuse);
    }
}
