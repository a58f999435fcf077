//! Which load balancer is meant: a name, or an ARN of the right kind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::aws_name::{self, is_elb_id, is_elb_name, quoted};

/// A load balancer as it was named by the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadBalancerRef {
    /// By its name.
    Name(#[serde(deserialize_with = "aws_name::elb")] String),
    /// By its ARN.
    Arn(LoadBalancerArn),
}

/// `arn:PARTITION:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID` of any partition (aws-facts.md §5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct LoadBalancerArn(String);

/// Why a name or an ARN can't be an ALB's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoadBalancerError {
    /// An ARN of something else.
    #[error(
        "'{0}' is not a load balancer's ARN; it looks like arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID"
    )]
    NotAnArn(String),
    /// A Network or Gateway Load Balancer.
    #[error(
        "'{0}' is a {1} Load Balancer; albcap measures Application Load Balancers (…:loadbalancer/app/…)"
    )]
    NotAnAlb(String, &'static str),
    /// Not a name that elbv2 allows.
    #[error(
        "'{0}' is not a load balancer's name; names have up to 32 letters, digits and hyphens, and no hyphen at either end"
    )]
    NotAName(String),
}

impl LoadBalancerArn {
    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the metrics' `LoadBalancer` dimension: `app/NAME/ID`, without a leading slash.
    pub fn dimension(&self) -> &str {
        self.0.split_once(":loadbalancer/").map_or("", |(_, dimension)| dimension)
    }

    /// `aws`, `aws-cn`, …
    pub fn partition(&self) -> &str {
        self.part(1)
    }

    /// The region in which it is.
    pub fn region(&self) -> &str {
        self.part(3)
    }

    /// The account that owns it, twelve digits.
    pub fn account(&self) -> &str {
        self.part(4)
    }

    fn part(&self, index: usize) -> &str {
        self.0.split(':').nth(index).unwrap_or("")
    }
}

impl TryFrom<String> for LoadBalancerArn {
    type Error = LoadBalancerError;

    fn try_from(text: String) -> Result<LoadBalancerArn, LoadBalancerError> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = parts[..] else {
            return Err(LoadBalancerError::NotAnArn(quoted(&text)));
        };
        let path: Vec<&str> = resource.split('/').collect();
        let known = arn == "arn"
            && is_partition_or_region(partition)
            && service == "elasticloadbalancing"
            && is_partition_or_region(region);
        let numeric = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
        match path[..] {
            ["loadbalancer", "app", name, id] if known && numeric && is_elb_name(name) && is_elb_id(id) => {
                Ok(LoadBalancerArn(text))
            }
            ["loadbalancer", "net", ..] if known => {
                Err(LoadBalancerError::NotAnAlb(quoted(&text), "Network"))
            }
            ["loadbalancer", "gwy", ..] if known => {
                Err(LoadBalancerError::NotAnAlb(quoted(&text), "Gateway"))
            }
            ["loadbalancer", _] if known => Err(LoadBalancerError::NotAnAlb(quoted(&text), "Classic")),
            _ => Err(LoadBalancerError::NotAnArn(quoted(&text))),
        }
    }
}

