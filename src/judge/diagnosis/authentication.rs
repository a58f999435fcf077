//! The upgrade was not allowed: by the application, or by an authenticate action of the load balancer.

use super::status_source::{Source, source, status_of};
use super::{Case, Diagnosis, web_acl};
use crate::judge::Failures;

fn explains(failure: &Failures) -> bool {
    matches!(status_of(failure), Some(401 | 403))
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(|failure| explains(failure) && !web_acl::explains_in(case, failure))?;
    let status = concern.groups.first().and_then(|f| status_of(f))?;
    let (who, metric, remedy) = match source(case, status, concern.count) {
        Some(Source::LoadBalancer) => (
            "The load balancer",
            "HTTPCode_ELB_4XX_Count",
            "Look at the authenticate actions of its listener rules.",
        ),
        Some(Source::Target) | None => (
            "The server",
            "HTTPCode_Target_4XX_Count",
            "Give what it asks for: a header with -H @FILE, an --origin that it accepts, or a --subprotocol.",
        ),
    };
    Some(Diagnosis {
        cause: format!("{who} did not let the clients in: upgrades were answered {status}."),
        evidence: std::iter::once(concern.evidence()).chain(case.rose(metric)).collect(),
        remedy: remedy.into(),
        explains,
    })
}
