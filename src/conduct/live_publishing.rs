//! Publishing while the load runs. Nothing of it may slow the load: events are handed over without waiting, and where
//! they pile up, or AWS does not take what is sent, the rest is left to who publishes the whole run at its end.

use std::time::Duration;

use chrono::Utc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::Interrupt;
use super::publishing::{LogStream, SendFailure, Sending, send};
use crate::aws::Aws;
use crate::judge::judge;
use crate::publish::{Destination, Extent, Wanted, publication};
use crate::record::{Entry, Event, Receipt, Run, Stamped};

/// How often what is new is sent.
const EVERY: Duration = Duration::from_secs(10);

/// Events that may wait: a second of a run that loses all of its connections at once.
const WAITING: usize = 50_000;

/// Where live data go.
pub struct LivePlace {
    /// The account.
    pub aws: Aws,
    /// Where in it, as receipts say it.
    pub destination: Destination,
    /// What is wanted.
    pub wanted: Wanted,
    /// The log stream; `None` where no log events are wanted.
    pub stream: Option<LogStream>,
}

/// What publishing while the load ran came to.
#[derive(Debug, Default)]
pub struct LiveSending {
    /// What AWS did with the requests.
    pub sending: Sending,
    /// The receipts, all of which are in the record.
    pub receipts: Vec<Receipt>,
    /// Why not everything was sent that could have been, if so.
    pub stopped: Option<String>,
}

/// The other end of a task that publishes.
pub struct LivePublisher {
    events: Option<Sender<Stamped>>,
    task: JoinHandle<LiveSending>,
    end: watch::Sender<bool>,
    overrun: bool,
}

impl LivePublisher {
    /// Starts to publish; what AWS takes is noted in the record at once.
    pub fn start(place: LivePlace, record: Entry) -> LivePublisher {
        let (events, incoming) = channel(WAITING);
        let (end, interrupt) = Interrupt::new();
        let task = tokio::spawn(publish(place, incoming, record, interrupt));
        LivePublisher { events: Some(events), task, end, overrun: false }
    }

    /// Hands an event over, without waiting.
    pub fn event(&mut self, event: &Stamped) {
        let Some(events) = &self.events else { return };
        match events.try_send(event.clone()) {
            Ok(()) => {}
            // Without that event what it sends would be wrong.
            Err(TrySendError::Full(_)) => {
                self.overrun = true;
                self.events = None;
            }
            Err(TrySendError::Closed(_)) => self.events = None,
        }
    }

    /// Ends it, after the answer that is due at most.
    pub async fn finish(mut self) -> LiveSending {
        self.events = None;
        self.end.send_replace(true);
        let mut done = self.task.await.unwrap_or_else(|error| LiveSending {
            stopped: Some(error.to_string()),
            ..LiveSending::default()
        });
        if self.overrun && done.stopped.is_none() {
            done.stopped = Some("events came faster than they could be sent".to_owned());
        }
        done
    }
}

/// Folds the run a second time, for itself, and sends what is over every ten seconds. Ends with the events, or when AWS
/// refuses for good; tells what it met last, if that was not success.
async fn publish(
    mut place: LivePlace,
    mut events: Receiver<Stamped>,
    record: Entry,
    mut end: Interrupt,
) -> LiveSending {
    let mut run: Option<Run> = None;
    let mut done = LiveSending::default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = events.recv() => match (event, &mut run) {
                (None, _) => break,
                (Some(Stamped { at, event: Event::Header(header) }), none) => *none = Some(Run::new(at, *header)),
                (Some(event), Some(run)) => run.apply(&event),
                (Some(_), None) => {}
            },
            _ = ticks.tick() => {
                let Some(run) = &mut run else { continue };
                let (sending, sent) = send_what_is_new(&mut place, run, &record, &mut end).await;
                done.sending.and(sending);
                done.stopped = match sent {
                    Ok(()) => None,
                    Err(SendFailure::Interrupted { .. }) => break,
                    Err(SendFailure::Aws { error, .. }) if error.is_transient() => Some(error.to_string()),
                    Err(failure) => {
                        done.stopped = Some(failure.to_string());
                        break;
                    }
                };
            }
        }
    }
    // Paid before the first events went out.
    done.sending.owes_retention &= place.stream.is_some();
    done.receipts = run.map(|run| run.receipts).unwrap_or_default();
    done
}

async fn send_what_is_new(
    place: &mut LivePlace,
    run: &mut Run,
    record: &Entry,
    end: &mut Interrupt,
) -> (Sending, Result<(), SendFailure>) {
    let due = publication(&judge(run), &place.wanted, &place.destination, Extent::SoFar, false, Utc::now());
    // What can't be published now is told when the whole run is.
    let Ok(due) = due else { return (Sending::default(), Ok(())) };
    let mut note = |receipt: Stamped| {
        run.apply(&receipt);
        // The disk may take its time; connections that are being opened must not wait for it.
        tokio::task::block_in_place(|| record.append_now(&receipt))
    };
    let (sending, sent) = send(&place.aws, place.stream.as_ref(), &due.requests, end, &mut note).await;
    if let Some(stream) = &mut place.stream {
        // The group is there from then on, and only its retention is still to be set.
        stream.retention_is_asked_for |= sending.owes_retention;
    }
    // Once is enough.
    if sent.is_ok() && due.events > 0 {
        place.stream = None;
    }
    (sending, sent)
}
