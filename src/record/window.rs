//! The window of a run on CloudWatch's grid.

use super::Run;
use crate::plan::{CloudWatchPlan, Window};

impl Window {
    /// The window of a run, by AWS's clock where the difference to ours is known; `None` when the run never attempted
    /// a connection.
    pub fn of(run: &Run, cloudwatch: CloudWatchPlan) -> Option<Window> {
        let (started, ended) = (run.load_started_at()?, run.load_ended_at());
        let ahead = run.clock_ahead().unwrap_or_default();
        let by_aws = |at: chrono::DateTime<chrono::Utc>| at.checked_sub_signed(ahead).unwrap_or(at);
        Some(Window::around(cloudwatch, by_aws(started), by_aws(ended)))
    }
}
