//! Asking what is to be known before anything is opened.

use chrono::Utc;
use tokio::time::timeout;

use crate::aws::{Aws, AwsError, AwsSettings};
use crate::facts::{
    Facts, Finding, LoadBalancerAnswer, LoadBalancerFacts, MachineFacts, MetricsAnswer, TargetAddresses,
};
use crate::plan::{LoadBalancerRef, Plan, SourceAddresses};
use crate::{load, machine, preflight};

/// What is known before the load.
pub struct Survey {
    /// The facts.
    pub facts: Facts,
    /// What the checks make of them.
    pub findings: Vec<Finding>,
    /// The way to AWS; `None` with `--no-aws`, and where there is none.
    pub aws: Option<Aws>,
}

/// Asks AWS (unless `aws` is `None`), the name service and this machine, and lets the checks judge.
pub async fn survey(plan: &Plan, aws: Option<&AwsSettings>) -> Survey {
    let asked = async {
        match aws {
            None => (None, LoadBalancerAnswer::NotAsked),
            Some(settings) => match ask(plan, settings).await {
                Ok((aws, facts)) => (Some(aws), LoadBalancerAnswer::Found(facts)),
                Err(error) => (None, LoadBalancerAnswer::Unavailable(error.into())),
            },
        }
    };
    let ((aws, answer), target) = tokio::join!(asked, target_addresses(plan));
    let facts = Facts { load_balancer: answer.facts().cloned(), machine: this_machine(plan), target };
    let metrics = match (&aws, &facts.load_balancer) {
        (Some(aws), Some(load_balancer)) => try_metrics(plan, aws, load_balancer).await,
        _ => MetricsAnswer::NotAsked,
    };
    let findings = preflight::check(plan, &facts, &answer, &metrics);
    Survey { facts, findings, aws }
}

fn this_machine(plan: &Plan) -> MachineFacts {
    let sources = plan.route.source_ip.as_ref().map_or_else(Vec::new, SourceAddresses::all);
    MachineFacts { foreign_sources: machine::not_here(&sources), ..machine::observe() }
}

/// As many as there are now; `None` where the name can't be resolved in the time that a connection has for it.
async fn target_addresses(plan: &Plan) -> Option<TargetAddresses> {
    let looked_up = timeout(plan.pace.connect_timeout, load::look_up(&plan.destination())).await;
    let addresses = looked_up.ok()?.ok()?;
    let count = |ipv4: bool| {
        let of_family = addresses.iter().filter(|address| address.is_ipv4() == ipv4).count();
        u32::try_from(of_family).unwrap_or(u32::MAX)
    };
    Some(TargetAddresses { ipv4: count(true), ipv6: count(false) })
}

/// Asks CloudWatch for next to nothing, where the plan reads it after the load.
async fn try_metrics(plan: &Plan, aws: &Aws, load_balancer: &LoadBalancerFacts) -> MetricsAnswer {
    if plan.cloudwatch.is_none_or(|cloudwatch| cloudwatch.settle.is_zero()) {
        return MetricsAnswer::NotAsked;
    }
    match aws.try_metrics(load_balancer.arn.dimension(), Utc::now()).await {
        Ok(()) => MetricsAnswer::Readable,
        Err(error @ AwsError::AccessDenied { .. }) => MetricsAnswer::Denied(error.into()),
        Err(error) => MetricsAnswer::Unavailable(error.into()),
    }
}

async fn ask(plan: &Plan, settings: &AwsSettings) -> Result<(Aws, LoadBalancerFacts), AwsError> {
    let hint = match &plan.load_balancer {
        Some(LoadBalancerRef::Arn(arn)) => Some(arn.region().to_owned()),
        _ => None,
    };
    let settings =
        AwsSettings { region_hint: hint.or_else(|| settings.region_hint.clone()), ..settings.clone() };
    let aws = Aws::connect(&settings).await?;
    let facts = aws.find_load_balancer(plan.load_balancer.as_ref(), &plan.destination().host()).await?;
    Ok((aws, facts))
}
