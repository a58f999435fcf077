//! Sending what a run publishes, request after request, with patience for what passes.

use std::time::Duration;

use chrono::Utc;
use thiserror::Error;
use tokio::time::Instant;

use super::Interrupt;
use crate::aws::{Aws, AwsError, Group, Taken, Unanswered};
use crate::publish::{Body, LogEvent, Request};
use crate::record::{Answer, Event, JournalError, Receipt, Stamped};

/// The first rest before what AWS refuses for a while is tried again; each further one is twice as long …
const FIRST_REST: Duration = Duration::from_millis(500);
/// … up to this.
const LONGEST_REST: Duration = Duration::from_secs(8);
/// No attempt begins later after the first failure, and none lasts longer than [`Aws::PUT_TIMEOUT`]: a minute is the end of
/// it.
const GIVES_UP: Duration = Duration::from_secs(60).saturating_sub(Aws::PUT_TIMEOUT);

/// Where the run's log events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStream {
    /// The group, made if it is missing.
    pub group: String,
    /// The stream, made if it is missing.
    pub stream: String,
    /// How long a group that is made keeps its events, days.
    pub retention_days: i32,
    /// Whether a group that is there is told so too.
    pub retention_is_asked_for: bool,
}

/// What came of it, whether it was brought to its end or not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sending {
    /// What AWS dropped of what it took, a sentence each.
    pub dropped: Vec<String>,
    /// Answers that were lost: AWS may have taken each of those attempts.
    pub lost_answers: usize,
    /// The most of one request.
    pub most_lost: usize,
    /// Whether a group was made, and its retention could not be set.
    pub owes_retention: bool,
}

impl Sending {
    /// Takes what came of a later one.
    pub fn and(&mut self, later: Sending) {
        self.dropped.extend(later.dropped);
        self.lost_answers += later.lost_answers;
        self.most_lost = self.most_lost.max(later.most_lost);
        self.owes_retention |= later.owes_retention;
    }
}

/// Why it stopped. What AWS took until then has its receipts.
#[derive(Debug, Error)]
pub enum SendFailure {
    /// AWS refused, or went on failing for a minute.
    #[error("{error}; {left} of {all} requests are left")]
    Aws {
        /// What it said last.
        error: AwsError,
        /// Requests that are left, this one included.
        left: usize,
        /// All of them.
        all: usize,
    },
    /// Somebody asked for the end.
    #[error("interrupted; {left} of {all} requests are left")]
    Interrupted {
        /// Requests that are left.
        left: usize,
        /// All of them.
        all: usize,
    },
    /// What AWS took can't be noted, so that nothing more is sent.
    #[error("what CloudWatch took can't be noted: {0}")]
    Record(#[source] JournalError),
}

/// Where receipts are noted before anything more is sent.
pub type ReceiptSink<'a> = &'a mut (dyn FnMut(Stamped) -> Result<(), JournalError> + Send);

/// Sends the requests in order. Before each it is noted that it is sent, and after it what AWS answered; one whose
/// answer was lost is sent again. What AWS throttles or fails at is tried again for a minute.
///
/// With it comes why it stopped, at the first request that can't be sent.
pub async fn send(
    aws: &Aws,
    stream: Option<&LogStream>,
    requests: &[Request],
    interrupt: &mut Interrupt,
    receipts: ReceiptSink<'_>,
) -> (Sending, Result<(), SendFailure>) {
    let mut sender = Sender { aws, interrupt, receipts, done: Sending::default() };
    let all = requests.len();
    for (place, request) in requests.iter().enumerate() {
        let prepared = match stream.filter(|_| is_first_of_logs(requests, place)) {
            Some(stream) => sender.prepare(stream).await,
            None => Ok(()),
        };
        let sent = match prepared {
            Ok(()) => sender.request(request).await,
            Err(stop) => Err(stop),
        };
        if let Err(stop) = sent {
            return (sender.done, Err(stop.with(all - place, all)));
        }
    }
    (sender.done, Ok(()))
}

fn is_first_of_logs(requests: &[Request], place: usize) -> bool {
    let of_logs = |request: &Request| matches!(request.body, Body::Logs { .. });
    of_logs(&requests[place]) && !requests[..place].iter().any(of_logs)
}

struct Sender<'a> {
    aws: &'a Aws,
    interrupt: &'a mut Interrupt,
    receipts: ReceiptSink<'a>,
    done: Sending,
}

enum Stop {
    Aws(AwsError),
    Interrupted,
    Record(JournalError),
}

impl Stop {
    fn with(self, left: usize, all: usize) -> SendFailure {
        match self {
            Stop::Aws(error) => SendFailure::Aws { error, left, all },
            Stop::Interrupted => SendFailure::Interrupted { left, all },
            Stop::Record(error) => SendFailure::Record(error),
        }
    }
}

