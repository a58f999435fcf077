//! The rule of the brake that was broken.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::{AbortRule, Period, aws_name};

/// A rule of the brake was broken: from then on nothing more is opened, and what is open is closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Braked {
    /// The rule, as `--abort-if` takes it.
    pub rule: AbortRule,
    /// The value that broke it.
    pub value: f64,
    /// The ordinal of the level under way; `None` between levels.
    pub level: Option<u32>,
    /// Where CloudWatch had the value; `None` for a count of the clients'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

/// Which of CloudWatch's values it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// The period's start.
    pub from: DateTime<Utc>,
    /// The period.
    #[serde(rename = "period_s")]
    pub period: Period,
    /// The target group (`targetgroup/NAME/ID`); `None` for the load balancer as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "aws_name::target_group")]
    pub target_group: Option<String>,
}
