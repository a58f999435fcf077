//! Asking what is to be known before anything is opened.

use crate::aws::{Aws, AwsError, AwsSettings};
use crate::facts::{Facts, Finding, LoadBalancerAnswer, LoadBalancerFacts};
use crate::plan::{LoadBalancerRef, Plan};
use crate::{machine, preflight};

/// What is known before the load.
pub struct Survey {
    /// The facts.
    pub facts: Facts,
    /// What the checks make of them.
    pub findings: Vec<Finding>,
    /// The way to AWS; `None` with `--no-aws`, and where there is none.
    pub aws: Option<Aws>,
}

/// Asks AWS (unless `aws` is `None`) and this machine, and lets the checks judge.
pub async fn survey(plan: &Plan, aws: Option<&AwsSettings>) -> Survey {
    let (aws, answer) = match aws {
        None => (None, LoadBalancerAnswer::NotAsked),
        Some(settings) => match ask(plan, settings).await {
            Ok((aws, facts)) => (Some(aws), LoadBalancerAnswer::Found(facts)),
            Err(error) => (None, LoadBalancerAnswer::Unavailable(error.into())),
        },
    };
    let facts = Facts { load_balancer: answer.facts().cloned(), machine: machine::observe() };
    let findings = preflight::check(plan, &facts.machine, &answer);
    Survey { facts, findings, aws }
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
