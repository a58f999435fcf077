//! One level: so many connections, opened through a window of handshakes, held, and closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::Utc;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::time::Instant;

use super::connection::{Held, Stage};
use super::counters::Counters;
use super::dial::Dialer;
use super::failed::Failed;
use crate::plan::Heartbeat;
use crate::record::{Event, Failure, LevelEnded, Sample, Stamped};

/// What a level is to be.
#[derive(Debug, Clone, Copy)]
pub struct LevelOrder {
    /// Its ordinal in the run.
    pub level: u32,
    /// Connections to open.
    pub connections: u32,
    /// Handshakes in flight at most.
    pub window: u32,
    /// What every connection does while it is held.
    pub heartbeat: Heartbeat,
}

/// A level under way. Dropping it closes everything at once.
pub struct LevelLoad {
    shared: Arc<Shared>,
    stage: watch::Sender<Stage>,
    failures: mpsc::UnboundedReceiver<Stamped>,
    /// Ends when the last connection's task has ended.
    alive: mpsc::Receiver<()>,
}

struct Shared {
    order: LevelOrder,
    dialer: Arc<Dialer>,
    counters: Arc<Counters>,
    /// Attempts that have become a connection or a failure.
    settled: AtomicU32,
    /// Rung when `settled`, `failed` or `held` changed for the last time of a stage.
    progress: Notify,
    failures: mpsc::UnboundedSender<Stamped>,
}

impl LevelLoad {
    /// Begins to open the level, on the runtime that calls.
    pub fn start(dialer: Arc<Dialer>, order: LevelOrder) -> LevelLoad {
        let (failures_in, failures) = mpsc::unbounded_channel();
        let (guard, alive) = mpsc::channel(1);
        let (stage, stage_seen) = watch::channel(Stage::Hold);
        let shared = Arc::new(Shared {
            order,
            dialer,
            counters: Arc::default(),
            settled: AtomicU32::new(0),
            progress: Notify::new(),
            failures: failures_in,
        });
        tokio::spawn(open_all(Arc::clone(&shared), stage_seen, guard));
        LevelLoad { shared, stage, failures, alive }
    }

    /// Waits until every attempt has become a connection or a failure.
    pub async fn all_settled(&self) {
        self.until(|shared| shared.settled.load(Ordering::Acquire) >= shared.order.connections).await;
    }

    /// Ends the hold: no more heartbeats; waits until every answer due has come or is overdue.
    pub async fn end_hold(&self) {
        self.stage.send_replace(Stage::Quiet);
        self.until(|shared| {
            let counters = &shared.counters;
            counters.failed.load(Ordering::Acquire) + counters.held.load(Ordering::Acquire)
                >= shared.order.connections
        })
        .await;
    }

    /// The counts of this moment.
    pub fn counts(&self) -> Sample {
        self.shared.counters.sample(self.shared.order.level)
    }

    /// The failures since the last call.
    pub fn take_failures(&mut self) -> Vec<Stamped> {
        std::iter::from_fn(|| self.failures.try_recv().ok()).collect()
    }

    /// Closes what is open, opens nothing more, and waits until all is closed.
    pub async fn close(&mut self) {
        self.stage.send_replace(Stage::Close);
        while self.alive.recv().await.is_some() {}
    }

    /// What is to be kept of the level, after [`LevelLoad::close`].
    pub fn ended(&self, complete: bool) -> LevelEnded {
        let counters = &self.shared.counters;
        LevelEnded {
            level: self.shared.order.level,
            complete,
            counts: self.counts(),
            held: counters.held.load(Ordering::Acquire),
            connect_us: counters.connect_latencies(),
            heartbeat_rtt_us: counters.heartbeat_latencies(),
            peers: counters.peers(),
        }
    }

    async fn until(&self, done: impl Fn(&Shared) -> bool) {
        while !done(&self.shared) {
            self.shared.progress.notified().await;
        }
    }
}

/// Begins one attempt after the other, as the window allows.
async fn open_all(shared: Arc<Shared>, mut stage: watch::Receiver<Stage>, guard: mpsc::Sender<()>) {
    let window = Arc::new(Semaphore::new(shared.order.window as usize));
    for _ in 0..shared.order.connections {
        let place = tokio::select! {
            place = Arc::clone(&window).acquire_owned() => place,
            _ = stage.wait_for(|stage| *stage == Stage::Close) => return,
        };
        let Ok(place) = place else { return };
        let (shared, mut stage, guard) = (Arc::clone(&shared), stage.clone(), guard.clone());
        tokio::spawn(async move {
            let began = Instant::now();
            // Boxed: the handshake's state is paid for only while it lasts.
            let dialing = Box::pin(shared.dialer.dial(&shared.counters));
            let dialed = tokio::select! {
                dialed = dialing => dialed,
                // Interrupted in mid-handshake: neither a success nor a failure.
                _ = stage.wait_for(|stage| *stage == Stage::Close) => return,
            };
            match dialed {
                Ok((socket, peer)) => {
                    shared.counters.opened(peer.ip(), began.elapsed());
                    shared.settle();
                    drop(place);
                    let held = Held::new(socket, peer, shared.order.heartbeat, &shared.counters, stage);
                    live(&shared, held, began).await;
                }
                Err(failed) => {
                    shared.fail(failed, began, None);
                    shared.settle();
                }
            }
            drop(guard);
        });
    }
}

/// From the upgrade to the last byte.
async fn live(shared: &Shared, mut held: Held<'_>, began: Instant) {
    match held.hold().await {
        Ok(()) => {
            shared.counters.held.fetch_add(1, Ordering::AcqRel);
            shared.progress.notify_one();
            held.rest().await;
            held.close().await;
            shared.counters.open.fetch_sub(1, Ordering::AcqRel);
        }
        Err(failed) => {
            shared.counters.open.fetch_sub(1, Ordering::AcqRel);
            let silence = held.silence();
            shared.fail(failed, began, Some(silence));
            // An overdue pong fails the connection and closes it; a close frame is answered.
            held.close().await;
        }
    }
}

impl Shared {
    fn settle(&self) {
        self.settled.fetch_add(1, Ordering::AcqRel);
        self.progress.notify_one();
    }

    fn fail(&self, failed: Failed, began: Instant, silence: Option<std::time::Duration>) {
        let failure = Failure {
            level: self.order.level,
            phase: failed.phase,
            kind: failed.kind,
            by: failed.by,
            age: began.elapsed(),
            silence,
            peer: failed.peer,
            example: self.dialer.secrets().redact(&failed.example),
        };
        // The event goes out before the count, so that whoever sees the count finds the event.
        let _ = self.failures.send(Stamped::new(Utc::now(), Event::Failure(failure)));
        self.counters.failed(failed.peer.map(|peer| peer.ip()));
        self.progress.notify_one();
    }
}