/// `aws-us-gov`, `eu-west-1`: what stands in an ARN, and in the host name of an endpoint.
fn is_partition_or_region(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

impl From<LoadBalancerArn> for String {
    fn from(arn: LoadBalancerArn) -> String {
        arn.0
    }
}

impl LoadBalancerRef {
    /// Whether the load balancer of that `LoadBalancer` dimension is meant.
    pub fn means(&self, dimension: &str) -> bool {
        match self {
            LoadBalancerRef::Name(name) => dimension.split('/').nth(1) == Some(name),
            LoadBalancerRef::Arn(arn) => arn.dimension() == dimension,
        }
    }
}

impl std::str::FromStr for LoadBalancerRef {
    type Err = LoadBalancerError;

    fn from_str(text: &str) -> Result<LoadBalancerRef, LoadBalancerError> {
        if text.starts_with("arn:") {
            return LoadBalancerArn::try_from(text.to_owned()).map(LoadBalancerRef::Arn);
        }
        if is_elb_name(text) {
            Ok(LoadBalancerRef::Name(text.to_owned()))
        } else {
            Err(LoadBalancerError::NotAName(quoted(text)))
        }
    }
}

impl std::fmt::Display for LoadBalancerRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LoadBalancerRef::Name(name) => f.write_str(name),
            LoadBalancerRef::Arn(arn) => f.write_str(arn.as_str()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_albs_arn_of_any_partition_gives_its_dimension() {
        for partition in ["aws", "aws-cn", "aws-us-gov", "aws-eusc"] {
            let text = format!(
                "arn:{partition}:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/prod/50dc6c495c0c9188"
            );
            let arn = LoadBalancerArn::try_from(text).unwrap();
            assert_eq!(arn.dimension(), "app/prod/50dc6c495c0c9188");
            for (named, meant) in [("prod", true), ("pro", false), (arn.as_str(), true)] {
                let named = named.parse::<LoadBalancerRef>().unwrap();
                assert_eq!(named.means("app/prod/50dc6c495c0c9188"), meant);
                assert!(!named.means("app/other/50dc6c495c0c9188"));
            }
            assert_eq!(
                (arn.partition(), arn.region(), arn.account()),
                (partition, "eu-west-1", "123456789012")
            );
        }
    }

    #[test]
    fn other_arns_are_told_apart() {
        let parse = |text: &str| text.parse::<LoadBalancerRef>().unwrap_err();
        let base = "arn:aws:elasticloadbalancing:us-east-1:123456789012:";
        assert!(matches!(
            parse(&format!("{base}loadbalancer/net/n/1")),
            LoadBalancerError::NotAnAlb(_, "Network")
        ));
        assert!(matches!(
            parse(&format!("{base}loadbalancer/gwy/n/1")),
            LoadBalancerError::NotAnAlb(_, "Gateway")
        ));
        assert!(matches!(
            parse(&format!("{base}loadbalancer/old")),
            LoadBalancerError::NotAnAlb(_, "Classic")
        ));
        assert!(matches!(parse(&format!("{base}targetgroup/n/1")), LoadBalancerError::NotAnArn(_)));
        assert!(matches!(parse("arn:aws:s3:::bucket"), LoadBalancerError::NotAnArn(_)));
        assert!(matches!(parse("arn:"), LoadBalancerError::NotAnArn(_)));
        assert!(matches!(parse("my_alb"), LoadBalancerError::NotAName(_)));
        assert!(matches!(parse(""), LoadBalancerError::NotAName(_)));
        assert!(matches!(parse("-alb"), LoadBalancerError::NotAName(_)));
    }

    #[test]
    fn no_part_of_an_arn_holds_what_aws_does_not_give() {
        let arn = |partition: &str, region: &str, name: &str, id: &str| {
            format!("arn:{partition}:elasticloadbalancing:{region}:123456789012:loadbalancer/app/{name}/{id}")
        };
        let refused = |text: String| {
            let as_text = LoadBalancerArn::try_from(text.clone());
            let as_json = serde_json::from_value::<LoadBalancerArn>(text.clone().into());
            assert!(as_text.is_err() && as_json.is_err(), "{text}");
        };
        assert!(LoadBalancerArn::try_from(arn("aws", "us-east-1", "a", "50dc6c495c0c9188")).is_ok());
        for bad in super::super::aws_name::HOSTILE {
            refused(arn(bad, "us-east-1", "a", "1"));
            refused(arn("aws", bad, "a", "1"));
            refused(arn("aws", "us-east-1", bad, "1"));
            refused(arn("aws", "us-east-1", "a", bad));
            let name = serde_json::json!({ "name": bad });
            assert!(serde_json::from_value::<LoadBalancerRef>(name).is_err(), "{bad}");
        }
        refused(arn("aws", "us-east-1", "a", "x-z"));
        refused(arn("aws", "us-east-1", "a", "1/2"));
    }
}
