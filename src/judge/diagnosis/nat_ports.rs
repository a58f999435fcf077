//! A NAT gateway ran out of ports: it gives 55,000 to one destination for each of its addresses (aws-facts.md §3).

use super::{Case, Diagnosis, connect_unanswered};
use crate::judge::JudgedLevel;
use crate::judge::wording::show_count;

/// Connections that one address of a NAT gateway can have to one destination (aws-facts.md §3).
const PORTS: u32 = 55_000;

/// Addresses that it can have at most (aws-facts.md §3).
const MOST_ADDRESSES: u32 = 8;

/// How far from that number connections may have begun to fail: others may use the gateway too, and ports that were
/// given back rest a while.
const SPARE: u32 = PORTS / 20;

/// The destination of a level whose connections stopped coming about at such a number, and the number.
fn full<'a>(level: &'a JudgedLevel<'_>) -> Option<(&'a str, u32)> {
    let busiest = level.run.peers.iter().max_by_key(|peer| peer.opened)?;
    let is_full = |addresses: u32| busiest.opened.abs_diff(addresses * PORTS) <= SPARE;
    (1..=MOST_ADDRESSES).any(is_full).then_some((busiest.address.as_str(), busiest.opened))
}

/// Whether this rule explains the run's unanswered connections.
pub(super) fn has_spoken(case: &Case<'_>) -> bool {
    rule(case).is_some()
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = connect_unanswered::concern(case)?;
    let unanswered = |level: &&JudgedLevel<'_>| level.others.iter().any(connect_unanswered::explains);
    let (address, opened) = case.levels.iter().filter(unanswered).find_map(full)?;
    Some(Diagnosis {
        cause: format!(
            "Connections got no answer from about {} to one destination on, as where a NAT gateway has no port left.",
            show_count(u64::from(opened))
        ),
        evidence: vec![
            format!("{} ({})", concern.evidence(), concern.kinds()),
            format!("{} connections to {address} came about", show_count(u64::from(opened))),
            format!("a NAT gateway has {} ports a destination for each of its addresses", show_count(u64::from(PORTS))),
        ],
        remedy: "Look at the NAT gateway's ErrorPortAllocation: give it more addresses, run without it from public or \
                 peered subnets, or spread the load over machines behind different gateways."
            .into(),
        explains: connect_unanswered::explains,
    })
}
