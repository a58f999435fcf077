//! What is kept of one open connection.

use std::io;

use super::frame::{FrameReader, Opcode, Received, write_frame};
use super::pulse::Micros;
use super::wire::{Buffers, Wire};

/// Where an open connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Its hold goes on, or answers of it are due.
    Held,
    /// Its hold ended well: what happens to it now changes no number.
    Settled,
    /// Our close frame went out; the peer's is awaited.
    Closing,
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
    /// Heartbeats sent.
    pub(super) sent: u32,
    /// Heartbeats answered; the others of the sent ones are due.
    pub(super) answered: u32,
    /// The planned instant of the last heartbeat that was sent; before the first, when the connection came.
    pub(super) planned: Micros,
    /// When its first attempt was made.
    pub(super) began: i64,
    /// When the last byte went or came.
    pub(super) active: Micros,
}

impl<W: Wire> Connection<W> {
    /// Whether an answer is due.
    pub(super) fn is_awaiting(&self) -> bool {
        self.answered < self.sent
    }

    /// Sends one frame.
    pub(super) fn send(&mut self, opcode: Opcode, payload: &[u8], shared: &mut Shared) -> io::Result<usize> {
        shared.frame.clear();
        write_frame(&mut shared.frame, opcode, payload, fastrand::u32(..).to_ne_bytes());
        self.wire.write(&shared.frame, &mut shared.buffers)?;
        Ok(shared.frame.len())
    }

    /// The heartbeat that a pong answers: its sequence, if it is one that is due. It answers all before it too
    /// (RFC 6455 §5.5.3).
    pub(super) fn answered_by(&self, payload: &[u8]) -> Option<u32> {
        let sequence = u32::from_be_bytes(payload.try_into().ok()?);
        (self.answered < sequence && sequence <= self.sent).then_some(sequence)
    }
}

/// What all connections of a thread share while one of them is looked at.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) buffers: Buffers,
    frame: Vec<u8>,
}

/// What one read brought, as far as the holder must act on it.
#[derive(Debug, Default)]
pub(super) struct Brought {
    pub(super) bytes: usize,
    pub(super) messages: u64,
    /// The payloads of the peer's pings, to be sent back.
    pub(super) pings: Vec<Vec<u8>>,
    /// The highest heartbeat that was answered.
    pub(super) answered: Option<u32>,
    /// A close frame: code and reason.
    pub(super) closed: Option<(u16, String)>,
}

impl<W: Wire> Connection<W> {
    /// Feeds bytes to the frame reader and gathers what they mean.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        brought: &mut Brought,
    ) -> Result<(), super::frame::Violation> {
        brought.bytes += bytes.len();
        let mut reader = std::mem::take(&mut self.reader);
        let result = reader.feed(bytes, 0, &mut |received| {
            match received {
                Received::Ping(payload) => brought.pings.push(payload.to_vec()),
                Received::Pong(payload) => brought.answered = self.answered_by(payload).max(brought.answered),
                Received::Text(_) | Received::Binary => brought.messages += 1,
                Received::Close(code, reason) => {
                    brought.closed = Some((code, reason.to_owned()));
                    return false;
                }
            }
            true
        });
        self.reader = reader;
        result
    }
}
