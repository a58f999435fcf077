//! Carries the load balancer's counters into the account's metrics, once a period.
//!
//! `watch` is the loop, the only part that looks at the clock. The rest is arithmetic on values:
//! `calendar` (periods and sample times), `gather` (samples and totals to one node's period),
//! `sampling`, `other_traffic`, `overload`, `draining`, `silence`, `lcu`, `table` (a line a metric) and `metrics` (what is
//! published).

mod calendar;
mod draining;
mod gather;
mod hosts;
mod lcu;
mod metrics;
mod other_traffic;
mod overload;
mod sampling;
mod silence;
mod table;
mod watch;

pub(super) use draining::drain;
pub(super) use hosts::Hosts;
pub(super) use metrics::{Dimensions, samples};
pub(super) use overload::follow as follow_load;
pub(super) use watch::{Habits, watch};
