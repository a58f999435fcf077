//! One zone, or one address, carried far more than another.

use super::{Case, Diagnosis, no_failures};

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let spread = &case.correlation?.spread;
    let zones = spread.uneven_zones();
    let addresses = spread.uneven_addresses();
    let cause = match (&zones, &addresses) {
        (None, None) => return None,
        (Some(_), None) if spread.addresses.len() == 1 => {
            "All of the load came in by one address, and the load balancer's zones carried unequal parts."
        }
        (Some(_), None) => {
            "The load balancer's zones carried unequal parts, though its addresses were used evenly."
        }
        (_, Some(_)) => "The load was spread unevenly over the load balancer's addresses.",
    };
    Some(Diagnosis {
        cause: cause.into(),
        evidence: zones.into_iter().chain(addresses).collect(),
        remedy: "Let clients resolve the name anew at least each minute and use all of its addresses (--dns-ttl); the \
                 busiest zone decides what the load balancer holds."
            .into(),
        explains: no_failures,
    })
}
