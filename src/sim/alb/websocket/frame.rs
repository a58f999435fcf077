//! Frames: cut out of a stream of bytes that comes in pieces, and written (RFC 6455 §5.2).

/// Longest payload of a control frame (RFC 6455 §5.5).
pub(super) const MAX_CONTROL: usize = 125;

/// Longest head of a frame: two bytes, eight of length, four of mask.
const MAX_HEAD: usize = 14;

/// What a frame is for (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    /// More of a message that has begun.
    Continuation,
    /// A message of text.
    Text,
    /// A message of bytes.
    Binary,
    /// The end is asked for, or answered.
    Close,
    /// An answer is asked for.
    Ping,
    /// The answer.
    Pong,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    /// Control frames may come between the parts of a message.
    pub(super) fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The last frame of its message.
    pub(super) last: bool,
    /// What it is for.
    pub(super) opcode: Opcode,
    /// Length of the payload in bytes.
    pub(super) length: u64,
}

/// The client broke the protocol; it is answered with close code 1002 (RFC 6455 §7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Violation;

/// A part of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// It begins.
    Head(Head),
    /// Some of its payload, unmasked.
    Payload(&'a [u8]),
    /// It is complete.
    End,
}

/// Cuts a client's bytes into pieces of frames, wherever the stream was cut before.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; MAX_HEAD],
    have: u8,
    mask_at: u8,
    in_payload: bool,
    left: u64,
}

impl Frames {
    /// The next piece in `input`, which is moved past it; `None` when there is no more.
    pub(super) fn next<'a>(&mut self, input: &mut &'a mut [u8]) -> Result<Option<Piece<'a>>, Violation> {
        if !self.in_payload {
            return Ok(self.next_head(input)?.map(Piece::Head));
        }
        if self.left == 0 {
            self.in_payload = false;
            self.have = 0;
            return Ok(Some(Piece::End));
        }
        if input.is_empty() {
            return Ok(None);
        }
        let length = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        let (payload, rest) = std::mem::take(input).split_at_mut(length);
        *input = rest;
        self.left -= length as u64;
        self.unmask(payload);
        Ok(Some(Piece::Payload(payload)))
    }

    /// Gathers a head byte by byte; refuses it as soon as its first two bytes are wrong.
    fn next_head(&mut self, input: &mut &mut [u8]) -> Result<Option<Head>, Violation> {
        while usize::from(self.have) < self.head_length() {
            let Some((&mut byte, rest)) = std::mem::take(input).split_first_mut() else {
                return Ok(None);
            };
            *input = rest;
            self.head[usize::from(self.have)] = byte;
            self.have += 1;
            if self.have == 2 {
                check_start(self.head[0], self.head[1])?;
            }
        }
        let head = self.read_head()?;
        self.in_payload = true;
        self.left = head.length;
        self.mask_at = 0;
        Ok(Some(head))
    }

    /// Length of the head, as far as it is known yet.
    fn head_length(&self) -> usize {
        match (self.have, self.head[1] & 0x7F) {
            (0 | 1, _) => 2,
            (_, 126) => 8,
            (_, 127) => 14,
            _ => 6,
        }
    }

    fn read_head(&self) -> Result<Head, Violation> {
        let long = |bytes: &[u8]| bytes.iter().fold(0_u64, |length, &byte| length << 8 | u64::from(byte));
        let (length, shortest, longest) = match self.head[1] & 0x7F {
            126 => (long(&self.head[2..4]), 126, u64::from(u16::MAX)),
            // the highest bit must be 0
            127 => (long(&self.head[2..10]), u64::from(u16::MAX) + 1, u64::MAX >> 1),
            short => (u64::from(short), 0, 125),
        };
        // a length must be written as short as can be
        if !(shortest..=longest).contains(&length) {
            return Err(Violation);
        }
        let opcode = Opcode::from_bits(self.head[0] & 0x0F).ok_or(Violation)?;
        Ok(Head { last: self.head[0] & 0x80 != 0, opcode, length })
    }

    /// RFC 6455 §5.3.
    fn unmask(&mut self, payload: &mut [u8]) {
        let mask_start = usize::from(self.have) - 4;
        let turned: [u8; 4] =
            std::array::from_fn(|index| self.head[mask_start + (usize::from(self.mask_at) + index) % 4]);
        for four in payload.chunks_mut(4) {
            for (byte, mask) in four.iter_mut().zip(turned) {
                *byte ^= mask;
            }
        }
        self.mask_at = ((usize::from(self.mask_at) + payload.len()) % 4) as u8;
    }
}

/// Checks what the first two bytes of a client's frame must be: no extension bits, a known opcode,
/// masked, and control frames whole and short.
fn check_start(first: u8, second: u8) -> Result<(), Violation> {
    let opcode = Opcode::from_bits(first & 0x0F).ok_or(Violation)?;
    let reserved = first & 0x70 != 0;
    let masked = second & 0x80 != 0;
    let bad_control = opcode.is_control() && (first & 0x80 == 0 || usize::from(second & 0x7F) > MAX_CONTROL);
    if reserved || !masked || bad_control { Err(Violation) } else { Ok(()) }
}

