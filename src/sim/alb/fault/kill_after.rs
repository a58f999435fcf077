//! `--kill-after D`, `--kill-by DOOM`: every connection meets its doom that long after its upgrade; with
//! `--kill-together` that long after the first upgrade of all, as when a node goes.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::{Doom, Fault};
use crate::sim::Options;

/// When a connection meets a doom that has passed before it came: after any run.
const NEVER: Duration = Duration::from_secs(100 * 365 * 86_400);

struct KillAfter {
    lifetime: Duration,
    by: Doom,
    /// The first upgrade, where the time counts from it.
    first: Option<OnceLock<Instant>>,
}

/// The fault, if it is asked for.
pub(super) fn from_options(options: &Options) -> Option<Box<dyn Fault>> {
    let by = options.kill_by;
    let first = options.kill_together.then(OnceLock::new);
    options.kill_after.map(|lifetime| Box::new(KillAfter { lifetime, by, first }) as Box<dyn Fault>)
}

impl Fault for KillAfter {
    fn doom(&self) -> Option<(Duration, Doom)> {
        let left = match &self.first {
            None => self.lifetime,
            Some(first) => {
                let passed = first.get_or_init(Instant::now).elapsed();
                self.lifetime.checked_sub(passed).unwrap_or(NEVER)
            }
        };
        Some((left, self.by))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn left(fault: &KillAfter) -> Duration {
        fault.doom().unwrap().0
    }

    #[test]
    fn together_means_from_the_first_upgrade_and_spares_who_comes_later() {
        let lifetime = Duration::from_secs(60);
        let apart = KillAfter { lifetime, by: Doom::Reset, first: None };
        assert_eq!((left(&apart), left(&apart)), (lifetime, lifetime));
        let together = KillAfter { lifetime, by: Doom::Reset, first: Some(OnceLock::new()) };
        let first = left(&together);
        assert!(first <= lifetime && left(&together) < first);
        let over = KillAfter { lifetime: Duration::ZERO, ..together };
        assert_eq!(left(&over), NEVER);
    }
}
