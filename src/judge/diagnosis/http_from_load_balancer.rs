//! The load balancer answered upgrades with an error of its own.

use super::status_source::{Source, is_trouble, metrics, source, status_of};
use super::{Case, Diagnosis};

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(is_trouble)?;
    let commonest = concern.groups.iter().max_by_key(|f| f.count)?;
    let status = status_of(commonest)?;
    if source(case, status, concern.count) != Some(Source::LoadBalancer) {
        return None;
    }
    let (what, remedy) = meaning(status);
    let own = match status {
        500 => "HTTPCode_ELB_500_Count",
        502 => "HTTPCode_ELB_502_Count",
        503 => "HTTPCode_ELB_503_Count",
        504 => "HTTPCode_ELB_504_Count",
        _ => metrics(status).0,
    };
    let rose = case.rose(own).or_else(|| case.rose(metrics(status).0));
    let target_side = ["TargetConnectionErrorCount", "TargetTLSNegotiationErrorCount"];
    Some(Diagnosis {
        cause: format!("The load balancer itself answered upgrades with {status}: {what}."),
        evidence: rose
            .into_iter()
            .chain(std::iter::once(concern.evidence()))
            .chain(target_side.iter().filter_map(|metric| case.rose(metric)))
            .collect(),
        remedy: remedy.into(),
        explains: is_trouble,
    })
}

/// What AWS says that its codes mean (aws-facts.md §3, failure codes), and what to do.
fn meaning(status: u16) -> (&'static str, &'static str) {
    match status {
        502 => (
            "targets reset or closed the connection, answered malformed, or failed TLS",
            "Look at the targets' logs for crashes and connection limits, and at their keep-alive: it must outlast \
             the load balancer's idle timeout.",
        ),
        503 => (
            "it had no registered target that it could use",
            "Register targets, or find out why they left: draining, unused, or scaled in.",
        ),
        504 => (
            "targets did not accept or answer in time",
            "Add targets or make them faster; look at their accept queues and security groups.",
        ),
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
