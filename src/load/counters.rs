//! What all connections of a level count together.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::record::{Histogram, PeerCount, Sample};

#[derive(Default)]
pub(super) struct Counters {
    pub(super) open: AtomicU32,
    pub(super) opened: AtomicU32,
    pub(super) failed: AtomicU32,
    /// Connections whose hold ended well.
    pub(super) held: AtomicU32,
    pub(super) heartbeats_sent: AtomicU64,
    pub(super) heartbeats_answered: AtomicU64,
    pub(super) bytes_sent: AtomicU64,
    pub(super) bytes_received: AtomicU64,
    pub(super) messages_received: AtomicU64,
    latencies: Mutex<Latencies>,
    peers: Mutex<BTreeMap<IpAddr, (u32, u32)>>,
}

#[derive(Default)]
struct Latencies {
    connect: Histogram,
    heartbeat: Histogram,
}

impl Counters {
    pub(super) fn opened(&self, peer: IpAddr, took: Duration) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        lock(&self.latencies).connect.record(took);
        lock(&self.peers).entry(peer).or_default().0 += 1;
    }

    pub(super) fn failed(&self, peer: Option<IpAddr>) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        if let Some(peer) = peer {
            lock(&self.peers).entry(peer).or_default().1 += 1;
        }
    }

    pub(super) fn heartbeat(&self, rtt: Duration) {
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
        }
    }

    pub(super) fn connect_latencies(&self) -> Histogram {
        lock(&self.latencies).connect.clone()
    }

    pub(super) fn heartbeat_latencies(&self) -> Histogram {
        lock(&self.latencies).heartbeat.clone()
    }

    pub(super) fn peers(&self) -> Vec<PeerCount> {
        let count = |(address, (opened, failed)): (&IpAddr, &(u32, u32))| PeerCount {
            address: address.to_string(),
            opened: *opened,
            failed: *failed,
        };
        lock(&self.peers).iter().map(count).collect()
    }
}

/// A panic elsewhere must not hide what was counted before it.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
