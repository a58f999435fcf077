//! Waiting until CloudWatch has said its last word on a window, or the time for it is over.

use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;
use tokio::time::sleep;

use super::Interrupt;
use crate::aws::{Aws, AwsError};
use crate::facts::{Series, SeriesStatus, metric};
use crate::plan::{CloudWatchPlan, Period};
use crate::record::Run;

/// Periods after the last close that are read too: they show the load's traces fade, and the baseline after it.
const TAIL_PERIODS: u32 = 3;
/// Periods after a window's end at which its data are taken to have converged (aws-facts.md §2: exporters wait 600 s).
const CONVERGED_AFTER_PERIODS: u32 = 10;
/// Reads that may fail one after the other before the wait is given up.
const FAILURES_BORNE: u32 = 3;

/// Why CloudWatch could not be read.
#[derive(Debug, Error)]
pub enum SettleFailure {
    /// It did not answer, or refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// What is asked of CloudWatch: the load, the baseline before it, and a tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The period.
    pub period: Period,
    /// Start, a period's.
    pub from: DateTime<Utc>,
    /// End, a period's, exclusive.
    pub until: DateTime<Utc>,
    /// The last close.
    pub load_ended_at: DateTime<Utc>,
}

/// How the wait stands, for those who watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    /// Reads so far.
    pub reads: u32,
    /// When CloudWatch is asked next.
    pub next_read: DateTime<Utc>,
    /// When the wait ends at the latest.
    pub deadline: DateTime<Utc>,
}

impl Window {
    /// The window of a run; `None` when it never attempted a connection.
    pub fn of(run: &Run, cloudwatch: CloudWatchPlan) -> Option<Window> {
        let period = cloudwatch.period;
        let started = run.load_started_at()?;
        let load_ended_at = run.load_ended_at();
        Some(Window {
            period,
            from: period.floor(started - cloudwatch.baseline) - period.length(),
            until: period.ceil(load_ended_at) + period.length() * TAIL_PERIODS,
            load_ended_at,
        })
    }

    /// The first read that can be of use: two periods after the last close (aws-facts.md §2).
    pub fn first_read(&self) -> DateTime<Utc> {
        self.load_ended_at + self.period.length() * 2
    }

    /// When a single read is as good as two.
    pub fn converged_at(&self) -> DateTime<Utc> {
        self.until + self.period.length() * CONVERGED_AFTER_PERIODS
    }
}

type Metrics = std::collections::BTreeMap<String, Vec<crate::facts::Point>>;

/// Whether what was just read is the last word: the always-reported metric has the window's last period, and the read
/// before was the same (aws-facts.md §2) or long enough has passed.
fn is_settled(window: &Window, before: Option<&Metrics>, now: &Metrics, read_at: DateTime<Utc>) -> bool {
    let last_period = window.until - window.period.length();
    let complete =
        now.get(metric::CONSUMED_LCUS).and_then(|points| points.last()).is_some_and(|p| p.at >= last_period);
    (complete && before == Some(now)) || read_at >= window.converged_at()
}

/// Reads the window, a period apart, until it has settled, `deadline` has passed, or the user will wait no longer.
/// At least one read is made. `tell` hears of every wait.
pub async fn read_series(
    aws: &Aws,
    load_balancer: &str,
    window: &Window,
    deadline: DateTime<Utc>,
    interrupt: &mut Interrupt,
    tell: &mut dyn FnMut(&Settling),
) -> Result<Series, SettleFailure> {
    let mut before: Option<Metrics> = None;
    let (mut reads, mut failures) = (0, 0);
    let mut next_read = window.first_read().min(deadline);
    loop {
        tell(&Settling { reads, next_read, deadline });
        let waited = wait_until(next_read, interrupt).await;
        let asked_at = Utc::now();
        let last_chance = !waited || asked_at >= deadline;
        let read = aws.read_metrics(load_balancer, window.period, window.from, window.until).await;
        match read {
            Ok(metrics) => {
                (reads, failures) = (reads + 1, 0);
                let settled = is_settled(window, before.as_ref(), &metrics, asked_at);
                if settled || last_chance {
                    let status = if settled { SeriesStatus::Final } else { SeriesStatus::Provisional };
                    return Ok(series(load_balancer, window, asked_at, status, metrics));
                }
                before = Some(metrics);
            }
            Err(error) => {
                failures += 1;
                let hopeless = !error.is_transient() || failures >= FAILURES_BORNE || last_chance;
                match (hopeless, before.take()) {
                    // What came before is better than nothing, and it is not final.
                    (true, Some(metrics)) => {
                        return Ok(series(
                            load_balancer,
                            window,
                            asked_at,
                            SeriesStatus::Provisional,
                            metrics,
                        ));
                    }
                    (true, None) => return Err(error.into()),
                    (false, kept) => before = kept,
                }
            }
        }
        next_read = (asked_at + window.period.length()).min(deadline.max(asked_at + Duration::from_secs(1)));
    }
}

fn series(
    load_balancer: &str,
    window: &Window,
    read_at: DateTime<Utc>,
    status: SeriesStatus,
    metrics: Metrics,
) -> Series {
    let load_balancer = load_balancer.to_owned();
    Series {
        load_balancer,
        period: window.period,
        from: window.from,
        until: window.until,
        read_at,
        status,
        metrics,
    }
}

/// False when interrupted.
async fn wait_until(at: DateTime<Utc>, interrupt: &mut Interrupt) -> bool {
    let left = (at - Utc::now()).to_std().unwrap_or(Duration::ZERO);
    tokio::select! {
        () = sleep(left) => !interrupt.is_set(),
        () = interrupt.set() => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::facts::Point;

    fn window() -> Window {
        Window {
            period: Period::try_from(60).unwrap(),
            from: "2026-11-24T12:00:00Z".parse().unwrap(),
            until: "2026-11-24T13:10:00Z".parse().unwrap(),
            load_ended_at: "2026-11-24T13:06:30Z".parse().unwrap(),
        }
    }

    fn metrics(lcu_until: &str, active: f64) -> Metrics {
        let point = |at: &str, value| Point { at: at.parse().unwrap(), value };
        Metrics::from([
            (metric::CONSUMED_LCUS.to_owned(), vec![point(lcu_until, 0.1)]),
            (metric::ACTIVE_CONNECTIONS.to_owned(), vec![point("2026-11-24T13:00:00Z", active)]),
        ])
    }

    #[test]
    fn settled_when_complete_and_twice_the_same() {
        let early = "2026-11-24T13:11:00Z".parse().unwrap();
        let complete = metrics("2026-11-24T13:09:00Z", 100.0);
        let late = metrics("2026-11-24T13:08:00Z", 100.0);
        let other = metrics("2026-11-24T13:09:00Z", 90.0);
        assert!(!is_settled(&window(), None, &complete, early), "one read is not enough");
        assert!(is_settled(&window(), Some(&complete), &complete, early));
        assert!(!is_settled(&window(), Some(&late), &late, early), "the last period is missing");
        assert!(!is_settled(&window(), Some(&other), &complete, early), "the numbers still change");
        let after = "2026-11-24T13:20:00Z".parse().unwrap();
        assert!(is_settled(&window(), None, &late, after), "long enough after, one read will do");
    }

    #[test]
    fn the_first_read_comes_two_periods_after_the_last_close() {
        assert_eq!(window().first_read(), "2026-11-24T13:08:30Z".parse::<DateTime<Utc>>().unwrap());
    }
}
