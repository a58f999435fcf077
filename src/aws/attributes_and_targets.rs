//! What elbv2 tells of a load balancer that was found: its attributes, and the targets behind it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{LoadBalancerAttribute, TargetGroup, TargetHealthDescription};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::elb::MOST_PAGES;
use super::error::AwsError;
use super::foreign_text::foreign_text;
use super::sdk_error::Call;
use super::session::Aws;
use crate::facts::{AwsName, AwsNameError, LoadBalancerArn, TargetGroupFacts};

pub(super) const ATTRIBUTES: Call =
    Call { service: "elasticloadbalancing", operation: "DescribeLoadBalancerAttributes" };
pub(super) const TARGET_GROUPS: Call =
    Call { service: "elasticloadbalancing", operation: "DescribeTargetGroups" };
pub(super) const TARGET_HEALTH: Call =
    Call { service: "elasticloadbalancing", operation: "DescribeTargetHealth" };

/// The attribute of the idle timeout (aws-facts.md §3).
pub(super) const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";

/// Target groups whose health is asked at the same time.
const IN_PARALLEL: usize = 4;
/// No attribute is longer (AWS's own limit is a week): an endpoint's slip must not overflow a date.
const LONGEST_ATTRIBUTE_S: u64 = 366 * 86_400;

/// Targets by their state.
pub(super) type Targets = BTreeMap<String, u32>;

impl Aws {
    pub(super) async fn attributes(&self, arn: &str) -> Result<Vec<LoadBalancerAttribute>, AwsError> {
        let request = self.elb.describe_load_balancer_attributes().load_balancer_arn(arn);
        ATTRIBUTES
            .timed(request.send())
            .await
            .map(|answer| answer.attributes.unwrap_or_default())
            .map_err(|error| ATTRIBUTES.error(&self.elb_endpoint, &error))
    }

    /// The idle timeout as it is now; `None` when the attribute is missing.
    ///
    /// # Errors
    /// What the call brought.
    pub async fn idle_timeout(&self, arn: &LoadBalancerArn) -> Result<Option<Duration>, AwsError> {
        Ok(seconds_of(&self.attributes(arn.as_str()).await?, IDLE_TIMEOUT))
    }

    /// The load balancer's target groups, all with names that AWS allows.
    pub(super) async fn target_groups(&self, arn: &str) -> Result<Vec<TargetGroup>, AwsError> {
        let mut pages = self.elb.describe_target_groups().load_balancer_arn(arn).into_paginator().send();
        let mut groups = Vec::new();
        for _ in 0..MOST_PAGES {
            match TARGET_GROUPS.timed_page(pages.next()).await {
                None => return Ok(groups),
                Some(Ok(page)) => {
                    let page = page.target_groups.unwrap_or_default();
                    let checked = page.iter().try_for_each(check_names);
                    checked.map_err(|error| self.unreadable(TARGET_GROUPS, &error))?;
                    groups.extend(page);
                }
                Some(Err(error)) => return Err(TARGET_GROUPS.error(&self.elb_endpoint, &error)),
            }
        }
        Err(TARGET_GROUPS.endless(&self.elb_endpoint))
    }

    /// The targets of each group by state, in the groups' order; none of a group without an ARN.
    pub(super) async fn targets(&self, groups: &[TargetGroup]) -> Result<Vec<Targets>, AwsError> {
        let arns: Vec<Option<String>> = groups.iter().map(|group| group.target_group_arn.clone()).collect();
        stream::iter(arns)
            .map(|group| async move {
                let Some(group) = group else { return Ok(Targets::new()) };
                let mut states = Targets::new();
                for state in self.states_in(group).await? {
                    *states.entry(state).or_default() += 1;
                }
                Ok(states)
            })
            .buffered(IN_PARALLEL)
            .try_collect()
            .await
    }

    async fn states_in(&self, group: String) -> Result<Vec<String>, AwsError> {
        let request = self.elb.describe_target_health().target_group_arn(group);
        let answer = TARGET_HEALTH.timed(request.send()).await;
        let answer = answer.map_err(|error| TARGET_HEALTH.error(&self.elb_endpoint, &error))?;
        let state = |target: &TargetHealthDescription| {
            let state = target.target_health().and_then(|health| health.state());
            state.map_or_else(|| "unknown".to_owned(), |state| foreign_text(state.as_str()))
        };
        Ok(answer.target_health_descriptions().iter().map(state).collect())
    }
}

/// The value of the metrics' `TargetGroup` dimension, which an ARN ends with (aws-facts.md §5); `None` for a text that is
/// no ARN.
pub(super) fn group_dimension(arn: &str) -> Result<Option<String>, AwsNameError> {
    let Some((_, dimension)) = arn.rsplit_once(':') else { return Ok(None) };
    AwsName::TargetGroup.check(dimension)?;
    Ok(Some(dimension.to_owned()))
}

fn check_names(group: &TargetGroup) -> Result<(), AwsNameError> {
    group.target_group_name().map_or(Ok(()), |name| AwsName::Elb.check(name))?;
    group.target_group_arn().map_or(Ok(None), group_dimension).map(drop)
}

/// The facts of one of [`Aws::target_groups`]; `targets` are those registered in it.
pub(super) fn group_facts(group: &TargetGroup, targets: Option<Targets>) -> TargetGroupFacts {
    TargetGroupFacts {
        name: group.target_group_name().unwrap_or(TargetGroupFacts::UNNAMED).to_owned(),
        dimension: group.target_group_arn().and_then(|arn| group_dimension(arn).ok().flatten()),
        protocol_version: group.protocol_version().map(foreign_text),
        target_type: group.target_type().map(|kind| foreign_text(kind.as_str())),
        targets,
    }
}

/// A whole number of seconds; `None` where the attribute is missing or is none (aws-facts.md §5: parse tolerantly).
pub(super) fn seconds_of(attributes: &[LoadBalancerAttribute], key: &str) -> Option<Duration> {
    let attribute = attributes.iter().find(|a| a.key() == Some(key))?;
    let seconds: u64 = attribute.value()?.trim().parse().ok()?;
    (1..=LONGEST_ATTRIBUTE_S).contains(&seconds).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_parsed_tolerantly() {
        let parse = |value: &str| {
            let attribute = LoadBalancerAttribute::builder().key("k").value(value);
            seconds_of(&[attribute.build()], "k").map(|d| d.as_secs())
        };
        assert_eq!(parse("60"), Some(60));
        assert_eq!(parse(" 4000 "), Some(4_000));
        for odd in ["", "0", "-1", "1.5", "soon", "99999999999999999999", "18446744073709551615"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
        assert_eq!(seconds_of(&[], "k"), None);
    }
}
