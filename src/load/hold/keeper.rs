//! The holding thread itself: an event loop over its connections, heartbeats and deadlines.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Interest, Poll, Token};

use super::border::Border;
use super::brought::{Beats, Brought, Owed};
use super::closing::Closing;
use super::connection::{Connection, Shared, State};
use super::frame::{Opcode, Violation};
use super::holder::{Adopted, Command, Doorbell, HolderSettings, Owner, WAKE};
use super::pulse::{Deadline, Deadlines, Micros, Pulse};
use super::wheel::Wheel;
use super::wire::Wire;
use crate::load::counters::Counters;
use crate::load::failed::{Failed, of_io};
use crate::plan::{Beat, Conversation};
use crate::record::{FailureKind, Initiator, Phase};

/// How long the peer may take to answer our close frame; the level's numbers are in by then.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);
/// RFC 6455 §7.4.1: the purpose is fulfilled.
const NORMAL_CLOSURE: [u8; 2] = 1000_u16.to_be_bytes();
const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);
const EVENTS_AT_ONCE: usize = 1_024;
/// Full reads of one connection (a mebibyte), before the others have their turn.
const READS_AT_ONCE: usize = 16;

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

    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        loop {
            if let Err(error) = self.poll.poll(&mut events, self.patience())
                && error.kind() != ErrorKind::Interrupted
            {
                tracing::error!("waiting for sockets failed: {error}");
                return;
            }
            for event in &events {
                if event.token() == WAKE {
                    self.doorbell.rung.store(false, Ordering::Release);
                } else {
                    self.ready(event);
                }
            }
            if !self.obey() {
                return;
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
    fn obey(&mut self) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(Command::Adopt(adopted)) => self.adopt(*adopted),
                Ok(Command::EndHold) => self.end_hold(),
                Ok(Command::NextLevel(owner)) => self.next_level(owner),
                Ok(Command::Close { per_second }) => self.close_all(per_second),
                Err(std::sync::mpsc::TryRecvError::Empty) => return true,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return false,
            }
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

    /// Something can be read or written.
    fn ready(&mut self, event: &Event) {
        let key = event.token().0;
        let Some(connection) = self.connections.get_mut(key).and_then(Option::as_mut) else { return };
        if event.is_writable()
            && let Err(error) = connection.wire.flush()
        {
            return self.fail(key, &error);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            // At its end a stream says so only once: then everything must be read.
            let to_the_end = event.is_read_closed() || event.is_error();
            for _ in 0..READS_AT_ONCE {
                if !self.take(key, |connection, brought, conversation, shared| {
                    read_some(connection, brought, conversation, shared, to_the_end)
                }) {
                    return;
                }
            }
            self.look_again(key);
        }
    }

    /// Has the socket report once more what it would have reported only once.
    fn look_again(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(key).and_then(Option::as_mut) else { return };
        let again = self.poll.registry().reregister(connection.wire.socket(), Token(key), INTEREST);
        if let Err(error) = again {
            self.fail(key, &error);
        }
    }

    /// Lets `read` gather what came, and acts on it; whether more may be there.
    fn take(
        &mut self,
        key: usize,
        read: impl FnOnce(&mut Connection<W>, &mut Brought, &Conversation, &mut Shared) -> Result<bool, Broken>,
    ) -> bool {
        let now = self.now();
        let Some(connection) = self.connections.get_mut(key).and_then(Option::as_mut) else { return false };
        let mut brought = Brought::default();
        let result = read(connection, &mut brought, &self.conversation, &mut self.shared);
        let counters = self.owner.counters();
        counters.received(brought.bytes, brought.messages);
        // What ends the connection does not end the silence before it.
        let ends = brought.closed.is_some() || matches!(result, Err(Broken::Protocol(_)));
        if brought.bytes > 0 && !ends {
            connection.active = now;
        }
        if let Some(sequence) = brought.answered {
            // An answer to an earlier one than the last belongs so many intervals before it.
            let before = u64::from(connection.beats.sent - sequence) * self.pulse.interval();
            let planned = connection.planned.saturating_sub(before);
            let rtt = Duration::from_micros(now.saturating_sub(planned));
            let answers = (connection.beats.answered, sequence);
            self.border.answered(index(key), answers, rtt, &self.owner);
            connection.beats.answered = sequence;
        }
        if let Err(error) = answer(connection, &brought.owed, &self.conversation, &mut self.shared, counters)
        {
            self.fail(key, &error);
            return false;
        }
        if let Some((code, reason)) = brought.closed {
            // The answer to its close frame; whether it can still be sent changes nothing.
            let echo = connection.send(Opcode::Close, &code_of(code), &mut self.shared);
            counters.sent(echo.unwrap_or(0));
            self.lose(key, FailureKind::Closed(code), Initiator::Peer, reason);
            return false;
        }
        match result {
            Ok(more) => {
                if self.stage == Stage::Quiet {
                    self.settle(key);
                }
                return more;
            }
            Err(Broken::End) => self.lose(key, FailureKind::Eof, Initiator::Peer, String::new()),
            Err(Broken::Io(error)) => self.fail(key, &error),
            Err(Broken::Protocol(violation)) => {
                self.lose(key, FailureKind::Protocol, Initiator::Peer, violation.to_string());
            }
        }
        false
    }

    /// Everything that the clock asks for.
    fn on_time(&mut self) {
        while let Some(mut turn) = self.wheel.turn(self.now()) {
            turn.keys.retain(|&key| self.beat(key, turn.planned));
            self.wheel.give_back(turn);
        }
        loop {
            let connections = &self.connections;
            let over = |deadline: &Deadline| {
                held(connections, deadline.key)
                    .is_none_or(|connection| connection.beats.answered >= deadline.sequence)
            };
            let Some(deadline) = self.answers.pop(self.now(), over) else { break };
            let example = format!("no answer within {} s", self.pong_timeout.as_secs_f64());
            self.lose(deadline.key as usize, FailureKind::PongTimeout, Initiator::Network, example);
        }
        loop {
            let connections = &self.connections;
            let gone = |deadline: &Deadline| held(connections, deadline.key).is_none();
            let Some(deadline) = self.closes.pop(self.now(), gone) else { break };
            self.remove(deadline.key as usize);
        }
        self.close_next();
    }

    /// Sends the heartbeat that was planned for an instant; false if the connection gets no more of them.
    fn beat(&mut self, key: u32, planned: Micros) -> bool {
        let now = self.now();
        let Some(connection) = self.connections.get_mut(key as usize).and_then(Option::as_mut) else {
            return false;
        };
        if connection.state == State::Closing {
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
                connection.beats.sent = sequence;
                connection.planned = planned;
                connection.active = now;
                self.owner
                    .counters()
                    .heartbeat_sent(bytes, Duration::from_micros(now.saturating_sub(planned)));
                self.answers.push(Deadline { at: self.pulse.deadline(now), key, sequence });
                true
            }
            Err(error) => {
                self.fail(key as usize, &error);
                false
            }
        }
    }

    fn end_hold(&mut self) {
        self.stage = Stage::Quiet;
        self.wheel.stop();
        for key in 0..self.connections.len() {
            self.settle(key);
        }
    }

    /// The hold is over and the connections go on, with their heartbeats: they are the next level's now.
    fn next_level(&mut self, owner: Arc<dyn Owner>) {
        self.border = Border::after(std::mem::replace(&mut self.owner, owner));
        for (key, connection) in self.connections.iter().enumerate() {
            if let Some(connection) = connection {
                self.border.pass(index(key), connection.beats.is_awaiting().then_some(connection.beats.sent));
            }
        }
    }

    /// Counts a connection as held, if no answer is due any more.
    fn settle(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(key).and_then(Option::as_mut) else { return };
        if connection.state == State::Held && !connection.beats.is_awaiting() {
            connection.state = State::Settled;
            self.owner.counters().held.fetch_add(1, Ordering::AcqRel);
            self.owner.progress();
        }
    }

    /// From now on connections are closed. Until its turn comes, one is kept alive: a paced close is there so that the
    /// targets do not lose all at once, which an idle timeout would bring about after all.
    fn close_all(&mut self, per_second: Option<f64>) {
        if self.stage != Stage::Close {
            self.stage = Stage::Close;
            self.closing = Closing { started: self.now(), per_second, ..Closing::default() };
            match per_second {
                Some(_) => self.wheel.go_on(self.now()),
                None => self.wheel.stop(),
            }
        }
        self.close_next();
    }

    /// Closes those whose turn has come.
    fn close_next(&mut self) {
        while self.stage == Stage::Close
            && self.closing.key < self.connections.len()
            && self.closing.due() <= self.now()
        {
            let key = self.closing.key;
            self.closing.key += 1;
            if self.connections[key].is_some() {
                self.closing.closed += 1;
                self.begin_close(key);
            }
        }
    }

    /// Sends our close frame (RFC 6455 §7.1.2). A connection that is closed while its hold goes on was interrupted:
    /// it counts as held, since nothing was wrong with it.
    fn begin_close(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(key).and_then(Option::as_mut) else { return };
        if connection.state == State::Held {
            self.border.owner(index(key), &self.owner).counters().held.fetch_add(1, Ordering::AcqRel);
        }
        connection.state = State::Closing;
        match connection.send(Opcode::Close, &NORMAL_CLOSURE, &mut self.shared) {
            Ok(bytes) => {
                self.owner.counters().sent(bytes);
                let at = self.now() + u64::try_from(CLOSE_PATIENCE.as_micros()).unwrap_or(u64::MAX / 2);
                self.closes.push(Deadline { at, key: index(key), sequence: 0 });
            }
            Err(_) => self.remove(key),
        }
    }

    fn fail(&mut self, key: usize, error: &io::Error) {
        let (kind, by) = of_io(error);
        let example = if kind == FailureKind::Eof { String::new() } else { error.to_string() };
        self.lose(key, kind, by, example);
    }

    /// A connection is no more. While it was held that is a failure; afterwards it is only its end.
    fn lose(&mut self, key: usize, kind: FailureKind, by: Initiator, example: String) {
        let Some(connection) = self.connections.get(key).and_then(Option::as_ref) else { return };
        if connection.state == State::Held {
            let now = self.now();
            let age = Duration::from_micros(u64::try_from(signed(now) - connection.began).unwrap_or(0));
            let silence = Duration::from_micros(now.saturating_sub(connection.active));
            let peer = self.peers.get(connection.peer as usize).copied();
            let failed = Failed { phase: Phase::Hold, kind, by, peer, example };
            let owner = self.border.owner(index(key), &self.owner);
            owner.failed(failed, connection.ordinal, age, silence);
        }
        self.remove(key);
    }

    fn remove(&mut self, key: usize) {
        if let Some(mut connection) = self.connections.get_mut(key).and_then(Option::take) {
            let _ = self.poll.registry().deregister(connection.wire.socket());
            self.border.gone(index(key));
            self.owner.counters().open.fetch_sub(1, Ordering::AcqRel);
            self.doorbell.alive.fetch_sub(1, Ordering::AcqRel);
            self.owner.progress();
        }
    }
}

