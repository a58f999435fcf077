//! What an error says about a connection: phase, kind, initiator.

use std::io;
use std::net::SocketAddr;

use crate::record::{FailureKind, Initiator, Phase};

/// A connection that failed, before it is known how old it was.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) phase: Phase,
    pub(super) kind: FailureKind,
    pub(super) by: Initiator,
    pub(super) peer: Option<SocketAddr>,
    /// Not redacted yet.
    pub(super) example: String,
}

/// Kind and initiator of an operating system's error, or of the TLS error that it carries. What has no name of its own
/// is `io`, by this machine: no memory or buffers, and whatever an operating system may think of.
pub(super) fn of_io(error: &io::Error) -> (FailureKind, Initiator) {
    use io::ErrorKind as E;
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        // The peer showed a certificate; that it is not believed is this side's decision.
        Some(rustls::Error::InvalidCertificate(_)) => return (FailureKind::Tls, Initiator::Client),
        Some(_) => return (FailureKind::Tls, Initiator::Peer),
        None => {}
    }
    match error.kind() {
        E::ConnectionRefused => (FailureKind::Refused, Initiator::Peer),
        E::ConnectionReset | E::ConnectionAborted | E::BrokenPipe | E::NotConnected | E::WriteZero => {
            (FailureKind::Reset, Initiator::Peer)
        }
        E::UnexpectedEof => (FailureKind::Eof, Initiator::Peer),
        E::TimedOut => (FailureKind::Timeout, Initiator::Network),
        E::HostUnreachable | E::NetworkUnreachable | E::NetworkDown => {
            (FailureKind::Unreachable, Initiator::Network)
        }
        // What a local firewall forbids.
        E::PermissionDenied => (FailureKind::Unreachable, Initiator::Local),
        E::AddrNotAvailable | E::AddrInUse => (FailureKind::PortExhausted, Initiator::Local),
        E::InvalidData => (FailureKind::Protocol, Initiator::Peer),
        _ if has_code(error, DESCRIPTOR_LIMIT) => (FailureKind::FdLimit, Initiator::Local),
        _ if has_code(error, NO_WAY) => (FailureKind::Unreachable, Initiator::Network),
        _ if has_code(error, NETWORK_RESET) => (FailureKind::Reset, Initiator::Network),
        _ => (FailureKind::Io, Initiator::Local),
    }
}

/// What to quote of an error.
pub(super) fn said_by(error: &io::Error) -> String {
    use rustls::{AlertDescription, Error};
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        // This side offers HTTP/1.1 alone.
        Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            "the listener does not speak HTTP/1.1, which an upgrade needs (TLS alert no_application_protocol)"
                .to_owned()
        }
        _ => error.to_string(),
    }
}

/// `EMFILE` and `ENFILE` on every Unix; `WSAEMFILE` on Windows.
const DESCRIPTOR_LIMIT: &[i32] = if cfg!(windows) { &[10_024] } else { &[23, 24] };

/// What the standard library has no kind for, and yet says that there is no way: no such protocol or address family
/// there (`ENOPROTOOPT`, `EAFNOSUPPORT`), host down or off the network (`EHOSTDOWN`, Linux's `ENONET`).
const NO_WAY: &[i32] = if cfg!(target_os = "linux") {
    &[64, 92, 97, 112]
} else if cfg!(target_os = "macos") {
    &[42, 47, 64]
} else if cfg!(windows) {
    &[10_042, 10_047, 10_064]
} else {
    &[]
};

/// `ENETRESET`.
const NETWORK_RESET: &[i32] = if cfg!(target_os = "linux") {
    &[102]
} else if cfg!(windows) {
    &[10_052]
} else {
    &[52]
};

fn has_code(error: &io::Error, codes: &[i32]) -> bool {
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
            (os(98), FailureKind::PortExhausted, Initiator::Local),
            (os(107), FailureKind::Reset, Initiator::Peer),
            (os(102), FailureKind::Reset, Initiator::Network),
            (os(112), FailureKind::Unreachable, Initiator::Network),
            (os(97), FailureKind::Unreachable, Initiator::Network),
            (os(1), FailureKind::Unreachable, Initiator::Local),
            (os(105), FailureKind::Io, Initiator::Local),
            (
                io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError),
                FailureKind::Tls,
                Initiator::Peer,
            ),
            (
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer),
                ),
                FailureKind::Tls,
                Initiator::Client,
            ),
            (io::Error::new(io::ErrorKind::InvalidData, "nonsense"), FailureKind::Protocol, Initiator::Peer),
        ];
        if cfg!(target_os = "linux") {
            for (error, kind, by) in cases {
                assert_eq!(of_io(&error), (kind, by), "{error}");
            }
        }
    }
}
