//! Closing one connection after the other, by absolute schedule. Pure.

use std::time::Duration;

use super::pulse::Micros;

/// How long the peer may take after our close frame to end the stream: RFC 6455 §7.1.1 lets the client end it "after a
/// reasonable amount of time". A few round trips are enough; a level's end is held up by no more than this.
pub(in crate::load) const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

/// How far the closing of all connections has come.
#[derive(Default)]
pub(super) struct Closing {
    pub(super) started: Micros,
    pub(super) per_second: Option<f64>,
    /// The key that is looked at next.
    pub(super) key: usize,
    pub(super) closed: u32,
}

impl Closing {
    /// When the next one is due.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn due(&self) -> Micros {
        let after = self.per_second.map_or(0.0, |per_second| f64::from(self.closed) * 1e6 / per_second);
        // A float too large becomes the largest integer, which is late enough.
        self.started.saturating_add(after as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_absolute_and_without_a_rate_all_are_due() {
        let closing = |closed, per_second| Closing { started: 1_000_000, per_second, key: 0, closed };
        assert_eq!(closing(0, Some(4.0)).due(), 1_000_000);
        assert_eq!(closing(10, Some(4.0)).due(), 3_500_000);
        assert_eq!(closing(10, None).due(), 1_000_000);
        assert_eq!(closing(u32::MAX, Some(1e-300)).due(), Micros::MAX);
    }
}
