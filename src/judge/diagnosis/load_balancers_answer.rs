//! Upgrades that the load balancer itself answered with one status.

use super::Case;
use super::matter::Concern;
use super::status_source::{Source, rose_at_load_balancer, source, status_of};

/// Those with this status, where they matter and it was the load balancer; with the first of the evidence.
pub(super) fn with<'a>(case: &Case<'a>, status: u16) -> Option<(Concern<'a>, Vec<String>)> {
    let concern = case.concern(|failure| status_of(failure) == Some(status))?;
    if source(case, status, concern.count) != Some(Source::LoadBalancer) {
        return None;
    }
    let evidence = rose_at_load_balancer(case, status).into_iter().chain([concern.evidence()]).collect();
    Some((concern, evidence))
}
