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
        // The system ended it by itself: `ss -K`, a local address that went away (Windows: a timeout of its own).
        E::ConnectionAborted => (FailureKind::Reset, Initiator::Local),
        E::ConnectionReset | E::BrokenPipe | E::NotConnected | E::WriteZero => {
            (FailureKind::Reset, Initiator::Peer)
        }
        E::UnexpectedEof => (FailureKind::Eof, Initiator::Peer),
        E::TimedOut => (FailureKind::Timeout, Initiator::Network),
        // An ICMP message, or no route of this machine's own: the code is the same.
        E::HostUnreachable | E::NetworkUnreachable => (FailureKind::Unreachable, Initiator::Network),
        // An interface that is down, and what a local firewall forbids: no ICMP message becomes one of these.
        E::NetworkDown | E::PermissionDenied => (FailureKind::Unreachable, Initiator::Local),
        E::AddrNotAvailable | E::AddrInUse => (FailureKind::PortExhausted, Initiator::Local),
        E::InvalidData => (FailureKind::Protocol, Initiator::Peer),
        _ if has_code(error, DESCRIPTOR_LIMIT) => (FailureKind::FdLimit, Initiator::Local),
        _ if has_code(error, NO_FAMILY) => (FailureKind::Unreachable, Initiator::Local),
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

/// `EAFNOSUPPORT`: this machine's kernel has no IPv6 (or no IPv4).
const NO_FAMILY: &[i32] = if cfg!(target_os = "linux") {
    &[97]
} else if cfg!(windows) {
    &[10_047]
} else {
    &[47]
};

/// Answers of the network for which the standard library has no kind (Linux: from ICMP): no such protocol there
/// (`ENOPROTOOPT`), host down or off the network (`EHOSTDOWN`, Linux's `ENONET`).
const NO_WAY: &[i32] = if cfg!(target_os = "linux") {
    &[64, 92, 112]
} else if cfg!(windows) {
    &[10_042, 10_064]
} else {
    &[42, 64]
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

    #[cfg(target_os = "linux")]
    #[test]
    fn errors_are_told_apart() {
        let os = io::Error::from_raw_os_error;
        let cases = [
            (os(libc::ECONNREFUSED), FailureKind::Refused, Initiator::Peer),
            (os(libc::ECONNRESET), FailureKind::Reset, Initiator::Peer),
            (os(libc::EPIPE), FailureKind::Reset, Initiator::Peer),
            (os(libc::ENOTCONN), FailureKind::Reset, Initiator::Peer),
            (os(libc::ECONNABORTED), FailureKind::Reset, Initiator::Local),
            (os(libc::ENETRESET), FailureKind::Reset, Initiator::Network),
            (os(libc::ETIMEDOUT), FailureKind::Timeout, Initiator::Network),
            (os(libc::ENETUNREACH), FailureKind::Unreachable, Initiator::Network),
            (os(libc::EHOSTUNREACH), FailureKind::Unreachable, Initiator::Network),
            (os(libc::EHOSTDOWN), FailureKind::Unreachable, Initiator::Network),
            (os(libc::ENONET), FailureKind::Unreachable, Initiator::Network),
            (os(libc::ENOPROTOOPT), FailureKind::Unreachable, Initiator::Network),
            (os(libc::ENETDOWN), FailureKind::Unreachable, Initiator::Local),
            (os(libc::EAFNOSUPPORT), FailureKind::Unreachable, Initiator::Local),
            (os(libc::EPERM), FailureKind::Unreachable, Initiator::Local),
            (os(libc::EACCES), FailureKind::Unreachable, Initiator::Local),
            (os(libc::EMFILE), FailureKind::FdLimit, Initiator::Local),
            (os(libc::ENFILE), FailureKind::FdLimit, Initiator::Local),
            (os(libc::EADDRNOTAVAIL), FailureKind::PortExhausted, Initiator::Local),
            (os(libc::EADDRINUSE), FailureKind::PortExhausted, Initiator::Local),
            (os(libc::ENOBUFS), FailureKind::Io, Initiator::Local),
            (os(libc::ENOMEM), FailureKind::Io, Initiator::Local),
            (os(libc::EBADF), FailureKind::Io, Initiator::Local),
            (os(libc::ENODEV), FailureKind::Io, Initiator::Local),
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
        for (error, kind, by) in cases {
            assert_eq!(of_io(&error), (kind, by), "{error}");
        }
    }
}
