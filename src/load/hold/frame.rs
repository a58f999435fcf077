//! Frames of RFC 6455 §5, read as they come in and written as they go out.
//!
//! The reader is fed whatever a read brought and keeps only what must wait: between two frames it holds nothing at all.
//! It never stores a data message, but for the beginning of a text that somebody wants to look at.

use super::utf8::Utf8;

/// What a server may send at most in a control frame (RFC 6455 §5.5).
const LONGEST_CONTROL: u64 = 125;
/// A server's frame header: two bytes, and up to eight of length; it has no mask (RFC 6455 §5.1).
const LONGEST_HEADER: usize = 10;
/// RFC 6455 §7.4.1: the purpose is fulfilled.
pub(in crate::load) const NORMAL_CLOSURE: u16 = 1000;
/// RFC 6455 §7.4.1: what stands for a close frame without a code, and is never sent.
const NO_STATUS: u16 = 1005;

/// The opcodes of RFC 6455 §5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::load) enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

/// Something complete that the server sent.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::load) enum Received<'a> {
    /// To be answered with the same payload.
    Ping(&'a [u8]),
    /// An answer to a ping, if its payload is one that was sent.
    Pong(&'a [u8]),
    /// The code, 1005 where there was none, and the reason.
    Close(u16, &'a str),
    /// A text message; its beginning as far as it was to be kept.
    Text(&'a [u8]),
    /// A binary message.
    Binary,
}

/// How a server broke RFC 6455.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::load) enum Violation {
    #[error("a frame with reserved bits, though no extension was agreed")]
    ReservedBits,
    #[error("a frame with reserved opcode {0:#x}")]
    Opcode(u8),
    #[error("a masked frame from the server")]
    Masked,
    #[error("a control frame of more than 125 bytes or in fragments")]
    Control,
    #[error("a continuation of nothing")]
    Continuation,
    #[error("a new message within a fragmented one")]
    Interleaved,
    #[error("a frame longer than 2^63 bytes")]
    Length,
    #[error("a text that is not UTF-8")]
    Utf8,
    #[error("a close frame with a payload of one byte or code {0}")]
    CloseCode(u16),
}

impl Violation {
    /// The code that tells the peer of it (RFC 6455 §7.4.1): 1007 for text that is none, 1002 for all else.
    pub(in crate::load) fn close_code(self) -> u16 {
        if self == Violation::Utf8 { 1007 } else { 1002 }
    }
}

/// Reads frames from any cut of the byte stream.
#[derive(Default)]
pub(in crate::load) struct FrameReader {
    /// `None` between messages, which is nearly always.
    waiting: Option<Box<Partial>>,
}

/// What is known of a frame, or of a message in fragments, that is not complete.
#[derive(Default)]
struct Partial {
    header: [u8; LONGEST_HEADER],
    header_read: usize,
    frame: Option<Frame>,
    /// The data message that is under way.
    message: Option<Opcode>,
    utf8: Utf8,
    control: Vec<u8>,
    text: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Frame {
    opcode: Opcode,
    last: bool,
    left: u64,
}

impl FrameReader {
    /// Takes what came; `keep` bytes of every text message are handed on at most. Whatever is complete goes to `on`,
    /// until that is satisfied (it returns false) or the server breaks the protocol.
    pub(in crate::load) fn feed(
        &mut self,
        mut bytes: &[u8],
        keep: usize,
        on: &mut impl FnMut(Received<'_>) -> bool,
    ) -> Result<(), Violation> {
        let mut partial = self.waiting.take().map_or_else(Partial::default, |waiting| *waiting);
        let mut wanted = true;
        while wanted && (!bytes.is_empty() || partial.frame.is_some_and(|frame| frame.left == 0)) {
            match partial.frame {
                None => bytes = partial.read_header(bytes)?,
                Some(frame) => {
                    let now = usize::try_from(frame.left).unwrap_or(usize::MAX).min(bytes.len());
                    let (payload, rest) = bytes.split_at(now);
                    bytes = rest;
                    wanted = partial.read_payload(frame, payload, keep, on)?;
                }
            }
        }
        if !partial.is_idle() {
            self.waiting = Some(Box::new(partial));
        }
        Ok(())
    }
}

impl Partial {
    fn is_idle(&self) -> bool {
        self.header_read == 0 && self.frame.is_none() && self.message.is_none()
    }

    /// Takes bytes of the header; returns the rest.
    fn read_header<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Violation> {
        let mut taken = 0;
        while taken < bytes.len() {
            self.header[self.header_read] = bytes[taken];
            self.header_read += 1;
            taken += 1;
            if let Some(frame) = parse_header(&self.header[..self.header_read])? {
                self.begin(frame)?;
                break;
            }
        }
        Ok(&bytes[taken..])
    }

    fn begin(&mut self, frame: Frame) -> Result<(), Violation> {
        match (frame.opcode, self.message) {
            (Opcode::Continuation, None) => return Err(Violation::Continuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(Violation::Interleaved),
            (Opcode::Text | Opcode::Binary, None) => self.message = Some(frame.opcode),
            _ => {}
        }
        self.header_read = 0;
        self.frame = Some(frame);
        Ok(())
    }

    /// Takes bytes of the payload; false when the receiver wants no more.
    fn read_payload(
        &mut self,
        frame: Frame,
        payload: &[u8],
        keep: usize,
        on: &mut impl FnMut(Received<'_>) -> bool,
    ) -> Result<bool, Violation> {
        let left = frame.left - payload.len() as u64;
        let control = matches!(frame.opcode, Opcode::Close | Opcode::Ping | Opcode::Pong);
        if !control && self.message == Some(Opcode::Text) {
            self.utf8.feed(payload).map_err(|_| Violation::Utf8)?;
            let room = keep.saturating_sub(self.text.len());
            self.text.extend_from_slice(&payload[..payload.len().min(room)]);
        }
        if left > 0 {
            if control {
                self.control.extend_from_slice(payload);
            }
            self.frame = Some(Frame { left, ..frame });
            return Ok(true);
        }
        self.frame = None;
        if control {
            // In one piece, as nearly always, it is handed on from where it lies.
            if self.control.is_empty() {
                return received_control(frame.opcode, payload).map(on);
            }
            let mut whole = std::mem::take(&mut self.control);
            whole.extend_from_slice(payload);
            return received_control(frame.opcode, &whole).map(on);
        }
        if !frame.last {
            return Ok(true);
        }
        match self.message.take() {
            Some(Opcode::Text) => {
                std::mem::take(&mut self.utf8).end().map_err(|_| Violation::Utf8)?;
                Ok(on(Received::Text(&std::mem::take(&mut self.text))))
            }
            _ => Ok(on(Received::Binary)),
        }
    }
}

/// `None` while the header is not complete.
fn parse_header(header: &[u8]) -> Result<Option<Frame>, Violation> {
    let [first, second, length @ ..] = header else { return Ok(None) };
    if first & 0x70 != 0 {
        return Err(Violation::ReservedBits);
    }
    let opcode = match first & 0x0F {
        0x0 => Opcode::Continuation,
        0x1 => Opcode::Text,
        0x2 => Opcode::Binary,
        0x8 => Opcode::Close,
        0x9 => Opcode::Ping,
        0xA => Opcode::Pong,
        other => return Err(Violation::Opcode(other)),
    };
    if second & 0x80 != 0 {
        return Err(Violation::Masked);
    }
    let left = match (second & 0x7F, length) {
        (126, [a, b]) => u64::from(u16::from_be_bytes([*a, *b])),
        (127, [a, b, c, d, e, f, g, h]) => u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]),
        (126 | 127, _) => return Ok(None),
        (short, _) => u64::from(short),
    };
    if left > u64::MAX / 2 {
        return Err(Violation::Length);
    }
    let last = first & 0x80 != 0;
    if *first & 0x08 != 0 && (!last || left > LONGEST_CONTROL) {
        return Err(Violation::Control);
    }
    Ok(Some(Frame { opcode, last, left }))
}

fn received_control(opcode: Opcode, payload: &[u8]) -> Result<Received<'_>, Violation> {
    match opcode {
        Opcode::Ping => Ok(Received::Ping(payload)),
        Opcode::Pong => Ok(Received::Pong(payload)),
        _ => match payload {
            // RFC 6455 §7.1.5.
            [] => Ok(Received::Close(NO_STATUS, "")),
            [a, b, reason @ ..] => {
                let code = u16::from_be_bytes([*a, *b]);
                if !may_be_sent(code) {
                    return Err(Violation::CloseCode(code));
                }
                let reason = std::str::from_utf8(reason).map_err(|_| Violation::Utf8)?;
                Ok(Received::Close(code, reason))
            }
            [_] => Err(Violation::CloseCode(0)),
        },
    }
}

/// The codes that may stand in a close frame (RFC 6455 §7.4).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// The payload of a close frame of that code; empty for 1005.
pub(in crate::load) fn close_payload(code: u16) -> Vec<u8> {
    if code == NO_STATUS { Vec::new() } else { code.to_be_bytes().to_vec() }
}

/// Appends a client's frame: whole, masked (RFC 6455 §5.3).
pub(in crate::load) fn write_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: [u8; 4]) {
    out.push(0x80 | opcode as u8);
    match payload.len() {
        #[allow(clippy::cast_possible_truncation)]
        short @ 0..=125 => out.push(0x80 | short as u8),
        #[allow(clippy::cast_possible_truncation)]
        medium @ 126..=0xFFFF => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
    use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocket, WebSocketConfig};
    use tokio_tungstenite::tungstenite::{Bytes, Message};

    use super::*;

    /// What was received, as values of its own.
    #[derive(Debug, Clone, PartialEq)]
    enum Seen {
        Ping(Vec<u8>),
        Pong(Vec<u8>),
        Text(Vec<u8>),
        Binary,
        Close(u16, String),
    }

    fn seen(received: &Received<'_>) -> Seen {
        match received {
            Received::Ping(payload) => Seen::Ping(payload.to_vec()),
            Received::Pong(payload) => Seen::Pong(payload.to_vec()),
            Received::Text(text) => Seen::Text(text.to_vec()),
            Received::Binary => Seen::Binary,
            Received::Close(code, reason) => Seen::Close(*code, (*reason).to_owned()),
        }
    }

    /// Feeds pieces; what was seen, or how the protocol was broken.
    fn read<'a>(
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Vec<Seen>, Result<(), Violation>, FrameReader) {
        let mut reader = FrameReader::default();
        let mut all = Vec::new();
        for piece in pieces {
            let result = reader.feed(piece, usize::MAX, &mut |received| {
                all.push(seen(&received));
                !matches!(received, Received::Close(..))
            });
            if result.is_err() || matches!(all.last(), Some(Seen::Close(..))) {
                return (all, result, reader);
            }
        }
        (all, Ok(()), reader)
    }

    /// The same bytes, read by tungstenite as a client.
    fn by_tungstenite(bytes: &[u8]) -> (Vec<Seen>, bool) {
        struct Stream(std::io::Cursor<Vec<u8>>);
        impl std::io::Read for Stream {
            fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
                self.0.read(room)
            }
        }
        impl std::io::Write for Stream {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut socket =
            WebSocket::from_raw_socket(Stream(std::io::Cursor::new(bytes.to_vec())), Role::Client, None);
        let mut all = Vec::new();
        loop {
            match socket.read() {
                Ok(Message::Ping(payload)) => all.push(Seen::Ping(payload.to_vec())),
                Ok(Message::Pong(payload)) => all.push(Seen::Pong(payload.to_vec())),
                Ok(Message::Text(text)) => all.push(Seen::Text(text.as_bytes().to_vec())),
                Ok(Message::Binary(_)) => all.push(Seen::Binary),
                Ok(Message::Close(frame)) => {
                    let (code, reason) =
                        frame.map_or((1005, String::new()), |f| (f.code.into(), f.reason.to_string()));
                    all.push(Seen::Close(code, reason));
                    return (all, true);
                }
                Ok(Message::Frame(_)) => unreachable!("only whole messages are read"),
                // The end of the bytes looks like a reset; anything else is a broken protocol.
                Err(tokio_tungstenite::tungstenite::Error::Protocol(
                    tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                )) => return (all, true),
                Err(_) => return (all, false),
            }
        }
    }

    /// Messages of a server, written by tungstenite.
    fn server_bytes(messages: &[Message]) -> Vec<u8> {
        let mut socket = WebSocket::from_raw_socket(
            std::io::Cursor::new(Vec::new()),
            Role::Server,
            Some(WebSocketConfig::default()),
        );
        for message in messages {
            socket.write(message.clone()).unwrap();
        }
        socket.flush().unwrap();
        socket.into_inner().into_inner()
    }

    fn messages() -> impl Strategy<Value = Vec<Message>> {
        let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
        let message = prop_oneof![
            bytes(126).prop_map(|payload| Message::Ping(Bytes::from(payload))),
            bytes(126).prop_map(|payload| Message::Pong(Bytes::from(payload))),
            "\\PC{0,80}".prop_map(Message::text),
            bytes(70_000).prop_map(Message::binary),
        ];
        (prop::collection::vec(message, 0..6), prop::option::of((3000_u16..5000, "[a-z]{0,20}"))).prop_map(
            |(mut messages, close)| {
                if let Some((code, reason)) = close {
                    let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
                    messages.push(Message::Close(Some(frame)));
                }
                messages
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn reads_what_tungstenite_writes_in_any_pieces(messages in messages(), size in 1_usize..4_000) {
            let bytes = server_bytes(&messages);
            let (whole, _) = by_tungstenite(&bytes);
            let (pieces, result, reader) = read(bytes.chunks(size));
            prop_assert_eq!(result, Ok(()));
            prop_assert_eq!(&pieces, &whole);
            prop_assert!(reader.waiting.is_none(), "between two messages nothing is kept");
        }

        #[test]
        fn judges_any_bytes_as_tungstenite_does(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..4, Just(0x81), Just(0x89), Just(0x88), Just(0x01), Just(0x80)], 0..40),
        ) {
            let (whole, fine) = by_tungstenite(&bytes);
            let (ours, result, _) = read([bytes.as_slice()]);
            match result {
                Ok(()) => prop_assert_eq!((ours, true), (whole, fine)),
                // A reserved code breaks the protocol here; tungstenite makes another close of it.
                Err(Violation::CloseCode(_)) => {}
                // What a frame's beginning already shows, tungstenite says when the frame is whole: it may not have come
                // so far. That nothing right is called wrong is what the test above shows.
                Err(_) => prop_assert_eq!(ours, whole),
            }
        }
    }

    #[test]
    fn cut_at_every_byte_the_same_is_read() {
        let text = Message::text("häßlich \u{1F600}".repeat(20));
        let bytes =
            server_bytes(&[Message::Ping(Bytes::from_static(b"abc")), text, Message::binary(vec![7; 200])]);
        let (whole, ..) = read([bytes.as_slice()]);
        assert_eq!(whole.len(), 3);
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(read([first, second]).0, whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_message_without_end_keeps_nothing_but_its_beginning() {
        let mut reader = FrameReader::default();
        // A text frame of 2^40 bytes.
        let mut header = vec![0x81, 127];
        header.extend_from_slice(&(1_u64 << 40).to_be_bytes());
        reader.feed(&header, 10, &mut |_| true).unwrap();
        for _ in 0..100 {
            reader.feed(&[b'a'; 10_000], 10, &mut |_| true).unwrap();
        }
        assert_eq!(reader.waiting.unwrap().text.len(), 10);
    }

    #[test]
    fn a_written_frame_is_a_clients() {
        for length in [0, 5, 125, 126, 65_535, 65_536] {
            let mut bytes = Vec::new();
            let payload: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            write_frame(&mut bytes, Opcode::Binary, &payload, [1, 2, 3, 4]);
            let mut server = WebSocket::from_raw_socket(std::io::Cursor::new(bytes), Role::Server, None);
            assert_eq!(server.read().unwrap(), Message::binary(payload));
        }
    }
}
