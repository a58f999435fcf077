//! 403 of the load balancer: AWS WAF, or AWS's own protection against attacks, took the load for one.

use super::status_source::{Source, source, status_of};
use super::{Case, Diagnosis};
use crate::judge::Failures;

const STATUS: u16 = 403;

/// Requests that were denied for their senders' reputation (aws-facts.md §1).
const DENIED: &str = "LowReputationRequestsDenied";

fn explains(failure: &Failures) -> bool {
    status_of(failure) == Some(STATUS)
}

/// Whether this rule explains such failures of the run.
pub(super) fn explains_in(case: &Case<'_>, failure: &Failures) -> bool {
    explains(failure) && speaks(case)
}

fn speaks(case: &Case<'_>) -> bool {
    case.concern(explains).is_some_and(|concern| {
        case.rise_for(DENIED, concern.count).is_some()
            || source(case, STATUS, concern.count) == Some(Source::LoadBalancer)
    })
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    if !speaks(case) {
        return None;
    }
    let (by, remedy) = if case.rise_for(DENIED, concern.count).is_some() {
        (
            "since AWS's protection against attacks holds their addresses to be of low reputation",
            "Run from addresses of your own account, not from shared ones, and look at the load balancer's protection \
             against distributed attacks.",
        )
    } else {
        (
            "by its web ACL (AWS WAF) or one of its rules",
            "Look at its web ACL and its rules: a load test from few addresses is what rate rules are made to stop.",
        )
    };
    Some(Diagnosis {
        cause: format!("The load balancer did not let the clients in: upgrades were answered {STATUS} {by}."),
        evidence: std::iter::once(concern.evidence())
            .chain(case.rose(DENIED))
            .chain(case.rose("HTTPCode_ELB_4XX_Count"))
            .collect(),
        remedy: remedy.into(),
        explains,
    })
}