/// How reading came to an end.
enum Broken {
    End,
    Io(io::Error),
    Protocol(Violation),
}

/// Reads once; whether more may be there. A read that did not fill its buffer took all there was, unless the stream is
/// `to_the_end`.
fn read_some<W: Wire>(
    connection: &mut Connection<W>,
    brought: &mut Brought,
    conversation: &Conversation,
    shared: &mut Shared,
    to_the_end: bool,
) -> Result<bool, Broken> {
    let chunk = match connection.wire.read(&mut shared.buffers) {
        Ok(Some(chunk)) => chunk,
        Ok(None) => return Err(Broken::End),
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
        Err(error) => return Err(Broken::Io(error)),
    };
    let more = chunk.more || to_the_end;
    connection.take(chunk.bytes, brought, conversation).map_err(Broken::Protocol)?;
    Ok(more)
}

/// Sends what the server waits for.
fn answer<W: Wire>(
    connection: &mut Connection<W>,
    owed: &[Owed],
    conversation: &Conversation,
    shared: &mut Shared,
    counters: &Counters,
) -> io::Result<()> {
    for owed in owed {
        match owed {
            Owed::Pong(payload) => counters.sent(connection.send(Opcode::Pong, payload, shared)?),
            Owed::Reply(reply) => {
                let message = conversation.replies[*reply].message.as_bytes();
                counters.replied(connection.send(Opcode::Text, message, shared)?);
            }
        }
    }
    Ok(())
}

fn held<W>(connections: &[Option<Connection<W>>], key: u32) -> Option<&Connection<W>> {
    connections.get(key as usize)?.as_ref()
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

/// A close frame's payload that says the same; 1005 stands for none and is never sent (RFC 6455 §7.4.1).
fn code_of(code: u16) -> Vec<u8> {
    if code == 1005 { Vec::new() } else { code.to_be_bytes().to_vec() }
}
