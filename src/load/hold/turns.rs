//! Tests of their own: a connection that never runs dry keeps neither the others nor the owner from their turn.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::testing::{Hearing, PATIENCE, holder, opened};
use super::wire::{Buffers, Chunk};
use super::{Holder, Wire};
use crate::record::Sample;

/// What one read brings.
const FLOOD: usize = 64 * 1024;
static MESSAGES: [u8; FLOOD] = flood(0x82);
static PINGS: [u8; FLOOD] = flood(0x89);

/// An empty frame of that first byte, again and again.
const fn flood(first_byte: u8) -> [u8; FLOOD] {
    let mut flood = [0; FLOOD];
    let mut at = 0;
    while at < flood.len() {
        flood[at] = first_byte;
        at += 2;
    }
    flood
}

/// However often it is read, there is more.
struct Bottomless {
    socket: mio::net::TcpStream,
    flood: &'static [u8],
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
        Ok(Some(Chunk { bytes: self.flood, more: true, last: false }))
    }

    fn write(&mut self, _: &[u8], _: &mut Buffers) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "never came to be: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A holder of such connections, each of whose peers has sent a byte that nobody reads: the sockets are readable for ever.
struct Flooded {
    /// Dropped first, so that the holder's thread ends even where it gives nobody a turn.
    tap: Tap,
    owner: Arc<Hearing>,
    holder: Holder<Bottomless>,
    others: Vec<TcpStream>,
}

#[allow(clippy::unwrap_used)]
impl Flooded {
    fn start() -> Flooded {
        let owner = Arc::new(Hearing::default());
        Flooded { tap: Tap(Arc::default()), holder: holder(&owner), owner, others: Vec::new() }
    }

    fn adopt(&mut self, ordinal: u32, flood: &'static [u8]) {
        let wire = |socket| Bottomless { socket, flood, dry: Arc::clone(&self.tap.0) };
        let (adopted, mut other) = opened(&self.owner, ordinal, wire);
        io::Write::write_all(&mut other, b"x").unwrap();
        self.others.push(other);
        self.holder.adopt(adopted).unwrap();
    }

    fn counts(&self) -> Sample {
        self.owner.counters.sample(0)
    }
}

#[test]
fn everybody_gets_a_turn() {
    let mut flooded = Flooded::start();
    for ordinal in 0..2 {
        flooded.adopt(ordinal, &MESSAGES);
        // The second one is adopted while the first is being read.
        wait_until("it is read", || flooded.counts().messages_received > u64::from(ordinal) * 1_000);
    }
    let before = flooded.counts().messages_received;
    wait_until("reading goes on, turn after turn", || {
        flooded.counts().messages_received > before + 2 * 1024 * 1024
    });
    flooded.holder.end_hold();
    wait_until("both are counted as held", || flooded.owner.counters.held.load(Ordering::Acquire) == 2);
}

#[test]
fn a_flood_of_pings_is_answered_once_a_read() {
    /// Header and mask of an empty frame.
    const PONG: u64 = 6;
    let mut flooded = Flooded::start();
    flooded.adopt(0, &PINGS);
    wait_until("it is answered, read after read", || flooded.counts().bytes_sent >= 100 * PONG);
    flooded.tap.0.store(true, Ordering::Release);
    wait_until("it has run dry", || flooded.counts().open == 0);
    let counts = flooded.counts();
    assert!(counts.bytes_sent <= counts.bytes_received / FLOOD as u64 * PONG, "{counts:?}");
}
