//! The holding thread itself: an event loop over its connections, heartbeats and deadlines.
//!
//! Here are the loop, what it is commanded, and what the clock asks for; `reading` has what a socket brings, `ending` how
//! a connection comes to its end.

mod ending;
mod reading;
#[cfg(test)]
mod tests;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::load::hold::border::Border;
use crate::load::hold::brought::Beats;
use crate::load::hold::closing::Closing;
use crate::load::hold::connection::{Connection, Shared, State};
use crate::load::hold::frame::Opcode;
use crate::load::hold::holder::{Adopted, Command, Doorbell, HolderSettings, Owner, WAKE};
use crate::load::hold::pulse::{Deadline, Deadlines, Micros, Pulse};
use crate::load::hold::wheel::Wheel;
use crate::load::hold::wire::Wire;
use crate::plan::{Beat, Conversation};
use crate::record::{FailureKind, Initiator};
use reading::Broken;

const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);
const EVENTS_AT_ONCE: usize = 1_024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Hold,
    Quiet,
    Close,
}

/// The thread itself.
pub(super) struct Keeper<W> {
    poll: Poll,
    inbox: Receiver<Command<W>>,
    doorbell: Arc<Doorbell>,
    owner: Arc<dyn Owner>,
    conversation: Arc<Conversation>,
    border: Border,
    pulse: Pulse,
    pong_timeout: Duration,
    /// By key; a key is used once.
    connections: Vec<Option<Connection<W>>>,
    peers: Vec<SocketAddr>,
    started: Instant,
    wheel: Wheel,
    answers: Deadlines,
    closes: Deadlines,
    shared: Shared,
    stage: Stage,
    closing: Closing,
}

impl<W: Wire> Keeper<W> {
    pub(super) fn new(
        poll: Poll,
        inbox: Receiver<Command<W>>,
        doorbell: Arc<Doorbell>,
        owner: Arc<dyn Owner>,
        settings: HolderSettings,
    ) -> Keeper<W> {
        let pulse = Pulse::new(settings.heartbeat.interval, settings.heartbeat.pong_timeout);
        Keeper {
            poll,
            inbox,
            doorbell,
            owner,
            conversation: settings.conversation,
            border: Border::default(),
            pulse,
            pong_timeout: settings.heartbeat.pong_timeout,
            connections: Vec::new(),
            peers: Vec::new(),
            started: Instant::now(),
            wheel: Wheel::new(pulse.interval()),
            answers: Deadlines::default(),
            closes: Deadlines::default(),
            shared: Shared::default(),
            stage: Stage::Hold,
            closing: Closing::default(),
        }
    }

