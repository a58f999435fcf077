//! The handle of a thread that holds its share of the connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::{Poll, Token, Waker};

use super::frame::FrameReader;
use super::keeper::Keeper;
use super::wire::Wire;
use crate::load::counters::Counters;
use crate::load::failed::Failed;
use crate::plan::{Conversation, Heartbeat};

/// What the thread's poll tells apart from its connections, whose tokens are their keys.
pub(super) const WAKE: Token = Token(usize::MAX);

/// Who hears of what happens to the connections.
pub(in crate::load) trait Owner: Send + Sync + 'static {
    /// What all connections count together.
    fn counters(&self) -> &Counters;
    /// A held connection failed; `ordinal` is what it was adopted with, `silence` the time since its last byte.
    fn failed(&self, failed: Failed, ordinal: u32, age: Duration, silence: Duration);
    /// A number changed that somebody may wait for.
    fn progress(&self);
}

/// What a holder does with every connection.
#[derive(Clone)]
pub(in crate::load) struct HolderSettings {
    pub(in crate::load) heartbeat: Heartbeat,
    pub(in crate::load) conversation: Arc<Conversation>,
}

/// An open connection on its way to a holder.
pub(in crate::load) struct Adopted<W> {
    pub(in crate::load) wire: W,
    pub(in crate::load) peer: SocketAddr,
    /// When its first attempt was made, or planned by `--rate`.
    pub(in crate::load) began: Instant,
    /// Its number among all of the level: by it heartbeats are spread evenly, and its owner knows it.
    pub(in crate::load) ordinal: u32,
    /// Where its frames' reader stands.
    pub(in crate::load) reader: FrameReader,
    /// What that reader has not seen yet of what came with the answer to the upgrade.
    pub(in crate::load) tail: Vec<u8>,
}

pub(super) enum Command<W> {
    Adopt(Box<Adopted<W>>),
    EndHold,
    NextLevel(Arc<dyn Owner>),
    Close { per_second: Option<f64> },
}

/// The handle of a holding thread. Dropping it closes everything at once.
pub(in crate::load) struct Holder<W> {
    commands: Option<Sender<Command<W>>>,
    doorbell: Arc<Doorbell>,
    thread: Option<JoinHandle<()>>,
}

/// Wakes the thread, once for however many commands.
pub(super) struct Doorbell {
    pub(super) waker: Waker,
    pub(super) rung: AtomicBool,
    /// Connections adopted and not yet gone, as the sender counts them.
    pub(super) alive: AtomicU32,
}

impl<W: Wire> Holder<W> {
    /// Starts the thread.
    pub(in crate::load) fn start(
        name: String,
        settings: HolderSettings,
        owner: Arc<dyn Owner>,
    ) -> io::Result<Holder<W>> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let doorbell = Arc::new(Doorbell { waker, rung: AtomicBool::new(false), alive: AtomicU32::new(0) });
        let (commands, inbox) = channel();
        let held = Arc::clone(&doorbell);
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            Keeper::new(poll, inbox, held, owner, settings).run();
        })?;
        Ok(Holder { commands: Some(commands), doorbell, thread: Some(thread) })
    }

    /// Gives it one more connection. Fails where the thread is no more, and then the connection is closed.
    pub(in crate::load) fn adopt(&self, adopted: Adopted<W>) -> io::Result<()> {
        self.doorbell.alive.fetch_add(1, Ordering::AcqRel);
        if self.tell(Command::Adopt(Box::new(adopted))) {
            return Ok(());
        }
        self.doorbell.alive.fetch_sub(1, Ordering::AcqRel);
        Err(io::Error::other("the thread that holds connections has ended"))
    }

    /// No more heartbeats; answers that are due are still awaited.
    pub(in crate::load) fn end_hold(&self) {
        self.tell(Command::EndHold);
    }

    /// The hold is over, and what is open lives on: from now on it belongs to the next level, but for answers that are
    /// due to this one.
    pub(in crate::load) fn next_level(&self, owner: Arc<dyn Owner>) {
        self.tell(Command::NextLevel(owner));
    }

    /// Closes everything, so many a second or at once. Said again, it changes nothing.
    pub(in crate::load) fn close(&self, per_second: Option<f64>) {
        self.tell(Command::Close { per_second });
    }

    /// Whether nothing is open any more.
    pub(in crate::load) fn is_empty(&self) -> bool {
        self.doorbell.alive.load(Ordering::Acquire) == 0
    }

    /// Whether there is a thread to hear it.
    fn tell(&self, command: Command<W>) -> bool {
        let sent = self.commands.as_ref().is_some_and(|commands| commands.send(command).is_ok());
        if sent && !self.doorbell.rung.swap(true, Ordering::AcqRel) {
            // It fails only when the thread's poll is gone, and then nobody is there to be woken.
            let _ = self.doorbell.waker.wake();
        }
        sent
    }
}

impl<W> Drop for Holder<W> {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.doorbell.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::load::hold::testing::{Hearing, PATIENCE, holder, opened};
    use crate::load::hold::wire::{Buffers, Chunk, Plain};

    /// Brings the thread that reads it to its end.
    struct Trap(mio::net::TcpStream);

    impl Wire for Trap {
        fn socket(&mut self) -> &mut mio::net::TcpStream {
            &mut self.0
        }

        fn read<'b>(&mut self, _: &'b mut Buffers) -> io::Result<Option<Chunk<'b>>> {
            panic!("a trap was read, as the test wants it")
        }

        fn write(&mut self, _: &[u8], _: &mut Buffers) -> io::Result<()> {
            Ok(())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_thread_that_panicked_held_fails_and_what_it_is_given_later() {
        let owner = Arc::new(Hearing::default());
        let holder = holder(&owner);
        for failed in 1..=2 {
            let (adopted, mut other) = opened(&owner, 0, Trap);
            holder.adopt(adopted).unwrap();
            other.write_all(b"x").unwrap();
            let began = Instant::now();
            let sample = || owner.counters.sample(0);
            while sample().failed < failed || !holder.is_empty() {
                assert!(began.elapsed() < PATIENCE, "neither held nor failed: {:?}", sample());
                std::thread::yield_now();
            }
        }
        assert_eq!(owner.counters.sample(0).open, 0);
    }

    #[test]
    fn a_thread_that_is_no_more_takes_no_connection() {
        let waker = Waker::new(Poll::new().unwrap().registry(), WAKE).unwrap();
        let doorbell = Doorbell { waker, rung: AtomicBool::new(false), alive: AtomicU32::new(0) };
        let (commands, _) = channel();
        let holder = Holder { commands: Some(commands), doorbell: Arc::new(doorbell), thread: None };
        let error = holder.adopt(opened(&Hearing::default(), 0, Plain::new).0).unwrap_err();
        assert_eq!(error.to_string(), "the thread that holds connections has ended");
        assert!(holder.is_empty(), "nobody waits for it");
    }
}
