//! What a run tells CloudWatch, as plain values; sending them is the part of the AWS room. Pure.
//!
//! `names` refuses, at the door, what AWS would refuse later: namespaces, dimensions, log groups.
//! `metrics` are the custom metrics of a run's levels and of the run.
//! `log_batches` cuts a run's log events into requests inside AWS's limits.
//! `policy` is the least that IAM must allow for it, and for reading.

mod log_batches;
mod metrics;
mod names;
mod policy;

pub use log_batches::{LogBatchError, LogEvent, log_batches};
pub use metrics::{Datum, Unit, metric_data};
pub use names::{Dimension, LogGroup, NameError, Namespace};
pub use policy::{Owner, Permits, Policy, Published};
