//! The name's addresses: resolved, kept for a while, and taken in turn so that connections spread over all of them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an answer is used. AWS changes the nodes behind a name as an ALB scales, with a TTL of 60 s; clients are
/// told to resolve at least each minute (aws-facts.md §3).
const FRESH_FOR: Duration = Duration::from_secs(30);

pub(super) struct Addresses {
    host: String,
    port: u16,
    known: Mutex<Option<(Instant, Vec<SocketAddr>)>>,
    turn: AtomicUsize,
}

impl Addresses {
    pub(super) fn new(host: String, port: u16) -> Addresses {
        Addresses { host, port, known: Mutex::new(None), turn: AtomicUsize::new(0) }
    }

    /// The next address in turn, and one of the other family where there is any: a machine without IPv6 can then
    /// still reach a dual-stack name.
    pub(super) async fn next(&self) -> io::Result<(SocketAddr, Option<SocketAddr>)> {
        let all = self.all().await?;
        let first = all[self.turn.fetch_add(1, Ordering::Relaxed) % all.len()];
        let other = all.iter().copied().find(|address| address.is_ipv4() != first.is_ipv4());
        Ok((first, other))
    }

    /// All addresses, at least one. Many ask at once while a level opens; one of them looks up, the others wait.
    async fn all(&self) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let mut known = self.known.lock().await;
        if let Some((since, addresses)) = known.as_ref()
            && since.elapsed() < FRESH_FOR
        {
            return Ok(addresses.clone());
        }
        let mut addresses: Vec<SocketAddr> =
            tokio::net::lookup_host((self.host.as_str(), self.port)).await?.collect();
        addresses.sort_unstable();
        addresses.dedup();
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        *known = Some((Instant::now(), addresses.clone()));
        Ok(addresses)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_taken_in_turn() {
        let addresses = Addresses::new("x.invalid".into(), 80);
        let three: Vec<SocketAddr> =
            ["10.0.0.1:80", "10.0.0.2:80", "[::1]:80"].map(|a| a.parse().unwrap()).into();
        *addresses.known.lock().await = Some((Instant::now(), three.clone()));
        let mut seen = Vec::new();
        for _ in 0..6 {
            seen.push(addresses.next().await.unwrap().0);
        }
        assert_eq!(seen, [three.clone(), three.clone()].concat());
        let (first, other) = addresses.next().await.unwrap();
        assert_eq!((first, other), (three[0], Some(three[2])));
    }

    #[tokio::test]
    async fn a_literal_address_needs_no_name_server() {
        let addresses = Addresses::new("::1".into(), 8080);
        assert_eq!(addresses.next().await.unwrap(), ("[::1]:8080".parse().unwrap(), None));
    }
}
