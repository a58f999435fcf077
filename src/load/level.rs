//! One level: so many connections, opened through a window of handshakes, held, and closed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use tokio::sync::{Notify, Semaphore, mpsc, watch};

use super::counters::Counters;
use super::dial::{Dialed, Dialer};
use super::failed::Failed;
use super::hold::frame::FrameReader;
use super::hold::{Adopted, Holder, HolderSettings, Owner, Plain, Tls, Wire};
use super::tokens::LevelTokens;
use crate::plan::{Heartbeat, Rate};
use crate::record::{Event, Failure, FailureKind, Initiator, LevelEnded, Phase, Sample, Stamped};

/// What a level is to be.
#[derive(Debug, Clone, Copy)]
pub struct LevelOrder {
    /// Its ordinal in the run.
    pub level: u32,
    /// Connections to open.
    pub connections: u32,
    /// Handshakes in flight at most.
    pub window: u32,
    /// Handshakes started a second, by absolute schedule; `None`: as fast as the window turns.
    pub rate: Option<Rate>,
    /// What every connection does while it is held.
    pub heartbeat: Heartbeat,
}

/// A level under way. Dropping it closes everything at once.
pub struct LevelLoad {
    shared: Arc<Shared>,
    holders: Arc<Holders>,
    /// Set when nothing more is to be opened.
    stop: watch::Sender<bool>,
    failures: mpsc::UnboundedReceiver<Stamped>,
    /// Ends when the last handshake's task has ended.
    handshakes: mpsc::Receiver<()>,
}

struct Shared {
    order: LevelOrder,
    tokens: LevelTokens,
    dialer: Arc<Dialer>,
    counters: Counters,
    /// Attempts that have become a connection or a failure.
    settled: AtomicU32,
    /// Rung when a number changed that somebody may wait for.
    progress: Notify,
    failures: mpsc::UnboundedSender<Stamped>,
}

/// The holding threads; all connections of a run speak TLS, or none does.
enum Holders {
    Plain(Vec<Holder<Plain>>),
    Tls(Vec<Holder<Tls>>),
}

impl LevelLoad {
    /// Begins to open the level, on the runtime that calls. A connection whose token is missing fails without being
    /// attempted.
    pub fn start(dialer: Arc<Dialer>, order: LevelOrder, tokens: LevelTokens) -> LevelLoad {
        let (failures_in, failures) = mpsc::unbounded_channel();
        let (guard, handshakes) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            order,
            tokens,
            dialer,
            counters: Counters::default(),
            settled: AtomicU32::new(0),
            progress: Notify::new(),
            failures: failures_in,
        });
        let holders = Arc::new(Holders::start(&shared));
        tokio::spawn(open_all(Arc::clone(&shared), Arc::clone(&holders), stopped, guard));
        LevelLoad { shared, holders, stop, failures, handshakes }
    }

    /// Waits until every attempt has become a connection or a failure.
    pub async fn all_settled(&self) {
        self.until(|shared| shared.settled.load(Ordering::Acquire) >= shared.order.connections).await;
    }

    /// Ends the hold: no more heartbeats; waits until every answer due has come or is overdue.
    pub async fn end_hold(&self) {
        self.holders.each(Holder::end_hold, Holder::end_hold);
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

    /// Closes what is open, so many a second or all at once, opens nothing more, and waits until all is closed.
    pub async fn close(&mut self, rate: Option<Rate>) {
        self.stop.send_replace(true);
        // What is still on its way to a holder arrives there before it is told to close.
        while self.handshakes.recv().await.is_some() {}
        self.holders.close(rate);
        let holders = Arc::clone(&self.holders);
        self.until(|_| holders.are_empty()).await;
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
            heartbeat_late_us: counters.heartbeat_lateness(),
            peers: counters.peers(),
        }
    }

    async fn until(&self, done: impl Fn(&Shared) -> bool) {
        while !done(&self.shared) {
            self.shared.progress.notified().await;
        }
    }
}

impl Drop for LevelLoad {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl Holders {
    /// Few threads do more in each of their turns than many: one for every so many connections, and no more than cores.
    fn start(shared: &Arc<Shared>) -> Holders {
        const CONNECTIONS_A_THREAD: usize = 20_000;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = (shared.order.connections as usize).div_ceil(CONNECTIONS_A_THREAD).clamp(1, cores);
        if shared.dialer.is_tls() {
            Holders::Tls(start_threads(threads, shared))
        } else {
            Holders::Plain(start_threads(threads, shared))
        }
    }

    /// Gives an open connection to a thread, in turn.
    fn adopt(&self, dialed: Dialed, began: Instant, ordinal: u32) -> io::Result<()> {
        match self {
            Holders::Plain(threads) => {
                let (wire, rest) = (dialed.stream.into_plain()?, (dialed.reader, dialed.tail));
                adopt_by(threads, wire, dialed.peer, rest, began, ordinal)
            }
            Holders::Tls(threads) => {
                let (wire, rest) = (dialed.stream.into_tls()?, (dialed.reader, dialed.tail));
                adopt_by(threads, wire, dialed.peer, rest, began, ordinal)
            }
        }
    }

    fn each(&self, plain: impl Fn(&Holder<Plain>), tls: impl Fn(&Holder<Tls>)) {
        match self {
            Holders::Plain(threads) => threads.iter().for_each(plain),
            Holders::Tls(threads) => threads.iter().for_each(tls),
        }
    }

