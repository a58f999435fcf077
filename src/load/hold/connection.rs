//! What is kept of one open connection.

use std::io;

use super::brought::{Beats, Brought, Owed};
use super::frame::{FrameReader, Opcode, Violation, write_frame};
use super::pulse::Micros;
use super::wire::{Buffers, Wire};
use crate::load::random::random_bytes;
use crate::plan::Conversation;

/// Where an open connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Its hold goes on, or answers of it are due.
    Held,
    /// Its hold ended well: what happens to it now changes no number.
    Settled,
    /// Our close frame went out; the peer's is awaited.
    Closing,
    /// Closed or failed, and no longer counted as open: the end of the peer's stream is awaited (RFC 6455 §7.1.1), and
    /// what still comes is dropped.
    AwaitingEnd,
}

impl State {
    /// Whether frames may be sent: none after our close frame (RFC 6455 §5.5.1).
    pub(super) fn may_send(self) -> bool {
        matches!(self, State::Held | State::Settled)
    }
}

/// An open connection; the fewer bytes, the better.
pub(super) struct Connection<W> {
    pub(super) wire: W,
    pub(super) reader: FrameReader,
    pub(super) state: State,
    /// Its number among all of the level.
    pub(super) ordinal: u32,
    /// Which of the holder's peers it is.
    pub(super) peer: u32,
    pub(super) beats: Beats,
    /// The planned instant of the last heartbeat that was sent; before the first, when the connection came.
    pub(super) planned: Micros,
    /// When its first attempt was made, or planned by `--rate`.
    pub(super) began: i64,
    /// When the last byte went or came.
    pub(super) active: Micros,
}

impl<W: Wire> Connection<W> {
    /// Sends one frame.
    pub(super) fn send(&mut self, opcode: Opcode, payload: &[u8], shared: &mut Shared) -> io::Result<usize> {
        shared.frame.clear();
        write_frame(&mut shared.frame, opcode, payload, random_bytes()?);
        self.wire.write(&shared.frame, &mut shared.buffers)?;
        Ok(shared.frame.len())
    }

    /// Sends all that the server waits for, in one write. How many bytes that were, and how many replies.
    pub(super) fn send_owed(
        &mut self,
        owed: &[Owed],
        conversation: &Conversation,
        shared: &mut Shared,
    ) -> io::Result<(usize, u64)> {
        if owed.is_empty() {
            return Ok((0, 0));
        }
        shared.frame.clear();
        let mut replies = 0;
        for owed in owed {
            let (opcode, payload) = match owed {
                Owed::Pong(payload) => (Opcode::Pong, payload.as_slice()),
                Owed::Reply(reply) => {
                    replies += 1;
                    (Opcode::Text, conversation.replies[*reply].message.as_bytes())
                }
            };
            write_frame(&mut shared.frame, opcode, payload, random_bytes()?);
        }
        self.wire.write(&shared.frame, &mut shared.buffers)?;
        Ok((shared.frame.len(), replies))
    }

    /// Feeds bytes to the frame reader and gathers what they mean.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        brought: &mut Brought,
        conversation: &Conversation,
    ) -> Result<(), Violation> {
        brought.bytes += bytes.len();
        let beats = self.beats;
        self.reader
            .feed(bytes, conversation.keep(), &mut |received| brought.take(&received, conversation, beats))
    }
}

/// What all connections of a thread share while one of them is looked at.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) buffers: Buffers,
    frame: Vec<u8>,
}
