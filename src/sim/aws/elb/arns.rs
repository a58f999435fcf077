//! Looks resources up by ARN: garbage and other regions' ARNs are a `ValidationError`, unknown ones are not found.

use crate::sim::aws::account::Owner;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::load_balancer::{LoadBalancer, TargetGroup};
use crate::sim::aws::paging::{self, Page};

/// What an ARN may name here.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// `loadbalancer/{app|net|gwy}/{name}/{id}`
    LoadBalancer,
    /// `listener/{app|net|gwy}/{name}/{id}/{id}`
    Listener,
    /// `targetgroup/{name}/{id}`
    TargetGroup,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Kind::LoadBalancer => "load balancer",
            Kind::Listener => "listener",
            Kind::TargetGroup => "target group",
        }
    }

    fn fits(self, resource: &str) -> bool {
        let parts: Vec<&str> = resource.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return false;
        }
        match self {
            Kind::LoadBalancer => {
                matches!(parts[..], ["loadbalancer", "app" | "net" | "gwy", _, _])
            }
            Kind::Listener => matches!(parts[..], ["listener", "app" | "net" | "gwy", _, _, _]),
            Kind::TargetGroup => matches!(parts[..], ["targetgroup", _, _]),
        }
    }
}

/// Refuses what is no ARN of that kind in the endpoint's partition and region.
pub(crate) fn check(arn: &str, kind: Kind, owner: &Owner) -> Result<(), AwsError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let valid = matches!(
        parts[..],
        ["arn", partition, "elasticloadbalancing", region, account, resource]
            if partition == owner.partition
                && region == owner.region
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && kind.fits(resource)
    );
    if valid {
        Ok(())
    } else {
        Err(AwsError::validation(format!("'{arn}' is not a valid {} ARN", kind.words())))
    }
}

/// The account's load balancer, if `arn` names it.
pub(crate) fn find_load_balancer<'a>(
    load_balancer: &'a LoadBalancer,
    arn: &str,
    owner: &Owner,
) -> Result<&'a LoadBalancer, AwsError> {
    if arn == load_balancer.arn {
        return Ok(load_balancer);
    }
    check(arn, Kind::LoadBalancer, owner)?;
    Err(load_balancer_not_found("One or more load balancers not found"))
}

/// The load balancer that the request must name by `LoadBalancerArn`.
pub(crate) fn required_load_balancer<'a>(
    load_balancer: &'a LoadBalancer,
    fields: &Fields<'_>,
    owner: &Owner,
) -> Result<&'a LoadBalancer, AwsError> {
    match fields.text("LoadBalancerArn")? {
        Some(arn) => find_load_balancer(load_balancer, arn, owner),
        None => Err(missing("LoadBalancerArn")),
    }
}

/// The target group of that ARN.
pub(crate) fn find_target_group<'a>(
    load_balancer: &'a LoadBalancer,
    arn: &str,
    owner: &Owner,
) -> Result<&'a TargetGroup, AwsError> {
    if let Some(group) = load_balancer.target_groups.iter().find(|group| group.arn == arn) {
        return Ok(group);
    }
    check(arn, Kind::TargetGroup, owner)?;
    Err(target_group_not_found())
}

/// No such load balancer.
pub(crate) fn load_balancer_not_found(message: impl Into<String>) -> AwsError {
    AwsError::new("LoadBalancerNotFound", message)
}

/// No such target group.
pub(crate) fn target_group_not_found() -> AwsError {
    AwsError::new("TargetGroupNotFound", "One or more target groups not found")
}

/// A required parameter is not there.
pub(crate) fn missing(parameter: &str) -> AwsError {
    AwsError::validation(format!("A required parameter is missing: {parameter}"))
}

/// The page that `Marker` and `PageSize` ask for.
pub(crate) fn page<'a, T>(list: &str, items: &'a [T], fields: &Fields<'_>) -> Result<Page<'a, T>, AwsError> {
    let size = fields.integer_text("PageSize")?.unwrap_or(400);
    let size = usize::try_from(size).ok().filter(|size| (1..=400).contains(size)).ok_or_else(|| {
        AwsError::validation(format!(
            "1 validation error detected: Value '{size}' at 'pageSize' failed to satisfy constraint: \
                 Member must have value between 1 and 400"
        ))
    })?;
    let marker = fields.text("Marker")?;
    paging::page(list, items, marker, size).ok_or_else(|| {
        AwsError::validation(format!("'{}' is not a valid marker", marker.unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_must_fit_kind_partition_and_region() {
        let owner = Owner {
            partition: "aws".to_owned(),
            region: "us-east-1".to_owned(),
            account: "123456789012".to_owned(),
        };
        for (arn, valid) in [
            ("arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/1", true),
            ("arn:aws:elasticloadbalancing:us-east-1:999999999999:loadbalancer/net/a/1", true),
            ("arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/1", false),
            ("arn:aws-cn:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/1", false),
            ("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/a/1", false),
            ("arn:aws:elasticloadbalancing:us-east-1:12345678901x:loadbalancer/app/a/1", false),
            ("arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app//1", false),
            ("arn:aws:s3:us-east-1:123456789012:loadbalancer/app/a/1", false),
            ("loadbalancer/app/a/1", false),
            ("", false),
        ] {
            assert_eq!(check(arn, Kind::LoadBalancer, &owner).is_ok(), valid, "{arn}");
        }
    }
}
