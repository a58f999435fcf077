//! The only room that knows the AWS SDK: facts in, and what `publish` made out.
//!
//! [`Aws::connect`] finds region and credentials at once; [`Aws::find_load_balancer`] and [`Aws::read_metrics`] ask
//! elbv2 and CloudWatch. Whatever goes wrong is an [`AwsError`]: one line of cause, one of remedy, nothing secret in
//! either. Every wait is bounded: the SDK's retries and timeouts, name lookups, rounds of incomplete answers.
//! [`Aws::clock_offset`] tells what the answers said of the time. [`Aws::put`] sends what is published, once;
//! [`Aws::survey`], [`Aws::apply`] and [`Aws::take_away`] make alarms and a dashboard, and take them away.

mod addresses;
mod alarms;
mod applying;
mod asked;
mod attributes_and_targets;
#[cfg(test)]
mod canned;
mod clock;
mod cloudwatch;
mod credentials;
mod dashboards;
mod elb;
mod endpoint;
mod environment;
mod error;
mod foreign_text;
mod http;
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
