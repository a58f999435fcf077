//! `--drain-after TIME`, `--deregistration-delay TIME`: one of the healthy targets is deregistered that long after the
//! first upgrade. It gets no new connection from then on, and those that it has are cut when the delay is over
//! (aws-facts.md §3).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::{Doom, Fault};
use crate::sim::Options;

struct Drain {
    after: Duration,
    delay: Duration,
    /// Healthy targets that take upgrades in turn, the one that will leave among them.
    targets: u64,
    first: OnceLock<Instant>,
    upgrades: AtomicU64,
}

/// The fault, if it is asked for.
pub(super) fn from_options(options: &Options) -> Option<Box<dyn Fault>> {
    options.drain_after.map(|after| {
        let (first, upgrades) = (OnceLock::new(), AtomicU64::new(0));
        let targets = u64::from(options.targets.max(1));
        Box::new(Drain { after, delay: options.deregistration_delay, targets, first, upgrades })
            as Box<dyn Fault>
    })
}

impl Fault for Drain {
    fn doom(&self) -> Option<(Duration, Doom)> {
        let passed = self.first.get_or_init(Instant::now).elapsed();
        let turn = self.upgrades.fetch_add(1, Relaxed) % self.targets;
        // The last in turn leaves, so that one alone does too.
        let on_it = turn + 1 == self.targets && passed < self.after;
        on_it.then(|| ((self.after + self.delay).saturating_sub(passed), Doom::HangUp))
    }

    fn drains_a_target(&self) -> bool {
        self.first.get().is_some_and(|first| first.elapsed() >= self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(after: Duration, targets: u64) -> Drain {
        let delay = Duration::from_secs(60);
        Drain { after, delay, targets, first: OnceLock::new(), upgrades: AtomicU64::new(0) }
    }

    #[test]
    fn its_share_of_the_connections_is_cut_together_when_the_delay_is_over() {
        let after = Duration::from_secs(3_600);
        let fault = drain(after, 3);
        assert!(!fault.drains_a_target(), "nobody has come");
        let dooms: Vec<_> = (0..6).map(|_| fault.doom()).collect();
        for (turn, doom) in dooms.into_iter().enumerate() {
            assert_eq!(doom.is_some(), turn % 3 == 2, "{turn}: {doom:?}");
            assert!(doom.is_none_or(|(left, by)| left <= after + fault.delay && by == Doom::HangUp));
        }
        assert!(!fault.drains_a_target(), "it is too early");
    }

    #[test]
    fn who_comes_while_it_leaves_goes_elsewhere() {
        let fault = drain(Duration::ZERO, 1);
        assert_eq!(fault.doom(), None);
        assert!(fault.drains_a_target());
    }
}
