//! How long a hold goes on, whatever this machine's clock is set to meanwhile.
//!
//! A hold's length is fixed when it begins, and waited for by the clock that nobody can set: AWS's goes on with it, so that
//! the hold contains the periods that it was planned for.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, sleep};

use crate::facts::Finding;
use crate::plan::Plan;
use crate::preflight::clock_was_set;

/// A hold's beginning by both clocks, and its length.
pub(super) struct HoldClock {
    from: DateTime<Utc>,
    began: Instant,
    length: Duration,
}

impl HoldClock {
    /// Of a hold that begins now; this machine's clock is `ahead` of AWS's.
    pub(super) fn start(plan: &Plan, ahead: TimeDelta) -> HoldClock {
        let (from, began) = (Utc::now(), Instant::now());
        HoldClock { from, began, length: plan.hold_length(from, ahead) }
    }

    /// Waits until the hold has lasted its length.
    pub(super) async fn over(&self) {
        sleep(self.length.saturating_sub(self.began.elapsed())).await;
    }

    /// What there is to say where this machine's clock was set since the hold began.
    pub(super) fn was_set(&self) -> Option<Finding> {
        clock_was_set(Utc::now() - self.from, self.began.elapsed())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hold_lasts_its_length_though_the_clock_is_set() {
        const LENGTH: Duration = Duration::from_millis(50);
        // Where it is set by so much, the hold seems to have begun so much earlier.
        for (by_s, found) in [(180, Some("180.0 s forward")), (-3_600, Some("3600.0 s back")), (0, None)] {
            let began = Instant::now();
            let clock = HoldClock { from: Utc::now() - TimeDelta::seconds(by_s), began, length: LENGTH };
            let over = tokio::time::timeout(Duration::from_secs(60), clock.over()).await;
            assert!(over.is_ok() && began.elapsed() >= LENGTH, "{by_s}: {:?}", began.elapsed());
            assert_eq!(clock.was_set().map(|finding| finding.found).as_deref(), found);
        }
    }
}
