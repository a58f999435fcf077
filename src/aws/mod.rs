//! The only room that knows the AWS SDK: facts in, what a run publishes out.
//!
//! [`Aws::connect`] finds region and credentials at once; [`Aws::find_load_balancer`] and [`Aws::read_metrics`] ask
//! elbv2 and CloudWatch. Whatever goes wrong is an [`AwsError`]: one line of cause, one of remedy, nothing secret in
//! either. Every wait is bounded: the SDK's retries and timeouts, name lookups, rounds of incomplete answers.
//! [`Aws::put`] sends what is published, once. [`Aws::clock_offset`] tells what the answers said of the time.

mod addresses;
mod asked;
mod attributes_and_targets;
#[cfg(test)]
mod canned;
mod clock;
mod cloudwatch;
mod elb;
mod endpoint;
mod error;
mod foreign_text;
mod listeners_and_capacity;
mod log_groups;
mod no_credentials;
mod put;
mod sdk_error;
mod series_pages;
mod session;

pub use error::AwsError;
pub use log_groups::Group;
pub use put::{Taken, Unanswered};
pub use series_pages::Partial;
pub use session::{Aws, AwsSettings, FixedCredentials};
