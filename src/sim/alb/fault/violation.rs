//! Frames that no server may send (RFC 6455 §5).

/// How the protocol is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A reserved bit, though no extension was agreed (§5.2).
    ReservedBit,
    /// An opcode that means nothing (§5.2).
    UnknownOpcode,
    /// A masked frame, which only clients send (§5.1).
    Masked,
    /// A ping of more than 125 bytes (§5.5).
    LongPing,
    /// A ping in fragments (§5.4).
    SplitPing,
    /// More of a message that has not begun (§5.4).
    StrayContinuation,
    /// A text that is not UTF-8 (§8.1).
    BadUtf8,
    /// A close frame with code 1005, which is never sent (§7.4.1).
    BadCloseCode,
}

impl Violation {
    /// Each of them.
    pub(super) const ALL: [Self; 8] = [
        Self::ReservedBit,
        Self::UnknownOpcode,
        Self::Masked,
        Self::LongPing,
        Self::SplitPing,
        Self::StrayContinuation,
        Self::BadUtf8,
        Self::BadCloseCode,
    ];

    /// Its name on the command line.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::ReservedBit => "reserved-bit",
            Self::UnknownOpcode => "unknown-opcode",
            Self::Masked => "masked",
            Self::LongPing => "long-ping",
            Self::SplitPing => "split-ping",
            Self::StrayContinuation => "stray-continuation",
            Self::BadUtf8 => "bad-utf8",
            Self::BadCloseCode => "bad-close-code",
        }
    }

    /// The frame. Written out by hand, since no writer of frames should be able to.
    pub(in crate::sim::alb) fn frame(self) -> Vec<u8> {
        let short: &[u8] = match self {
            Self::ReservedBit => b"\xC1\x02hi",
            Self::UnknownOpcode => b"\x83\x02hi",
            Self::Masked => b"\x81\x82\0\0\0\0hi",
            Self::LongPing => return [&b"\x89\x7E\x00\x7E"[..], &[b'p'; 126]].concat(),
            Self::SplitPing => b"\x09\x02hi",
            Self::StrayContinuation => b"\x80\x02hi",
            Self::BadUtf8 => b"\x81\x02\xC3\x28",
            Self::BadCloseCode => b"\x88\x02\x03\xED",
        };
        short.to_vec()
    }
}
