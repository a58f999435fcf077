//! 502 of the load balancer: a target refused it, or broke off.

use super::status_source::status_of;
use super::{Case, Diagnosis, load_balancers_answer};
use crate::facts::metric::{TARGET_CONNECTION_ERRORS, TARGET_TLS_ERRORS};

const STATUS: u16 = 502;

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let (concern, mut evidence) = load_balancers_answer::with(case, STATUS)?;
    let enough = |metric| case.rise_for(metric, concern.count).map_or(0.0, |rise| rise.by);
    let (connection, tls) = (enough(TARGET_CONNECTION_ERRORS), enough(TARGET_TLS_ERRORS));
    let (what, remedy) = if tls > connection {
        (
            "TLS with the targets could not be established",
            "Look at the targets' certificates, and at the TLS versions and ciphers that they take; compare them with \
             the protocol of the target group.",
        )
    } else if connection > 0.0 {
        (
            "targets refused its connections",
            "Look whether the targets' program still listens, at its limits of connections and descriptors, and at \
             its accept queue.",
        )
    } else {
        (
            "targets reset or closed the connection, or answered malformed",
            "Look at the targets' logs for crashes and connection limits, and at their keep-alive: it must outlast \
             the load balancer's idle timeout.",
        )
    };
    for metric in [TARGET_CONNECTION_ERRORS, TARGET_TLS_ERRORS] {
        evidence.extend(case.rose_or_not_known(metric));
    }
    for metric in [TARGET_CONNECTION_ERRORS, TARGET_TLS_ERRORS] {
        evidence.extend(case.in_target_groups(metric));
    }
    Some(Diagnosis {
        cause: format!("The load balancer itself answered upgrades with {STATUS}: {what}."),
        evidence,
        remedy: remedy.into(),
        explains: |failure| status_of(failure) == Some(STATUS),
    })
}
