//! Dashboards: kept as the text they came as, after `body` has checked it as far as the simulator knows the rules.
//! One small file an operation.

mod body;
mod delete;
mod get;
mod list;
mod put;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub(crate) use delete::run as delete;
pub(crate) use get::run as get;
pub(crate) use list::run as list;
pub(crate) use put::run as put;

use crate::sim::aws::account::Owner;
use crate::sim::aws::error::AwsError;

/// One dashboard.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dashboard {
    body: String,
    modified_at: DateTime<Utc>,
}

/// Dashboards by name.
pub(crate) type Dashboards = BTreeMap<String, Dashboard>;

/// Dashboards belong to the account, so their ARNs name no region.
fn arn(owner: &Owner, name: &str) -> String {
    let Owner { partition, account, .. } = owner;
    format!("arn:{partition}:cloudwatch::{account}:dashboard/{name}")
}

fn not_found(names: &[&str]) -> AwsError {
    AwsError::new("ResourceNotFound", format!("Dashboard {} does not exist", names.join(", ")))
        .shaped("DashboardNotFoundError")
        .status(404)
}

fn invalid(message: String) -> AwsError {
    AwsError::new("InvalidParameterValue", message).shaped("InvalidParameterValueException")
}
