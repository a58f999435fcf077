//! The target's addresses: resolved, and kept for a while.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::plan::Destination;

/// A destination's addresses: at least one, ascending, none twice.
///
/// # Errors
/// What the system's resolver says, or [`io::ErrorKind::NotFound`] where it gives no address.
pub async fn look_up(destination: &Destination) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = match destination {
        Destination::Addresses(addresses) => addresses.clone(),
        Destination::Name { host, port } => tokio::net::lookup_host((host.as_str(), *port)).await?.collect(),
    };
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

/// A destination's addresses of late.
pub(super) struct Names {
    destination: Destination,
    fresh_for: Duration,
    known: Mutex<Option<(Instant, Arc<[SocketAddr]>)>>,
}

impl Names {
    pub(super) fn new(destination: Destination, fresh_for: Duration) -> Names {
        Names { destination, fresh_for, known: Mutex::new(None) }
    }

    /// All addresses, at least one, ascending. Many ask at once while a level opens; one of them looks up, the others
    /// wait.
    pub(super) async fn addresses(&self) -> io::Result<Arc<[SocketAddr]>> {
        let mut known = self.known.lock().await;
        if let Some((since, addresses)) = known.as_ref()
            && (since.elapsed() < self.fresh_for || matches!(self.destination, Destination::Addresses(_)))
        {
            return Ok(Arc::clone(addresses));
        }
        let addresses: Arc<[SocketAddr]> = look_up(&self.destination).await?.into();
        *known = Some((Instant::now(), Arc::clone(&addresses)));
        Ok(addresses)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn localhost(fresh_for: Duration) -> Names {
        Names::new(Destination::Name { host: "localhost".into(), port: 80 }, fresh_for)
    }

    /// Stands for what the name service said before.
    async fn remember(names: &Names, address: &str) {
        *names.known.lock().await = Some((Instant::now(), [address.parse().unwrap()].into()));
    }

    #[tokio::test]
    async fn an_answer_is_used_until_it_is_too_old() {
        let (kept, forgotten) = (localhost(Duration::from_secs(3_600)), localhost(Duration::ZERO));
        for names in [&kept, &forgotten] {
            remember(names, "10.0.0.1:80").await;
        }
        assert_eq!(kept.addresses().await.unwrap()[..], ["10.0.0.1:80".parse().unwrap()]);
        let anew = forgotten.addresses().await.unwrap();
        assert!(anew.iter().all(|address| address.ip().is_loopback()), "{anew:?}");
    }

    #[tokio::test]
    async fn what_can_not_be_resolved_is_an_error_and_not_remembered() {
        let names =
            Names::new(Destination::Name { host: "no.such.invalid.".into(), port: 80 }, Duration::ZERO);
        assert!(names.addresses().await.is_err());
        assert!(names.known.lock().await.is_none());
    }

    #[tokio::test]
    async fn given_addresses_need_no_name_server() {
        let given = Destination::Addresses(vec!["[::1]:8080".parse().unwrap()]);
        let names = Names::new(given, Duration::ZERO);
        assert_eq!(names.addresses().await.unwrap()[..], ["[::1]:8080".parse().unwrap()]);
    }
}
