//! One connection's TCP: to an address, from an address.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream as StdTcpStream};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

/// Where a connection goes and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::load) struct Way {
    /// The target's address.
    pub(in crate::load) to: SocketAddr,
    /// This machine's; `None` leaves it to the system.
    pub(in crate::load) from: Option<IpAddr>,
}

impl Way {
    /// Connects.
    pub(in crate::load) async fn connect(&self) -> io::Result<TcpStream> {
        match self.from {
            None => TcpStream::connect(self.to).await,
            Some(from) => bound(from)?.connect(self.to).await,
        }
    }
}

/// A socket that will connect from that address.
fn bound(from: IpAddr) -> io::Result<TcpSocket> {
    let address = SocketAddr::new(from, 0);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    leave_the_port_to_connect(&socket)?;
    socket.bind(&address.into()).map_err(|error| not_bound(from, error))?;
    Ok(TcpSocket::from_std_stream(StdTcpStream::from(socket)))
}

/// Without this, `bind` takes a port that no other connection from that address may have, whatever its destination: the
/// ports would be gone after one destination's worth, and the search for a free one slow long before.
#[cfg(target_os = "linux")]
fn leave_the_port_to_connect(socket: &Socket) -> io::Result<()> {
    nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true)?;
    Ok(())
}

/// Other systems have no such option.
#[cfg(not(target_os = "linux"))]
fn leave_the_port_to_connect(_: &Socket) -> io::Result<()> {
    Ok(())
}

/// Where `bind` takes no port, an address that is not available is not a want of ports: the address has gone.
fn not_bound(from: IpAddr, error: io::Error) -> io::Error {
    if cfg!(target_os = "linux") && error.kind() == io::ErrorKind::AddrNotAvailable {
        return io::Error::other(format!("the source address {from} is not on this machine any more"));
    }
    error
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_comes_from_its_source_in_both_families() {
        for (listen, from) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1")] {
            let listener = tokio::net::TcpListener::bind(listen).await.unwrap();
            let from: IpAddr = from.parse().unwrap();
            let way = Way { to: listener.local_addr().unwrap(), from: Some(from) };
            let stream = way.connect().await.unwrap();
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, stream.local_addr().unwrap());
            assert_eq!(peer.ip(), from);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn binding_takes_no_port() {
        for from in ["127.0.0.1", "::1"] {
            let port = bound(from.parse().unwrap()).unwrap().local_addr().unwrap().port();
            assert_eq!(port, 0, "{from}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_address_that_has_gone_is_not_a_want_of_ports() {
        use crate::load::failed::of_io;
        use crate::record::{FailureKind, Initiator};
        // RFC 5737: on no machine.
        let error = bound("198.51.100.1".parse().unwrap()).unwrap_err();
        assert_eq!(of_io(&error), (FailureKind::Io, Initiator::Local));
        assert!(error.to_string().contains("198.51.100.1"), "{error}");
    }
}
