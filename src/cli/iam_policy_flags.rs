//! The flags of `albcap iam-policy`: which of the other commands' doings are to be allowed.

use clap::Args;

use super::publish_flags::Publishable;
use crate::plan::LoadBalancerArn;
use crate::publish::{LogGroup, Namespace};

#[derive(Debug, Args)]
pub(crate) struct IamPolicyArgs {
    /// What --publish is to send beside what is read: metrics, logs
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    pub(crate) publish: Vec<Publishable>,
    /// Metrics go as embedded metric format in the log events: no metric is put
    #[arg(long, requires = "publish")]
    pub(crate) emf: bool,
    /// The namespace of the metrics
    #[arg(long, value_name = "NAME", default_value = "albcap", requires = "publish")]
    pub(crate) namespace: Namespace,
    /// The log group
    #[arg(long, value_name = "NAME", default_value = "/albcap/runs", requires = "publish")]
    pub(crate) log_group: LogGroup,
    /// Alarms and dashboard are to be created, and taken away again
    #[arg(long)]
    pub(crate) apply: bool,
    /// The ALB's ARN, which tells partition, region and account
    #[arg(long, value_name = "ARN", conflicts_with_all = ["region", "account"], value_parser = parse_arn)]
    pub(crate) load_balancer: Option<LoadBalancerArn>,
    /// AWS Region, which tells the partition too [default: any of the public ones]
    #[arg(long, value_name = "REGION", value_parser = parse_region)]
    pub(crate) region: Option<String>,
    /// The account's twelve digits [default: any]
    #[arg(long, value_name = "ID", value_parser = parse_account)]
    pub(crate) account: Option<String>,
}

fn parse_arn(text: &str) -> Result<LoadBalancerArn, String> {
    LoadBalancerArn::try_from(text.to_owned()).map_err(|error| error.to_string())
}

/// No wildcard, which would widen what is allowed.
fn parse_region(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.contains('-') && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("a region looks like eu-west-1".into())
    }
}

fn parse_account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.chars().all(|c| c.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account is twelve digits".into())
    }
}
