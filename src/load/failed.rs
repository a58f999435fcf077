//! What an error says about a connection: phase, kind, initiator.

use std::io;
use std::net::SocketAddr;

use crate::record::{FailureKind, Initiator, Phase};

/// A connection that failed, before it is known how old it was.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) phase: Phase,
    pub(super) kind: FailureKind,
    pub(super) by: Initiator,
    pub(super) peer: Option<SocketAddr>,
    /// Not redacted yet.
    pub(super) example: String,
}

/// Kind and initiator of an operating system's error.
pub(super) fn of_io(error: &io::Error) -> (FailureKind, Initiator) {
    use io::ErrorKind as E;
    if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        return (FailureKind::Tls, Initiator::Peer);
    }
    match error.kind() {
        E::ConnectionRefused => (FailureKind::Refused, Initiator::Peer),
        E::ConnectionReset | E::ConnectionAborted | E::BrokenPipe => (FailureKind::Reset, Initiator::Peer),
        E::UnexpectedEof => (FailureKind::Eof, Initiator::Peer),
        E::TimedOut => (FailureKind::Timeout, Initiator::Network),
        E::HostUnreachable | E::NetworkUnreachable | E::NetworkDown => {
            (FailureKind::Unreachable, Initiator::Network)
        }
        E::AddrNotAvailable => (FailureKind::PortExhausted, Initiator::Local),
        _ if is_descriptor_limit(error) => (FailureKind::FdLimit, Initiator::Local),
        _ => (FailureKind::Io, Initiator::Local),
    }
}

/// `EMFILE` (24) and `ENFILE` (23) on every Unix; `WSAEMFILE` on Windows.
fn is_descriptor_limit(error: &io::Error) -> bool {
    let codes: &[i32] = if cfg!(windows) { &[10_024] } else { &[23, 24] };
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart() {
        let os = io::Error::from_raw_os_error;
        let cases = [
            (os(111), FailureKind::Refused, Initiator::Peer),
            (os(104), FailureKind::Reset, Initiator::Peer),
            (os(32), FailureKind::Reset, Initiator::Peer),
            (os(110), FailureKind::Timeout, Initiator::Network),
            (os(113), FailureKind::Unreachable, Initiator::Network),
            (os(24), FailureKind::FdLimit, Initiator::Local),
            (os(99), FailureKind::PortExhausted, Initiator::Local),
            (
                io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError),
                FailureKind::Tls,
                Initiator::Peer,
            ),
        ];
        if cfg!(target_os = "linux") {
            for (error, kind, by) in cases {
                assert_eq!(of_io(&error), (kind, by), "{error}");
            }
        }
    }
}
