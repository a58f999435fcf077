//! Waiting until CloudWatch has said its last word on a window, or the time for it is over.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use thiserror::Error;
use tokio::time::sleep;

use super::Interrupt;
use crate::aws::{Aws, AwsError};
use crate::facts::{Reading, Series, SeriesStatus, Subject, metric};
use crate::plan::Window;

/// Reads that may fail one after the other before the wait is given up.
const FAILURES_BORNE: u32 = 3;

/// Why CloudWatch could not be read.
#[derive(Debug, Error)]
pub enum SettleFailure {
    /// It did not answer, or refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
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

/// Whether what was just read is the last word. Three witnesses speak for it, and two of them are enough: the
/// always-reported metric has the window's last period; the read before was the same (both aws-facts.md §2); and so
/// much time has passed that late data have arrived ([`Window::converged_at`]). A single read thus is final when it is
/// complete and made late enough (`read_at`, by AWS's clock); where the always-reported metric is missing, two late ones must be the same.
fn is_settled(window: &Window, before: Option<&Reading>, now: &Reading, read_at: DateTime<Utc>) -> bool {
    let last_period = window.until - window.period.length();
    let complete = now
        .metrics
        .get(metric::CONSUMED_LCUS)
        .and_then(|points| points.last())
        .is_some_and(|p| p.at >= last_period);
    let witnesses = [complete, before == Some(now), read_at >= window.converged_at()];
    witnesses.into_iter().filter(|witness| *witness).count() >= 2
}

/// Reads the window, a period apart, until it has settled, `deadline` has passed, or the user will wait no longer.
/// At least one read is made. The window is by AWS's clock, all else by ours, which is `ahead` of it. `tell` hears of every wait; there is none where the time for it is past.
pub async fn read_series(
    aws: &Aws,
    subject: &Subject,
    window: &Window,
    ahead: TimeDelta,
    deadline: DateTime<Utc>,
    interrupt: &mut Interrupt,
    tell: &mut dyn FnMut(&Settling),
) -> Result<Series, SettleFailure> {
    let mut before: Option<Reading> = None;
    let (mut reads, mut failures) = (0, 0);
    let mut next_read = (window.first_read() + ahead).min(deadline);
    loop {
        if next_read > Utc::now() {
            tell(&Settling { reads, next_read, deadline });
        }
        let waited = wait_until(next_read, interrupt).await;
        let asked_at = Utc::now();
        let last_chance = !waited || asked_at >= deadline;
        let read = aws.read_metrics(subject, window.period, window.from, window.until).await;
        match read {
            Ok(reading) => {
                (reads, failures) = (reads + 1, 0);
                let settled = is_settled(window, before.as_ref(), &reading, asked_at - ahead);
                if settled || last_chance {
                    let status = if settled { SeriesStatus::Final } else { SeriesStatus::Provisional };
                    return Ok(series(subject, window, asked_at, status, reading));
                }
                before = Some(reading);
            }
            Err(error) => {
                failures += 1;
                let hopeless = !error.is_transient() || failures >= FAILURES_BORNE || last_chance;
                match (hopeless, before.take()) {
                    // What came before is better than nothing, and it is not final.
                    (true, Some(reading)) => {
                        return Ok(series(subject, window, asked_at, SeriesStatus::Provisional, reading));
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
    subject: &Subject,
    window: &Window,
    read_at: DateTime<Utc>,
    status: SeriesStatus,
    reading: Reading,
) -> Series {
    Series {
        load_balancer: subject.load_balancer.clone(),
        period: window.period,
        from: window.from,
        until: window.until,
        // To the millisecond, as all times of a record.
        read_at: read_at.trunc_subsecs(3),
        status,
        metrics: reading.metrics,
        zones: reading.zones,
        target_groups: reading.target_groups,
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
    use crate::plan::Period;

    fn window() -> Window {
        let minute = Period::try_from(60).unwrap();
        let at = |text: &str| format!("2026-11-24T{text}Z").parse().unwrap();
        Window::read(minute, at("12:00:00")..at("13:10:00"), at("12:59:00"), at("13:06:30"))
    }

    fn metrics(lcu_until: &str, active: f64) -> Reading {
        let point = |at: &str, value| Point { at: at.parse().unwrap(), value };
        let metrics = [
            (metric::CONSUMED_LCUS.to_owned(), vec![point(lcu_until, 0.1)]),
            (metric::ACTIVE_CONNECTIONS.to_owned(), vec![point("2026-11-24T13:00:00Z", active)]),
        ];
        Reading { metrics: metrics.into(), ..Reading::default() }
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
        // Ten minutes after the window's end, not a second before.
        let almost = "2026-11-24T13:19:59Z".parse().unwrap();
        let after = "2026-11-24T13:20:00Z".parse().unwrap();
        assert_eq!(window().converged_at(), after);
        assert!(!is_settled(&window(), None, &complete, almost));
        assert!(is_settled(&window(), None, &complete, after), "long enough after, one read will do");
        assert!(!is_settled(&window(), None, &late, after), "but not one that lacks the last period");
        assert!(is_settled(&window(), Some(&late), &late, after), "it lacks it for good");
        assert!(!is_settled(&window(), Some(&other), &late, after));
    }
}
