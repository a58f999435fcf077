//! Asking what is to be known before anything is opened: all at the same time, and nobody for longer than he is worth.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use chrono::Utc;
use tokio::time::{sleep, timeout};

use crate::aws::{Aws, AwsError, AwsSettings, Partial};
use crate::facts::{
    Addresses, Facts, Finding, LoadBalancerAnswer, LoadBalancerFacts, MachineFacts, MetricsAnswer,
    TargetAddresses, Unavailable, clock_ahead, metric, same_dns_name,
};
use crate::plan::{AbortRule, CloudWatchPlan, Destination, Plan, SourceAddresses, offset_by};
use crate::preflight::BesidePlan;
use crate::prices::Prices;
use crate::{load, machine, preflight};

/// Look-ups of a name whose addresses are compared: a name server gives a part of them at a time (aws-facts.md §3).
const LOOK_UPS: u32 = 3;
/// Between two of them.
const BETWEEN_LOOK_UPS: Duration = Duration::from_millis(200);
/// For each look-up of the load balancer's own name.
const ONE_LOOK_UP: Duration = Duration::from_secs(5);
/// For CloudWatch's answer.
const CLOUDWATCH: Duration = Duration::from_secs(15);
/// Periods that are read before the load at the least: an ALB's metrics come minutes late (aws-facts.md §2).
const LEAST_PERIODS: u32 = 15;

/// What is to be asked.
#[derive(Clone, Copy)]
pub struct Inquiry<'a> {
    /// For which plan.
    pub plan: &'a Plan,
    /// How AWS is reached; `None` with `--no-aws`.
    pub aws: Option<&'a AwsSettings>,
    /// What AWS charges.
    pub prices: &'a Prices,
    /// What the run does beside it.
    pub beside: BesidePlan,
}

/// What is known before the load.
pub struct Survey {
    /// The facts.
    pub facts: Facts,
    /// What the checks make of them.
    pub findings: Vec<Finding>,
    /// The rules of the brake that are in force.
    pub rules: Vec<AbortRule>,
    /// The way to AWS; `None` with `--no-aws`, and where there is none.
    pub aws: Option<Aws>,
}

/// Asks AWS, the name service and this machine, and lets the checks judge.
pub async fn survey(inquiry: &Inquiry<'_>) -> Survey {
    let plan = inquiry.plan;
    let (account, target) = tokio::join!(ask_account(inquiry), target_addresses(plan));
    let Account { aws, load_balancer, metrics, own_addresses } = account;
    let facts = Facts {
        load_balancer: load_balancer.facts().cloned(),
        machine: this_machine(plan, target.first()),
        target: target.first().map(|now| counted(now)),
        addresses: (!target.is_empty())
            .then(|| Addresses { target: together(&target), load_balancer: own_addresses }),
        clock_offset_s: aws.as_ref().and_then(Aws::clock_offset),
        prices: inquiry.prices.clone(),
    };
    let findings = preflight::check(plan, &facts, &load_balancer, &metrics, inquiry.beside);
    let rules = preflight::rules_in_force(plan, &metrics);
    Survey { facts, findings, rules, aws }
}

fn this_machine(plan: &Plan, target: Option<&Vec<SocketAddr>>) -> MachineFacts {
    let sources = plan.route.source_ip.as_ref().map_or_else(Vec::new, SourceAddresses::all);
    MachineFacts {
        families: target.map(|addresses| machine::families_with_a_way(addresses)),
        foreign_sources: machine::not_here(&sources),
        ..machine::observe()
    }
}

/// What the account brought.
struct Account {
    aws: Option<Aws>,
    load_balancer: LoadBalancerAnswer,
    metrics: MetricsAnswer,
    /// Behind the load balancer's own name, where they are to be compared.
    own_addresses: Vec<IpAddr>,
}

async fn ask_account(inquiry: &Inquiry<'_>) -> Account {
    let plan = inquiry.plan;
    let nothing = |load_balancer| Account {
        aws: None,
        load_balancer,
        metrics: MetricsAnswer::NotAsked,
        own_addresses: Vec::new(),
    };
    let Some(settings) = inquiry.aws else { return nothing(LoadBalancerAnswer::NotAsked) };
    let (aws, facts) = match find(plan, settings).await {
        Ok(found) => found,
        Err(error) => return nothing(LoadBalancerAnswer::Unavailable(error.into())),
    };
    let (metrics, own_addresses) =
        tokio::join!(metrics_before_load(plan, &aws, &facts), own_addresses(plan, &facts));
    Account {
        aws: Some(aws),
        load_balancer: LoadBalancerAnswer::Found(Box::new(facts)),
        metrics,
        own_addresses,
    }
}

async fn find(plan: &Plan, settings: &AwsSettings) -> Result<(Aws, LoadBalancerFacts), AwsError> {
    let aws = Aws::connect(&settings.near(&plan.load_balancer, None)).await?;
    let facts = aws.find_load_balancer(plan.load_balancer.as_ref(), &plan.destination().host()).await?;
    Ok((aws, facts))
}

