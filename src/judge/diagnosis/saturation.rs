//! ActiveConnectionCount stays where it is while the clients hold more and more.

use super::{Case, Diagnosis, no_failures};

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let saturation = case.correlation?.active.saturation?;
    Some(Diagnosis {
        cause: "The load balancer's count stays flat while the clients' rises: connections beyond it are held by \
                something else, or are not counted."
            .into(),
        evidence: vec![saturation.sentence()],
        remedy: "Look at what stands between the clients and the load balancer (a CDN, a proxy, a second load \
                 balancer behind the same name), and resolve the name where the clients run."
            .into(),
        explains: no_failures,
    })
}
