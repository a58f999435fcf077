//! What a target sends without being asked and without an end in sight, a chunk at a time.

use super::frame::{self, Opcode};

/// Length of the long message, written as eight bytes of length (RFC 6455 §5.2).
const LONG_MESSAGE: u64 = 1 << 30;

/// Bytes handed out at once: large enough for speed, small enough to wait for a slow reader.
const CHUNK: usize = 64 * 1024;

/// A source of chunks.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sim::alb) enum Torrent {
    /// One binary message in one frame; so many bytes of it have yet to come, `None` before its head.
    Message(Option<u64>),
    /// A text in fragments; whether it has begun.
    Text(bool),
}

impl Torrent {
    /// One binary message of 1 GiB, in one frame.
    pub(super) fn long_message() -> Self {
        Self::Message(None)
    }

    /// A text message that never ends.
    pub(super) fn endless_text() -> Self {
        Self::Text(false)
    }

    /// Appends the next chunk; false when there is none any more.
    pub(in crate::sim::alb) fn pour(&mut self, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Message(left) => {
                let before = left.unwrap_or_else(|| {
                    out.extend_from_slice(&[0x82, 127]);
                    out.extend_from_slice(&LONG_MESSAGE.to_be_bytes());
                    LONG_MESSAGE
                });
                let chunk = usize::try_from(before).unwrap_or(CHUNK).min(CHUNK);
                out.resize(out.len() + chunk, 0);
                *left = Some(before - chunk as u64);
                before > 0
            }
            Self::Text(begun) => {
                let opcode = if *begun { Opcode::Continuation } else { Opcode::Text };
                *begun = true;
                let at = out.len();
                frame::write(out, opcode, &[b'x'; CHUNK]);
                // not the last of its message
                out[at] &= 0x7F;
                true
            }
        }
    }

    /// Nothing may come between: a frame is under way.
    pub(in crate::sim::alb) fn is_within_a_frame(&self) -> bool {
        matches!(self, Self::Message(Some(left)) if *left > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_message_is_as_long_as_its_head_says() {
        let mut torrent = Torrent::long_message();
        assert!(!torrent.is_within_a_frame());
        let mut total = 0_u64;
        let mut chunk = Vec::new();
        while torrent.pour(&mut chunk) {
            if total == 0 {
                assert_eq!(chunk[..10], [0x82, 127, 0, 0, 0, 0, 0x40, 0, 0, 0]);
            }
            total += chunk.len() as u64;
            assert_eq!(torrent.is_within_a_frame(), total < LONG_MESSAGE + 10);
            chunk.clear();
        }
        assert_eq!((total, chunk.len()), (LONG_MESSAGE + 10, 0));
    }

    #[test]
    fn the_endless_text_is_one_message_in_whole_frames() {
        let mut torrent = Torrent::endless_text();
        for first in [0x01, 0x00, 0x00] {
            let mut chunk = Vec::new();
            assert!(torrent.pour(&mut chunk));
            assert_eq!(chunk[..10], [first, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
            assert_eq!(chunk.len(), 10 + CHUNK);
            assert!(!torrent.is_within_a_frame());
        }
    }
}
