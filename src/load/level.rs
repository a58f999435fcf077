//! One level: so many connections, opened through a window of handshakes, held, and closed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc, watch};

use super::account::{Account, Failures};
use super::dial::{Dialed, Dialer};
use super::failed::Failed;
use super::greet::Leaving;
use super::hold::frame::FrameReader;
use super::hold::{Adopted, Holder, HolderSettings, Owner, Plain, Tls, Wire};
use super::tokens::LevelTokens;
use crate::plan::{Heartbeat, Mode, Rate};
use crate::record::{FailureKind, Initiator, LevelEnded, Phase, Sample, Stamped};

/// What a level is to be.
#[derive(Debug, Clone, Copy)]
pub struct LevelOrder {
    /// Its ordinal in the run.
    pub level: u32,
    /// Connections that it has, those that live on from the level before among them.
    pub connections: u32,
    /// Whether they live on when its hold is over.
    pub mode: Mode,
    /// Connections of the largest level, which the holding threads will have to hold.
    pub largest: u32,
    /// Handshakes in flight at most.
    pub window: u32,
    /// Handshakes started a second, by absolute schedule; `None`: as fast as the window turns.
    pub rate: Option<Rate>,
    /// What every connection does while it is held.
    pub heartbeat: Heartbeat,
}

/// A level under way. Dropping it closes everything at once, but for what [`LevelLoad::stand`] has taken out.
pub struct LevelLoad {
    order: LevelOrder,
    account: Arc<Account>,
    holders: Arc<Holders>,
    /// Connections that are to be opened.
    to_open: u32,
    /// Set when nothing more is to be opened.
    stop: watch::Sender<bool>,
    failures: Failures,
    /// Ends when the last handshake has.
    handshakes: mpsc::Receiver<()>,
    /// Ends when the last WebSocket that did not become ready has been closed.
    leaving: mpsc::Receiver<()>,
    /// What is open when the hold is over, where it lives on.
    standing: Option<Standing>,
}

/// The open connections between two levels, and the account of the level to come: whatever happens to them is put down
/// there. Dropping it closes them at once.
pub struct Standing {
    account: Arc<Account>,
    holders: Arc<Holders>,
    failures: Failures,
    /// Connections that were alive when their level's hold was over.
    alive: u32,
    /// Connections of that level.
    connections: u32,
    /// The ordinals of those among them that had failed.
    vacant: Vec<u32>,
}

/// The holding threads; all connections of a run speak TLS, or none does.
enum Holders {
    Plain(Vec<Holder<Plain>>),
    Tls(Vec<Holder<Tls>>),
}

impl LevelLoad {
    /// Begins to open the level, on the runtime that calls; what `standing` still has open belongs to it. `tokens` are of
    /// those that it opens ([`Standing::places`]). A connection whose token is missing fails without being attempted.
    pub fn start(
        dialer: Arc<Dialer>,
        order: LevelOrder,
        standing: Option<Standing>,
        tokens: LevelTokens,
    ) -> LevelLoad {
        let places = Standing::places(standing.as_ref(), order.connections);
        let standing = standing.unwrap_or_else(|| Standing::none(dialer, &order));
        let Standing { account, holders, failures, alive, .. } = standing;
        account.counters.opened.fetch_add(alive, Ordering::AcqRel);
        let (handshake, handshakes) = mpsc::channel(1);
        let (left, leaving) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(false);
        let to_open = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let tokens = account.take_tokens(tokens, &places);
        let (account_, holders_) = (Arc::clone(&account), Arc::clone(&holders));
        let opening = Opening { order, places, tokens, account: account_, holders: holders_ };
        tokio::spawn(open_all(Arc::new(opening), stopped, Guards { handshake, left }));
        LevelLoad { order, account, holders, to_open, stop, failures, handshakes, leaving, standing: None }
    }

    /// Waits until every attempt has become a connection or a failure.
    pub async fn all_settled(&self) {
        self.account.until(|account| account.settled.load(Ordering::Acquire) >= self.to_open).await;
    }

