//! What kind of failure it was: as the connection saw it, or as only the load balancer's settings can tell.

use std::time::Duration;

use crate::record::{FailureKind, Phase};

/// A failure's kind: seen, or derived by the judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// As the connection saw it.
    Seen(FailureKind),
    /// An `eof` or `reset` of a held connection that had been silent for just the load balancer's idle timeout.
    IdleTimeout,
}

impl Kind {
    /// How far a silence may lie from the idle timeout and still be its work (contract: "within 1 s").
    pub const IDLE_TOLERANCE: Duration = Duration::from_secs(1);

    /// The kind of one failure. Without an idle timeout (no load balancer is known) it stays as it was seen.
    pub(super) fn of(
        phase: Phase,
        seen: FailureKind,
        silence: Option<Duration>,
        idle_timeout: Option<Duration>,
    ) -> Kind {
        let cut = phase == Phase::Hold && matches!(seen, FailureKind::Eof | FailureKind::Reset);
        match (silence, idle_timeout) {
            (Some(silence), Some(timeout)) if cut && silence.abs_diff(timeout) <= Self::IDLE_TOLERANCE => {
                Kind::IdleTimeout
            }
            _ => Kind::Seen(seen),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kind::Seen(kind) => kind.fmt(f),
            Kind::IdleTimeout => f.write_str("idle_timeout"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cut_at_the_idle_timeout_is_one() {
        let minute = Some(Duration::from_secs(60));
        let kind = |phase, seen, silence_ms, timeout| {
            Kind::of(phase, seen, Some(Duration::from_millis(silence_ms)), timeout)
        };
        use FailureKind::{Closed, Eof, Reset};
        assert_eq!(kind(Phase::Hold, Eof, 60_000, minute), Kind::IdleTimeout);
        assert_eq!(kind(Phase::Hold, Reset, 59_000, minute), Kind::IdleTimeout);
        assert_eq!(kind(Phase::Hold, Eof, 61_001, minute), Kind::Seen(Eof));
        assert_eq!(kind(Phase::Upgrade, Eof, 60_000, minute), Kind::Seen(Eof));
        assert_eq!(kind(Phase::Hold, Closed(1000), 60_000, minute), Kind::Seen(Closed(1000)));
        assert_eq!(kind(Phase::Hold, Eof, 60_000, None), Kind::Seen(Eof));
        assert_eq!(Kind::of(Phase::Hold, Eof, None, minute), Kind::Seen(Eof), "no silence, no claim");
    }
}
