//! 502 of the load balancer: a target refused it, or broke off.

use super::status_source::status_of;
use super::{Case, Diagnosis, load_balancers_answer};
use crate::facts::metric::{TARGET_CONNECTION_ERRORS, TARGET_TLS_ERRORS};

const STATUS: u16 = 502;

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let (_, mut evidence) = load_balancers_answer::with(case, STATUS)?;
    let (connection, tls) = (case.rose(TARGET_CONNECTION_ERRORS), case.rose(TARGET_TLS_ERRORS));
    let (what, remedy) = if tls.is_some() {
        (
            "TLS with the targets could not be established",
            "Look at the targets' certificates, and at the TLS versions and ciphers that they take; compare them with \
             the protocol of the target group.",
        )
    } else if connection.is_some() {
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
    evidence.extend(connection.into_iter().chain(tls));
    evidence.extend(case.in_target_groups(TARGET_CONNECTION_ERRORS));
    evidence.extend(case.in_target_groups(TARGET_TLS_ERRORS));
    Some(Diagnosis {
        cause: format!("The load balancer itself answered upgrades with {STATUS}: {what}."),
        evidence,
        remedy: remedy.into(),
        explains: |failure| status_of(failure) == Some(STATUS),
    })
}
