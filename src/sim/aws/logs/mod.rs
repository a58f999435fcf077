//! CloudWatch Logs over `awsJson1_1`: groups, streams, events (aws-facts.md §7).
//! `store` keeps them, `names` refuses what AWS refuses; then one file an operation.
//! Embedded metrics (EMF) in messages are kept as text; no metric is made of them.

mod create_log_group;
mod create_log_stream;
mod describe_log_groups;
mod describe_log_streams;
mod get_log_events;
mod names;
mod put_log_events;
mod put_retention_policy;
mod store;

pub(crate) use store::Logs;

use super::operation::{Dialect, Operation, Service};

/// The service and its operations.
pub(crate) const SERVICE: Service = Service {
    prefix: "logs",
    dialect: Dialect::Json,
    operations: &[
        Operation { name: "CreateLogGroup", run: create_log_group::run },
        Operation { name: "CreateLogStream", run: create_log_stream::run },
        Operation { name: "PutRetentionPolicy", run: put_retention_policy::run },
        Operation { name: "PutLogEvents", run: put_log_events::run },
        Operation { name: "GetLogEvents", run: get_log_events::run },
        Operation { name: "DescribeLogGroups", run: describe_log_groups::run },
        Operation { name: "DescribeLogStreams", run: describe_log_streams::run },
    ],
};
