//! The times at which this machine was late: what fell silent before then may have done so here.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::plan::{earlier, later};
use crate::record::Lag;

/// Lag from which on a second counts as late. A healthy runtime is late by one or two milliseconds; thousands of TLS
/// handshakes at once make it some tens. At a quarter of a second a handshake of four steps takes a second longer by
/// that alone.
pub(super) const LATE: Duration = Duration::from_millis(250);

/// So many late seconds are late again and again, where they are half of their time; fewer are chance.
const LATE_SECONDS: usize = 3;

/// Seconds that are late again and again are looked for in as long as an answer may take, and in so much at least.
const LOOKED_AT: Duration = Duration::from_secs(5);

/// What happens is told within so much: this machine is looked at once a second, and a look that a stall delayed lets the
/// next one fall out.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// Times that do not overlap, ascending.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Spells(Vec<(DateTime<Utc>, DateTime<Utc>)>);

impl Spells {
    /// All of time.
    pub(super) fn always() -> Spells {
        Spells(vec![(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC)])
    }

    /// The ends of silences of such a length of which a stall of at least `least` was a part.
    pub(super) fn after_stalls(lags: &[Lag], least: Duration, silence: Duration) -> Spells {
        let least = least.max(LATE);
        let stalls =
            lags.iter().filter_map(|lag| Some((lag.told_at, late(lag).filter(|late| *late >= least)?)));
        merged(stalls.map(|(at, late)| (earlier(at, late.saturating_add(TOLD_WITHIN)), later(at, silence))))
    }

    /// The times before which half of the seconds were late for as long as an answer may take.
    pub(super) fn late_again_and_again(lags: &[Lag], patience: Duration) -> Spells {
        let mut lags = lags.to_vec();
        lags.sort_by_key(|lag| lag.told_at);
        let looked_at = patience.max(LOOKED_AT);
        let (mut first, mut seconds) = (0, 0);
        let mut spells = Vec::new();
        for (last, lag) in lags.iter().enumerate() {
            seconds += usize::from(late(lag).is_some());
            while lags[first].told_at < earlier(lag.told_at, looked_at) {
                seconds -= usize::from(late(&lags[first]).is_some());
                first += 1;
            }
            if seconds >= LATE_SECONDS && seconds * 2 > last - first {
                spells.push((earlier(lag.told_at, TOLD_WITHIN), later(lag.told_at, TOLD_WITHIN)));
            }
        }
        merged(spells.into_iter())
    }

    /// Both.
    pub(super) fn and(self, others: Spells) -> Spells {
        merged(self.0.into_iter().chain(others.0))
    }

    /// Whether an instant is one of them.
    pub(super) fn contain(&self, at: DateTime<Utc>) -> bool {
        self.overlap(at, at)
    }

    /// Whether they touch such a stretch.
    pub(super) fn overlap(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        let next = self.0.partition_point(|(_, end)| *end < from);
        self.0.get(next).is_some_and(|(begin, _)| *begin <= until)
    }
}

/// How late a late second was.
fn late(lag: &Lag) -> Option<Duration> {
    Duration::try_from_secs_f64(f64::from(lag.ms) / 1_000.0).ok().filter(|late| *late >= LATE)
}

fn merged(spells: impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)>) -> Spells {
    let mut spells: Vec<_> = spells.collect();
    spells.sort_unstable();
    let mut merged: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for (begin, end) in spells {
        match merged.last_mut() {
            Some(last) if begin <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((begin, end)),
        }
    }
    Spells(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn at(seconds: u32) -> DateTime<Utc> {
        later(DateTime::UNIX_EPOCH, Duration::from_secs(seconds.into()))
    }

    /// Looks a second apart, the first at second 1.
    fn lags(ms: &[f32]) -> Vec<Lag> {
        (1..).zip(ms).map(|(second, ms)| Lag { told_at: at(second), ms: *ms }).collect()
    }

    /// The whole seconds that are of the spells, as far as second 60.
    fn seconds(spells: &Spells) -> Vec<u32> {
        (0..60).filter(|second| spells.contain(at(*second))).collect()
    }

    #[test]
    fn a_stall_reaches_as_far_as_the_silence_that_it_is_part_of() {
        let stalls = |ms: &[f32]| Spells::after_stalls(&lags(ms), PATIENCE / 2, PATIENCE);
        assert_eq!(stalls(&[4_999.0, f32::NAN, 1.0]), Spells::default());
        let mut ms = [1.0; 20];
        ms[9] = 6_000.0;
        // Told at second 10: it may have begun eight before, and whoever was asked at its end gives up ten later.
        assert_eq!(seconds(&stalls(&ms)), (2..=20).collect::<Vec<_>>());
        let impatient = |ms| Spells::after_stalls(&lags(&[ms]), Duration::from_millis(50), PATIENCE);
        assert_eq!(impatient(60.0), Spells::default(), "what no second would count as late is no stall");
        assert_ne!(impatient(260.0), Spells::default());
    }

    #[test]
    fn late_again_and_again_is_half_of_the_time_and_no_more_than_that_time() {
        let again = |ms: &[f32]| seconds(&Spells::late_again_and_again(&lags(ms), PATIENCE));
        for chance in [&[][..], &[2.0, 40.0, 3.0], &[249.9, 249.9, 249.9], &[900.0, 900.0, 1.0, 1.0]] {
            assert!(again(chance).is_empty(), "{chance:?}");
        }
        assert_eq!(again(&[250.0, 1.0, 250.0, 1.0, 250.0]), (3..=7).collect::<Vec<_>>());
        // Three early on are half of what had been until then, and long forgotten later.
        let mut ms = [1.0; 59];
        ms[..3].fill(260.0);
        assert_eq!(again(&ms), (1..=8).collect::<Vec<_>>());
        let mut ms = [1.0; 59];
        ms[20..23].fill(260.0);
        assert!(again(&ms).is_empty(), "three of ten");
    }

    #[test]
    fn spells_merge_and_touch() {
        let spells = merged([(at(7), at(9)), (at(1), at(3)), (at(2), at(5))].into_iter());
        assert_eq!(spells.0, [(at(1), at(5)), (at(7), at(9))]);
        assert!(spells.overlap(at(5), at(6)) && spells.overlap(at(0), at(20)) && spells.contain(at(8)));
        assert!(!spells.contain(at(6)) && !spells.overlap(at(10), at(12)) && !spells.contain(at(0)));
        assert!(Spells::always().contain(at(0)) && !Spells::default().contain(at(0)));
    }
}
