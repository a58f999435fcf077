//! What a socket brings, and what follows from it.

use std::io::{self, ErrorKind};
use std::time::Duration;

use mio::Token;
use mio::event::Event;

use super::{INTEREST, Keeper, Stage, held_mut, index};
use crate::load::counters::Counters;
use crate::load::hold::brought::{Brought, Owed};
use crate::load::hold::connection::{Connection, Shared};
use crate::load::hold::frame::{Opcode, Violation};
use crate::load::hold::wire::Wire;
use crate::plan::Conversation;
use crate::record::{FailureKind, Initiator};

/// Full reads of one connection (a mebibyte), before the others have their turn.
const READS_AT_ONCE: usize = 16;

impl<W: Wire> Keeper<W> {
    /// Something can be read or written.
    pub(super) fn ready(&mut self, event: &Event) {
        let key = event.token().0;
        let Some(connection) = held_mut(&mut self.connections, key) else { return };
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
            self.closed_by_peer(key, code, reason);
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
            Err(Broken::Protocol(violation)) => self.broken_by_peer(key, violation),
        }
        false
    }
}

/// How reading came to an end.
pub(super) enum Broken {
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
