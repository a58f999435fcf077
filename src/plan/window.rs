//! A load on CloudWatch's grid: the window that is asked for, the quiet on both sides of the load, and the times at
//! which the window can be read. The one place that counts periods around a load; the years are kept sane, so that
//! whatever a record says no arithmetic overflows.

use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{CloudWatchPlan, Period, earlier, later, offset_by};

/// Periods left out on each side of the load, and counted with its totals: the nodes' clocks are not ours.
const NEXT_TO_LOAD: u32 = 1;

/// Periods after the last close that belong to the load's totals, since bytes may be counted late (aws-facts.md §1).
const FADING: u32 = 2;

/// Quiet periods that are asked for after the load: the least that shows whether the other traffic moved.
const QUIET_AFTER: u32 = 2;

/// Periods after the window's end at which late data are taken to have arrived: ten minutes of AWS's, which is how
/// long exporters wait for CloudWatch to converge (aws-facts.md §2).
const CONVERGED_AFTER: u32 = 10;

/// What is asked of CloudWatch for a load, and when: the load, the baseline before it, and the quiet after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The period.
    pub period: Period,
    /// Start, a period's.
    pub from: DateTime<Utc>,
    /// End, a period's, exclusive.
    pub until: DateTime<Utc>,
    /// The first attempt.
    pub load_started_at: DateTime<Utc>,
    /// The last close.
    pub load_ended_at: DateTime<Utc>,
}

impl Window {
    /// The window to be read for a load.
    pub fn around(cloudwatch: CloudWatchPlan, started: DateTime<Utc>, ended: DateTime<Utc>) -> Window {
        let period = cloudwatch.period;
        let (started, ended) = in_order(started, ended);
        let from = sane(earlier(started, cloudwatch.baseline));
        Window {
            period,
            // One more, since the one next to the load is no baseline.
            from: sane(earlier(period.floor(from), period.length() * NEXT_TO_LOAD)),
            until: later(period.ceil(ended), period.length() * (NEXT_TO_LOAD + QUIET_AFTER)),
            load_started_at: started,
            load_ended_at: ended,
        }
    }

    /// A window that was read, with limits of its own.
    pub fn read(
        period: Period,
        limits: Range<DateTime<Utc>>,
        started: DateTime<Utc>,
        ended: DateTime<Utc>,
    ) -> Window {
        let (load_started_at, load_ended_at) = in_order(started, ended);
        let (from, until) = (period.ceil(sane(limits.start)), sane(limits.end));
        Window { period, from, until, load_started_at, load_ended_at }
    }

    /// The quiet before the load, without the period next to it.
    pub fn before(&self) -> Range<DateTime<Utc>> {
        self.from..earlier(self.period.floor(self.load_started_at), self.margin())
    }

    /// Every period that the load can have touched, and those in which it is still counted.
    pub fn load(&self) -> Range<DateTime<Utc>> {
        let from = earlier(self.period.floor(self.load_started_at), self.margin()).max(self.from);
        let until = later(self.period.ceil(self.load_ended_at), self.period.length() * FADING);
        from..until.min(self.until)
    }

    /// The quiet after the load, without the period next to it.
    pub fn after(&self) -> Range<DateTime<Utc>> {
        later(self.period.ceil(self.load_ended_at).max(self.from), self.margin())..self.until
    }

    /// Until when CloudWatch keeps numbers of the load by this period; by then the first of them may be gone
    /// (aws-facts.md §2).
    pub fn kept_until(&self) -> DateTime<Utc> {
        offset_by(sane(self.load_ended_at), self.period.kept())
    }

    /// The first read that can be of use: that of a window whose last period is over by whichever clock, and so more
    /// than two periods after the last close (aws-facts.md §2).
    pub fn first_read(&self) -> DateTime<Utc> {
        later(self.until, self.period.spare())
    }

    /// From when on a single read is as good as two: late data have arrived.
    pub fn converged_at(&self) -> DateTime<Utc> {
        later(self.until, self.period.length() * CONVERGED_AFTER)
    }

