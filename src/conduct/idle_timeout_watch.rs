//! The idle timeout, read again at every level's start: who changes it in mid-run changes what is measured.
//!
//! The reading goes on beside the load, which waits for nothing.

use std::time::Duration;

use super::Survey;
use super::beside::Beside;
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
    reading: Beside<Result<Option<Duration>, AwsError>>,
    /// A level began while the last reading was still under way.
    owed: bool,
}

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
            reading: Beside::idle(),
            owed: false,
        }
    }

    /// Begins to read; while the last reading is still under way, as soon as that has come.
    pub(super) fn read_again(&mut self) {
        let Some((aws, arn)) = &self.subject else { return };
        self.owed = self.reading.is_under_way();
        if !self.owed {
            let (aws, arn) = (aws.clone(), arn.clone());
            self.reading.begin(async move { aws.idle_timeout(&arn).await });
        }
    }

    /// What has come, without waiting: what is to be told where the timeout is no longer what it was.
    pub(super) fn changed(&mut self) -> Option<[Event; 2]> {
        let answer = self.reading.take();
        self.compare(answer)
    }

    /// The same, with a little patience for an answer that is still due.
    pub(super) async fn last_change(&mut self) -> Option<[Event; 2]> {
        loop {
            let answer = Some(self.reading.wait(LAST_ANSWER).await?);
            if let Some(change) = self.compare(answer) {
                return Some(change);
            }
        }
    }

    fn compare(&mut self, answer: Option<Result<Option<Duration>, AwsError>>) -> Option<[Event; 2]> {
        if self.owed && !self.reading.is_under_way() {
            self.read_again();
        }
        let told = answer?
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
