//! The idle timeout, read again at every level's start: who changes it in mid-run changes what is measured.
//!
//! The reading goes on beside the load, which waits for nothing.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Survey;
use crate::aws::{Aws, AwsError};
use crate::facts::{LoadBalancerArn, LoadBalancerFacts};
use crate::plan::Plan;
use crate::preflight::idle_timeout_changed;
use crate::record::Event;

/// For an answer that is still due when the load is over.
const LAST_ANSWER: Duration = Duration::from_secs(3);

/// Reads the idle timeout again.
pub(super) struct IdleTimeoutWatch {
    subject: Option<(Aws, LoadBalancerArn)>,
    known: Duration,
    heartbeat: Option<Duration>,
    reading: Option<JoinHandle<Answer>>,
    /// A level began while the last reading was still under way.
    owed: bool,
}

type Answer = Result<Option<Duration>, AwsError>;

impl IdleTimeoutWatch {
    /// Of the load balancer that the survey found; without AWS nothing is read.
    pub(super) fn of(survey: &Survey, plan: &Plan) -> IdleTimeoutWatch {
        // Where it could not be read before, there is nothing to compare with.
        let facts = survey.facts.load_balancer.as_ref();
        let facts = facts.filter(|facts| facts.attributes_unavailable.is_none());
        IdleTimeoutWatch {
            subject: survey.aws.clone().zip(facts.map(|facts| facts.arn.clone())),
            known: facts.map_or(Duration::ZERO, LoadBalancerFacts::effective_idle_timeout),
            heartbeat: plan.heartbeat.every(),
            reading: None,
            owed: false,
        }
    }

    /// Begins to read; while the last reading is still under way, as soon as that has come.
    pub(super) fn read_again(&mut self) {
        let Some((aws, arn)) = &self.subject else { return };
        self.owed = self.reading.is_some();
        if !self.owed {
            let (aws, arn) = (aws.clone(), arn.clone());
            self.reading = Some(tokio::spawn(async move { aws.idle_timeout(&arn).await }));
        }
    }

    /// What has come, without waiting: what is to be told where the timeout is no longer what it was.
    pub(super) fn changed(&mut self) -> Option<[Event; 2]> {
        let answer = self.reading.as_mut()?.now_or_never()?;
        self.take(answer.ok()?)
    }

    /// The same, with a little patience for an answer that is still due.
    pub(super) async fn last_change(&mut self) -> Option<[Event; 2]> {
        while let Some(reading) = &mut self.reading {
            let answer = timeout(LAST_ANSWER, reading).await.ok()?;
            if let Some(change) = self.take(answer.ok()?) {
                return Some(change);
            }
        }
        None
    }

    fn take(&mut self, answer: Answer) -> Option<[Event; 2]> {
        self.reading = None;
        if self.owed {
            self.read_again();
        }
        let told = answer
            .inspect_err(|error| tracing::info!("the idle timeout could not be read again: {error}"))
            .ok()?;
        let now = told.unwrap_or(LoadBalancerFacts::DEFAULT_IDLE_TIMEOUT);
        let before = std::mem::replace(&mut self.known, now);
        (before != now).then(|| {
            let finding = idle_timeout_changed(before, now, self.heartbeat);
            tracing::warn!("{} ({})", finding.detail, finding.found);
            [Event::IdleTimeout { timeout_s: now.as_secs_f64() }, Event::Finding(finding)]
        })
    }
}

impl Drop for IdleTimeoutWatch {
    fn drop(&mut self) {
        if let Some(reading) = &self.reading {
            reading.abort();
        }
    }
}