    /// Ends the hold: no more heartbeats; or, where the connections live on, whatever happens to them from now on is
    /// the next level's.
    pub fn end_hold(&mut self) {
        match self.order.mode {
            Mode::Fresh => self.holders.each(Holder::end_hold, Holder::end_hold),
            Mode::Cumulative => {
                let (account, failures) = self.account.next();
                let owner: Arc<dyn Owner> = Arc::<Account>::clone(&account);
                let next = || Arc::clone(&owner);
                self.holders.each(|holder| holder.next_level(next()), |holder| holder.next_level(next()));
                let holders = Arc::clone(&self.holders);
                let connections = self.order.connections;
                self.standing =
                    Some(Standing { account, holders, failures, alive: 0, connections, vacant: Vec::new() });
            }
        }
    }

    /// After [`LevelLoad::end_hold`]: waits until every answer due has come or is overdue.
    pub async fn all_answered(&self) {
        self.account
            .until(|account| {
                account.counters.failed.load(Ordering::Acquire) + account.held() >= self.order.connections
            })
            .await;
    }

    /// Connections whose hold ended well.
    pub fn held(&self) -> u32 {
        self.account.held()
    }

    /// The counts of this moment.
    pub fn counts(&self) -> Sample {
        self.account.counters.sample(self.order.level)
    }

    /// How late the latest heartbeat since the last call was, against its planned instant.
    pub fn take_worst_late(&self) -> Duration {
        self.account.counters.take_worst_late()
    }

    /// The failures since the last call; one of the last moments may still be redacted, and comes later.
    pub fn take_failures(&mut self) -> Vec<Stamped> {
        self.failures.take()
    }

    /// The next failure, which is waited for; `None` when all so far were taken.
    pub async fn next_failure(&mut self) -> Option<Stamped> {
        self.failures.next().await
    }

    /// Leaves what is open to the next level, after [`LevelLoad::all_answered`]; `None` where nothing is to live on.
    pub fn stand(&mut self) -> Option<Standing> {
        let (alive, vacant) = (self.held(), self.account.vacant());
        Some(Standing { alive, vacant, ..self.standing.take()? })
    }

    /// Closes what is open, so many a second or all at once, opens nothing more, and waits until all is closed.
    pub async fn close(&mut self, rate: Option<Rate>) {
        self.stop.send_replace(true);
        // What is still on its way to a holder arrives there before it is told to close.
        while self.handshakes.recv().await.is_some() {}
        // The holders tell of their progress whomever the connections belong to.
        let owner = self.standing.as_ref().map_or(&self.account, |standing| &standing.account);
        self.holders.close(rate, owner).await;
        while self.leaving.recv().await.is_some() {}
    }

    /// What is to be kept of the level, after [`LevelLoad::close`] or [`LevelLoad::stand`].
    pub fn ended(&self, complete: bool) -> LevelEnded {
        let counters = &self.account.counters;
        let mut counts = self.counts();
        // What was closed while it stood for no other level went over this level's wires.
        if let Some(standing) = &self.standing {
            let closing = standing.account.counters.sample(self.order.level);
            counts.bytes_sent += closing.bytes_sent;
            counts.bytes_received += closing.bytes_received;
        }
        LevelEnded {
            level: self.order.level,
            complete,
            counts,
            held: self.held(),
            connect_us: counters.connect_latencies(),
            heartbeat_rtt_us: counters.heartbeat_latencies(),
            heartbeat_late_us: counters.heartbeat_lateness(),
            rate_behind_ms: self.order.rate.map(|_| counters.rate_behind_ms()),
            peers: counters.peers(),
        }
    }
}

impl Standing {
    /// Nothing: the beginning of a level that opens all of its connections.
    fn none(dialer: Arc<Dialer>, order: &LevelOrder) -> Standing {
        let (account, failures) = Account::open(order.level, dialer);
        let holders = Arc::new(Holders::start(&account, order));
        Standing { account, holders, failures, alive: 0, connections: 0, vacant: Vec::new() }
    }

