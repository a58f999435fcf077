//! Metric alarms: `put` checks and keeps them, `describe` tells, `delete` forgets. `alarm` is what is kept,
//! `read`, `watched` and `members` read it from a request.
//! They are never evaluated: a new alarm stays in INSUFFICIENT_DATA.

mod alarm;
mod delete;
mod describe;
mod members;
mod put;
mod read;
mod watched;

use std::collections::BTreeMap;

pub(crate) use alarm::Alarm;
pub(crate) use delete::run as delete;
pub(crate) use describe::run as describe;
pub(crate) use put::run as put;

/// Alarms by name.
pub(crate) type Alarms = BTreeMap<String, Alarm>;
