//! In which families of addresses this machine has a way to others: a name is resolved to both, also where it has but one.

use std::io::{Error, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::facts::Families;

/// The families in which there is a way to one of the addresses at least.
pub fn families_with_a_way(to: &[SocketAddr]) -> Families {
    let has_way = |ipv4: bool| to.iter().any(|address| address.is_ipv4() == ipv4 && has_way(*address));
    Families { ipv4: has_way(true), ipv6: has_way(false) }
}

/// Connecting a datagram socket asks for the route, and sends nothing.
fn has_way(to: SocketAddr) -> bool {
    let from: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let connected = UdpSocket::bind((from, 0)).and_then(|socket| socket.connect(to));
    connected.map_or_else(|error| !says_that_there_is_none(&error), |()| true)
}

/// Any other error, as that descriptors ran out, says nothing of the way.
fn says_that_there_is_none(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::AddrNotAvailable
            | ErrorKind::Unsupported
            | ErrorKind::InvalidInput
            | ErrorKind::PermissionDenied
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn families(to: &[&str]) -> Families {
        families_with_a_way(&to.iter().map(|address| address.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn a_machine_reaches_itself_and_no_address_of_a_link_that_it_does_not_have() {
        assert_eq!(families(&[]), Families { ipv4: false, ipv6: false });
        assert_eq!(families(&["127.0.0.1:80"]), Families { ipv4: true, ipv6: false });
        // Of a link, and none is named (RFC 4007 §11).
        assert_eq!(families(&["[fe80::1]:80", "127.0.0.1:80"]), Families { ipv4: true, ipv6: false });
    }
}
