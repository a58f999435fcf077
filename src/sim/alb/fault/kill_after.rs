//! `--kill-after D`, `--kill-by DOOM`: every connection meets its doom that long after its upgrade.

use std::time::Duration;

use super::{Doom, Fault};
use crate::sim::Options;

struct KillAfter {
    lifetime: Duration,
    by: Doom,
}

/// The fault, if it is asked for.
pub(super) fn from_options(options: &Options) -> Option<Box<dyn Fault>> {
    let by = options.kill_by;
    options.kill_after.map(|lifetime| Box::new(KillAfter { lifetime, by }) as Box<dyn Fault>)
}

impl Fault for KillAfter {
    fn doom(&self) -> Option<(Duration, Doom)> {
        Some((self.lifetime, self.by))
    }
}
