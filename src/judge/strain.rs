//! Whether this machine was too slow for a level: its runtime late, or its processors full.
//!
//! Slowness here looks like silence there: an answer that came is read too late, a heartbeat that was due is sent too
//! late. So only failures that are silences are laid to it, and only where it was measured while they fell silent (full
//! processors: for most of the same part of the level); a status, a refusal or a close frame is somebody's answer, however
//! slow its reader. But for one case: a stall that made the silences itself, after which many connections turn out to have
//! been ended by whoever missed us.

use std::time::Duration;

use super::lateness::{LATE, Spells};
use super::wording::{factor, ms, show_count};
use super::{Failures, Kind, Pattern};
use crate::record::{FailureKind, Initiator, Lag, LevelRun, Phase, Run, Seconds};

/// A single stall is enough where it took this share of the silence: of the time that an answer may take, or of what was
/// held against us by whoever ended connections. A virtual machine or a process that was stopped for as long.
const STALL: f64 = 0.5;

/// Nobody ends a connection for a silence of less than this: what was late by less, as by a flood of closes, did not
/// bring them about.
const ENDING_STALL: Duration = Duration::from_secs(1);

/// Share of all cores from which on a second counts as busy; the clock ticks are exact to a hundredth of a core.
const BUSY: f32 = 0.95;

/// A part of a level is busy when more than half of its seconds are, and it has so many that this means something.
const BUSY_SECONDS: usize = 3;

/// How this machine held a level up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strain<'a> {
    /// While its connections were attempted.
    opening: Slowness<'a>,
    /// While they were held.
    holding: Slowness<'a>,
}

/// How slow this machine was in one part of a level.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Slowness<'a> {
    /// How late the runtime's timers fired.
    lags: &'a [Lag],
    /// How long an answer was waited for.
    patience: Duration,
    /// How long nothing is sent by plan; `None` without heartbeats.
    interval: Option<Duration>,
    busy: Option<Busy>,
}

/// The processors were full.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Busy {
    seconds: usize,
    of: usize,
    most: f32,
    cores: u32,
}

impl<'a> Strain<'a> {
    /// What was measured of a level.
    pub(super) fn of(level: &'a LevelRun, run: &Run) -> Strain<'a> {
        let plan = &run.header.plan;
        let cores = run.facts.as_ref().map(|facts| facts.machine.cores);
        let slowness = |seconds: &'a Seconds, patience| Slowness {
            lags: &seconds.lags,
            patience,
            interval: plan.heartbeat.every(),
            busy: cores.and_then(|cores| busy(&seconds.cpu_cores, cores)),
        };
        Strain {
            opening: slowness(&level.machine.opening, plan.pace.connect_timeout),
            holding: slowness(&level.machine.holding, plan.heartbeat.pong_timeout),
        }
    }

    /// Parts failures into those that may be this machine's slowness, and the others.
    pub(super) fn divide(&self, failures: &[Failures]) -> (Vec<Failures>, Vec<Failures>) {
        let (mut slowed, mut others) = (Vec::new(), Vec::new());
        for failure in failures {
            let spells = self.spells(failure);
            let (ours, theirs) = failure.divide(|death| spells.contain(death.at));
            slowed.extend(ours);
            others.extend(theirs);
        }
        (slowed, others)
    }

    /// The times at which such failures may be this machine's slowness.
    fn spells(&self, failure: &Failures) -> Spells {
        use FailureKind::{Closed, Eof, NotReady, PongTimeout, Reset, Timeout};
        let part = self.part(failure);
        match failure.kind {
            _ if failure.by == Initiator::Local => Spells::default(),
            Kind::IdleTimeout | Kind::Seen(Timeout | NotReady | PongTimeout) if part.busy.is_some() => {
                Spells::always()
            }
            Kind::IdleTimeout => {
                let silence = failure.silence.map_or(Duration::ZERO, |(_, longest)| longest);
                // What the plan left of it is enough: a heartbeat that is late by that comes too late.
                let left = part.interval.map_or(silence, |interval| silence.saturating_sub(interval));
                let stall = left.min(silence.mul_f64(STALL)).max(ENDING_STALL);
                Spells::after_stalls(part.lags, stall, silence)
            }
            Kind::Seen(Timeout | NotReady | PongTimeout) => {
                Spells::after_stalls(part.lags, part.patience.mul_f64(STALL), part.patience)
                    .and(Spells::late_again_and_again(part.lags, part.patience))
            }
            Kind::Seen(Eof | Reset | Closed(_)) if self.made_the_silence_before(failure) => Spells::always(),
            Kind::Seen(_) => Spells::default(),
        }
    }

    /// Whether held connections were ended together after a silence that was mostly one stall here: nobody else can be
    /// blamed for an end that our own silence may have brought about.
    fn made_the_silence_before(&self, failure: &Failures) -> bool {
        let together = match failure.pattern {
            Pattern::Instant(stretch) | Pattern::Silence(stretch) | Pattern::Together(stretch) => stretch,
            Pattern::Age(_) | Pattern::Scattered => return false,
        };
        let longest = together.silences.1;
        let stall = longest.mul_f64(STALL).max(ENDING_STALL);
        let (first, last) = together.times;
        let stalled = Spells::after_stalls(self.holding.lags, stall, longest);
        failure.phase == Phase::Hold && stalled.overlap(first, last)
    }

    /// Whether full processors were the reason of what was `slowed`, as far as can be told: a runtime is late without
    /// them, too.
    pub(super) fn is_of_cpu(&self, slowed: &[Failures]) -> bool {
        slowed.iter().any(|failure| self.part(failure).busy.is_some())
    }

    /// The measurements that are over their bounds in the parts of which something was `slowed`, each a sentence.
    pub(super) fn evidence(&self, slowed: &[Failures]) -> Vec<String> {
        let parts = [(&self.opening, "opening", false), (&self.holding, "hold", true)];
        let concerned = parts
            .into_iter()
            .filter(|(.., of_hold)| slowed.iter().any(|failure| is_of_hold(failure) == *of_hold));
        concerned.flat_map(|(slowness, part, _)| slowness.evidence(part)).collect()
    }

    /// The part of the level in which such failures lie.
    fn part(&self, failure: &Failures) -> &Slowness<'a> {
        if is_of_hold(failure) { &self.holding } else { &self.opening }
    }
}

fn is_of_hold(failure: &Failures) -> bool {
    failure.phase >= Phase::Hold
}

impl Slowness<'_> {
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
        busy.into_iter().chain(self.late(part)).collect()
    }

    /// How late it was; `None` where no second was.
    fn late(&self, part: &str) -> Option<String> {
        let bound = LATE.as_secs_f64() * 1_000.0;
        let late = self.lags.iter().map(|lag| f64::from(lag.ms)).filter(|ms| *ms >= bound);
        let worst = late.clone().reduce(f64::max)?;
        Some(format!(
            "its timers fired up to {} ms late, {bound:.0} ms or more in {} of the {part}'s {} s",
            ms(worst),
            show_count(late.count() as u64),
            show_count(self.lags.len() as u64)
        ))
    }
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
