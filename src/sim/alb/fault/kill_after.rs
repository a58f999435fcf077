//! `--kill-after D`: every connection is cut by a reset, that long after its upgrade.

use std::time::Duration;

use super::Fault;
use crate::sim::Options;

struct KillAfter(Duration);

/// The fault, if it is asked for.
pub(super) fn from_options(options: &Options) -> Option<Box<dyn Fault>> {
    options.kill_after.map(|lifetime| Box::new(KillAfter(lifetime)) as Box<dyn Fault>)
}

impl Fault for KillAfter {
    fn lifetime(&self) -> Option<Duration> {
        Some(self.0)
    }
}
