//! The window of a run on CloudWatch's grid.

use super::Run;
use crate::plan::{CloudWatchPlan, Window};

impl Window {
    /// The window of a run; `None` when it never attempted a connection.
    pub fn of(run: &Run, cloudwatch: CloudWatchPlan) -> Option<Window> {
        Some(Window::around(cloudwatch, run.load_started_at()?, run.load_ended_at()))
    }
}