    /// The ordinals of the connections that a level opens: all of its own, or those that failed in the level before it and
    /// those that are new. No two connections of a level have the same.
    pub fn places(standing: Option<&Standing>, connections: u32) -> Vec<u32> {
        let (vacant, before) = standing.map_or((&[][..], 0), |s| (&s.vacant[..], s.connections));
        vacant.iter().copied().chain(before..connections).collect()
    }

    /// Connections that were alive when their level's hold was over: so many fewer are opened.
    pub fn alive(&self) -> u32 {
        self.alive
    }

    /// Connections open at this moment.
    pub fn open(&self) -> u32 {
        self.account.counters.open.load(Ordering::Acquire)
    }

    /// How late the latest heartbeat since the last call was, against its planned instant.
    pub fn take_worst_late(&self) -> Duration {
        self.account.counters.take_worst_late()
    }

    /// Closes them, so many a second or all at once, and waits until all are closed.
    pub async fn close(&self, rate: Option<Rate>) {
        self.holders.close(rate, &self.account).await;
    }
}

impl Drop for LevelLoad {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl Holders {
    /// Few threads do more in each of their turns than many: one for every so many connections, and no more than cores.
    fn start(account: &Arc<Account>, order: &LevelOrder) -> Holders {
        const CONNECTIONS_A_THREAD: usize = 20_000;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = (order.largest as usize).div_ceil(CONNECTIONS_A_THREAD).clamp(1, cores);
        let conversation = Arc::clone(account.dialer.conversation());
        let settings = HolderSettings { heartbeat: order.heartbeat, conversation };
        if account.dialer.is_tls() {
            Holders::Tls(start_threads(threads, account, settings))
        } else {
            Holders::Plain(start_threads(threads, account, settings))
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

    /// Closes what is open and waits until it is; every thread closes its share of the rate. `owner` is whose the
    /// connections are.
    async fn close(&self, rate: Option<Rate>, owner: &Account) {
        let share = |threads: usize| rate.map(|rate| rate.per_second() / threads as f64);
        match self {
            Holders::Plain(threads) => threads.iter().for_each(|thread| thread.close(share(threads.len()))),
            Holders::Tls(threads) => threads.iter().for_each(|thread| thread.close(share(threads.len()))),
        }
        owner.until(|_| self.are_empty()).await;
    }

    fn are_empty(&self) -> bool {
        match self {
            Holders::Plain(threads) => threads.iter().all(Holder::is_empty),
            Holders::Tls(threads) => threads.iter().all(Holder::is_empty),
        }
    }
}

/// As many threads as can be had. Where there is none, every connection of the level fails with that cause.
fn start_threads<W: Wire>(
    threads: usize,
    account: &Arc<Account>,
    settings: HolderSettings,
) -> Vec<Holder<W>> {
    let owner: Arc<dyn Owner> = Arc::<Account>::clone(account);
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
    thread.adopt(Adopted { wire, peer, began, ordinal, reader, tail })
}

/// What the tasks of a level's handshakes share.
struct Opening {
    order: LevelOrder,
    /// The ordinals of the connections that are opened.
    places: Vec<u32>,
    tokens: Arc<LevelTokens>,
    account: Arc<Account>,
    holders: Arc<Holders>,
}

/// What a level's close waits for, until it is dropped.
#[derive(Clone)]
struct Guards {
    handshake: mpsc::Sender<()>,
    left: mpsc::Sender<()>,
}

/// Begins one attempt after the other, as the window allows.
async fn open_all(opening: Arc<Opening>, mut stop: watch::Receiver<bool>, guards: Guards) {
    let order = &opening.order;
    let window = Arc::new(Semaphore::new(order.window as usize));
    let started = tokio::time::Instant::now();
    for (nth, ordinal) in (0..).zip(opening.places.iter().copied()) {
        if let Some(missing) = opening.tokens.failed(ordinal) {
            opening.account.fail(missing, ordinal, Duration::ZERO, None);
            opening.account.settle();
            continue;
        }
        let planned = order.rate.map(|rate| started + rate.due(nth));
        if let Some(planned) = planned {
            tokio::select! {
                () = tokio::time::sleep_until(planned) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
        let place = tokio::select! {
            place = Arc::clone(&window).acquire_owned() => place,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok(place) = place else { return };
        if let Some(planned) = planned {
            opening.account.counters.attempt_late(planned.elapsed());
        }
        let opening = Arc::clone(&opening);
        let (mut stop, guards) = (stop.clone(), guards.clone());
        tokio::spawn(async move {
            let leaving = tokio::select! {
                leaving = open_one(&opening, ordinal, planned) => leaving,
                // Interrupted in mid-handshake: neither a success nor a failure.
                _ = stop.wait_for(|stop| *stop) => None,
            };
            // To be closed takes no place in the window, and keeps neither other attempts nor the held connections waiting.
            drop((place, guards.handshake));
            if let Some(leaving) = leaving {
                leaving.leave(&opening.account.counters).await;
            }
            drop(guards.left);
        });
    }
}

/// Fails and settles an attempt that panics: the level would wait for it without end.
struct Attempt<'a> {
    account: &'a Account,
    ordinal: u32,
    began: Instant,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let failed = Failed {
                phase: Phase::Connect,
                kind: FailureKind::Io,
                by: Initiator::Local,
                peer: None,
                example: "the attempt panicked".to_owned(),
            };
            self.account.fail(failed, self.ordinal, self.began.elapsed(), None);
            self.account.settle();
        }
    }
}

/// Times count from the instant that `--rate` planned: what waits for the window is late, not fast. Returns the WebSocket
/// that is still to be closed, where one failed before it was ready.
async fn open_one(opening: &Opening, ordinal: u32, planned: Option<tokio::time::Instant>) -> Option<Leaving> {
    let Opening { account, holders, tokens, .. } = opening;
    let began = planned.map_or_else(Instant::now, tokio::time::Instant::into_std);
    let _attempt = Attempt { account, ordinal, began };
    let mut leaving = None;
    match account.dialer.dial(&account.counters, ordinal, tokens.get(ordinal)).await {
        Ok(dialed) => {
            let peer = dialed.peer;
            account.counters.opened(peer.ip(), began.elapsed());
            if let Err(error) = holders.adopt(dialed, began, ordinal) {
                account.counters.open.fetch_sub(1, Ordering::AcqRel);
                let (kind, by, example) = (FailureKind::Io, Initiator::Local, error.to_string());
                let failed = Failed { phase: Phase::Hold, kind, by, peer: Some(peer), example };
                account.fail(failed, ordinal, began.elapsed(), Some(Duration::ZERO));
            }
        }
        Err(not_open) => {
            account.fail(not_open.failed, ordinal, began.elapsed(), None);
            leaving = not_open.leaving;
        }
    }
    account.settle();
    leaving
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plan::{Conversation, Route, Target, TlsOptions};

    #[tokio::test]
    async fn an_attempt_that_panics_is_settled_as_a_failure_of_this_machine() {
        let target = Target {
            url: "ws://127.0.0.1:1/".parse().unwrap(),
            headers: Vec::new(),
            subprotocols: Vec::new(),
            tls: TlsOptions::default(),
            conversation: Conversation::default(),
            tokens: None,
        };
        let dialer = Dialer::new(&target, &Route::default(), Duration::from_secs(1)).unwrap();
        let (account, mut failures) = Account::open(0, Arc::new(dialer));
        let its = Arc::clone(&account);
        let attempt = tokio::spawn(async move {
            let _attempt = Attempt { account: &its, ordinal: 0, began: Instant::now() };
            panic!("as the test wants it");
        });
        assert!(attempt.await.is_err());
        assert_eq!(account.settled.load(Ordering::Acquire), 1);
        let failed = failures.next().await.unwrap();
        let crate::record::Event::Failure(failure) = failed.event else { panic!("a failure") };
        assert_eq!(failure.by, Initiator::Local);
        assert!(failures.next().await.is_none() && failures.take().is_empty(), "it is told once");
    }
}