    /// Holds until nobody commands any more. Whatever ends it before, a panic too, fails its connections and those that
    /// are still given to it: one that is neither held nor failed would be waited for without end.
    pub(super) fn run(mut self) {
        let error = match panic::catch_unwind(AssertUnwindSafe(|| self.hold())) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => io::Error::other("the thread that held it panicked"),
        };
        tracing::error!("a thread that holds connections gives up: {error}");
        self.give_up(&error);
    }

    fn hold(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        loop {
            match self.poll.poll(&mut events, self.patience()) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            for event in &events {
                if event.token() == WAKE {
                    self.doorbell.rung.store(false, Ordering::Release);
                } else {
                    self.ready(event);
                }
            }
            if !self.obey_all() {
                return Ok(());
            }
            self.on_time();
        }
    }

    fn now(&self) -> Micros {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Until the next thing to do by the clock.
    fn patience(&self) -> Option<Duration> {
        let closes = self.stage == Stage::Close && self.closing.key < self.connections.len();
        let close = closes.then(|| self.closing.due());
        let all = [self.wheel.next(), self.answers.next(), self.closes.next(), close];
        let next = all.into_iter().flatten().min()?;
        Some(Duration::from_micros(next.saturating_sub(self.now())))
    }

    /// Takes what was commanded; false when nobody commands any more.
    fn obey_all(&mut self) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(command) => self.obey(command),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn obey(&mut self, command: Command<W>) {
        match command {
            Command::Adopt(adopted) => self.adopt(*adopted),
            Command::EndHold => self.end_hold(),
            Command::NextLevel(owner) => self.next_level(owner),
            Command::Close { per_second } => self.close_all(per_second),
        }
    }

    fn adopt(&mut self, adopted: Adopted<W>) {
        let now = self.now();
        let peer = self.peers.iter().position(|peer| *peer == adopted.peer).unwrap_or_else(|| {
            self.peers.push(adopted.peer);
            self.peers.len() - 1
        });
        let mut connection = Connection {
            wire: adopted.wire,
            reader: adopted.reader,
            state: State::Held,
            ordinal: adopted.ordinal,
            peer: u32::try_from(peer).unwrap_or(u32::MAX),
            beats: Beats::default(),
            planned: now,
            began: signed_micros(adopted.began, self.started),
            active: now,
        };
        let key = self.connections.len();
        let registered = self.poll.registry().register(connection.wire.socket(), Token(key), INTEREST);
        if !matches!(self.conversation.beat, Beat::None) {
            self.wheel.add(adopted.ordinal.into(), index(key));
        }
        self.connections.push(Some(connection));
        if let Err(error) = registered {
            return self.fail(key, &error);
        }
        if !adopted.tail.is_empty() {
            self.take(key, |connection, brought, conversation, _| {
                connection.take(&adopted.tail, brought, conversation).map_err(Broken::Protocol)?;
                Ok(false)
            });
        }
        match self.stage {
            Stage::Hold => {}
            Stage::Quiet => self.settle(key),
            // `close_next` comes to it.
            Stage::Close => {}
        }
    }

    /// Everything that the clock asks for.
    fn on_time(&mut self) {
        self.count_overdue();
        while let Some(mut turn) = self.wheel.turn(self.now()) {
            turn.keys.retain(|&key| self.beat(key, turn.planned));
            self.wheel.give_back(turn);
        }
        loop {
            let connections = &self.connections;
            let gone = |deadline: &Deadline| held(connections, deadline.key).is_none();
            let Some(deadline) = self.closes.pop(self.now(), gone) else { break };
            self.remove(deadline.key as usize);
        }
        self.close_next();
    }

    /// Gives up the connections whose answers are overdue. Each is read once more before: where this machine stood still,
    /// the answer came in time and was not looked at.
    fn count_overdue(&mut self) {
        loop {
            let connections = &self.connections;
            let over = |deadline: &Deadline| !is_due(connections, deadline);
            let Some(deadline) = self.answers.pop(self.now(), over) else { break };
            let key = deadline.key as usize;
            if self.read(key, false) {
                self.look_again(key);
            }
            if is_due(&self.connections, &deadline) {
                let example = format!("no answer within {} s", self.pong_timeout.as_secs_f64());
                self.lose(key, FailureKind::PongTimeout, Initiator::Network, example);
            }
        }
    }

    /// Sends the heartbeat that was planned for an instant; false if the connection gets no more of them.
    fn beat(&mut self, key: u32, planned: Micros) -> bool {
        let now = self.now();
        let Some(connection) = held_mut(&mut self.connections, key as usize) else {
            return false;
        };
        if !connection.state.may_send() {
            return false;
        }
        if planned <= connection.planned {
            // That turn came late, and the connection after its instant.
            return true;
        }
        let sequence = connection.beats.sent + 1;
        let sent = match &self.conversation.beat {
            Beat::Ping => connection.send(Opcode::Ping, &sequence.to_be_bytes(), &mut self.shared),
            Beat::Text(beat) => connection.send(Opcode::Text, beat.message.as_bytes(), &mut self.shared),
            Beat::None => return false,
        };
        match sent {
            Ok(bytes) => {
                let before = std::mem::replace(&mut connection.planned, planned);
                connection.beats.sent = sequence;
                connection.active = now;
                let counters = self.owner.counters();
                counters.sent(bytes);
                if self.stage == Stage::Close {
                    connection.beats.while_closing += 1;
                } else {
                    // Before the first there is none to leave out.
                    let rounds = if sequence > 1 { (planned - before) / self.pulse.interval() } else { 1 };
                    counters.heartbeat_sent();
                    // Those that a standstill left out were late too, by so much more.
                    for left_out in 0..rounds.max(1) {
                        let planned = planned - left_out * self.pulse.interval();
                        counters.late(Duration::from_micros(now.saturating_sub(planned)));
                    }
                }
                self.answers.push(Deadline { at: self.pulse.deadline(now), key, sequence });
                true
            }
            Err(error) => {
                self.fail(key as usize, &error);
                false
            }
        }
    }
}

fn held<W>(connections: &[Option<Connection<W>>], key: u32) -> Option<&Connection<W>> {
    connections.get(key as usize)?.as_ref()
}

/// Whether the answer to a heartbeat is still waited for: not after our close frame, whose own time limit counts then.
fn is_due<W>(connections: &[Option<Connection<W>>], deadline: &Deadline) -> bool {
    held(connections, deadline.key).is_some_and(|connection| {
        connection.state.may_send() && connection.beats.answered < deadline.sequence
    })
}

fn held_mut<W>(connections: &mut [Option<Connection<W>>], key: usize) -> Option<&mut Connection<W>> {
    connections.get_mut(key)?.as_mut()
}

/// Keys count connections, of which a process has fewer than descriptors.
fn index(key: usize) -> u32 {
    u32::try_from(key).unwrap_or(u32::MAX)
}

fn signed(micros: Micros) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}

/// Microseconds from the holder's start to an instant that may lie before it.
fn signed_micros(at: Instant, start: Instant) -> i64 {
    let span = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    match at.checked_duration_since(start) {
        Some(after) => span(after),
        None => -span(start.duration_since(at)),
    }
}
