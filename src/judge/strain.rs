//! Whether this machine was too slow for a level: its runtime late, or its processors full.
//!
//! Slowness here looks like silence there: an answer that came is read too late, a heartbeat that was due is sent too
//! late. So only failures that are silences are laid to it, and only where it was measured in the same part of the
//! level; a status, a refusal or a close frame is somebody's answer, however slow its reader. But for one case: a stall
//! that made the silences itself, after which many connections turn out to have been ended by whoever missed us.

use std::time::Duration;

use super::wording::{factor, ms, show_count};
use super::{Failures, Kind, Pattern};
use crate::record::{FailureKind, Initiator, LevelRun, Phase, Run, Seconds};

/// Lag from which on a second counts as late, ms. A healthy runtime is late by one or two; thousands of TLS handshakes
/// at once make it some tens. At a quarter of a second a handshake of four steps takes a second longer by that alone.
const LATE_MS: f32 = 250.0;

/// So many late seconds make a part of a level late; fewer are chance.
const LATE_SECONDS: usize = 3;

/// A single stall is enough where it took this share of the time that an answer may take: a virtual machine or a
/// process that was stopped for as long.
const STALL_OF_PATIENCE: f64 = 0.5;

/// A stall made silences itself where it took this share of the longest of them.
const STALL_OF_SILENCE: f64 = 0.5;

/// Share of all cores from which on a second counts as busy; the clock ticks are exact to a hundredth of a core.
const BUSY: f32 = 0.95;

/// A part of a level is busy when more than half of its seconds are, and it has so many that this means something.
const BUSY_SECONDS: usize = 3;

/// How this machine held a level up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Strain {
    /// While its connections were attempted.
    opening: Slowness,
    /// While they were held.
    holding: Slowness,
}

/// How slow this machine was in one part of a level.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Slowness {
    late: Option<Late>,
    busy: Option<Busy>,
}

/// The runtime's timers fired late.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Late {
    seconds: usize,
    of: usize,
    worst_ms: f32,
}

/// The processors were full.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Busy {
    seconds: usize,
    of: usize,
    most: f32,
    cores: u32,
}

impl Strain {
    /// What was measured of a level against the bounds above.
    pub(super) fn of(level: &LevelRun, run: &Run) -> Strain {
        let plan = &run.header.plan;
        let cores = run.facts.as_ref().map(|facts| facts.machine.cores);
        let slowness = |seconds: &Seconds, patience| Slowness {
            late: late(&seconds.lag_ms, patience),
            busy: cores.and_then(|cores| busy(&seconds.cpu_cores, cores)),
        };
        Strain {
            opening: slowness(&level.machine.opening, plan.pace.connect_timeout),
            holding: slowness(&level.machine.holding, plan.heartbeat.pong_timeout),
        }
    }

    /// Whether such failures may be this machine's slowness.
    pub fn explains(&self, failure: &Failures) -> bool {
        let silence = match failure.kind {
            Kind::IdleTimeout => true,
            Kind::Seen(kind) => {
                matches!(kind, FailureKind::Timeout | FailureKind::NotReady | FailureKind::PongTimeout)
            }
        };
        let part = if failure.phase < Phase::Hold { &self.opening } else { &self.holding };
        let ours = silence && part.is_slow() || self.made_the_silence_before(failure);
        ours && failure.by != Initiator::Local
    }

    /// Whether held connections were ended together after a silence that was mostly one stall here: nobody else can be
    /// blamed for an end that our own silence may have brought about.
    fn made_the_silence_before(&self, failure: &Failures) -> bool {
        let together = match failure.pattern {
            Pattern::Instant(stretch) | Pattern::Silence(stretch) | Pattern::Together(stretch) => stretch,
            Pattern::Age(_) | Pattern::Scattered => return false,
        };
        let ended = matches!(
            failure.kind,
            Kind::Seen(FailureKind::Eof | FailureKind::Reset | FailureKind::Closed(_))
        );
        let longest_ms = together.silences.1.as_secs_f64() * 1_000.0;
        let stalled =
            |late: Late| f64::from(late.worst_ms) >= longest_ms * STALL_OF_SILENCE && longest_ms > 0.0;
        ended && failure.phase == Phase::Hold && self.holding.late.is_some_and(stalled)
    }

