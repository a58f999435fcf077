//! Publishing while the load runs. Nothing of it may slow the load: events are handed over without waiting, and where
//! they pile up, or AWS does not take what is sent, the rest is left to who publishes the whole run at its end.

use std::time::Duration;

use chrono::Utc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::Interrupt;
use super::publishing::{LogStream, SendFailure, send};
use crate::aws::Aws;
use crate::judge::judge;
use crate::publish::{Destination, Extent, Wanted, publication};
use crate::record::{Event, Run, Stamped};

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

/// The other end of a task that publishes.
pub struct LivePublisher {
    events: Option<Sender<Stamped>>,
    receipts: UnboundedReceiver<Stamped>,
    task: JoinHandle<Option<String>>,
    end: watch::Sender<bool>,
    overrun: bool,
}

impl LivePublisher {
    /// Starts to publish.
    pub fn start(place: LivePlace) -> LivePublisher {
        let (events, incoming) = channel(WAITING);
        let (outgoing, receipts) = unbounded_channel();
        let (end, interrupt) = Interrupt::new();
        let task = tokio::spawn(publish(place, incoming, outgoing, interrupt));
        LivePublisher { events: Some(events), receipts, task, end, overrun: false }
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

    /// The receipts that have come since the last call.
    pub fn new_receipts(&mut self) -> Vec<Stamped> {
        std::iter::from_fn(|| self.receipts.try_recv().ok()).collect()
    }

    /// Ends it, after the answer that is due at most. Gives the receipts that had not been taken, and why it did not send all that it could, if so.
    pub async fn finish(mut self) -> (Vec<Stamped>, Option<String>) {
        self.events = None;
        self.end.send_replace(true);
        let stopped = (&mut self.task).await.unwrap_or_else(|error| Some(error.to_string()));
        let overrun = self.overrun.then(|| "events came faster than they could be sent".to_owned());
        (self.new_receipts(), stopped.or(overrun))
    }
}

/// Folds the run a second time, for itself, and sends what is over every ten seconds. Ends with the events, or when AWS
/// refuses for good; gives what it met last, if that was not success.
async fn publish(
    place: LivePlace,
    mut events: Receiver<Stamped>,
    receipts: UnboundedSender<Stamped>,
    mut end: Interrupt,
) -> Option<String> {
    let mut run: Option<Run> = None;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut met = None;
    loop {
        tokio::select! {
            event = events.recv() => match (event, &mut run) {
                (None, _) => return met,
                (Some(Stamped { at, event: Event::Header(header) }), none) => *none = Some(Run::new(at, *header)),
                (Some(event), Some(run)) => run.apply(&event),
                (Some(_), None) => {}
            },
            _ = ticks.tick() => {
                let Some(run) = &mut run else { continue };
                match send_what_is_new(&place, run, &receipts, &mut end).await {
                    Ok(()) => met = None,
                    Err(SendFailure::Interrupted { .. }) => return met,
                    Err(SendFailure::Aws { error, .. }) if error.is_transient() => met = Some(error.to_string()),
                    Err(failure) => return Some(failure.to_string()),
                }
            }
        }
    }
}

async fn send_what_is_new(
    place: &LivePlace,
    run: &mut Run,
    receipts: &UnboundedSender<Stamped>,
    end: &mut Interrupt,
) -> Result<(), SendFailure> {
    let due = publication(&judge(run), &place.wanted, &place.destination, Extent::SoFar, false, Utc::now());
    // What can't be published now is told when the whole run is.
    let Ok(due) = due else { return Ok(()) };
    let mut note = |receipt: Stamped| {
        run.apply(&receipt);
        let _ = receipts.send(receipt);
        Ok(())
    };
    send(&place.aws, place.stream.as_ref(), &due.requests, end, &mut note).await.map(drop)
}
