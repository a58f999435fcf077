//! What the tests of holding share: an owner that listens, and connections to give to whoever holds them.
#![allow(clippy::unwrap_used)]

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::frame::FrameReader;
use super::{Adopted, Holder, HolderSettings, Owner, Wire};
use crate::load::counters::Counters;
use crate::load::failed::Failed;
use crate::plan::{Heartbeat, HeartbeatKind};
use crate::record::FailureKind;

/// How long a busy machine may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Counts, and hears what failed.
#[derive(Default)]
pub(super) struct Hearing {
    pub(super) counters: Counters,
    /// Its ordinal, and what happened.
    pub(super) failed: Mutex<Vec<(u32, FailureKind)>>,
}

impl Owner for Hearing {
    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn failed(&self, failed: Failed, ordinal: u32, _: Duration, _: Duration) {
        self.counters.failed(failed.peer.map(|peer| peer.ip()));
        self.failed.lock().unwrap().push((ordinal, failed.kind));
    }

    fn progress(&self) {}
}

/// Pings at that interval.
pub(super) fn pinging(interval: Duration, pong_timeout: Duration) -> HolderSettings {
    let heartbeat = Heartbeat { kind: HeartbeatKind::Ping, interval, pong_timeout };
    HolderSettings { heartbeat, conversation: Arc::default() }
}

/// A holder whose heartbeats are a minute apart.
pub(super) fn holder<W: Wire>(owner: &Arc<Hearing>) -> Holder<W> {
    let minute = Duration::from_secs(60);
    let owner: Arc<dyn Owner> = Arc::<Hearing>::clone(owner);
    Holder::start("hold-test".into(), pinging(minute, minute), owner).unwrap()
}

/// A connection that the owner counts as opened, to be held, and its other end.
pub(super) fn opened<W>(
    owner: &Hearing,
    ordinal: u32,
    wire: impl FnOnce(mio::net::TcpStream) -> W,
) -> (Adopted<W>, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let peer = listener.local_addr().unwrap();
    let stream = TcpStream::connect(peer).unwrap();
    stream.set_nonblocking(true).unwrap();
    let (other, _) = listener.accept().unwrap();
    owner.counters.opened(peer.ip(), Duration::ZERO);
    let wire = wire(mio::net::TcpStream::from_std(stream));
    let (began, reader, tail) = (Instant::now(), FrameReader::default(), Vec::new());
    (Adopted { wire, peer, began, ordinal, reader, tail }, other)
}
