//! Waiting until CloudWatch has said its last word on a window, or the time for it is over.

use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use thiserror::Error;
use tokio::time::{Instant, sleep, sleep_until as sleep_until_instant, timeout_at};

use super::Interrupt;
use crate::aws::{Aws, AwsError};
use crate::facts::{Reading, Series, SeriesStatus, Subject, metric};
use crate::plan::{Window, earlier, later, offset_by};

/// What a read still has when the user will wait no longer: an answer takes less than a second, and whoever waits for none
/// is not to be kept.
const PARTING: Duration = Duration::from_secs(5);

/// Why CloudWatch could not be read.
#[derive(Debug, Error)]
pub enum SettleFailure {
    /// It did not answer, or refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// How long CloudWatch is waited for.
#[derive(Debug, Clone, Copy)]
pub struct SettleWait {
    /// When the last read begins, by our clock.
    deadline: DateTime<Utc>,
    /// When a read that is still under way is given up.
    gives_up_at: Instant,
}

impl SettleWait {
    /// What a read has that begins when the wait is over: more than any healthy endpoint takes.
    const LAST_READ: Duration = Duration::from_secs(30);
    /// What a command may take beyond the wait that was asked for.
    const OVERTIME: Duration = Duration::from_secs(1);
    /// What is kept of a command's wait for its last read.
    const RESERVE: Duration = Duration::from_secs(5);

    /// A wait until `deadline`, and then for one last read.
    pub fn until(deadline: DateTime<Utc>) -> SettleWait {
        let left = (deadline - Utc::now()).to_std().unwrap_or_default();
        SettleWait { deadline, gives_up_at: Instant::now() + left + SettleWait::LAST_READ }
    }

    /// The wait of a command that began at `began` and is to be over `settle` later, with whatever it asks AWS before;
    /// without a wait its one read has [`SettleWait::LAST_READ`].
    pub fn of_command(began: Instant, settle: Duration) -> SettleWait {
        if settle.is_zero() {
            return SettleWait { deadline: Utc::now(), gives_up_at: began + SettleWait::LAST_READ };
        }
        let left = settle.saturating_sub(began.elapsed());
        SettleWait {
            deadline: later(Utc::now(), left.saturating_sub(SettleWait::RESERVE.min(settle / 2))),
            gives_up_at: began + settle + SettleWait::OVERTIME,
        }
    }

    /// What comes of `work`; `None` where it takes longer than the whole wait.
    pub async fn limit<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.gives_up_at, work).await.ok()
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.gives_up_at
    }
}

/// How the wait stands, for those who watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settling {
    /// Reads so far.
    pub reads: u32,
    /// When CloudWatch is asked next.
    pub next_read: DateTime<Utc>,
    /// When the wait ends at the latest.
    pub deadline: DateTime<Utc>,
    /// Why the last read brought nothing, or not all, where that passes.
    pub trouble: Option<String>,
}

/// What CloudWatch said last.
struct Said {
    reading: Reading,
    /// When it was asked, by our clock.
    asked_at: DateTime<Utc>,
    /// When it was asked first of those reads in a row that brought the same.
    same_since: DateTime<Utc>,
}

impl Said {
    fn after(before: Option<Said>, reading: Reading, asked_at: DateTime<Utc>) -> Said {
        let same = before.filter(|before| before.reading == reading);
        Said { reading, asked_at, same_since: same.map_or(asked_at, |before| before.same_since) }
    }

    /// Whether this is the last word; our clock is `ahead` of AWS's. Three witnesses speak for it, and two of them are
    /// enough: the always-reported metric has the window's last period; a read a period before, or longer, brought the same
    /// (both aws-facts.md §2); and so much time has passed that late data have arrived ([`Window::converged_at`]). A
    /// single read thus is final when it is complete and made late enough; where the always-reported metric is missing, two
    /// late ones must be the same. What CloudWatch itself owes is never final.
    fn is_settled(&self, window: &Window, ahead: TimeDelta) -> bool {
        let last_period = earlier(window.until, window.period.length());
        let reported = self.reading.metrics.get(metric::CONSUMED_LCUS).and_then(|points| points.last());
        let complete = reported.is_some_and(|point| point.at >= last_period);
        let same = self.asked_at >= later(self.same_since, window.period.length());
        let late = offset_by(self.asked_at, -ahead) >= window.converged_at();
        let witnesses = [complete, same, late].into_iter().filter(|witness| *witness).count();
        self.reading.owed.is_empty() && witnesses >= 2
    }
}

