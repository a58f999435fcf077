//! The flags of `albcap recommend`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::{AwsAccess, parse_positive};
use crate::publish::recommend::AlarmAction;
use crate::publish::{Dimension, Namespace};

#[derive(Args)]
pub(crate) struct RecommendArgs {
    /// The record of a run
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    /// Connections in all that are wished for: tasks and capacity are counted for them [default: the safe limit]
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    pub(crate) connections: Option<u32>,
    /// As what the recommendation is printed
    #[arg(long, value_name = "FORM", value_enum, default_value = "text")]
    pub(crate) emit: Form,
    /// Create the alarms and the dashboard, or bring them up to date; says first what will be done
    #[arg(long, conflicts_with_all = ["remove", "emit"])]
    pub(crate) apply: bool,
    /// Take away the alarms and the dashboard that --apply made for this load balancer
    #[arg(long, conflicts_with = "emit")]
    pub(crate) remove: bool,
    /// What alarms tell when they go off, such as an SNS topic; may be repeated, up to five
    #[arg(long, value_name = "ARN")]
    pub(crate) alarm_action: Vec<AlarmAction>,
    /// Where the clients' metrics are published, for the dashboard
    #[arg(long, value_name = "NAME", default_value = "albcap")]
    pub(crate) namespace: Namespace,
    /// A dimension with which the clients' metrics are published, for the dashboard; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) dimension: Vec<Dimension>,
    #[command(flatten)]
    pub(crate) access: AwsAccess,
}

/// As what a recommendation is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Text,
    /// A shell script of AWS CLI commands
    AwsCli,
    /// A CloudFormation template, as JSON
    Cloudformation,
    /// Terraform configuration, for a .tf.json file
    Terraform,
}
