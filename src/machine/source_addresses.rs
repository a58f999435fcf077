//! Which addresses are this machine's.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};

/// Port 9 (RFC 863); any would do.
const DISCARD: u16 = 9;

/// Those of `addresses` that no socket can be bound to. A datagram socket asks without taking a port that a connection
/// could use, and nothing is sent.
pub fn not_here(addresses: &[IpAddr]) -> Vec<IpAddr> {
    addresses.iter().copied().filter(|address| !is_here(*address)).collect()
}

fn is_here(address: IpAddr) -> bool {
    match UdpSocket::bind((address, 0)) {
        // A broadcast address can be bound to, but nothing goes out from it; an own address reaches itself.
        Ok(socket) => socket.connect((address, DISCARD)).is_ok(),
        // An address of another machine, of a family that this one does not have, or of a link that is not named.
        Err(error) => !matches!(
            error.kind(),
            ErrorKind::AddrNotAvailable | ErrorKind::Unsupported | ErrorKind::InvalidInput
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_documentation_is_not_this_machines() {
        // RFC 5737 and RFC 3849: on no machine.
        let addresses = ["127.0.0.1", "198.51.100.1", "127.3.2.1", "127.255.255.255", "2001:db8::1"];
        let addresses = addresses.map(|a| a.parse::<IpAddr>().unwrap());
        let foreign = not_here(&addresses);
        if cfg!(target_os = "linux") {
            assert_eq!(
                foreign,
                [addresses[1], addresses[3], addresses[4]],
                "the fourth is lo's broadcast address"
            );
        } else {
            // Only Linux has all of 127.0.0.0/8.
            assert!(!foreign.contains(&addresses[0]) && foreign.contains(&addresses[1]), "{foreign:?}");
        }
    }
}