    fn margin(&self) -> Duration {
        self.period.length() * NEXT_TO_LOAD
    }
}

fn in_order(started: DateTime<Utc>, ended: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    let started = sane(started);
    (started, sane(ended).max(started))
}

/// The time, kept within the years 2000 to 2200: arithmetic on it can't overflow, whatever a record says.
pub fn sane(at: DateTime<Utc>) -> DateTime<Utc> {
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
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-24T{text}Z").parse().unwrap()
    }

    fn plan(period: u32, baseline: Duration) -> CloudWatchPlan {
        CloudWatchPlan { period: Period::try_from(period).unwrap(), baseline, settle: Duration::ZERO }
    }

    #[test]
    fn the_window_of_a_load_and_when_it_can_be_read() {
        let quarter = Duration::from_secs(900);
        let window = Window::around(plan(60, quarter), at("13:00:05"), at("13:06:21"));
        assert_eq!((window.from, window.until), (at("12:44:00"), at("13:10:00")));
        assert_eq!(window.before(), at("12:44:00")..at("12:59:00"));
        assert_eq!(window.load(), at("12:59:00")..at("13:09:00"));
        assert_eq!(window.after(), at("13:08:00")..at("13:10:00"));
        assert_eq!(window.first_read(), at("13:10:10"));
        assert_eq!(window.converged_at(), at("13:20:00"));
        // A load that ends with a period's end leaves that period whole.
        let even = Window::around(plan(60, quarter), at("13:00:00"), at("13:06:00"));
        assert_eq!((even.from, even.until), (at("12:44:00"), at("13:09:00")));
    }

    #[test]
    fn what_was_read_keeps_its_own_limits() {
        let minute = Period::try_from(60).unwrap();
        let read = |from: &str, until: &str| {
            Window::read(minute, at(from)..at(until), at("13:00:05"), at("13:06:21"))
        };
        let narrow = read("12:59:30", "13:07:00");
        assert_eq!(narrow.load(), at("13:00:00")..at("13:07:00"));
        assert!(narrow.before().is_empty() && narrow.after().is_empty());
        let after = read("13:30:00", "13:40:00");
        assert!(after.before().is_empty() && after.load().is_empty());
        assert_eq!(after.after(), at("13:31:00")..at("13:40:00"));
    }

    proptest! {
        #[test]
        fn the_window_holds_all_it_promises(
            start in 0_i64..86_400_000, lasts in 0_i64..86_400_000, baseline in 0_u64..7_200,
            length in prop::sample::select(vec![1_u32, 5, 10, 30, 60, 300]),
        ) {
            let started = DateTime::from_timestamp_millis(1_764_000_000_000 + start).unwrap();
            let ended = started + TimeDelta::milliseconds(lasts);
            let window = Window::around(plan(length, Duration::from_secs(baseline)), started, ended);
            let period = window.period;
            prop_assert_eq!((period.floor(window.from), period.floor(window.until)), (window.from, window.until));
            let whole = |range: Range<DateTime<Utc>>| period.starts(range.start, range.end).count();
            prop_assert!(whole(window.before()) >= usize::try_from(baseline / u64::from(length)).unwrap());
            prop_assert_eq!(whole(window.after()), 2);
            prop_assert!(window.load().contains(&started) && window.load().contains(&ended));
            prop_assert!(window.first_read() - ended >= TimeDelta::from_std(period.length() * 2).unwrap());
            prop_assert!(window.converged_at() > window.first_read());
        }

        #[test]
        fn absurd_times_do_no_harm(started in any::<i64>(), ended in any::<i64>(), baseline in any::<u64>()) {
            let time = |seconds: i64| {
                DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MIN_UTC)
            };
            let cloudwatch = plan(86_400, Duration::from_secs(baseline));
            let window = Window::around(cloudwatch, time(started), time(ended));
            prop_assert!(window.from < window.until && window.until < window.converged_at());
            let read = Window::read(window.period, time(ended)..time(started), time(started), time(ended));
            let _ = (read.before(), read.load(), read.after(), read.first_read());
        }
    }
}
