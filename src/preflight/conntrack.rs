//! Whether those who keep track of connections on the way have room for ours: this kernel, and a NAT gateway.

use std::net::IpAddr;

use super::private::is_private;
use super::wording::{info, pass, warn};
use super::{Check, Forcing, Known};
use crate::facts::Finding;
use crate::plan::quantity::{plural, show_count};

const NAME: &str = "conntrack";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

/// What a NAT gateway can track to one destination by each of its addresses (aws-facts.md §3, "On the way").
const NAT_GATEWAY: u64 = 55_000;

fn look(known: &Known<'_>) -> Finding {
    let largest = u64::from(known.plan.schedule.largest());
    let Some(table) = known.machine.conntrack else { return on_the_way(known, largest, "not tracked here") };
    let left = table.most.saturating_sub(table.tracked);
    let found = format!("room for {} more", show_count(left));
    if largest > left {
        return warn(
            NAME,
            found,
            format!(
                "the kernel tracks connections (nf_conntrack), and drops the packets of those beyond {}: {} will not fit",
                show_count(table.most),
                plural(largest, "connection")
            ),
            format!(
                "'sysctl -w net.netfilter.nf_conntrack_max={}' as root",
                table.tracked.saturating_add(largest * 2)
            ),
        );
    }
    on_the_way(known, largest, &found)
}

/// Whether there is a NAT gateway can't be seen from here: a note, where it would matter. It carries IPv4 to public
/// addresses; each of all that can be reached gets as many connections as any other.
fn on_the_way(known: &Known<'_>, largest: u64, found: &str) -> Finding {
    let targets = known.addresses.map_or(&[][..], |addresses| &addresses.target);
    let reached: Vec<IpAddr> =
        targets.iter().copied().filter(|address| known.families().have(*address)).collect();
    let public = reached.iter().filter(|address| address.is_ipv4() && !is_private(**address)).count();
    if public > 0 && largest > NAT_GATEWAY * reached.len() as u64 {
        return info(
            NAME,
            found,
            format!(
                "a NAT gateway on the way would carry {} to each of the target's {} at most, for each of its own",
                plural(NAT_GATEWAY, "connection"),
                if public == 1 { "1 IPv4 address".to_owned() } else { format!("{public} IPv4 addresses") }
            ),
            "",
        );
    }
    pass(NAME, found, "")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::examples::{Case, case, machine, plan};
    use super::*;
    use crate::facts::{Addresses, ConntrackFacts, Families, MachineFacts, Status};
    use crate::plan::Schedule;

    fn look_at(largest: u32, table: Option<(u64, u64)>, target: &[&str]) -> Finding {
        let conntrack = table.map(|(tracked, most)| ConntrackFacts { tracked, most });
        let case = Case {
            plan: plan(|plan| plan.schedule = Schedule::Levels(vec![largest].try_into().unwrap())),
            machine: MachineFacts { conntrack, ..machine() },
            addresses: Some(Addresses {
                target: target.iter().map(|a| a.parse().unwrap()).collect(),
                load_balancer: vec![],
            }),
            ..case()
        };
        look(&case.known())
    }

    #[test]
    fn the_kernels_table_and_a_nat_gateways() {
        let public = &["203.0.113.1"][..];
        for (largest, table, target, status, found) in [
            (1_000, None, public, Status::Pass, "not tracked here"),
            (1_000, Some((100, 1_100)), public, Status::Pass, "room for 1,000 more"),
            (1_001, Some((100, 1_100)), public, Status::Warn, "room for 1,000 more"),
            (1, Some((2_000, 1_000)), public, Status::Warn, "room for 0 more"),
            (55_000, None, public, Status::Pass, "not tracked here"),
            (55_001, None, public, Status::Info, "not tracked here"),
            (55_001, None, &["203.0.113.1", "203.0.113.2"], Status::Pass, "not tracked here"),
            (55_001, None, &["10.0.0.1"], Status::Pass, "not tracked here"),
            // Half of them go by IPv6, which no NAT gateway carries.
            (110_000, None, &["203.0.113.1", "2001:db8::1"], Status::Pass, "not tracked here"),
            (110_001, None, &["203.0.113.1", "2001:db8::1"], Status::Info, "not tracked here"),
            (1_000_000, None, &["2001:db8::1"], Status::Pass, "not tracked here"),
            (55_001, None, &[], Status::Pass, "not tracked here"),
        ] {
            let finding = look_at(largest, table, target);
            assert_eq!((finding.status, finding.found.as_str()), (status, found), "{largest} {table:?}");
        }
        let case = Case {
            plan: plan(|plan| plan.schedule = Schedule::Levels(vec![55_001].try_into().unwrap())),
            machine: MachineFacts { families: Some(Families { ipv4: true, ipv6: false }), ..machine() },
            addresses: Some(Addresses {
                target: vec!["203.0.113.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
                load_balancer: vec![],
            }),
            ..case()
        };
        assert_eq!(look(&case.known()).status, Status::Info, "all of them go by IPv4");
        assert!(look_at(1_001, Some((100, 1_100)), public).remedy.contains("nf_conntrack_max=2102"));
    }
}
