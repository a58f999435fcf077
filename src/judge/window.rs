//! Which periods belong to what: the hold of a level, the load as a whole, and the quiet on both sides of it.

use chrono::{DateTime, Utc};

use crate::plan::Period;
use crate::record::{LevelRun, Run};

/// Periods looked at in one stretch at most: 15 days of minutes, for so long CloudWatch keeps them (aws-facts.md §2).
/// A record may claim any time; none may keep the judge busy.
const MOST_PERIODS: usize = 21_600;

/// Periods left out on each side of the load, and counted with the load's totals: the nodes' clocks are not ours.
const NEXT_TO_LOAD: usize = 1;

/// Periods after the last close that belong to the load's totals, since bytes may be counted late (aws-facts.md §1).
const TAIL: u32 = 2;

/// The starts of the periods of a run's window.
#[derive(Debug, Clone, Default)]
pub(super) struct Windows {
    /// Whole periods before the first attempt, the one next to it left out.
    pub(super) before: Vec<DateTime<Utc>>,
    /// Whole periods after the last close, the one next to it left out.
    pub(super) after: Vec<DateTime<Utc>>,
    /// Every period that the load can have touched, and the tail in which it is still counted.
    pub(super) load: Vec<DateTime<Utc>>,
}

impl Windows {
    /// The periods of a run within what CloudWatch was asked for. Without a level there is no load, and so none.
    pub(super) fn of(run: &Run, period: Period, from: DateTime<Utc>, until: DateTime<Utc>) -> Windows {
        let Some(started) = run.load_started_at().map(sane) else {
            return Windows::default();
        };
        let (from, until) = (period.ceil(sane(from)), sane(until));
        let ended = sane(run.load_ended_at()).max(started);
        let stretch = |first: DateTime<Utc>, until: DateTime<Utc>| -> Vec<DateTime<Utc>> {
            period.starts(first, until).take(MOST_PERIODS).collect()
        };
        let mut before = stretch(from, started);
        before.truncate(before.len().saturating_sub(NEXT_TO_LOAD));
        let mut after = stretch(period.ceil(ended).max(from), until);
        after.drain(..NEXT_TO_LOAD.min(after.len()));
        let margin = period.length() * u32::try_from(NEXT_TO_LOAD).unwrap_or(1);
        let load_from = (period.floor(started) - margin).max(from);
        let load_until = (period.ceil(ended) + period.length() * TAIL).min(until);
        Windows { before, after, load: stretch(load_from, load_until) }
    }
}

/// The periods that judge a level: whole ones inside its hold, with the period's spare at both ends. A level whose
/// hold did not come to its end has none.
pub(super) fn hold_periods(level: &LevelRun, period: Period) -> Vec<DateTime<Utc>> {
    match (level.held_from, level.held_until) {
        (Some(from), Some(until)) => {
            period.whole_within(sane(from), sane(until)).take(MOST_PERIODS).collect()
        }
        _ => Vec::new(),
    }
}

/// When the load's totals and two baseline periods after it are complete (aws-facts.md §2: the first read comes at
/// least two periods after the last close).
pub(super) fn readable_from(run: &Run, period: Period) -> DateTime<Utc> {
    period.ceil(sane(run.load_ended_at())) + period.length() * TAIL
}

/// The time, kept within the years 2000 to 2200: arithmetic on it can't overflow, whatever a record says.
pub(super) fn sane(at: DateTime<Utc>) -> DateTime<Utc> {
    const YEAR_2000: i64 = 946_684_800;
    const YEAR_2200: i64 = 7_258_118_400;
    if (YEAR_2000..YEAR_2200).contains(&at.timestamp()) {
        return at;
    }
    let nearest = at.timestamp().clamp(YEAR_2000, YEAR_2200);
    DateTime::from_timestamp(nearest, 0).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::testing::Scenario;

    fn clocks(starts: &[DateTime<Utc>]) -> Vec<String> {
        starts.iter().map(|at| at.format("%H:%M").to_string()).collect()
    }

    #[test]
    fn the_minute_next_to_the_load_is_no_baseline() {
        let run = Scenario::default().run();
        let series = run.series.as_ref().unwrap();
        let windows = Windows::of(&run, series.period, series.from, series.until);
        // The load runs from 13:00:05 to 13:06:21.
        assert_eq!(clocks(&windows.before).last().unwrap(), "12:58");
        assert_eq!(clocks(&windows.after), ["13:08", "13:09"]);
        assert_eq!(clocks(&windows.load).first().unwrap(), "12:59");
        assert_eq!(clocks(&windows.load).last().unwrap(), "13:08");
    }

    #[test]
    fn absurd_times_are_answered_at_once() {
        let mut run = Scenario::default().run();
        let period = run.series.as_ref().unwrap().period;
        run.levels[0].held_from = Some(DateTime::<Utc>::MIN_UTC);
        run.levels[0].held_until = Some(DateTime::<Utc>::MAX_UTC);
        assert_eq!(hold_periods(&run.levels[0], period).len(), MOST_PERIODS);
        run.levels[0].started_at = DateTime::<Utc>::MAX_UTC;
        run.ended = None;
        run.last_at = DateTime::<Utc>::MIN_UTC;
        let _ = Windows::of(&run, period, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        let _ = readable_from(&run, period);
    }
}
