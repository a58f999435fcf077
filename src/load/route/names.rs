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
    latest: Mutex<Option<LookUp>>,
}

/// What the latest look-up came to.
struct LookUp {
    over_at: Instant,
    /// Those of the last one that succeeded, however old; what its error said where none has.
    outcome: Result<Arc<[SocketAddr]>, (io::ErrorKind, String)>,
}

impl LookUp {
    fn answer(&self) -> io::Result<Arc<[SocketAddr]>> {
        match &self.outcome {
            Ok(addresses) => Ok(Arc::clone(addresses)),
            Err((kind, said)) => Err(io::Error::new(*kind, said.clone())),
        }
    }
}

impl Names {
    pub(super) fn new(destination: Destination, fresh_for: Duration) -> Names {
        Names { destination, fresh_for, latest: Mutex::new(None) }
    }

    /// All addresses, at least one, ascending. Many ask at once while a level opens; one of them looks up, the others
    /// wait, and take its answer, be it an error. A name service that fails later takes no address away that it gave:
    /// an ALB's nodes outlive such a failure.
    pub(super) async fn addresses(&self) -> io::Result<Arc<[SocketAddr]>> {
        let asked_at = Instant::now();
        let mut latest = self.latest.lock().await;
        if let Some(look_up) = latest.as_ref()
            && (look_up.over_at >= asked_at || self.is_fresh(look_up))
        {
            return look_up.answer();
        }
        let outcome = match (look_up(&self.destination).await, latest.take().map(|before| before.outcome)) {
            (Ok(addresses), _) => Ok(addresses.into()),
            (Err(error), Some(Ok(addresses))) => {
                tracing::warn!("the name can't be looked up again, its addresses are kept: {error}");
                Ok(addresses)
            }
            (Err(error), _) => Err((error.kind(), error.to_string())),
        };
        latest.insert(LookUp { over_at: Instant::now(), outcome }).answer()
    }

    fn is_fresh(&self, look_up: &LookUp) -> bool {
        let lasts = matches!(self.destination, Destination::Addresses(_));
        look_up.outcome.is_ok() && (lasts || look_up.over_at.elapsed() < self.fresh_for)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn named(host: &str, fresh_for: Duration) -> Names {
        Names::new(Destination::Name { host: host.into(), port: 80 }, fresh_for)
    }

    /// Stands for what the name service said before.
    async fn remember(names: &Names, address: &str) {
        let addresses = [address.parse().unwrap()].into();
        *names.latest.lock().await = Some(LookUp { over_at: Instant::now(), outcome: Ok(addresses) });
    }

    #[tokio::test]
    async fn an_answer_is_used_until_it_is_too_old() {
        let kept = named("localhost", Duration::from_secs(3_600));
        let forgotten = named("localhost", Duration::ZERO);
        for names in [&kept, &forgotten] {
            remember(names, "10.0.0.1:80").await;
        }
        assert_eq!(kept.addresses().await.unwrap()[..], ["10.0.0.1:80".parse().unwrap()]);
        let anew = forgotten.addresses().await.unwrap();
        assert!(anew.iter().all(|address| address.ip().is_loopback()), "{anew:?}");
    }

    #[tokio::test]
    async fn what_was_known_outlives_a_look_up_that_fails() {
        let names = named("no.such.invalid.", Duration::ZERO);
        remember(&names, "10.0.0.1:80").await;
        for _ in 0..2 {
            assert_eq!(names.addresses().await.unwrap()[..], ["10.0.0.1:80".parse().unwrap()]);
        }
    }

    #[tokio::test]
    async fn an_error_is_told_to_all_who_waited_and_is_forgotten() {
        let names = named("no.such.invalid.", Duration::from_secs(3_600));
        let first = names.addresses().await.unwrap_err();
        let asked_at = names.latest.lock().await.as_ref().unwrap().over_at;
        // Who had asked before it was over is told the same, and nobody is asked again.
        names.latest.lock().await.as_mut().unwrap().over_at = asked_at + Duration::from_secs(3_600);
        let second = names.addresses().await.unwrap_err();
        assert_eq!((first.kind(), first.to_string()), (second.kind(), second.to_string()));
        assert!(names.latest.lock().await.as_ref().unwrap().over_at > Instant::now(), "asked again");
        // Who asks later, asks anew.
        names.latest.lock().await.as_mut().unwrap().over_at = asked_at;
        assert!(names.addresses().await.is_err());
        assert!(names.latest.lock().await.as_ref().unwrap().over_at > asked_at, "not asked again");
    }

    #[tokio::test]
    async fn given_addresses_need_no_name_server() {
        let given = Destination::Addresses(vec!["[::1]:8080".parse().unwrap()]);
        let names = Names::new(given, Duration::ZERO);
        assert_eq!(names.addresses().await.unwrap()[..], ["[::1]:8080".parse().unwrap()]);
    }
}
