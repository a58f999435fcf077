//! The simulated load balancer and the simulated AWS account behind it.
//!
//! [`start`] opens both on loopback addresses: `alb` is a WebSocket listener with an ALB's habits
//! and faults, `aws` answers what the tool asks of elbv2, CloudWatch and Logs, and `publisher`
//! carries the counters of the one into the metrics of the other. Nothing here uses the rest of
//! the crate, so that one mistake can't hide on both sides.

mod alb;
mod announcement;
pub mod aws;
mod error;
mod load_balancer;
mod options;
mod publisher;
mod running;

pub use alb::{Certificate, Doom, RejectedBy, RejectedFor, Rejection, UpgradeAnswer, Violation};
pub use announcement::Announcement;
pub use aws::{DenyAfter, IdleTimeoutThen, Trouble};
pub use error::SimError;
pub use options::{LoadBalancerState, LoadBalancerType, Options, Sampling, action_pattern};
pub use running::{Running, start};
