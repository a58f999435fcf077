//! How connections end: their hold, their level, their closing, and their death.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Keeper, Stage, held_mut, index, signed};
use crate::load::failed::{Failed, of_io};
use crate::load::hold::border::Border;
use crate::load::hold::closing::{CLOSE_PATIENCE, Closing};
use crate::load::hold::connection::State;
use crate::load::hold::frame::{NORMAL_CLOSURE, Opcode, Violation, close_payload};
use crate::load::hold::holder::Owner;
use crate::load::hold::pulse::Deadline;
use crate::load::hold::wire::Wire;
use crate::record::{FailureKind, Initiator, Phase};

impl<W: Wire> Keeper<W> {
    pub(super) fn end_hold(&mut self) {
        self.stage = Stage::Quiet;
        self.wheel.stop();
        for key in 0..self.connections.len() {
            self.settle(key);
        }
    }

    /// The hold is over and the connections go on, with their heartbeats: they are the next level's now.
    pub(super) fn next_level(&mut self, owner: Arc<dyn Owner>) {
        self.border = Border::after(std::mem::replace(&mut self.owner, owner));
        for (key, connection) in self.connections.iter().enumerate() {
            if let Some(connection) = connection.as_ref().filter(|connection| connection.state.may_send()) {
                self.border.pass(index(key), connection.beats.is_awaiting().then_some(connection.beats.sent));
            }
        }
    }

    /// Counts a connection as held, if no answer is due any more.
    pub(super) fn settle(&mut self, key: usize) {
        let Some(connection) = held_mut(&mut self.connections, key) else { return };
        if connection.state == State::Held && !connection.beats.is_awaiting() {
            connection.state = State::Settled;
            self.owner.counters().held.fetch_add(1, Ordering::AcqRel);
            self.owner.progress();
        }
    }

    /// From now on connections are closed. Until its turn comes, one is kept alive: a paced close is there so that the
    /// targets do not lose all at once, which an idle timeout would bring about after all. Of that only bytes are counted.
    pub(super) fn close_all(&mut self, per_second: Option<f64>) {
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
    pub(super) fn close_next(&mut self) {
        while self.stage == Stage::Close
            && self.closing.key < self.connections.len()
            && self.closing.due() <= self.now()
        {
            let key = self.closing.key;
            self.closing.key += 1;
            if self.connections[key].as_ref().is_some_and(|connection| connection.state.may_send()) {
                self.closing.closed += 1;
                self.begin_close(key);
            }
        }
    }

    /// Starts the closing handshake (RFC 6455 §7.1.2). A connection that is closed while its hold goes on was interrupted:
    /// it counts as held, since nothing was wrong with it.
    fn begin_close(&mut self, key: usize) {
        let Some(connection) = held_mut(&mut self.connections, key) else { return };
        if connection.state == State::Held {
            connection.state = State::Settled;
            self.border.owner(index(key), &self.owner).counters().held.fetch_add(1, Ordering::AcqRel);
        }
        self.send_close(key, NORMAL_CLOSURE);
    }

    /// The peer's close frame came. Unless it answers ours, it is answered.
    pub(super) fn closed_by_peer(&mut self, key: usize, code: u16, reason: String) {
        self.count_failure(key, FailureKind::Closed(code), Initiator::Peer, reason);
        self.send_close(key, code);
        self.await_end(key);
    }

    /// The peer broke RFC 6455, which is said to it (§7.1.7) before the connection is given up.
    pub(super) fn broken_by_peer(&mut self, key: usize, violation: Violation) {
        self.count_failure(key, FailureKind::Protocol, Initiator::Peer, violation.to_string());
        self.send_close(key, violation.close_code());
        self.await_end(key);
    }

    /// The peer ended its session of TLS, and no close frame had come.
    pub(super) fn tls_ended_by_peer(&mut self, key: usize) {
        self.count_failure(key, FailureKind::Eof, Initiator::Peer, String::new());
        self.await_end(key);
    }

    /// Sends our close frame, which is the last of a connection (RFC 6455 §5.5.1): a second one is not sent.
    fn send_close(&mut self, key: usize, code: u16) {
        let Some(connection) = held_mut(&mut self.connections, key).filter(|c| c.state.may_send()) else {
            return;
        };
        connection.state = State::Closing;
        match connection.send(Opcode::Close, &close_payload(code), &mut self.shared) {
            Ok(bytes) => {
                self.owner.counters().sent(bytes);
                self.limit_closing(key);
            }
            Err(_) => self.remove(key),
        }
    }

    /// Lets the peer close the TCP connection first (RFC 6455 §7.1.1): the side that does keeps its port in TIME_WAIT
    /// for a minute, and this machine needs its ports. The connection no longer counts as open.
    fn await_end(&mut self, key: usize) {
        let Some(connection) = held_mut(&mut self.connections, key) else { return };
        if connection.wire.end(&mut self.shared.buffers).is_err() {
            return self.remove(key);
        }
        // Our close frame has set the limit already, where one went out.
        if connection.state.may_send() {
            self.limit_closing(key);
        }
        self.count_closed(key);
    }

    /// From now on the peer has [`CLOSE_PATIENCE`] to end the stream.
    fn limit_closing(&mut self, key: usize) {
        let at = self.now() + u64::try_from(CLOSE_PATIENCE.as_micros()).unwrap_or(u64::MAX / 2);
        self.closes.push(Deadline { at, key: index(key), sequence: 0 });
    }

    /// Nothing can be held any more: what is here fails, and what is still given, until nobody gives any more.
    pub(super) fn give_up(&mut self, error: &io::Error) {
        for key in 0..self.connections.len() {
            self.fail(key, error);
        }
        while let Ok(command) = self.inbox.recv() {
            let adopted_before = self.connections.len();
            self.obey(command);
            for key in adopted_before..self.connections.len() {
                self.fail(key, error);
            }
        }
    }

    pub(super) fn fail(&mut self, key: usize, error: &io::Error) {
        let (kind, by) = of_io(error);
        let example = if kind == FailureKind::Eof { String::new() } else { error.to_string() };
        self.lose(key, kind, by, example);
    }

    /// A connection is no more. While it was held that is a failure; afterwards it is only its end.
    pub(super) fn lose(&mut self, key: usize, kind: FailureKind, by: Initiator, example: String) {
        self.count_failure(key, kind, by, example);
        self.remove(key);
    }

    /// Counts what ended a connection that was still held.
    fn count_failure(&mut self, key: usize, kind: FailureKind, by: Initiator, example: String) {
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
    }

    /// A connection is open no longer, though its socket may be.
    fn count_closed(&mut self, key: usize) {
        let Some(connection) = held_mut(&mut self.connections, key) else { return };
        if connection.state != State::AwaitingEnd {
            connection.state = State::AwaitingEnd;
            self.border.gone(index(key));
            self.owner.counters().open.fetch_sub(1, Ordering::AcqRel);
            self.owner.progress();
        }
    }

    pub(super) fn remove(&mut self, key: usize) {
        self.count_closed(key);
        if let Some(mut connection) = self.connections.get_mut(key).and_then(Option::take) {
            let _ = self.poll.registry().deregister(connection.wire.socket());
            self.doorbell.alive.fetch_sub(1, Ordering::AcqRel);
            self.owner.progress();
        }
    }
}