/// Asks CloudWatch for a little, also where it is not read after the load: the brake and `analyze` need it nevertheless.
async fn metrics_before_load(plan: &Plan, aws: &Aws, load_balancer: &LoadBalancerFacts) -> MetricsAnswer {
    let Some(CloudWatchPlan { period, baseline, .. }) = plan.cloudwatch else {
        return MetricsAnswer::NotAsked;
    };
    let ahead = clock_ahead(aws.clock_offset()).unwrap_or_default();
    let until = period.floor(offset_by(Utc::now(), -ahead));
    let back = baseline.max(period.length() * LEAST_PERIODS);
    let from = until.checked_sub_signed(chrono::TimeDelta::from_std(back).unwrap_or_default());
    let subject = load_balancer.subject();
    let read =
        aws.read_some(&metric::BEFORE_LOAD, &subject, period, from.unwrap_or(until), until, Partial::Unknown);
    match timeout(CLOUDWATCH, read).await {
        Ok(Ok(reading)) => MetricsAnswer::Readable(reading.most_of_any_group()),
        Ok(Err(error @ AwsError::AccessDenied { .. })) => MetricsAnswer::Denied(error.into()),
        Ok(Err(error)) => MetricsAnswer::Unavailable(error.into()),
        Err(_) => MetricsAnswer::Unavailable(Unavailable {
            cause: format!("it did not answer within {} s", CLOUDWATCH.as_secs()),
            remedy: "check the network, or measure the client side only with --no-aws".to_owned(),
        }),
    }
}

/// Behind the load balancer's own name; only where it was named, and not by the name that the target has.
async fn own_addresses(plan: &Plan, load_balancer: &LoadBalancerFacts) -> Vec<IpAddr> {
    let name = &load_balancer.dns_name;
    if plan.load_balancer.is_none() || same_dns_name(name, &plan.destination().host()) {
        return Vec::new();
    }
    let own = Destination::Name { host: name.clone(), port: plan.destination().port() };
    together(&look_ups(&own, LOOK_UPS, ONE_LOOK_UP).await)
}

/// What the target's name stands for: several answers where they are to be compared; none where it can't be resolved
/// in the time that a connection has for it.
async fn target_addresses(plan: &Plan) -> Vec<Vec<SocketAddr>> {
    let destination = plan.destination();
    let compared = plan.load_balancer.is_some() || plan.cloudwatch.is_none();
    let times = if compared && matches!(destination, Destination::Name { .. }) { LOOK_UPS } else { 1 };
    look_ups(&destination, times, plan.pace.connect_timeout).await
}

/// The answers, one after the other; those that fail or are late are left out.
async fn look_ups(destination: &Destination, times: u32, patience: Duration) -> Vec<Vec<SocketAddr>> {
    several(times, patience, async || load::look_up(destination).await).await
}

async fn several<A>(times: u32, patience: Duration, ask: A) -> Vec<Vec<SocketAddr>>
where
    A: AsyncFn() -> std::io::Result<Vec<SocketAddr>>,
{
    let mut answers = Vec::new();
    for turn in 0..times {
        if turn > 0 {
            sleep(BETWEEN_LOOK_UPS).await;
        }
        match timeout(patience, ask()).await {
            Ok(Ok(addresses)) => answers.push(addresses),
            // Another server of the name may answer in a moment.
            Ok(Err(_)) => {}
            // Who is silent for so long is not waited for once more.
            Err(_) => break,
        }
    }
    answers
}

fn together(answers: &[Vec<SocketAddr>]) -> Vec<IpAddr> {
    let all: BTreeSet<IpAddr> = answers.iter().flatten().map(SocketAddr::ip).collect();
    all.into_iter().collect()
}

fn counted(addresses: &[SocketAddr]) -> TargetAddresses {
    let count = |ipv4: bool| {
        let of_family = addresses.iter().filter(|address| address.is_ipv4() == ipv4).count();
        u32::try_from(of_family).unwrap_or(u32::MAX)
    };
    TargetAddresses { ipv4: count(true), ipv6: count(false) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn several_answers_are_put_together_and_failures_left_out() {
        let given = Destination::Addresses(vec!["10.0.0.2:80".parse().unwrap(), "[::1]:80".parse().unwrap()]);
        let answers = look_ups(&given, 2, ONE_LOOK_UP).await;
        assert_eq!(answers.len(), 2);
        assert_eq!(together(&answers), ["10.0.0.2".parse::<IpAddr>().unwrap(), "::1".parse().unwrap()]);
        assert_eq!(counted(&answers[0]), TargetAddresses { ipv4: 1, ipv6: 1 });
        let nowhere = Destination::Name { host: "no.such.invalid.".to_owned(), port: 80 };
        assert_eq!(look_ups(&nowhere, 3, ONE_LOOK_UP).await, Vec::<Vec<SocketAddr>>::new());
        let turn = std::cell::Cell::new(0);
        let fails_at_first = async || match turn.replace(turn.get() + 1) {
            0 => Err(std::io::Error::other("SERVFAIL")),
            _ => Ok(vec!["10.0.0.2:80".parse().unwrap()]),
        };
        assert_eq!(several(3, ONE_LOOK_UP, fails_at_first).await.len(), 2);
    }
}
