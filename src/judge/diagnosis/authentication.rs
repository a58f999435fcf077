//! The upgrade was not allowed: by the application, or by an authenticate action of the load balancer.

use super::status_source::{Source, metrics, source, status_of};
use super::{Case, Diagnosis, web_acl};
use crate::judge::Failures;

fn explains(failure: &Failures) -> bool {
    matches!(status_of(failure), Some(401 | 403))
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(|failure| explains(failure) && !web_acl::explains_in(case, failure))?;
    let status = concern.groups.first().and_then(|f| status_of(f))?;
    let (of_load_balancer, of_targets) = metrics(status);
    let (who, counted, remedy): (_, &[&str], _) = match source(case, status, concern.count) {
        Some(Source::LoadBalancer) => (
            "The load balancer",
            &[of_load_balancer],
            "Look at the authenticate actions of its listener rules.",
        ),
        None if case.server.is_some() => (
            "The load balancer or a target",
            &[of_load_balancer, of_targets],
            "Look at both metrics: the load balancer's means an authenticate action or its web ACL, the targets' that the \
             application wants a header (-H @FILE), an --origin that it accepts, or a --subprotocol.",
        ),
        Some(Source::Target) | None => (
            "The server",
            &[of_targets],
            "Give what it asks for: a header with -H @FILE, an --origin that it accepts, or a --subprotocol.",
        ),
    };
    let counted = counted.iter().filter_map(|metric| case.rose_or_not_known(metric));
    Some(Diagnosis {
        cause: format!("{who} did not let the clients in: upgrades were answered {status}."),
        evidence: std::iter::once(concern.evidence()).chain(counted).collect(),
        remedy: remedy.into(),
        explains,
    })
}
