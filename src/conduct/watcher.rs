//! Is it me? This machine and the runtime, looked at once a second while there is load.

use crate::load::Lag;
use crate::machine::Watch;
use crate::record::MachineSecond;

/// Looks at this machine.
pub(super) struct Watcher {
    machine: Watch,
    lag: Lag,
}

impl Watcher {
    /// Begins, on the runtime that calls.
    pub(super) fn start() -> Watcher {
        Watcher { machine: Watch::start(), lag: Lag::start() }
    }

    /// How the last second went; `None` when it is not over.
    pub(super) fn look(&mut self, level: Option<u32>) -> Option<MachineSecond> {
        let sample = self.machine.look()?;
        // Tokio's timers have milliseconds: a decimal more is enough.
        let lag_ms = self.lag.take().map(|lag| (lag.as_secs_f64() * 10_000.0).round() / 10.0);
        Some(MachineSecond { level, lag_ms, sample })
    }
}
