//! The account of one level: what its connections count together, and the failures among them.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, mpsc};

use super::counters::Counters;
use super::dial::Dialer;
use super::failed::Failed;
use super::hold::Owner;
use super::tokens::LevelTokens;
use crate::record::{Event, Failure, Stamped};

pub(super) struct Account {
    /// The level's ordinal in the run.
    pub(super) level: u32,
    pub(super) dialer: Arc<Dialer>,
    pub(super) counters: Counters,
    /// Attempts that have become a connection or a failure.
    pub(super) settled: AtomicU32,
    /// Rung when a number changed that somebody may wait for.
    progress: Notify,
    failures: mpsc::UnboundedSender<Unredacted>,
    redacted: mpsc::UnboundedSender<Stamped>,
    failed: Arc<AtomicUsize>,
    /// The ordinals of those that failed: the places that the next level fills.
    vacant: Mutex<Vec<u32>>,
    /// Every connection's token, which no example of a failure may show.
    tokens: Mutex<Arc<LevelTokens>>,
}

/// A failure as it happened. To strike the secrets out of its example takes far longer than to count it, and the thread
/// that counts it has heartbeats to send.
struct Unredacted {
    at: DateTime<Utc>,
    failed: Failed,
    ordinal: u32,
    age: Duration,
    silence: Option<Duration>,
    /// Its level's at that time: a later connection of the same ordinal has another token.
    tokens: Arc<LevelTokens>,
}

/// Where the failures of an account can be taken.
pub(super) struct Failures {
    redacted: mpsc::UnboundedReceiver<Stamped>,
    /// All failures so far, those included whose examples are still being redacted.
    failed: Arc<AtomicUsize>,
    taken: usize,
}

impl Failures {
    /// Those since the last call that are redacted.
    pub(super) fn take(&mut self) -> Vec<Stamped> {
        let taken: Vec<Stamped> = std::iter::from_fn(|| self.redacted.try_recv().ok()).collect();
        self.taken += taken.len();
        taken
    }

    /// The next one, which may still be redacted; `None` when all failures so far were taken.
    pub(super) async fn next(&mut self) -> Option<Stamped> {
        if self.taken >= self.failed.load(Ordering::Acquire) {
            return None;
        }
        let next = self.redacted.recv().await?;
        self.taken += 1;
        Some(next)
    }
}

/// Strikes the secrets out of failures, on a thread of its own: an example in which a server repeats a long token costs
/// milliseconds, and neither heartbeats nor samples nor abort rules may wait for thousands of them.
fn redact_all(
    level: u32,
    dialer: &Dialer,
    mut unredacted: mpsc::UnboundedReceiver<Unredacted>,
    redacted: &mpsc::UnboundedSender<Stamped>,
) {
    while let Some(failure) = unredacted.blocking_recv() {
        if redacted.send(failure.redacted(level, dialer)).is_err() {
            return;
        }
    }
}

impl Unredacted {
    fn redacted(self, level: u32, dialer: &Dialer) -> Stamped {
        let Unredacted { at, failed, ordinal, age, silence, tokens } = self;
        let Failed { phase, kind, by, peer, example } = failed;
        let redact = || dialer.secrets().redact_with(&example, tokens.get(ordinal));
        // A failure is counted in any case, and waited for.
        let example = panic::catch_unwind(AssertUnwindSafe(redact)).unwrap_or_default();
        let failure = Failure { level, phase, kind, by, age, silence, peer, example };
        Stamped::new(at, Event::Failure(failure))
    }
}

impl Account {
    pub(super) fn open(level: u32, dialer: Arc<Dialer>) -> (Arc<Account>, Failures) {
        Account::with(level, dialer, Counters::default(), Arc::default())
    }

    /// The account of the next level, to which the open connections go over.
    pub(super) fn next(&self) -> (Arc<Account>, Failures) {
        let counters = self.counters.of_next_level();
        Account::with(self.level + 1, Arc::clone(&self.dialer), counters, self.tokens())
    }

    fn with(
        level: u32,
        dialer: Arc<Dialer>,
        counters: Counters,
        tokens: Arc<LevelTokens>,
    ) -> (Arc<Account>, Failures) {
        let (failures, unredacted) = mpsc::unbounded_channel();
        let (redacted, to_take) = mpsc::unbounded_channel();
        let failed = Arc::<AtomicUsize>::default();
        let taken = Failures { redacted: to_take, failed: Arc::clone(&failed), taken: 0 };
        let (of_thread, into) = (Arc::clone(&dialer), redacted.clone());
        // Without a thread, each failure is redacted where it happens.
        let _ = std::thread::Builder::new()
            .name("redaction".into())
            .spawn(move || redact_all(level, &of_thread, unredacted, &into));
        let account = Account {
            level,
            dialer,
            counters,
            settled: AtomicU32::new(0),
            progress: Notify::new(),
            failures,
            redacted,
            failed,
            vacant: Mutex::default(),
            tokens: Mutex::new(tokens),
        };
        (Arc::new(account), taken)
    }

    /// The tokens of all connections.
    pub(super) fn tokens(&self) -> Arc<LevelTokens> {
        Arc::clone(&self.tokens.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The connections at `places` have tokens of their own from now on.
    pub(super) fn take_tokens(&self, obtained: LevelTokens, places: &[u32]) -> Arc<LevelTokens> {
        let all = Arc::new(obtained.over(&self.tokens(), places));
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&all);
        all
    }

    /// The ordinals of the connections that failed.
    pub(super) fn vacant(&self) -> Vec<u32> {
        self.vacant.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connections whose hold ended well, so far.
    pub(super) fn held(&self) -> u32 {
        self.counters.held.load(Ordering::Acquire)
    }

    /// Waits until a number has become what is waited for.
    pub(super) async fn until(&self, done: impl Fn(&Account) -> bool) {
        while !done(self) {
            self.progress.notified().await;
        }
    }

    pub(super) fn fail(&self, failed: Failed, ordinal: u32, age: Duration, silence: Option<Duration>) {
        let (at, tokens, peer) = (Utc::now(), self.tokens(), failed.peer);
        // The event goes out before the count, so that whoever sees the count finds the event.
        self.vacant.lock().unwrap_or_else(PoisonError::into_inner).push(ordinal);
        self.failed.fetch_add(1, Ordering::AcqRel);
        let unredacted = Unredacted { at, failed, ordinal, age, silence, tokens };
        if let Err(mpsc::error::SendError(unredacted)) = self.failures.send(unredacted) {
            let _ = self.redacted.send(unredacted.redacted(self.level, &self.dialer));
        }
        self.counters.failed(peer.map(|peer| peer.ip()));
        self.progress.notify_one();
    }

    /// An attempt has become a connection or a failure.
    pub(super) fn settle(&self) {
        self.settled.fetch_add(1, Ordering::AcqRel);
        self.progress.notify_one();
    }
}

impl Owner for Account {
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
