//! A test of its own: a connection that never runs dry keeps neither the others nor the owner from their turn.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::frame::FrameReader;
use super::wire::{Buffers, Chunk};
use super::{Adopted, Holder, HolderSettings, Owner, Wire};
use crate::load::counters::Counters;
use crate::load::failed::Failed;
use crate::plan::{Heartbeat, HeartbeatKind};

/// How long a busy machine may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// An empty binary message, again and again.
static FLOOD: [u8; 64 * 1024] = {
    let mut flood = [0; 64 * 1024];
    let mut at = 0;
    while at < flood.len() {
        flood[at] = 0x82;
        at += 2;
    }
    flood
};

/// However often it is read, there is more.
struct Bottomless {
    socket: mio::net::TcpStream,
    dry: Arc<AtomicBool>,
}

/// Dries the flood up when the test is over, also when it fails: the thread must end.
struct Tap(Arc<AtomicBool>);

impl Drop for Tap {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Wire for Bottomless {
    fn socket(&mut self) -> &mut mio::net::TcpStream {
        &mut self.socket
    }

    fn read<'b>(&mut self, _: &'b mut Buffers) -> io::Result<Option<Chunk<'b>>> {
        if self.dry.load(Ordering::Acquire) {
            return Ok(None);
        }
        Ok(Some(Chunk { bytes: &FLOOD, more: true }))
    }

    fn write(&mut self, _: &[u8], _: &mut Buffers) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Counting(Counters);

impl Owner for Counting {
    fn counters(&self) -> &Counters {
        &self.0
    }

    /// Once the flood has dried up.
    fn failed(&self, _: Failed, _: u32, _: Duration, _: Duration) {}

    fn progress(&self) {}
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "never came to be: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
#[allow(clippy::unwrap_used)]
fn everybody_gets_a_turn() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let peer = listener.local_addr().unwrap();
    let owner = Arc::new(Counting::default());
    let minute = Duration::from_secs(60);
    let heartbeat = Heartbeat { kind: HeartbeatKind::Ping, interval: minute, pong_timeout: minute };
    let settings = HolderSettings { heartbeat, conversation: Arc::default() };
    let dynamic: Arc<dyn Owner> = Arc::<Counting>::clone(&owner);
    let holder = Holder::start("hold-test".into(), settings, dynamic).unwrap();
    let tap = Tap(Arc::default());
    let mut others = Vec::new();
    for ordinal in 0..2 {
        let stream = TcpStream::connect(peer).unwrap();
        stream.set_nonblocking(true).unwrap();
        let (mut other, _) = listener.accept().unwrap();
        // Never read, so that the socket is readable for ever.
        io::Write::write_all(&mut other, b"x").unwrap();
        others.push(other);
        let wire = Bottomless { socket: mio::net::TcpStream::from_std(stream), dry: Arc::clone(&tap.0) };
        owner.0.opened(peer.ip(), Duration::ZERO);
        let (began, reader, tail) = (Instant::now(), FrameReader::default(), Vec::new());
        holder.adopt(Adopted { wire, peer, began, ordinal, reader, tail });
        // The second one is adopted while the first is being read.
        wait_until("it is read", || owner.0.sample(0).messages_received > u64::from(ordinal) * 1_000);
    }
    let before = owner.0.sample(0).messages_received;
    wait_until("reading goes on, turn after turn", || {
        owner.0.sample(0).messages_received > before + 2 * 1024 * 1024
    });
    holder.end_hold();
    wait_until("both are counted as held", || owner.0.held.load(Ordering::Acquire) == 2);
}
