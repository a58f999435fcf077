//! The target's addresses: resolved, and kept for a while.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::plan::Destination;

/// How long a name is asked for anew whose addresses are known: they can be reached without an answer, which a name
/// service gives within milliseconds or, where it is silent, after the time for connecting is over.
const PATIENCE: Duration = Duration::from_secs(1);

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
    patience: Duration,
    latest: Mutex<Option<LookUp>>,
}

/// What the latest look-up came to.
struct LookUp {
    over_at: Instant,
    /// Those of the last one that succeeded, however old; what its error said where none has.
    outcome: Result<Arc<[SocketAddr]>, (io::ErrorKind, String)>,
    /// Whether it failed, and they are those of an earlier one.
    kept: bool,
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
    /// `connect_timeout` is what a connection may take in all, its look-up included.
    pub(super) fn new(destination: Destination, fresh_for: Duration, connect_timeout: Duration) -> Names {
        let patience = PATIENCE.min(connect_timeout / 4);
        Names { destination, fresh_for, patience, latest: Mutex::new(None) }
    }

    /// All addresses, at least one, ascending. Many ask at once while a level opens; one of them looks up, the others
    /// wait, and take its answer, be it an error. A name service that fails later, or falls silent, takes no address away
    /// that it gave: an ALB's nodes outlive such a failure.
    pub(super) async fn addresses(&self) -> io::Result<Arc<[SocketAddr]>> {
        let asked_at = Instant::now();
        let mut latest = self.latest.lock().await;
        if let Some(look_up) = latest.as_ref()
            && (look_up.over_at >= asked_at || self.is_fresh(look_up))
        {
            return look_up.answer();
        }
        let next = self.next(latest.as_ref(), look_up(&self.destination)).await;
        latest.insert(next).answer()
    }

    /// What a look-up comes to, after that one before.
    async fn next(
        &self,
        before: Option<&LookUp>,
        found: impl Future<Output = io::Result<Vec<SocketAddr>>>,
    ) -> LookUp {
        let known = before.and_then(|before| before.outcome.as_ref().ok());
        let found = match known {
            None => found.await,
            Some(_) => timeout(self.patience, found)
                .await
                .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))),
        };
        let kept = found.is_err() && known.is_some();
        let outcome = match (found, known) {
            (Ok(addresses), _) => Ok(addresses.into()),
            (Err(error), Some(addresses)) => {
                // Once, and not every time until it succeeds again.
                if before.is_some_and(|before| !before.kept) {
                    tracing::warn!("the name can't be looked up again, its addresses are kept: {error}");
                }
                Ok(Arc::clone(addresses))
            }
            (Err(error), None) => Err((error.kind(), error.to_string())),
        };
        LookUp { over_at: Instant::now(), outcome, kept }
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
        Names::new(Destination::Name { host: host.into(), port: 80 }, fresh_for, Duration::from_secs(10))
    }

    /// Stands for what the name service said before.
    async fn remember(names: &Names, address: &str) {
        let addresses = [address.parse().unwrap()].into();
        *names.latest.lock().await =
            Some(LookUp { over_at: Instant::now(), outcome: Ok(addresses), kept: false });
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
    async fn what_was_known_outlives_a_name_service_that_is_silent() {
        let name = Destination::Name { host: "h".into(), port: 80 };
        let names = Names::new(name, Duration::ZERO, Duration::from_millis(40));
        remember(&names, "10.0.0.1:80").await;
        let before = names.latest.lock().await.take();
        let asked_at = Instant::now();
        let next = names.next(before.as_ref(), std::future::pending()).await;
        assert_eq!(next.answer().unwrap()[..], ["10.0.0.1:80".parse().unwrap()]);
        assert!(
            next.over_at >= asked_at + Duration::from_millis(10),
            "a quarter of what a connection may take"
        );
    }

    #[tokio::test]
    async fn failures_in_a_row_are_warned_of_once() {
        let log = Arc::new(std::sync::Mutex::new(Vec::new()));
        let writer = Arc::clone(&log);
        let subscriber = tracing_subscriber::fmt().with_writer(move || Lines(Arc::clone(&writer))).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let warned = || String::from_utf8_lossy(&log.lock().unwrap()).matches("addresses are kept").count();
        let names = named("h", Duration::ZERO);
        let good = || async { Ok(vec!["10.0.0.1:80".parse().unwrap()]) };
        let bad = || async { Err(io::Error::other("gone")) };
        let mut latest = names.next(None, good()).await;
        for _ in 0..3 {
            latest = names.next(Some(&latest), bad()).await;
        }
        assert_eq!(warned(), 1);
        latest = names.next(Some(&latest), good()).await;
        names.next(Some(&latest), bad()).await;
        assert_eq!(warned(), 2, "it had succeeded between");
    }

    /// Where log lines go.
    struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
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
        let names = Names::new(given, Duration::ZERO, Duration::ZERO);
        assert_eq!(names.addresses().await.unwrap()[..], ["[::1]:8080".parse().unwrap()]);
    }
}
