//! What the deaths of connections have in common: their instant, their age, or the silence before them.
//!
//! Three causes look alike one by one, and not together: a node that goes takes connections of every age along at one
//! instant; an application that misses its own heartbeat ends each at one age, whenever it was opened; a timeout on the
//! path ends each after one silence.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::record::Death;

/// The share of the deaths that must have it in common; the others are chance.
const MOST: f64 = 0.8;

/// Fewer deaths have nothing in common that could not be chance.
const FEW: usize = 5;

/// Deaths within so many seconds are at one instant, or at one age: a deploy or a sweep over all sockets takes a second
/// or two.
const TOGETHER_S: f64 = 2.0;

/// Silences within so many seconds are one silence, as far as a timeout's own clock ticks.
const ONE_SILENCE_S: f64 = 1.0;

/// And within that share of themselves: heartbeats make silences of any length up to their interval.
const ONE_SILENCE_SHARE: f64 = 0.25;

/// An instant can be told from an age only where connections were opened over at least so many seconds.
const TELLING_S: f64 = 0.5;

/// And where one is so many times narrower than the other.
const TELLING_RATIO: f64 = 2.0;

/// A connection that never said anything since its handshake is about that much older than its silence, s.
const HANDSHAKE_S: f64 = 1.0;

/// What most of some deaths have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// They died at one instant, at different ages.
    Instant(Stretch),
    /// They died at one age, at different times.
    Age(Stretch),
    /// They died after one silence.
    Silence(Stretch),
    /// They died at one instant and at one age, since they had been opened together: which of both it was can't be told.
    Together(Stretch),
    /// Nothing, or they are too few to tell.
    Scattered,
}

/// Where most of the deaths lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Earliest and latest.
    pub times: (DateTime<Utc>, DateTime<Utc>),
    /// Least and greatest age.
    pub ages: (Duration, Duration),
    /// Least and longest silence.
    pub silences: (Duration, Duration),
}

impl Pattern {
    /// What these have in common.
    pub(super) fn of(deaths: &[Death]) -> Pattern {
        if deaths.len() < FEW {
            return Pattern::Scattered;
        }
        let Some(first) = deaths.iter().map(|death| death.at).min() else { return Pattern::Scattered };
        let silences: Option<Vec<f64>> =
            deaths.iter().map(|death| death.silence.map(|s| s.as_secs_f64())).collect();
        let Some(silences) = silences else { return Pattern::Scattered };
        #[allow(clippy::cast_precision_loss)]
        let since = |at: DateTime<Utc>| (at - first).num_milliseconds() as f64 / 1_000.0;
        let time = Core::of(deaths.iter().map(|death| since(death.at)).collect());
        let age = Core::of(deaths.iter().map(|death| death.age.as_secs_f64()).collect());
        let silence = Core::of(silences);
        let stretch = Stretch {
            times: (after(first, time.low), after(first, time.high)),
            ages: age.durations(),
            silences: silence.durations(),
        };
        let together = |core: Core| core.width() <= TOGETHER_S;
        let tells = |narrow: Core, wide: Core| {
            together(narrow) && wide.width() >= TELLING_S && wide.width() >= narrow.width() * TELLING_RATIO
        };
        let one_silence =
            silence.width() <= ONE_SILENCE_S && silence.width() <= silence.middle() * ONE_SILENCE_SHARE;
        let always_silent = one_silence && age.middle() - silence.middle() <= HANDSHAKE_S;
        if tells(time, age) {
            Pattern::Instant(stretch)
        } else if tells(age, time) && !always_silent {
            Pattern::Age(stretch)
        } else if one_silence && !together(time) || always_silent && tells(age, time) {
            Pattern::Silence(stretch)
        } else if together(time) && together(age) {
            Pattern::Together(stretch)
        } else {
            Pattern::Scattered
        }
    }

    /// Where most of them lie; `None` where they have nothing in common.
    pub fn stretch(&self) -> Option<Stretch> {
        match *self {
            Pattern::Instant(s) | Pattern::Age(s) | Pattern::Silence(s) | Pattern::Together(s) => Some(s),
            Pattern::Scattered => None,
        }
    }
}