/// Reads the window, a period apart, until it has settled, the `wait` is over, or the user will wait no longer; what
/// fails in a way that passes is tried again until then. At least one read is made; `None` where the user would not wait
/// for its answer. The window is by AWS's clock, all else by ours, which is `ahead` of it. `tell` hears of every wait
/// and of every trouble; there is no wait where the time for it is past.
///
/// # Errors
/// What the read brought, where none brought anything; a timeout where none was answered within the `wait`.
pub async fn read_series(
    aws: &Aws,
    subject: &Subject,
    window: &Window,
    ahead: TimeDelta,
    wait: SettleWait,
    interrupt: &mut Interrupt,
    tell: &mut dyn FnMut(&Settling),
) -> Result<Option<Series>, SettleFailure> {
    let read = async || aws.read_metrics(subject, window.period, window.from, window.until).await;
    match settle(window, ahead, wait, interrupt, tell, read).await? {
        Some((said, status)) => Ok(Some(series(subject, window, said, status))),
        None if interrupt.is_set() => Ok(None),
        None => Err(aws.metrics_unanswered().into()),
    }
}

async fn settle<R>(
    window: &Window,
    ahead: TimeDelta,
    wait: SettleWait,
    interrupt: &mut Interrupt,
    tell: &mut dyn FnMut(&Settling),
    read: R,
) -> Result<Option<(Said, SeriesStatus)>, AwsError>
where
    R: AsyncFn() -> Result<Reading, AwsError>,
{
    let deadline = wait.deadline;
    let mut said: Option<Said> = None;
    let mut failed: Option<AwsError> = None;
    let mut trouble: Option<String> = None;
    let mut reads = 0;
    let mut next_read = offset_by(window.first_read(), ahead).min(deadline);
    loop {
        if next_read > Utc::now() || trouble.is_some() {
            tell(&Settling { reads, next_read, deadline, trouble: trouble.take() });
        }
        wait.limit(interrupt.unless_set(sleep_until(next_read))).await;
        let asked_at = Utc::now();
        let answer = in_time(read(), interrupt, wait.gives_up_at).await;
        let cut_short = interrupt.is_set();
        let last_chance = cut_short || asked_at >= deadline;
        if let Some(Err(error)) = &answer {
            tracing::info!("CloudWatch could not be read: {error}");
        }
        match answer {
            Some(Ok(reading)) => {
                reads += 1;
                trouble = not_completed(&reading.owed);
                let now = Said::after(said.take(), reading, asked_at);
                if !cut_short && now.is_settled(window, ahead) {
                    return Ok(Some((now, SeriesStatus::Final)));
                }
                said = Some(now);
            }
            // What came before is better than nothing, and it is not final.
            Some(Err(error)) if said.is_none() && (last_chance || !error.is_transient()) => {
                return Err(error);
            }
            Some(Err(error)) if !error.is_transient() => {
                return Ok(said.map(|said| (said, SeriesStatus::Provisional)));
            }
            Some(Err(error)) => {
                trouble = Some(error.to_string());
                failed = Some(error);
            }
            None => {}
        }
        if last_chance || wait.is_over() {
            return match (said, failed) {
                (None, Some(error)) if !cut_short => Err(error),
                (said, _) => Ok(said.map(|said| (said, SeriesStatus::Provisional))),
            };
        }
        let soon = deadline.max(later(asked_at, Duration::from_secs(1)));
        next_read = later(asked_at, window.period.length()).min(soon);
    }
}

/// That so much is owed, in the few words of a line; `None` where nothing is.
fn not_completed(owed: &[String]) -> Option<String> {
    const NAMED: usize = 2;
    let (named, more) = owed.split_at(owed.len().min(NAMED));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    (!named.is_empty()).then(|| format!("it did not complete {}{more}", named.join(", ")))
}

/// What comes of a read; `None` where the user will wait no longer and it takes longer than [`PARTING`] from then, or
/// where it is given up.
async fn in_time<T>(
    read: impl Future<Output = T>,
    interrupt: &mut Interrupt,
    gives_up_at: Instant,
) -> Option<T> {
    let no_longer = async {
        interrupt.set().await;
        sleep(PARTING).await;
    };
    tokio::select! {
        answer = read => Some(answer),
        () = no_longer => None,
        () = sleep_until_instant(gives_up_at) => None,
    }
}

fn series(subject: &Subject, window: &Window, said: Said, status: SeriesStatus) -> Series {
    let Said { reading, asked_at, .. } = said;
    Series {
        load_balancer: subject.load_balancer.clone(),
        period: window.period,
        from: window.from,
        until: window.until,
        // To the millisecond, as all times of a record.
        read_at: asked_at.trunc_subsecs(3),
        status,
        metrics: reading.metrics,
        zones: reading.zones,
        target_groups: reading.target_groups,
    }
}

