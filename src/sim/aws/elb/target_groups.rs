//! DescribeTargetGroups: all, the load balancer's, or those that are named.

use super::arns;
use super::load_balancers::VPC;
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::load_balancer::{LoadBalancer, TargetGroup};
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let load_balancer = &state.load_balancer;
    let by_load_balancer = fields.text("LoadBalancerArn")?;
    let arns = fields.texts("TargetGroupArns")?;
    let names = fields.texts("Names")?;
    let filters = [by_load_balancer.is_some(), !arns.is_empty(), !names.is_empty()];
    if filters.iter().filter(|given| **given).count() > 1 {
        return Err(AwsError::validation(
            "Load balancer ARN, target group ARNs and target group names cannot be specified at the same time",
        ));
    }
    if let Some(arn) = by_load_balancer {
        arns::find_load_balancer(load_balancer, arn, call.owner)?;
    }
    for arn in &arns {
        arns::find_target_group(load_balancer, arn, call.owner)?;
    }
    let groups = &load_balancer.target_groups;
    if names.iter().any(|name| !groups.iter().any(|group| group.name == *name)) {
        return Err(arns::target_group_not_found());
    }
    let described: Vec<Value> = groups
        .iter()
        .filter(|group| arns.is_empty() || arns.contains(&group.arn.as_str()))
        .filter(|group| names.is_empty() || names.contains(&group.name.as_str()))
        .map(|group| describe(load_balancer, group))
        .collect();
    let page = arns::page("target groups", &described, fields)?;
    Ok(Some(
        Structure::new().with("TargetGroups", page.items.to_vec()).with_some("NextMarker", page.next).into(),
    ))
}

/// The health check is AWS's default.
fn describe(load_balancer: &LoadBalancer, group: &TargetGroup) -> Value {
    Structure::new()
        .with("HealthCheckEnabled", true)
        .with("HealthCheckIntervalSeconds", 30)
        .with("HealthCheckPath", "/")
        .with("HealthCheckPort", "traffic-port")
        .with("HealthCheckProtocol", &group.protocol)
        .with("HealthCheckTimeoutSeconds", 5)
        .with("HealthyThresholdCount", 5)
        .with("IpAddressType", "ipv4")
        .with("LoadBalancerArns", vec![&load_balancer.arn])
        .with("Matcher", Structure::new().with("HttpCode", "200"))
        .with("Port", i64::from(group.port))
        .with("Protocol", &group.protocol)
        .with("ProtocolVersion", &group.protocol_version)
        .with("TargetGroupArn", &group.arn)
        .with("TargetGroupName", &group.name)
        .with("TargetType", &group.target_type)
        .with("UnhealthyThresholdCount", 2)
        .with("VpcId", VPC)
        .into()
}
