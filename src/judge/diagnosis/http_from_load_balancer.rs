//! The load balancer answered upgrades with an error of its own, for which there is no rule of its own.

use super::status_source::{Source, concern, is_trouble, rose_at_load_balancer, status_of, statuses};
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
    let answered = concern(case, Some(Source::LoadBalancer))?;
    let (mut causes, mut evidence, mut remedies) = (Vec::new(), Vec::new(), Vec::new());
    for status in statuses(&answered) {
        let such = |failure: &Failures| explains(failure) && status_of(failure) == Some(status);
        let Some(concern) = case.concern(such) else { continue };
        let (what, remedy) = meaning(status);
        causes.push(format!("{status}: {what}"));
        for said in rose_at_load_balancer(case, status).into_iter().chain([concern.evidence()]) {
            if !evidence.contains(&said) {
                evidence.push(said);
            }
        }
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    (!causes.is_empty()).then(|| Diagnosis {
        cause: format!("The load balancer itself answered upgrades with {}.", causes.join("; and with ")),
        evidence,
        remedy: remedies.join(" "),
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
