//! The load balancer answered upgrades with an error of its own, for which there is no rule of its own.

use super::status_source::{Source, concern, is_trouble, rose_at_load_balancer, status_of};
use super::{Case, Diagnosis};
use crate::judge::Failures;

/// What `no_usable_target`, `target_refused` and `target_slow` tell of.
fn has_its_own_rule(failure: &Failures) -> bool {
    matches!(status_of(failure), Some(502..=504))
}

fn explains(failure: &Failures) -> bool {
    is_trouble(failure) && !has_its_own_rule(failure)
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let of_load_balancer = concern(case, Some(Source::LoadBalancer))?;
    let commonest = of_load_balancer.groups.iter().filter(|f| explains(f)).max_by_key(|f| f.count)?;
    let status = status_of(commonest)?;
    let concern = case.concern(|failure| status_of(failure) == Some(status))?;
    let (what, remedy) = meaning(status);
    Some(Diagnosis {
        cause: format!("The load balancer itself answered upgrades with {status}: {what}."),
        evidence: rose_at_load_balancer(case, status).into_iter().chain([concern.evidence()]).collect(),
        remedy: remedy.into(),
        explains,
    })
}

/// What AWS says that its codes mean (aws-facts.md §3, failure codes), and what to do.
fn meaning(status: u16) -> (&'static str, &'static str) {
    match status {
        500 => (
            "its web ACL or its identity provider failed",
            "Look at AWS WAF and at the authenticate actions of the listener.",
        ),
        464 => (
            "the target group's protocol version does not fit HTTP/1.1",
            "Use a target group of protocol version HTTP1 for WebSockets.",
        ),
        460 => ("clients left before the answer", "Raise --connect-timeout, and look why targets are slow."),
        _ => (
            "a limit or a rule of its own",
            "Look up the code in AWS's troubleshooting page for Application Load Balancers.",
        ),
    }
}
