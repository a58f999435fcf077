//! Which periods belong to what: the hold of a level, the load as a whole, and the quiet on both sides of it.

use std::ops::Range;

use chrono::{DateTime, Utc};

use super::alignment::OpenOverTime;
use super::clock::Clock;
use crate::facts::Series;
pub(super) use crate::plan::sane;
use crate::plan::{Period, Window};
use crate::record::{LevelRun, Run};

/// Periods looked at in one stretch at most: 15 days of minutes, for so long CloudWatch keeps them (aws-facts.md §2).
/// A record may claim any time; none may keep the judge busy.
const MOST_PERIODS: usize = 21_600;

/// The starts of the periods of a run's window.
#[derive(Debug, Clone, Default)]
pub(super) struct Windows {
    /// Whole periods before the first attempt, the one next to it left out.
    pub(super) before: Vec<DateTime<Utc>>,
    /// Whole periods after the last close, the one next to it left out.
    pub(super) after: Vec<DateTime<Utc>>,
    /// Every period that the load can have touched, and the tail in which it is still counted.
    pub(super) load: Vec<DateTime<Utc>>,
    /// Whole periods between two levels, with the period's spare at both ends.
    pub(super) between: Vec<DateTime<Utc>>,
}

impl Windows {
    /// The periods of a run within what CloudWatch was asked for. Without a level there is no load, and so none.
    pub(super) fn of(run: &Run, clock: Clock, series: &Series) -> Windows {
        let Some(started) = run.load_started_at() else {
            return Windows::default();
        };
        let period = series.period;
        let (started, ended) = (clock.by_aws(started), clock.by_aws(run.load_ended_at()));
        let window = Window::read(period, series.from..series.until, started, ended);
        let stretch = |range: Range<DateTime<Utc>>| -> Vec<DateTime<Utc>> {
            period.starts(range.start, range.end).take(MOST_PERIODS).collect()
        };
        Windows {
            before: stretch(window.before()),
            after: stretch(window.after()),
            load: stretch(window.load()),
            between: between(run, clock, period),
        }
    }
}

/// Where connections live on from level to level, nothing between two levels is quiet.
fn between(run: &Run, clock: Clock, period: Period) -> Vec<DateTime<Utc>> {
    let pauses = run.levels.iter().zip(run.levels.iter().skip(1));
    let pauses = pauses.filter_map(|(level, next)| Some((level.ended_at?, next.started_at)));
    let whole: Vec<DateTime<Utc>> = pauses
        .flat_map(|(from, until)| {
            period.whole_within(clock.by_aws(from), clock.by_aws(until)).take(MOST_PERIODS)
        })
        .collect();
    if whole.is_empty() {
        return whole;
    }
    let open = OpenOverTime::of(run, clock);
    whole.into_iter().filter(|at| open.period(*at, period).max == 0.0).collect()
}

/// The periods that judge a level: whole ones inside its hold, with the period's spare at both ends. A level whose
/// hold did not come to its end has none.
pub(super) fn hold_periods(level: &LevelRun, clock: Clock, period: Period) -> Vec<DateTime<Utc>> {
    match (level.held_from, level.held_until) {
        (Some(from), Some(until)) => {
            period.whole_within(clock.by_aws(from), clock.by_aws(until)).take(MOST_PERIODS).collect()
        }
        _ => Vec::new(),
    }
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
        let windows = Windows::of(&run, Clock::default(), series);
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
        assert_eq!(hold_periods(&run.levels[0], Clock::default(), period).len(), MOST_PERIODS);
        run.levels[0].started_at = DateTime::<Utc>::MAX_UTC;
        run.ended = None;
        run.last_at = DateTime::<Utc>::MIN_UTC;
        let mut series = run.series.clone().unwrap();
        (series.from, series.until) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        let _ = Windows::of(&run, Clock::ahead_by(chrono::TimeDelta::MAX), &series);
    }
}
