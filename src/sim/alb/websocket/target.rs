//! What the target answers: pongs, closes, and every text message with the same text.

use super::frame::{self, Frames, Head, MAX_CONTROL, Opcode, Piece, Violation};

/// Longest text message that is echoed; a longer one is swallowed as it comes.
const MAX_ECHO: u64 = 1024 * 1024;

/// Close codes (RFC 6455 §7.4.1).
const PROTOCOL_ERROR: u16 = 1002;
const INVALID_DATA: u16 = 1007;

/// Whether the connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It does.
    Open,
    /// A close frame was answered or sent: nothing more is read.
    Closing,
}

/// The message whose frames are coming in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Message {
    /// None is.
    #[default]
    Between,
    /// Text to be echoed.
    Echoed,
    /// Bytes, or too long a text.
    Swallowed,
}

/// The target's end of one WebSocket.
#[derive(Debug, Default)]
pub(super) struct Target {
    frames: Frames,
    message: Message,
    current: Option<Head>,
    text: Vec<u8>,
    control: Vec<u8>,
    mute: bool,
}

/// The close frame that ends the connection.
enum Farewell {
    /// With a code of our own.
    Code(u16),
    /// As the client's, which may have no code.
    Echo(Vec<u8>),
}

impl From<Violation> for Farewell {
    fn from(_: Violation) -> Self {
        Self::Code(PROTOCOL_ERROR)
    }
}

impl Target {
    /// From now on pings are not answered.
    pub(super) fn mute(&mut self) {
        self.mute = true;
    }

    /// Takes bytes from the client, and appends what is answered to `out`.
    pub(super) fn take(&mut self, mut input: &mut [u8], out: &mut Vec<u8>) -> Step {
        loop {
            match self.next(&mut input, out) {
                Ok(true) => {}
                Ok(false) => return Step::Open,
                Err(farewell) => {
                    match farewell {
                        Farewell::Code(code) => frame::write(out, Opcode::Close, &code.to_be_bytes()),
                        Farewell::Echo(code) => frame::write(out, Opcode::Close, &code),
                    }
                    return Step::Closing;
                }
            }
        }
    }

    /// Takes one piece; false when there is none.
    fn next(&mut self, input: &mut &mut [u8], out: &mut Vec<u8>) -> Result<bool, Farewell> {
        let Some(piece) = self.frames.next(input)? else {
            return Ok(false);
        };
        match piece {
            Piece::Head(head) => self.begin(head)?,
            Piece::Payload(bytes) => match self.current {
                Some(head) if head.opcode.is_control() => self.control.extend_from_slice(bytes),
                _ if self.message == Message::Echoed => self.text.extend_from_slice(bytes),
                _ => {}
            },
            Piece::End => {
                if let Some(head) = self.current.take() {
                    self.end(head, out)?;
                }
            }
        }
        Ok(true)
    }

    /// A frame begins: does it fit what went before (RFC 6455 §5.4)?
    fn begin(&mut self, head: Head) -> Result<(), Violation> {
        self.current = Some(head);
        if head.opcode.is_control() {
            return Ok(());
        }
        let continues = head.opcode == Opcode::Continuation;
        if continues != (self.message != Message::Between) {
            return Err(Violation);
        }
        match head.opcode {
            Opcode::Text => self.message = Message::Echoed,
            Opcode::Binary => self.message = Message::Swallowed,
            _ => {}
        }
        if (self.text.len() as u64).saturating_add(head.length) > MAX_ECHO {
            self.message = Message::Swallowed;
            self.text = Vec::new();
        }
        Ok(())
    }

    /// A frame is complete.
    fn end(&mut self, head: Head, out: &mut Vec<u8>) -> Result<(), Farewell> {
        match head.opcode {
            Opcode::Ping if self.mute => self.control = Vec::new(),
            Opcode::Ping => frame::write(out, Opcode::Pong, &std::mem::take(&mut self.control)),
            Opcode::Pong => self.control = Vec::new(),
            Opcode::Close => return Err(farewell(&self.control)),
            Opcode::Text | Opcode::Binary | Opcode::Continuation if head.last => {
                let text = std::mem::take(&mut self.text);
                if std::mem::take(&mut self.message) == Message::Echoed {
                    if std::str::from_utf8(&text).is_err() {
                        return Err(Farewell::Code(INVALID_DATA));
                    }
                    frame::write(out, Opcode::Text, &text);
                }
            }
            Opcode::Text | Opcode::Binary | Opcode::Continuation => {}
        }
        Ok(())
    }
}

