//! What a run tells CloudWatch, as plain values; sending them is the part of the AWS room. Pure.
//!
//! `names` refuses, at the door, what AWS would refuse later: namespaces, dimensions, log groups; `wanted` is all that
//! a user asked for. `metrics` and `open_connections` are a run's custom metrics, `log_events` its log stream, `embedded`
//! the one in the form of the other. `metric_batches` and `log_batches` cut them to AWS's limits, and `requests` puts
//! it all together, less what the `ledger` says AWS has taken; `shown` writes requests out. `policy` is the least that IAM must
//! allow for it, and for reading.
//! `recommend` is what to do with a safe limit: alarms, dashboard, scaling, settings, and the forms they are told in.

mod embedded;
mod ledger;
mod log_batches;
mod log_events;
mod metric_batches;
mod metrics;
mod names;
mod open_connections;
mod policy;
pub mod recommend;
mod requests;
mod shown;
#[cfg(test)]
mod tests;
mod wanted;

pub use log_batches::LogBatchError;
pub use log_events::LogEvent;
#[cfg(test)]
pub(crate) use metric_batches::reckoned_bytes;
pub use metrics::{Datum, Unit, expected_metrics};
pub use names::{Dimension, LogGroup, NameError, Namespace, Retention};
pub use policy::{Home, Permits, Policy, Published};
pub use requests::{Body, Destination, Extent, Publication, PublishError, Request, publication};
pub use wanted::{Carrier, Wanted, check_dimensions};

/// A time of the run by AWS's clock, of which this machine's was `ahead`; as it is where that would leave the calendar.
fn by_aws(at: chrono::DateTime<chrono::Utc>, ahead: chrono::TimeDelta) -> chrono::DateTime<chrono::Utc> {
    at.checked_sub_signed(ahead).unwrap_or(at)
}
