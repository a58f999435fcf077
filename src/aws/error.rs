//! What can go wrong with AWS, as one line of cause and one of remedy.

use std::time::Duration;

use thiserror::Error;

use crate::facts::Unavailable;

/// Why AWS did not give what was asked for. Display is the line of cause; [`AwsError::remedy`] the line of remedy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AwsError {
    /// No source gave credentials, or one of them failed.
    #[error("no usable AWS credentials: {reason}")]
    NoCredentials {
        /// What the sources said.
        reason: String,
    },
    /// The source timed out: a credential process that hangs, or a network that drops packets.
    #[error("no AWS credentials within {} s{}", .waited.as_secs(), of_profile(.profile.as_deref()))]
    CredentialsTimeout {
        /// The profile that was named, if any.
        profile: Option<String>,
        /// How long they were waited for.
        waited: Duration,
    },
    /// A variable of the environment, or a flag, that can't be sent.
    #[error("{name} {what}")]
    BadValue {
        /// Its name; the value may be a secret.
        name: String,
        /// Why it can't be used.
        what: &'static str,
    },
    /// Neither flag nor environment, profile, ARN or instance names a region.
    #[error("no AWS region is configured")]
    NoRegion,
    /// The endpoint is no URL.
    #[error("the AWS endpoint '{endpoint}' is not an http:// or https:// URL")]
    BadEndpoint {
        /// As given, without userinfo.
        endpoint: String,
    },
    /// The credentials are good, but do not allow the action.
    #[error("AWS denies {action}{}", said(.message))]
    AccessDenied {
        /// The IAM action.
        action: String,
        /// AWS's words; may be empty.
        message: String,
    },
    /// The credentials were good once.
    #[error("the AWS credentials have expired ({code} to {action})")]
    ExpiredCredentials {
        /// The IAM action.
        action: String,
        /// AWS's error code.
        code: String,
    },
    /// AWS does not know the key, or the signature is wrong.
    #[error("AWS does not accept the credentials ({code} to {action})")]
    RejectedCredentials {
        /// The IAM action.
        action: String,
        /// AWS's error code.
        code: String,
    },
    /// No such load balancer.
    #[error("no load balancer {sought} in {region}")]
    NotFound {
        /// What was looked for: `named 'x'`.
        sought: String,
        /// Where.
        region: String,
    },
    /// Several load balancers have an address of the host.
    #[error("{host} shares addresses with several load balancers: {}", .names.join(", "))]
    Ambiguous {
        /// The URL's host.
        host: String,
        /// The load balancers' names.
        names: Vec<String>,
    },
    /// A load balancer of another kind.
    #[error("'{name}' is a {kind} load balancer; albcap measures Application Load Balancers")]
    NotAnAlb {
        /// Its name.
        name: String,
        /// `network` or `gateway`.
        kind: String,
    },
    /// No connection to the endpoint, or it broke.
    #[error("{endpoint} can't be reached: {reason}")]
    Unreachable {
        /// The endpoint's origin.
        endpoint: String,
        /// What the system said.
        reason: String,
    },
    /// The endpoint is there, but did not answer in time.
    #[error("{endpoint} did not answer {action} in time")]
    Timeout {
        /// The endpoint's origin.
        endpoint: String,
        /// The IAM action.
        action: String,
    },
    /// Too many calls, also after the SDK's retries.
    #[error("AWS throttles {action}")]
    Throttled {
        /// The IAM action.
        action: String,
    },
    /// An answer that is none of this service.
    #[error("{endpoint} answered {action} with something that can't be read: {reason}")]
    Unreadable {
        /// The endpoint's origin.
        endpoint: String,
        /// The IAM action.
        action: String,
        /// What was wrong with it.
        reason: String,
    },
    /// The service answered, but not all of it: it is in trouble itself.
    #[error("AWS did not complete its answer to {action}: {what}")]
    Incomplete {
        /// The IAM action.
        action: String,
        /// What is lacking.
        what: String,
    },
    /// Region or endpoint are such that nothing could be sent.
    #[error("the request for {action} can't be built: {reason}")]
    Unsendable {
        /// The IAM action.
        action: String,
        /// What the SDK said.
        reason: String,
    },
    /// Any other error of the service.
    #[error("AWS answered {action} with {code}{}", said(.message))]
    Service {
        /// The IAM action.
        action: String,
        /// AWS's error code, or `HTTP 503` where there is none.
        code: String,
        /// AWS's words; may be empty.
        message: String,
    },
}

fn of_profile(profile: Option<&str>) -> String {
    profile.map_or_else(String::new, |profile| format!(" from profile '{profile}'"))
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

impl AwsError {
    /// What to do about it, in one line.
    pub fn remedy(&self) -> String {
        match self {
            AwsError::NoCredentials { .. } => {
                "log in ('aws sso login' or 'aws configure'), name a profile with --profile".to_owned()
            }
            AwsError::CredentialsTimeout { .. } => {
                "run the profile's credential_process by hand to see what it waits for, or check the network"
                    .to_owned()
            }
            AwsError::BadValue { name, .. } => format!("correct {name}; its value is not shown"),
            AwsError::NoRegion => {
                "give --region, set AWS_REGION, name the load balancer by its ARN".to_owned()
            }
            AwsError::BadEndpoint { .. } => {
                "correct --endpoint-url or AWS_ENDPOINT_URL; it looks like http://127.0.0.1:4566".to_owned()
            }
            AwsError::AccessDenied { action, .. } => {
                format!("allow {action} in the IAM policy")
            }
            AwsError::ExpiredCredentials { .. } => "renew them (for SSO: 'aws sso login')".to_owned(),
            AwsError::RejectedCredentials { .. } => {
                "check the key, --profile, the partition and this machine's clock".to_owned()
            }
            AwsError::NotFound { .. } => {
                "name it with --load-balancer NAME|ARN, check --region and --profile".to_owned()
            }
            AwsError::Ambiguous { .. } | AwsError::NotAnAlb { .. } => {
                "name the ALB with --load-balancer NAME|ARN".to_owned()
            }
            AwsError::Unreachable { .. } | AwsError::Timeout { .. } | AwsError::Unsendable { .. } => {
                "check the network, --region and --endpoint-url".to_owned()
            }
            AwsError::Throttled { .. } => {
                "wait a minute and try again; others in the account ask for the same".to_owned()
            }
            AwsError::Incomplete { .. } => "try again in some minutes".to_owned(),
            AwsError::Unreadable { .. } => {
                "check --endpoint-url: another service, or a proxy, seems to answer there".to_owned()
            }
            AwsError::Service { .. } => "try again later, check --region and --endpoint-url".to_owned(),
        }
    }
}

impl AwsError {
    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            AwsError::Unreachable { .. }
            | AwsError::Timeout { .. }
            | AwsError::Throttled { .. }
            | AwsError::Incomplete { .. } => true,
            AwsError::Service { code, .. } => {
                code.starts_with("HTTP 5")
                    || code.starts_with("Internal")
                    || code.starts_with("ServiceUnavailable")
                    || code == "OperationAbortedException"
            }
            _ => false,
        }
    }

    /// Whether the service answered with that error code.
    pub(super) fn has_code(&self, wanted: &str) -> bool {
        matches!(self, AwsError::Service { code, .. } if code == wanted)
    }
}

/// Before the load there is one more way out: to do without AWS.
impl From<AwsError> for Unavailable {
    fn from(error: AwsError) -> Unavailable {
        let remedy = format!("{}, or measure the client side only with --no-aws", error.remedy());
        Unavailable { remedy, cause: error.to_string() }
    }
}