/// The answer to a client's close frame: its code, if it may be sent (RFC 6455 §7.4).
fn farewell(payload: &[u8]) -> Farewell {
    debug_assert!(payload.len() <= MAX_CONTROL);
    let (code, reason) = match payload {
        [] => return Farewell::Echo(Vec::new()),
        [first, second, reason @ ..] => (u16::from_be_bytes([*first, *second]), reason),
        [_] => return Farewell::Code(PROTOCOL_ERROR),
    };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Farewell::Code(PROTOCOL_ERROR);
    }
    if std::str::from_utf8(reason).is_err() {
        return Farewell::Code(INVALID_DATA);
    }
    Farewell::Echo(code.to_be_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::frame::tests::client_frame;
    use super::*;

    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

    /// First byte and payload of a client's frame.
    type Sent<'a> = (u8, &'a [u8]);

    fn answer(frames: &[Sent<'_>]) -> (Vec<u8>, Step) {
        let mut bytes: Vec<u8> =
            frames.iter().flat_map(|(first, payload)| client_frame(*first, MASK, payload)).collect();
        let mut target = Target::default();
        let mut out = Vec::new();
        let step = target.take(&mut bytes, &mut out);
        if step == Step::Open {
            assert_eq!((target.text.capacity(), target.control.capacity()), (0, 0), "something is kept");
        }
        (out, step)
    }

    fn written(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        frame::write(&mut out, opcode, payload);
        out
    }

    #[test]
    fn pings_get_their_own_payload_back() {
        assert_eq!(answer(&[(0x89, b"beat")]), (written(Opcode::Pong, b"beat"), Step::Open));
        assert_eq!(answer(&[(0x89, b"")]), (written(Opcode::Pong, b""), Step::Open));
        assert_eq!(answer(&[(0x8A, b"unasked")]), (Vec::new(), Step::Open));
    }

    #[test]
    fn the_mute_answers_no_ping_and_everything_else() {
        let mut target = Target::default();
        target.mute();
        let mut out = Vec::new();
        let mut bytes = [client_frame(0x89, MASK, b"beat"), client_frame(0x81, MASK, b"text")].concat();
        assert_eq!(target.take(&mut bytes, &mut out), Step::Open);
        assert_eq!(out, written(Opcode::Text, b"text"));
    }

    #[test]
    fn text_is_echoed_and_bytes_are_swallowed() {
        assert_eq!(
            answer(&[(0x81, "größe".as_bytes())]),
            (written(Opcode::Text, "größe".as_bytes()), Step::Open)
        );
        assert_eq!(answer(&[(0x82, b"\xff\x00")]), (Vec::new(), Step::Open));
    }

    #[test]
    fn a_message_in_parts_is_echoed_whole_and_a_ping_may_come_between() {
        let (first, second) = "größe".as_bytes().split_at(3);
        let frames: [(u8, &[u8]); 4] = [(0x01, first), (0x89, b"p"), (0x00, second), (0x80, b"!")];
        let mut expected = written(Opcode::Pong, b"p");
        expected.extend(written(Opcode::Text, "größe!".as_bytes()));
        assert_eq!(answer(&frames), (expected, Step::Open));
    }

    #[test]
    fn a_long_text_is_swallowed_and_the_next_one_echoed() {
        let half = vec![b'x'; MAX_ECHO as usize / 2];
        let whole = [half.as_slice(), half.as_slice()].concat();
        assert_eq!(answer(&[(0x81, &whole)]), (written(Opcode::Text, &whole), Step::Open));
        let frames: [(u8, &[u8]); 4] = [(0x01, &half), (0x00, &half), (0x80, b"x"), (0x81, b"next")];
        assert_eq!(answer(&frames), (written(Opcode::Text, b"next"), Step::Open));
    }

    #[test]
    fn a_close_is_answered_with_its_code() {
        let cases: [(&[u8], &[u8]); 8] = [
            (b"", b""),
            (b"\x03\xe8", b"\x03\xe8"),
            (b"\x03\xe9going away", b"\x03\xe9"),
            (b"\x0f\xa0", b"\x0f\xa0"),
            (b"\x03", b"\x03\xea"),
            (b"\x03\xed", b"\x03\xea"),
            (b"\x00\x01", b"\x03\xea"),
            (b"\x03\xe8\xff", b"\x03\xef"),
        ];
        for (sent, answered) in cases {
            assert_eq!(
                answer(&[(0x88, sent), (0x89, b"ignored")]),
                (written(Opcode::Close, answered), Step::Closing)
            );
        }
    }

    #[test]
    fn violations_are_closed_with_1002_and_bad_text_with_1007() {
        let cases: [(&[Sent<'_>], u16); 5] = [
            (&[(0x80, b"continues nothing")], 1002),
            (&[(0x01, b"a"), (0x81, b"b")], 1002),
            (&[(0xC1, b"reserved bit")], 1002),
            (&[(0x81, b"\xff")], 1007),
            (&[(0x01, b"\xc3"), (0x80, b"x")], 1007),
        ];
        for (frames, code) in cases {
            assert_eq!(answer(frames), (written(Opcode::Close, &code.to_be_bytes()), Step::Closing));
        }
    }
}
