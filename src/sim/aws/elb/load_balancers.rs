//! DescribeLoadBalancers: all of them, or those that are named.

use super::arns;
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::load_balancer::LoadBalancer;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

/// ARNs or names in one call.
const MAX_NAMED: usize = 20;

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let arns = fields.texts("LoadBalancerArns")?;
    let names = fields.texts("Names")?;
    if !arns.is_empty() && !names.is_empty() {
        return Err(AwsError::validation(
            "Load balancer names and load balancer ARNs cannot be specified at the same time",
        ));
    }
    if arns.len().max(names.len()) > MAX_NAMED {
        return Err(AwsError::validation(format!(
            "The maximum number of load balancers that can be specified is {MAX_NAMED}"
        )));
    }
    for arn in &arns {
        arns::find_load_balancer(&state.load_balancer, arn, call.owner)?;
    }
    let unknown: Vec<&str> = names.into_iter().filter(|name| *name != state.load_balancer.name).collect();
    if !unknown.is_empty() {
        return Err(arns::load_balancer_not_found(format!(
            "Load balancers '[{}]' not found",
            unknown.join(", ")
        )));
    }
    let all = [&state.load_balancer];
    let page = arns::page("load balancers", &all, fields)?;
    let described: Vec<Value> =
        page.items.iter().map(|load_balancer| describe(load_balancer, state)).collect();
    Ok(Some(Structure::new().with("LoadBalancers", described).with_some("NextMarker", page.next).into()))
}

fn describe(load_balancer: &LoadBalancer, state: &State) -> Value {
    let zones: Vec<Value> = load_balancer
        .zones
        .iter()
        .enumerate()
        .map(|(index, zone)| {
            Structure::new()
                .with("LoadBalancerAddresses", Value::List(Vec::new()))
                .with("SubnetId", format!("subnet-{index:017x}"))
                .with("ZoneName", zone)
                .into()
        })
        .collect();
    Structure::new()
        .with("AvailabilityZones", zones)
        .with("CanonicalHostedZoneId", "Z35SXDOTRQ7X7K")
        .with("CreatedTime", state.created_at)
        .with("DNSName", &load_balancer.dns_name)
        .with("IpAddressType", "ipv4")
        .with("LoadBalancerArn", &load_balancer.arn)
        .with("LoadBalancerName", &load_balancer.name)
        .with("Scheme", &load_balancer.scheme)
        .with("SecurityGroups", vec!["sg-00000000000000000"])
        .with("State", Structure::new().with("Code", &load_balancer.state))
        .with("Type", &load_balancer.load_balancer_type)
        .with("VpcId", VPC)
        .into()
}

/// The network that everything is in.
pub(crate) const VPC: &str = "vpc-00000000000000000";
