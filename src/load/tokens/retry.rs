//! When a request is tried again, and when an endpoint is given up. Pure.

use std::time::Duration;

/// Attempts for one token at most.
pub(super) const MOST_ATTEMPTS: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Whether an answer with this status may be another the next time: too many requests, or a fault of the server's.
pub(super) fn is_worth_another(status: u16) -> bool {
    status == 429 || (500..=599).contains(&status)
}

/// How long to wait after the `failed`th failed attempt (from 1): doubled each time, and shortened by `chance` (0 to 1) to
/// as little as half, so that many do not come back at once. What the server asks for is kept.
pub(super) fn wait(failed: u32, asked_for: Option<Duration>, chance: f64) -> Duration {
    let doubled = FIRST_WAIT * 2_u32.saturating_pow(failed.saturating_sub(1).min(10));
    asked_for.unwrap_or_else(|| doubled.min(LONGEST_WAIT).mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0))
}

/// Counts tokens that failed for good with none that was had in between. A dead endpoint would otherwise cost a
/// timeout for every connection of a level.
#[derive(Debug, Default)]
pub(super) struct Patience {
    failed_in_a_row: u32,
}

impl Patience {
    pub(super) fn had(&mut self) {
        self.failed_in_a_row = 0;
    }

    pub(super) fn failed(&mut self) {
        self.failed_in_a_row += 1;
    }

    /// The failures in a row, when they are enough to ask no more: two rounds of all that ask at once.
    pub(super) fn is_over(&self, concurrency: u32) -> Option<u32> {
        (self.failed_in_a_row >= concurrency.saturating_mul(2)).then_some(self.failed_in_a_row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_the_server_is_obeyed() {
        let ms = |failed, chance| wait(failed, None, chance).as_millis();
        assert_eq!(
            [ms(1, 0.0), ms(2, 0.0), ms(3, 0.0), ms(6, 0.0), ms(99, 0.0)],
            [200, 400, 800, 5_000, 5_000]
        );
        assert_eq!(ms(1, 1.0), 100);
        assert_eq!(wait(1, Some(Duration::from_secs(7)), 1.0), Duration::from_secs(7));
    }

    #[test]
    fn only_what_may_change_is_tried_again() {
        for (status, again) in
            [(429, true), (500, true), (503, true), (400, false), (401, false), (302, false)]
        {
            assert_eq!(is_worth_another(status), again, "{status}");
        }
    }

    #[test]
    fn patience_ends_after_two_rounds_of_failures_only() {
        let mut patience = Patience::default();
        (0..3).for_each(|_| patience.failed());
        assert_eq!(patience.is_over(2), None);
        patience.had();
        (0..4).for_each(|_| patience.failed());
        assert_eq!(patience.is_over(2), Some(4));
    }
}