impl Sender<'_> {
    /// Sees to it that the log stream is there, with one patience for all of it.
    async fn prepare(&mut self, stream: &LogStream) -> Result<(), Stop> {
        let mut back_off = BackOff::new();
        loop {
            match self.make(stream).await {
                Ok(()) => return Ok(()),
                Err(error) => back_off.rest_or_stop(error.is_transient(), error, self.interrupt).await?,
            }
        }
    }

    async fn make(&mut self, stream: &LogStream) -> Result<(), AwsError> {
        let (aws, group) = (self.aws, stream.group.as_str());
        let found = aws.create_log_stream(group, &stream.stream).await?;
        if found == Group::Missing {
            aws.create_log_group(group).await?;
            self.done.owes_retention = true;
        }
        if self.done.owes_retention || stream.retention_is_asked_for {
            aws.set_retention(group, stream.retention_days).await?;
            self.done.owes_retention = false;
        }
        if found == Group::Missing && aws.create_log_stream(group, &stream.stream).await? == Group::Missing {
            return Err(aws.group_is_late(group));
        }
        Ok(())
    }

    async fn request(&mut self, request: &Request) -> Result<(), Stop> {
        let mut back_off = BackOff::new();
        let mut lost = 0;
        loop {
            if self.interrupt.is_set() {
                return Err(Stop::Interrupted);
            }
            self.keep(request.answered(Answer::Awaited))?;
            match self.aws.put(&request.body).await {
                Ok(taken) => return self.note(request, taken),
                Err(Unanswered { error, perhaps_taken, passes }) => {
                    if perhaps_taken {
                        lost += 1;
                        self.done.lost_answers += 1;
                        self.done.most_lost = self.done.most_lost.max(lost);
                    } else {
                        self.keep(request.answered(Answer::Refused))?;
                    }
                    back_off.rest_or_stop(passes, error, self.interrupt).await?;
                }
            }
        }
    }

    fn note(&mut self, request: &Request, taken: Taken) -> Result<(), Stop> {
        let mut receipt = request.answered(Answer::Accepted);
        if let (Taken::Part { events, dropped }, Body::Logs { events: sent, .. }) = (taken, &request.body) {
            (receipt.metrics, receipt.logs) = LogEvent::receipts_of(&sent[events]);
            self.done.dropped.push(dropped);
        }
        self.keep(receipt)
    }

    fn keep(&mut self, receipt: Receipt) -> Result<(), Stop> {
        let receipt = Event::Receipt(Box::new(receipt));
        (self.receipts)(Stamped::new(Utc::now(), receipt)).map_err(Stop::Record)
    }
}

/// Rests that grow, with some chance in them, up to the end of the patience.
struct BackOff {
    next: Duration,
    since: Option<Instant>,
}

impl BackOff {
    fn new() -> BackOff {
        BackOff { next: FIRST_REST, since: None }
    }

    /// How long to rest before the next attempt, so long after the first failure; `None` when that is enough. `chance`
    /// is from 0 to 1: between half of the rest and all of it, many who failed together do not come back together.
    fn next_rest(&mut self, since_first: Duration, chance: f64) -> Option<Duration> {
        let rest = self.next.mul_f64(0.5 + chance / 2.0);
        self.next = (self.next * 2).min(LONGEST_REST);
        (since_first.saturating_add(rest) <= GIVES_UP).then_some(rest)
    }

    /// Rests where what failed `passes` by itself and there is patience left.
    async fn rest_or_stop(
        &mut self,
        passes: bool,
        error: AwsError,
        interrupt: &mut Interrupt,
    ) -> Result<(), Stop> {
        if interrupt.is_set() {
            return Err(Stop::Interrupted);
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        if !passes {
            return Err(Stop::Aws(error));
        }
        let Some(rest) = self.next_rest(since.elapsed(), fastrand::f64()) else {
            return Err(Stop::Aws(error));
        };
        tracing::info!("{error}; trying again in {:.1} s", rest.as_secs_f64());
        tokio::select! {
            () = tokio::time::sleep(rest) => Ok(()),
            () = interrupt.set() => Err(Stop::Interrupted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_the_end_of_patience() {
        for attempt in [Duration::ZERO, Duration::from_secs(1), Aws::PUT_TIMEOUT] {
            for chance in [0.0, 0.5, 1.0] {
                let mut back_off = BackOff::new();
                // From the end of the first attempt, which is when it is known to have failed.
                let (mut elapsed, mut attempts) = (Duration::ZERO, 1);
                while let Some(rest) = back_off.next_rest(elapsed, chance) {
                    elapsed += rest + attempt;
                    attempts += 1;
                }
                assert!(elapsed <= Duration::from_secs(60), "{elapsed:?} with {attempt:?} and {chance}");
                assert!(attempts >= 3, "{attempts} with {attempt:?}: it is tried again");
            }
        }
    }

    #[test]
    fn rests_grow_up_to_a_bound() {
        let mut back_off = BackOff::new();
        let rests: Vec<u128> = std::iter::from_fn(|| back_off.next_rest(Duration::ZERO, 1.0))
            .take(7)
            .map(|rest| rest.as_millis())
            .collect();
        assert_eq!(rests, [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    }
}
