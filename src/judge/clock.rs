//! This machine's clock against AWS's. A run's times are by ours, CloudWatch's periods by theirs: every time of a run
//! is moved onto AWS's clock before anything is laid on the grid of periods.

use chrono::{DateTime, TimeDelta, Utc};

use super::window::sane;
use crate::record::Run;

/// How far this machine's clock is ahead of AWS's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Clock {
    ahead: TimeDelta,
}

impl Clock {
    /// As it was measured before the load; taken as right where it was not.
    pub(super) fn of(run: &Run) -> Clock {
        Clock { ahead: run.clock_ahead().unwrap_or_default() }
    }

    /// Had it been ahead by so much.
    pub(super) fn ahead_by(ahead: TimeDelta) -> Clock {
        Clock { ahead }
    }

    /// A time of the run by AWS's clock, within sane years.
    pub(super) fn by_aws(self, at: DateTime<Utc>) -> DateTime<Utc> {
        sane(sane(at).checked_sub_signed(self.ahead).unwrap_or(at))
    }
}