    /// Every thread closes its share of the rate.
    fn close(&self, rate: Option<Rate>) {
        let share = |threads: usize| rate.map(|rate| rate.per_second() / threads as f64);
        match self {
            Holders::Plain(threads) => threads.iter().for_each(|thread| thread.close(share(threads.len()))),
            Holders::Tls(threads) => threads.iter().for_each(|thread| thread.close(share(threads.len()))),
        }
    }

    fn are_empty(&self) -> bool {
        match self {
            Holders::Plain(threads) => threads.iter().all(Holder::is_empty),
            Holders::Tls(threads) => threads.iter().all(Holder::is_empty),
        }
    }
}

/// As many threads as can be had. Where there is none, every connection of the level fails with that cause.
fn start_threads<W: Wire>(threads: usize, shared: &Arc<Shared>) -> Vec<Holder<W>> {
    let conversation = Arc::clone(shared.dialer.conversation());
    let settings = HolderSettings { heartbeat: shared.order.heartbeat, conversation };
    let owner: Arc<dyn Owner> = Arc::<Shared>::clone(shared);
    let start = |i| match Holder::start(format!("hold-{i}"), settings.clone(), Arc::clone(&owner)) {
        Ok(holder) => Some(holder),
        Err(error) => {
            tracing::warn!("a holding thread can't be started: {error}");
            None
        }
    };
    (0..threads).filter_map(start).collect()
}

fn adopt_by<W: Wire>(
    threads: &[Holder<W>],
    wire: W,
    peer: SocketAddr,
    (reader, tail): (FrameReader, Vec<u8>),
    began: Instant,
    ordinal: u32,
) -> io::Result<()> {
    if threads.is_empty() {
        return Err(io::Error::other(
            "this machine had no thread or descriptor left to hold connections with",
        ));
    }
    let thread = &threads[ordinal as usize % threads.len()];
    thread.adopt(Adopted { wire, peer, began, ordinal, reader, tail });
    Ok(())
}

/// Begins one attempt after the other, as the window allows.
async fn open_all(
    shared: Arc<Shared>,
    holders: Arc<Holders>,
    mut stop: watch::Receiver<bool>,
    guard: mpsc::Sender<()>,
) {
    let window = Arc::new(Semaphore::new(shared.order.window as usize));
    let started = tokio::time::Instant::now();
    for ordinal in 0..shared.order.connections {
        if let Some(missing) = shared.tokens.failed(ordinal) {
            shared.fail(missing, ordinal, Duration::ZERO, None);
            shared.settle();
            continue;
        }
        if let Some(rate) = shared.order.rate {
            tokio::select! {
                () = tokio::time::sleep_until(started + rate.due(ordinal)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
        let place = tokio::select! {
            place = Arc::clone(&window).acquire_owned() => place,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok(place) = place else { return };
        let (shared, holders) = (Arc::clone(&shared), Arc::clone(&holders));
        let (mut stop, guard) = (stop.clone(), guard.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = open_one(&shared, &holders, ordinal) => {}
                // Interrupted in mid-handshake: neither a success nor a failure.
                _ = stop.wait_for(|stop| *stop) => {}
            }
            drop(place);
            drop(guard);
        });
    }
}

async fn open_one(shared: &Shared, holders: &Holders, ordinal: u32) {
    let began = Instant::now();
    let token = shared.tokens.get(ordinal);
    match shared.dialer.dial(&shared.counters, ordinal, token).await {
        Ok(dialed) => {
            let peer = dialed.peer;
            shared.counters.opened(peer.ip(), began.elapsed());
            if let Err(error) = holders.adopt(dialed, began, ordinal) {
                shared.counters.open.fetch_sub(1, Ordering::AcqRel);
                let (kind, by, example) = (FailureKind::Io, Initiator::Local, error.to_string());
                let failed = Failed { phase: Phase::Hold, kind, by, peer: Some(peer), example };
                shared.fail(failed, ordinal, began.elapsed(), Some(Duration::ZERO));
            }
        }
        Err(failed) => shared.fail(failed, ordinal, began.elapsed(), None),
    }
    shared.settle();
}

impl Shared {
    /// Counts an attempt that has become a connection or a failure.
    fn settle(&self) {
        self.settled.fetch_add(1, Ordering::AcqRel);
        self.progress.notify_one();
    }

    fn fail(&self, failed: Failed, ordinal: u32, age: Duration, silence: Option<Duration>) {
        let failure = Failure {
            level: self.order.level,
            phase: failed.phase,
            kind: failed.kind,
            by: failed.by,
            age,
            silence,
            peer: failed.peer,
            example: self.dialer.secrets().redact_with(&failed.example, self.tokens.get(ordinal)),
        };
        // The event goes out before the count, so that whoever sees the count finds the event.
        let _ = self.failures.send(Stamped::new(Utc::now(), Event::Failure(failure)));
        self.counters.failed(failed.peer.map(|peer| peer.ip()));
        self.progress.notify_one();
    }
}

impl Owner for Shared {
    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn failed(&self, failed: Failed, ordinal: u32, age: Duration, silence: Duration) {
        self.fail(failed, ordinal, age, Some(silence));
    }

    fn progress(&self) {
        self.progress.notify_one();
    }
}