/// Sleeps until a time of day. The clock is asked again every while, since it may be set in between.
fn sleep_until(at: DateTime<Utc>) -> impl Future<Output = ()> {
    const AT_MOST: Duration = Duration::from_secs(10);
    async move {
        while let Ok(left) = (at - Utc::now()).to_std() {
            if left.is_zero() {
                return;
            }
            sleep(left.min(AT_MOST)).await;
        }
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

    /// What was said after reads at these times.
    fn said(reads: &[(&str, &Reading)]) -> Said {
        let at = |text: &str| format!("2026-11-24T{text}Z").parse().unwrap();
        let after = |before, (when, reading): &(&str, &Reading)| {
            Some(Said::after(before, (*reading).clone(), at(when)))
        };
        reads.iter().fold(None, after).unwrap()
    }

    fn settled(reads: &[(&str, &Reading)]) -> bool {
        said(reads).is_settled(&window(), TimeDelta::zero())
    }

    #[test]
    fn settled_when_complete_and_twice_the_same() {
        let complete = metrics("2026-11-24T13:09:00Z", 100.0);
        let late = metrics("2026-11-24T13:08:00Z", 100.0);
        let other = metrics("2026-11-24T13:09:00Z", 90.0);
        assert!(!settled(&[("13:11:00", &complete)]), "one read is not enough");
        assert!(settled(&[("13:11:00", &complete), ("13:12:00", &complete)]));
        assert!(!settled(&[("13:11:00", &late), ("13:12:00", &late)]), "the last period is missing");
        assert!(!settled(&[("13:11:00", &other), ("13:12:00", &complete)]), "the numbers still change");
        // Ten minutes after the window's end, not a second before.
        assert_eq!(window().converged_at(), "2026-11-24T13:20:00Z".parse::<DateTime<Utc>>().unwrap());
        assert!(!settled(&[("13:19:59", &complete)]));
        assert!(settled(&[("13:20:00", &complete)]), "long enough after, one read will do");
        assert!(!settled(&[("13:20:00", &late)]), "but not one that lacks the last period");
        assert!(settled(&[("13:19:00", &late), ("13:20:00", &late)]), "it lacks it for good");
        assert!(!settled(&[("13:19:00", &other), ("13:20:00", &late)]));
        assert!(
            !said(&[("13:20:00", &complete)]).is_settled(&window(), TimeDelta::seconds(1)),
            "by their clock"
        );
    }

    #[test]
    fn reads_less_than_a_period_apart_show_no_standstill() {
        let complete = metrics("2026-11-24T13:09:00Z", 100.0);
        let other = metrics("2026-11-24T13:09:00Z", 90.0);
        assert!(!settled(&[("13:11:00", &complete), ("13:11:59", &complete)]));
        assert!(settled(&[("13:11:00", &complete), ("13:11:30", &complete), ("13:12:00", &complete)]));
        assert!(!settled(&[("13:11:00", &complete), ("13:11:30", &other), ("13:12:00", &other)]));
    }

    #[test]
    fn what_is_owed_is_told_in_a_few_words() {
        let told =
            |names: &[&str]| not_completed(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(told(&[]), None);
        assert_eq!(told(&["A", "B"]).as_deref(), Some("it did not complete A, B"));
        assert_eq!(told(&["A", "B", "C", "D"]).as_deref(), Some("it did not complete A, B and 2 more"));
    }

    #[test]
    fn what_cloudwatch_owes_is_never_final() {
        let owing =
            Reading { owed: vec!["RequestCount".to_owned()], ..metrics("2026-11-24T13:09:00Z", 100.0) };
        assert!(!settled(&[("13:19:00", &owing), ("13:21:00", &owing)]));
    }

    /// A window by periods of so many seconds that ended so many periods ago, and a reading that has all of it.
    fn over(period: u32, periods_ago: u32) -> (Window, Reading) {
        let period = Period::try_from(period).unwrap();
        let until = period.floor(Utc::now()) - period.length() * periods_ago;
        let from = until - period.length() * 10;
        let last = Point { at: until - period.length(), value: 0.1 };
        let metrics = [(metric::CONSUMED_LCUS.to_owned(), vec![last])];
        (
            Window::read(period, from..until, from, until),
            Reading { metrics: metrics.into(), ..Reading::default() },
        )
    }

    fn throttled() -> AwsError {
        AwsError::Throttled { action: "cloudwatch:GetMetricData".to_owned() }
    }

    /// What a wait of so many seconds comes to, by what the reads bring in turn (the last for ever), and how many there were.
    async fn settle_by(
        window: &Window,
        wait_s: i64,
        interrupt: &mut Interrupt,
        told: &mut Vec<Settling>,
        reads: Vec<Result<Reading, AwsError>>,
    ) -> (Result<Option<SeriesStatus>, AwsError>, usize) {
        let asked = std::cell::Cell::new(0);
        let read = async || {
            let nth = asked.replace(asked.get() + 1);
            reads[nth.min(reads.len() - 1)].clone()
        };
        let deadline = Utc::now() + TimeDelta::seconds(wait_s);
        let tell = &mut |settling: &Settling| told.push(settling.clone());
        let wait = SettleWait::until(deadline);
        let settled = settle(window, TimeDelta::zero(), wait, interrupt, tell, read).await;
        (settled.map(|settled| settled.map(|(_, status)| status)), asked.get())
    }

    #[tokio::test]
    async fn what_passes_is_borne_until_the_deadline() {
        let (window, reading) = over(1, 12);
        let (_off, mut interrupt) = Interrupt::new();
        let mut told = Vec::new();
        let mut reads = vec![Err(throttled()); 4];
        reads.push(Ok(reading));
        let settled = settle_by(&window, 60, &mut interrupt, &mut told, reads).await;
        assert_eq!(settled, (Ok(Some(SeriesStatus::Final)), 5));
        assert_eq!(told.len(), 4);
        let trouble = "AWS throttles cloudwatch:GetMetricData";
        assert!(told.iter().all(|settling| settling.trouble.as_deref() == Some(trouble)), "{told:?}");
        let never = settle_by(&window, 2, &mut interrupt, &mut told, vec![Err(throttled())]).await;
        assert_eq!(never, (Err(throttled()), 3));
    }

    #[tokio::test]
    async fn a_last_read_soon_after_another_is_provisional() {
        let (window, reading) = over(5, 1);
        let (_off, mut interrupt) = Interrupt::new();
        let settled = settle_by(&window, 1, &mut interrupt, &mut Vec::new(), vec![Ok(reading)]).await;
        assert_eq!(settled, (Ok(Some(SeriesStatus::Provisional)), 2));
    }

    #[tokio::test]
    async fn a_wait_that_was_cut_short_is_provisional() {
        let (window, reading) = over(1, 12);
        let (off, mut interrupt) = Interrupt::new();
        off.send_replace(true);
        let settled = settle_by(&window, 60, &mut interrupt, &mut Vec::new(), vec![Ok(reading)]).await;
        assert_eq!(settled, (Ok(Some(SeriesStatus::Provisional)), 1));
    }

    #[tokio::test]
    async fn nobody_is_kept_by_an_answer_that_does_not_come() {
        let (window, _) = over(1, 12);
        let (off, mut interrupt) = Interrupt::new();
        let deadline = Utc::now() + TimeDelta::seconds(60);
        let read = async || {
            off.send_replace(true);
            std::future::pending().await
        };
        let wait = SettleWait::until(deadline);
        let settled = settle(&window, TimeDelta::zero(), wait, &mut interrupt, &mut |_| (), read).await;
        assert!(settled.unwrap().is_none());
        assert!(Utc::now() < deadline);
    }

    #[tokio::test]
    async fn a_wait_ends_whatever_the_endpoint_does() {
        let (window, reading) = over(1, 2);
        for (answers, expected) in [
            (vec![], Ok(None)),
            (vec![Ok(reading)], Ok(Some(SeriesStatus::Provisional))),
            (vec![Err(throttled())], Err(throttled())),
        ] {
            let (_off, mut interrupt) = Interrupt::new();
            let limit = Duration::from_millis(1_500);
            let wait = SettleWait {
                deadline: Utc::now() + Duration::from_millis(500),
                gives_up_at: Instant::now() + limit,
            };
            let asked = std::cell::Cell::new(0);
            let read = async || match answers.get(asked.replace(asked.get() + 1)) {
                Some(answer) => answer.clone(),
                None => std::future::pending().await,
            };
            let began = Instant::now();
            let settled = settle(&window, TimeDelta::zero(), wait, &mut interrupt, &mut |_| (), read).await;
            assert_eq!(settled.map(|settled| settled.map(|(_, status)| status)), expected);
            assert!(began.elapsed() < 4 * limit, "{:?}", began.elapsed());
        }
    }

    #[tokio::test]
    async fn a_commands_wait_counts_from_its_start() {
        let began = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
        let left = |wait: SettleWait| (wait.deadline - Utc::now()).num_seconds();
        let wait = SettleWait::of_command(began, Duration::from_secs(60));
        assert_eq!(wait.gives_up_at, began + Duration::from_secs(61));
        assert!((52..=53).contains(&left(wait)), "58 s are left, 5 s of them for the last read: {wait:?}");
        let once = SettleWait::of_command(began, Duration::ZERO);
        assert_eq!((once.gives_up_at, left(once)), (began + Duration::from_secs(30), 0));
    }
}
