//! Is it me? This machine and the runtime, looked at once a second while there is load.

use std::time::Duration;

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

    /// How the last second went; `None` when it is not over. `late` tells how late the latest heartbeat was: the threads
    /// that hold connections have no timers of the runtime's, but lag too.
    pub(super) fn look(
        &mut self,
        level: Option<u32>,
        late: impl FnOnce() -> Duration,
    ) -> Option<MachineSecond> {
        let sample = self.machine.look()?;
        Some(MachineSecond { level, lag_ms: self.lag_ms(late()), sample })
    }

    /// How late this program was in what is left of a part of a level: what comes later is no more the part's.
    pub(super) fn look_last(&mut self, level: u32, late: Duration) -> Option<MachineSecond> {
        let lag_ms = self.lag_ms(late)?;
        let sample = self.machine.look().unwrap_or_default();
        Some(MachineSecond { level: Some(level), lag_ms: Some(lag_ms), sample })
    }

    fn lag_ms(&self, late: Duration) -> Option<f64> {
        let lag = self.lag.take().max(Some(late).filter(|late| !late.is_zero()))?;
        // Tokio's timers have milliseconds: a decimal more is enough.
        Some((lag.as_secs_f64() * 10_000.0).round() / 10.0)
    }
}