    /// Whether full processors were the reason, as far as can be told: a runtime is late without them, too.
    pub(super) fn is_of_cpu(&self) -> bool {
        self.opening.busy.is_some() || self.holding.busy.is_some()
    }

    /// The measurements that are over their bounds, each a sentence.
    pub(super) fn evidence(&self) -> Vec<String> {
        let parts = [(&self.opening, "opening"), (&self.holding, "hold")];
        parts.into_iter().flat_map(|(slowness, part)| slowness.evidence(part)).collect()
    }
}

impl Slowness {
    fn is_slow(&self) -> bool {
        self.late.is_some() || self.busy.is_some()
    }

    fn evidence(&self, part: &str) -> Vec<String> {
        let count = |seconds: usize| show_count(seconds as u64);
        let busy = self.busy.map(|b| {
            format!(
                "it used up to {} of its {} cores, {:.0} % or more in {} of the {part}'s {} s",
                factor(f64::from(b.most)),
                b.cores,
                BUSY * 100.0,
                count(b.seconds),
                count(b.of)
            )
        });
        let late = self.late.map(|l| {
            format!(
                "its timers fired up to {} ms late, {LATE_MS:.0} ms or more in {} of the {part}'s {} s",
                ms(f64::from(l.worst_ms)),
                count(l.seconds),
                count(l.of)
            )
        });
        busy.into_iter().chain(late).collect()
    }
}

fn late(lag_ms: &[f32], patience: Duration) -> Option<Late> {
    let seconds = lag_ms.iter().filter(|ms| **ms >= LATE_MS).count();
    let worst_ms = lag_ms.iter().copied().reduce(f32::max)?;
    let stall_ms = f64::from(LATE_MS).max(patience.as_secs_f64() * 1_000.0 * STALL_OF_PATIENCE);
    let is_late = seconds >= LATE_SECONDS || f64::from(worst_ms) >= stall_ms;
    is_late.then_some(Late { seconds, of: lag_ms.len(), worst_ms })
}

fn busy(cpu_cores: &[f32], cores: u32) -> Option<Busy> {
    #[allow(clippy::cast_precision_loss)]
    let full = cores as f32 * BUSY;
    let seconds = cpu_cores.iter().filter(|used| **used >= full).count();
    let most = cpu_cores.iter().copied().reduce(f32::max)?;
    let is_busy = cores > 0 && cpu_cores.len() >= BUSY_SECONDS && seconds * 2 > cpu_cores.len();
    is_busy.then_some(Busy { seconds, of: cpu_cores.len(), most, cores })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_means_again_and_again_or_for_long() {
        let patience = Duration::from_secs(10);
        for (lag_ms, is_late) in [
            (&[][..], false),
            (&[2.0, 1.0, 3.0, 40.0], false),
            (&[1.0, 249.9, 249.9, 249.9, 1.0], false),
            (&[900.0, 900.0, 1.0, 1.0], false),
            (&[250.0, 1.0, 250.0, 1.0, 250.0], true),
            (&[4_999.0, 1.0], false),
            (&[1.0, 5_000.0], true),
            (&[f32::NAN, 1.0, f32::NAN], false),
        ] {
            assert_eq!(late(lag_ms, patience).is_some(), is_late, "{lag_ms:?}");
        }
        let impatient = Duration::from_millis(100);
        assert!(late(&[60.0], impatient).is_none(), "what no second would count as late is no stall");
        assert!(late(&[260.0], impatient).is_some());
    }

    #[test]
    fn busy_means_most_of_the_time() {
        for (used, cores, is_busy) in [
            (&[][..], 2, false),
            (&[1.9, 1.9], 2, false),
            (&[1.9, 1.9, 1.9], 2, true),
            (&[1.89, 1.89, 1.89, 1.89], 2, false),
            (&[2.0, 2.0, 0.1, 0.1], 2, false),
            (&[2.0, 2.0, 2.0, 0.1, 0.1], 2, true),
            (&[1.9, 1.9, 1.9], 4, false),
            (&[0.0, 0.0, 0.0], 0, false),
        ] {
            assert_eq!(busy(used, cores).is_some(), is_busy, "{used:?} of {cores}");
        }
    }
}
