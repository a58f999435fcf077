//! What a service is made of: a table of operations, each a name and a function from request to answer.

use chrono::{DateTime, Utc};

use super::account::{Owner, Settings, State};
use super::error::AwsError;
use super::fields::Fields;
use super::value::Value;

/// What surrounds one request.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// How the endpoint behaves.
    pub(crate) settings: &'a Settings,
    /// Whose resources these are.
    pub(crate) owner: &'a Owner,
    /// How often its action was asked for, this time included.
    pub(crate) nth: u64,
    /// When the request came.
    pub(crate) now: DateTime<Utc>,
    /// The size of its body on the wire, in bytes, before any decompression.
    pub(crate) wire_bytes: usize,
    /// The size of its body, decompressed, in bytes.
    pub(crate) body_bytes: usize,
}

/// One operation. It answers `None` when the model has no output.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Its name on the wire and in IAM policies.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) run: fn(&mut State, &Call<'_>, &Fields<'_>) -> Result<Option<Value>, AwsError>,
}

/// Which words a service has for errors that are not its own (aws-facts.md §5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Dialect {
    /// elbv2 and CloudWatch: `AccessDenied`, status 403.
    Query,
    /// Logs: `AccessDeniedException`, status 400.
    Json,
}

/// One service.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its prefix in IAM policies, such as `cloudwatch`.
    pub(crate) prefix: &'static str,
    /// Its words for general errors.
    pub(crate) dialect: Dialect,
    /// Its operations.
    pub(crate) operations: &'static [Operation],
}

impl Service {
    /// The operation of that name.
    pub(crate) fn operation(&self, name: &str) -> Option<&'static Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }

    /// The IAM action of an operation, such as `cloudwatch:GetMetricData`.
    pub(crate) fn action(&self, operation: &Operation) -> String {
        format!("{}:{}", self.prefix, operation.name)
    }
}