fn after(first: DateTime<Utc>, seconds: f64) -> DateTime<Utc> {
    #[allow(clippy::cast_possible_truncation)]
    let ms = (seconds * 1_000.0) as i64;
    TimeDelta::try_milliseconds(ms).and_then(|delta| first.checked_add_signed(delta)).unwrap_or(first)
}

/// The narrowest stretch that holds most of some values.
#[derive(Debug, Clone, Copy)]
struct Core {
    low: f64,
    high: f64,
}

impl Core {
    /// Of at least one value, in seconds.
    fn of(mut values: Vec<f64>) -> Core {
        values.sort_by(f64::total_cmp);
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let most = ((values.len() as f64 * MOST).ceil() as usize).clamp(1, values.len());
        values
            .windows(most)
            .map(|stretch| Core { low: stretch[0], high: stretch[most - 1] })
            .min_by(|a, b| a.width().total_cmp(&b.width()))
            .unwrap_or(Core { low: 0.0, high: 0.0 })
    }

    fn width(self) -> f64 {
        self.high - self.low
    }

    fn middle(self) -> f64 {
        f64::midpoint(self.low, self.high)
    }

    fn durations(self) -> (Duration, Duration) {
        let duration = |s: f64| Duration::try_from_secs_f64(s).unwrap_or_default();
        (duration(self.low), duration(self.high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deaths, each by its time, age and silence in seconds.
    fn pattern(deaths: impl Iterator<Item = (f64, f64, f64)>) -> &'static str {
        let deaths: Vec<Death> = deaths
            .map(|(at, age, silence)| Death {
                at: after(DateTime::UNIX_EPOCH, at),
                age: Duration::from_secs_f64(age),
                silence: Some(Duration::from_secs_f64(silence)),
            })
            .collect();
        match Pattern::of(&deaths) {
            Pattern::Instant(_) => "instant",
            Pattern::Age(_) => "age",
            Pattern::Silence(_) => "silence",
            Pattern::Together(_) => "together",
            Pattern::Scattered => "scattered",
        }
    }

    #[test]
    fn an_instant_an_age_and_a_silence_are_told_apart() {
        let many = || (0..50).map(f64::from);
        // Opened five a second; all gone at once, heartbeats having been sent at any time.
        assert_eq!(pattern(many().map(|i| (30.0, 30.0 - i / 5.0, i / 10.0))), "instant");
        assert_eq!(pattern(many().map(|i| (30.0 + i / 5.0, 30.0, i / 10.0))), "age");
        // Of any age, after the last heartbeat.
        assert_eq!(pattern(many().map(|i| (i, 20.0 + i * 0.9, 10.0))), "silence");
        // Never said anything: a timeout ends them, as far as can be told.
        assert_eq!(pattern(many().map(|i| (10.0 + i / 5.0, 10.0, 9.9))), "silence");
        // A deploy ends connections that never said anything: silences differ as ages do.
        assert_eq!(pattern(many().map(|i| (30.0, 30.0 - i / 5.0, 29.9 - i / 5.0))), "instant");
        // Opened within a moment: an instant is an age.
        assert_eq!(pattern(many().map(|i| (30.0 + i / 500.0, 30.0, i / 10.0))), "together");
        assert_eq!(pattern(many().map(|i| (i * 2.0, i * 1.7, i * 1.1))), "scattered");
    }

    #[test]
    fn chance_has_nothing_in_common_and_spoils_nothing() {
        assert_eq!(pattern((0..4).map(|_| (1.0, 1.0, 1.0))), "scattered", "too few");
        assert_eq!(pattern(std::iter::empty()), "scattered");
        let some_else = |i: u32| if i.is_multiple_of(6) { f64::from(i) } else { 30.0 };
        assert_eq!(
            pattern((0..60).map(|i| (some_else(i), f64::from(i) / 3.0, f64::from(i) / 4.0))),
            "instant"
        );
        // Heartbeats every second: silences lie within a second and are not one silence.
        assert_eq!(
            pattern((0..50).map(f64::from).map(|i| (i, i * 0.7 + 5.0, (i * 0.37) % 1.0))),
            "scattered"
        );
        let mute = [Death { at: DateTime::UNIX_EPOCH, age: Duration::from_secs(1), silence: None }; 9];
        assert_eq!(Pattern::of(&mute), Pattern::Scattered, "they were never open");
    }
}
