//! The brake while the load is there: the clients' counts are judged every second, and CloudWatch is read beside the
//! load, a period apart, for the metrics of the rules only. What breaks a rule is `judge`'s to say.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::beside::Beside;
use super::{Interrupt, Survey};
use crate::aws::{Aws, Partial};
use crate::facts::{Finding, Period, Reading, Subject, Unavailable, metric};
use crate::judge::{broken_by_clients, broken_by_load_balancer};
use crate::plan::{AbortRule, Plan, offset_by};
use crate::preflight::blind_brake;
use crate::record::{Braked, Event, Run};

/// For an answer of CloudWatch's.
const PATIENCE: Duration = Duration::from_secs(15);

/// Watches the rules in force, and stops the load where one is broken.
pub(super) struct BrakeWatch {
    rules: Vec<AbortRule>,
    pulled: watch::Sender<bool>,
    /// Whoever stops by himself needs no brake.
    signal: Interrupt,
    period: Period,
    /// `None` where no rule is on the ALB's metrics, or they can't be read.
    cloudwatch: Option<Readings>,
    /// What has to be told once.
    owed: Option<Finding>,
}

/// Readings of the rules' metrics, one after the other.
struct Readings {
    aws: Aws,
    subject: Subject,
    metrics: Vec<&'static str>,
    period: Period,
    /// How far this machine's clock is ahead of AWS's, by which periods go.
    ahead: TimeDelta,
    /// The start of the period in which the load began.
    from: DateTime<Utc>,
    next: Instant,
    reading: Beside<Answer>,
    /// That it can't be read is told once.
    told: bool,
}

type Answer = Result<Reading, Unavailable>;

impl BrakeWatch {
    /// Of the rules that the survey left in force, from now on; and what is set off where one is broken.
    pub(super) fn of(survey: &Survey, plan: &Plan, signal: Interrupt) -> (BrakeWatch, Interrupt) {
        let (pulled, brake) = Interrupt::new();
        let rules = survey.rules.clone();
        let period = plan.cloudwatch.map_or(Period::MINUTE, |cloudwatch| cloudwatch.period);
        let (cloudwatch, owed) = Readings::of(survey, &rules, period);
        if let Some(blind) = &owed {
            tracing::warn!("{}", blind.detail);
        }
        (BrakeWatch { rules, pulled, signal, period, cloudwatch, owed }, brake)
    }

    /// Judges what has come, without waiting; what is to be told of it.
    pub(super) fn look(&mut self, run: &Run, level: Option<u32>) -> Vec<Event> {
        if self.signal.is_set() || *self.pulled.borrow() {
            return Vec::new();
        }
        let by_clients = level.and_then(|ordinal| {
            let level = run.levels.get(usize::try_from(ordinal).ok()?)?;
            broken_by_clients(&self.rules, ordinal, level)
        });
        let broken = by_clients.or_else(|| self.look_at_load_balancer(level));
        if broken.is_some() {
            self.pulled.send_replace(true);
        }
        let finding = self.owed.take().map(Event::Finding);
        finding.into_iter().chain(broken.map(Event::Brake)).collect()
    }

    fn look_at_load_balancer(&mut self, level: Option<u32>) -> Option<Braked> {
        let reading = match self.cloudwatch.as_mut()?.take()? {
            Ok(reading) => reading,
            Err(why) => {
                tracing::warn!("the brake can't read CloudWatch: {}", why.cause);
                self.owed = Some(blind_brake(&why.cause, &why.remedy));
                return None;
            }
        };
        broken_by_load_balancer(&self.rules, level, self.period, &reading)
    }
}

impl Readings {
    /// `None` where no rule needs them, or they can't be had; a finding where not all can.
    fn of(survey: &Survey, rules: &[AbortRule], period: Period) -> (Option<Readings>, Option<Finding>) {
        let mut metrics: Vec<&'static str> =
            rules.iter().filter_map(|rule| rule.alb_metric()).map(|metric| metric.name()).collect();
        metrics.sort_unstable();
        metrics.dedup();
        if metrics.is_empty() {
            return (None, None);
        }
        let facts = survey.facts.load_balancer.as_ref();
        let (Some(aws), Some(facts)) = (survey.aws.clone(), facts) else {
            let blind = blind_brake("the load balancer is not known", "name it with --load-balancer");
            return (None, Some(blind));
        };
        let subject = facts.subject();
        let of_groups = metrics.iter().any(|name| !metric::ALL.contains(name));
        let blind = (of_groups && subject.target_groups.is_empty()).then(|| {
            let remedy = "allow elasticloadbalancing:DescribeTargetGroups, or brake by another metric";
            blind_brake("no target group is known whose hosts it could count", remedy)
        });
        let ahead = survey.facts.clock_ahead().unwrap_or_default();
        let readings = Readings {
            aws,
            subject,
            metrics,
            period,
            ahead,
            from: period.floor(offset_by(Utc::now(), -ahead)),
            next: Instant::now() + period.length(),
            reading: Beside::idle(),
            told: false,
        };
        (Some(readings), blind)
    }

    /// What has come, if anything; of failures the first alone. The next reading begins when its time has come and none
    /// is under way, and asks for the periods that are over.
    fn take(&mut self) -> Option<Answer> {
        let come = self.reading.take();
        let until = self.period.floor(offset_by(Utc::now(), -self.ahead));
        if !self.reading.is_under_way() && Instant::now() >= self.next && until > self.from {
            self.next = Instant::now() + self.period.length();
            self.reading.begin(read(
                self.aws.clone(),
                self.metrics.clone(),
                self.subject.clone(),
                self.period,
                (self.from, until),
            ));
        }
        let answer = come?;
        match &answer {
            Ok(_) => {}
            Err(why) if self.told => {
                tracing::info!("the brake still can't read CloudWatch: {}", why.cause);
                return None;
            }
            Err(_) => self.told = true,
        }
        Some(answer)
    }
}

async fn read(
    aws: Aws,
    metrics: Vec<&'static str>,
    subject: Subject,
    period: Period,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Answer {
    match timeout(PATIENCE, aws.read_some(&metrics, &subject, period, from, until, Partial::Taken)).await {
        Ok(read) => read.map_err(Unavailable::from),
        Err(_) => Err(Unavailable {
            cause: format!("it did not answer within {} s", PATIENCE.as_secs()),
            remedy: "check the network".to_owned(),
        }),
    }
}
