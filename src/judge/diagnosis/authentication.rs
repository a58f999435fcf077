//! The upgrade was not allowed.

use super::status_source::{Source, source, status_of};
use super::{Case, Diagnosis};
use crate::judge::Failures;

fn explains(failure: &Failures) -> bool {
    matches!(status_of(failure), Some(401 | 403))
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    let status = concern.groups.first().and_then(|f| status_of(f))?;
    let by = source(case, status, concern.count);
    let (who, remedy) = match (by, status) {
        (Some(Source::LoadBalancer), 403) => (
            "The load balancer",
            "Look at its web ACL (AWS WAF) and its rules: a load test from few addresses is what rate rules are made \
             to stop.",
        ),
        (Some(Source::LoadBalancer), _) => {
            ("The load balancer", "Look at the authenticate actions of its listener rules.")
        }
        _ => (
            "The server",
            "Give what it asks for: a header with -H @FILE, an --origin that it accepts, or a --subprotocol.",
        ),
    };
    let metric = match by {
        Some(Source::LoadBalancer) => "HTTPCode_ELB_4XX_Count",
        _ => "HTTPCode_Target_4XX_Count",
    };
    Some(Diagnosis {
        cause: format!("{who} did not let the clients in: upgrades were answered {status}."),
        evidence: std::iter::once(concern.evidence()).chain(case.rose(metric)).collect(),
        remedy: remedy.into(),
        explains,
    })
}