/// Appends a whole frame as a server writes it: unmasked.
pub(super) fn write(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    out.reserve(payload.len() + MAX_HEAD - 4);
    out.push(0x80 | opcode.bits());
    let length = payload.len();
    if let Ok(short @ 0..=125) = u8::try_from(length) {
        out.push(short);
    } else if let Ok(medium) = u16::try_from(length) {
        out.push(126);
        out.extend_from_slice(&medium.to_be_bytes());
    } else {
        out.push(127);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
    out.extend_from_slice(payload);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as a client writes it.
    pub(in super::super) fn client_frame(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..=125 => frame.push(0x80 | short as u8),
            medium @ 126..=65535 => {
                frame.push(0x80 | 126);
                frame.extend((medium as u16).to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// Whole frames from a stream that arrives in the given parts.
    fn cut<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<(Head, Vec<u8>)>, Violation> {
        let mut frames = Frames::default();
        let mut whole = Vec::new();
        let mut current = None;
        for part in parts {
            let mut part = part.to_vec();
            let mut input = part.as_mut_slice();
            while let Some(piece) = frames.next(&mut input)? {
                match piece {
                    Piece::Head(head) => current = Some((head, Vec::new())),
                    Piece::Payload(bytes) => current.as_mut().unwrap().1.extend_from_slice(bytes),
                    Piece::End => whole.push(current.take().unwrap()),
                }
            }
            assert!(input.is_empty());
        }
        Ok(whole)
    }

    /// The examples of RFC 6455 §5.7 that a client can send.
    #[test]
    fn the_masked_hello_of_the_rfc() {
        let bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let head = Head { last: true, opcode: Opcode::Text, length: 5 };
        assert_eq!(cut([&bytes[..]]).unwrap(), [(head, b"Hello".to_vec())]);
    }

    #[test]
    fn server_frames_of_the_rfc() {
        let mut out = Vec::new();
        write(&mut out, Opcode::Pong, b"Hello");
        assert_eq!(out, [0x8a, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        for (length, head) in [
            (125, vec![0x82, 0x7D]),
            (126, vec![0x82, 0x7E, 0x00, 0x7E]),
            (256, vec![0x82, 0x7E, 0x01, 0x00]),
            (65536, vec![0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            write(&mut out, Opcode::Binary, &vec![7; length]);
            assert_eq!(&out[..head.len()], head);
            assert_eq!(out.len(), head.len() + length);
        }
    }

    #[test]
    fn violations_are_found_in_the_first_bytes() {
        let cases: [&[u8]; 9] = [
            &[0x81, 0x05],                                           // not masked
            &[0xC1, 0x80],                                           // a reserved bit
            &[0x83, 0x80],                                           // an unknown opcode
            &[0x8B, 0x80],                                           // an unknown control opcode
            &[0x09, 0x80],                                           // a ping in parts
            &[0x89, 0xFE],                                           // a ping over 125 bytes
            &[0x81, 0xFE, 0x00, 0x7D, 0, 0, 0, 0],                   // 125 written long
            &[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0], // 65,535 written longer
            &[0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],    // the highest bit
        ];
        for bytes in cases {
            assert_eq!(cut([bytes]), Err(Violation), "{bytes:x?}");
        }
    }

    #[test]
    fn the_largest_length_is_no_violation() {
        let bytes = [0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4, 5];
        assert_eq!(cut([&bytes[..]]).unwrap(), []);
    }

    fn frame() -> impl Strategy<Value = (u8, [u8; 4], Vec<u8>)> {
        let data = (prop::sample::select(vec![0x00, 0x01, 0x02, 0x80, 0x81, 0x82]), 0..700_usize);
        let control = (prop::sample::select(vec![0x88, 0x89, 0x8A]), 0..=MAX_CONTROL);
        (prop_oneof![data, control], any::<[u8; 4]>(), any::<u8>()).prop_map(
            |((first, length), mask, seed)| {
                (first, mask, (0..length).map(|index| seed.wrapping_add(index as u8)).collect())
            },
        )
    }

    proptest! {
        // each case is cut at every byte, which makes up for their number
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn frames_are_the_same_wherever_the_stream_is_cut(frames in prop::collection::vec(frame(), 1..4)) {
            let stream: Vec<u8> =
                frames.iter().flat_map(|(first, mask, payload)| client_frame(*first, *mask, payload)).collect();
            let expected: Vec<(Head, Vec<u8>)> = frames
                .iter()
                .map(|(first, _, payload)| {
                    let opcode = Opcode::from_bits(first & 0x0F).unwrap();
                    (Head { last: first & 0x80 != 0, opcode, length: payload.len() as u64 }, payload.clone())
                })
                .collect();
            prop_assert_eq!(&cut(stream.chunks(1)).unwrap(), &expected);
            for at in 0..=stream.len() {
                let (before, after) = stream.split_at(at);
                prop_assert_eq!(&cut([before, after]).unwrap(), &expected);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = cut([&bytes[..]]);
        }
    }
}
