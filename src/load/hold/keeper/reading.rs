//! What a socket brings, and what follows from it.

use std::io::{self, ErrorKind};
use std::time::Duration;

use mio::Token;
use mio::event::Event;

use super::{INTEREST, Keeper, Stage, held_mut, index};
use crate::load::hold::brought::Brought;
use crate::load::hold::connection::{Connection, Shared, State};
use crate::load::hold::frame::Violation;
use crate::load::hold::wire::Wire;
use crate::plan::Conversation;
use crate::record::{FailureKind, Initiator};

/// Full reads of one connection (a quarter of a mebibyte), before the others have their turn.
const READS_AT_ONCE: usize = 4;

impl<W: Wire> Keeper<W> {
    /// Something can be read or written.
    pub(super) fn ready(&mut self, event: &Event) {
        let key = event.token().0;
        let Some(connection) = held_mut(&mut self.connections, key) else { return };
        let unflushed = if event.is_writable() { connection.wire.flush().err() } else { None };
        // At its end a stream says so only once: then everything must be read.
        let to_the_end = event.is_read_closed() || event.is_error() || unflushed.is_some();
        if (event.is_readable() || to_the_end) && self.read(key, to_the_end) {
            self.look_again(key);
        }
        // What was sent before the connection broke says more than that it did: of one that is gone this is no news.
        if let Some(error) = unflushed {
            self.fail(key, &error);
        }
    }

    /// Reads what is there; whether it had to stop before the end of it, for the others' sake.
    pub(super) fn read(&mut self, key: usize, to_the_end: bool) -> bool {
        (0..READS_AT_ONCE).all(|_| match held_mut(&mut self.connections, key) {
            Some(connection) if connection.state == State::AwaitingEnd => self.discard(key),
            _ => self.take(key, |connection, brought, conversation, shared| {
                read_some(connection, brought, conversation, shared, to_the_end)
            }),
        })
    }

    /// Drops what still comes over a connection that is only waited for to end; whether more may be there.
    fn discard(&mut self, key: usize) -> bool {
        let Some(connection) = held_mut(&mut self.connections, key) else { return false };
        match connection.wire.read(&mut self.shared.buffers) {
            Ok(Some(chunk)) => {
                self.owner.counters().received(chunk.bytes.len(), 0);
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Ok(None) | Err(_) => {
                self.remove(key);
                false
            }
        }
    }

    /// Has the socket report once more what it would have reported only once.
    pub(super) fn look_again(&mut self, key: usize) {
        let Some(connection) = held_mut(&mut self.connections, key) else { return };
        let again = self.poll.registry().reregister(connection.wire.socket(), Token(key), INTEREST);
        if let Err(error) = again {
            self.fail(key, &error);
        }
    }

    /// Lets `read` gather what came, and acts on it; whether more may be there.
    pub(super) fn take(
        &mut self,
        key: usize,
        read: impl FnOnce(&mut Connection<W>, &mut Brought, &Conversation, &mut Shared) -> Result<bool, Broken>,
    ) -> bool {
        let now = self.now();
        let Some(connection) = held_mut(&mut self.connections, key) else { return false };
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
            if let Some(answers) = connection.beats.counted(sequence) {
                self.border.answered(index(key), answers, rtt, &self.owner);
            }
            connection.beats.answered = sequence;
        }
        // After a protocol error only our close frame is sent, and nothing after a close frame (RFC 6455 §5.5.1).
        let owed = if result.is_ok() && connection.state.may_send() { brought.still_owed() } else { &[] };
        let unsent = match connection.send_owed(owed, &self.conversation, &mut self.shared) {
            Ok((bytes, replies)) => {
                counters.sent(bytes);
                counters.replied(replies);
                None
            }
            Err(error) => Some(error),
        };
        // The last answer due ends the hold well, whatever came behind it, in this read or in the next.
        if self.stage == Stage::Quiet {
            self.settle(key);
        }
        if let Some((code, reason)) = brought.closed {
            self.closed_by_peer(key, code, reason);
            return true;
        }
        match result {
            Ok(more) => match unsent {
                Some(error) => self.fail(key, &error),
                None => return more,
            },
            Err(Broken::End) => self.lose(key, FailureKind::Eof, Initiator::Peer, String::new()),
            Err(Broken::Io(error)) => self.fail(key, &error),
            Err(Broken::TlsEnd) => {
                self.tls_ended_by_peer(key);
                return true;
            }
            Err(Broken::Protocol(violation)) => {
                self.broken_by_peer(key, violation);
                return true;
            }
        }
        false
    }
}

/// How reading came to an end.
pub(super) enum Broken {
    /// TCP's stream ended.
    End,
    /// The peer's session of TLS ended.
    TlsEnd,
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
    let (more, last) = (chunk.more || to_the_end, chunk.last);
    connection.take(chunk.bytes, brought, conversation).map_err(Broken::Protocol)?;
    if last { Err(Broken::TlsEnd) } else { Ok(more) }
}
