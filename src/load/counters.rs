//! What all connections of a level count together.
//!
//! Levels whose connections live on share `open`; all else begins anew.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::record::{Histogram, PeerCount, Sample};

#[derive(Default)]
pub(super) struct Counters {
    pub(super) open: Arc<AtomicU32>,
    pub(super) opened: AtomicU32,
    pub(super) failed: AtomicU32,
    /// Connections whose hold ended well.
    pub(super) held: AtomicU32,
    pub(super) heartbeats_sent: AtomicU64,
    pub(super) heartbeats_answered: AtomicU64,
    pub(super) bytes_sent: AtomicU64,
    pub(super) bytes_received: AtomicU64,
    pub(super) messages_received: AtomicU64,
    replies_sent: AtomicU64,
    worst_late: AtomicU64,
    latencies: Mutex<Latencies>,
    rate_behind: AtomicU64,
    peers: Mutex<BTreeMap<IpAddr, AtPeer>>,
}

#[derive(Default)]
struct AtPeer {
    opened: u32,
    failed: u32,
    passed_over: u32,
}

#[derive(Default)]
struct Latencies {
    connect: Histogram,
    heartbeat: Histogram,
    lateness: Histogram,
}

impl Counters {
    /// Those of the next level, whose connections are open already.
    pub(super) fn of_next_level(&self) -> Counters {
        Counters { open: Arc::clone(&self.open), ..Counters::default() }
    }

    pub(super) fn opened(&self, peer: IpAddr, took: Duration) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        lock(&self.latencies).connect.record(took);
        lock(&self.peers).entry(peer).or_default().opened += 1;
    }

    pub(super) fn failed(&self, peer: Option<IpAddr>) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        if let Some(peer) = peer {
            lock(&self.peers).entry(peer).or_default().failed += 1;
        }
    }

    /// The address whose turn it was did not take a connection, and one of the other family did.
    pub(super) fn passed_over(&self, peer: IpAddr) {
        lock(&self.peers).entry(peer).or_default().passed_over += 1;
    }

    /// An attempt began so much later than `--rate` planned.
    pub(super) fn attempt_late(&self, late: Duration) {
        self.rate_behind.fetch_max(u64::try_from(late.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How late the latest attempt began, ms.
    pub(super) fn rate_behind_ms(&self) -> u64 {
        self.rate_behind.load(Ordering::Relaxed)
    }

    /// Bytes above TLS that went out.
    pub(super) fn sent(&self, bytes: usize) {
        self.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes above TLS that came in, and the messages that they completed and that are no heartbeats.
    pub(super) fn received(&self, bytes: usize, messages: u64) {
        self.bytes_received.fetch_add(bytes as u64, Ordering::Relaxed);
        if messages > 0 {
            self.messages_received.fetch_add(messages, Ordering::Relaxed);
        }
    }

    /// So many heartbeats of the server's were answered.
    pub(super) fn replied(&self, replies: u64) {
        self.replies_sent.fetch_add(replies, Ordering::Relaxed);
    }

    /// A heartbeat went out.
    pub(super) fn heartbeat_sent(&self) {
        self.heartbeats_sent.fetch_add(1, Ordering::Relaxed);
    }

    /// A heartbeat was so much later than planned, sent or not.
    pub(super) fn late(&self, late: Duration) {
        let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.worst_late.fetch_max(micros, Ordering::Relaxed);
        lock(&self.latencies).lateness.record(late);
    }

    /// How late the latest heartbeat since the last call was.
    pub(super) fn take_worst_late(&self) -> Duration {
        Duration::from_micros(self.worst_late.swap(0, Ordering::Relaxed))
    }

    /// So many heartbeats were answered, the latest of them so long after its planned instant.
    pub(super) fn answered(&self, heartbeats: u32, rtt: Duration) {
        self.heartbeats_answered.fetch_add(heartbeats.into(), Ordering::Relaxed);
        lock(&self.latencies).heartbeat.record(rtt);
    }

    pub(super) fn sample(&self, level: u32) -> Sample {
        Sample {
            level: Some(level),
            open: self.open.load(Ordering::Relaxed),
            opened: self.opened.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            heartbeats_sent: self.heartbeats_sent.load(Ordering::Relaxed),
            heartbeats_answered: self.heartbeats_answered.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
            messages_received: self.messages_received.load(Ordering::Relaxed),
            replies_sent: self.replies_sent.load(Ordering::Relaxed),
        }
    }

    pub(super) fn connect_latencies(&self) -> Histogram {
        lock(&self.latencies).connect.clone()
    }

    pub(super) fn heartbeat_latencies(&self) -> Histogram {
        lock(&self.latencies).heartbeat.clone()
    }

    pub(super) fn heartbeat_lateness(&self) -> Histogram {
        lock(&self.latencies).lateness.clone()
    }

    pub(super) fn peers(&self) -> Vec<PeerCount> {
        let count = |(address, at): (&IpAddr, &AtPeer)| PeerCount {
            address: address.to_string(),
            opened: at.opened,
            failed: at.failed,
            passed_over: at.passed_over,
        };
        lock(&self.peers).iter().map(count).collect()
    }
}

/// A panic elsewhere must not hide what was counted before it.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
