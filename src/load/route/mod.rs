//! The way of each connection: to which of the target's addresses, and from which of ours.
//!
//! A [`Router`] hands out [`Way`]s so that all pairs of the two are used evenly. `names` looks up and remembers for a
//! while, `spread` says whose turn it is, `way` connects, `reach` remembers who took connections.

mod names;
mod reach;
mod spread;
mod way;

pub use names::look_up;
pub(super) use way::Way;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::failed::{Failed, of_io};
use crate::plan::Route;
use crate::record::{FailureKind, Initiator, Phase};
use names::Names;
use reach::Reach;
use spread::Sources;

/// The part of the connect timeout that an address has which took nobody yet, where there is one of the other family: the
/// rest must do for that one. A SYN is sent anew after a second (RFC 6298 §2), within a quarter of the default.
const SHARE_OF_THE_FIRST: u32 = 4;

/// Knows the ways to the target; shared by all connections.
pub(super) struct Router {
    names: Names,
    sources: Sources,
    turn: AtomicU64,
    reach: Reach,
    patience: Duration,
}

/// Why the first of two ways came to nothing.
#[derive(Debug)]
pub(super) enum NotTaken {
    /// Nobody takes connections there: the other way is to be tried.
    PassOver,
    /// It failed, and that is how the connection failed.
    Failed(io::Error),
}

/// Why a connection has no way.
#[derive(Debug, Error)]
pub(super) enum NoWay {
    /// The name could not be resolved.
    #[error("{0}")]
    Unresolved(#[from] io::Error),
    /// Preflight refuses it; but a name's addresses may change their family later.
    #[error("no source address is of the family of the target's addresses")]
    NoSource,
}

impl From<NoWay> for Failed {
    fn from(no_way: NoWay) -> Failed {
        let (phase, kind, by) = match no_way {
            NoWay::Unresolved(_) => (Phase::Dns, FailureKind::Dns, Initiator::Network),
            NoWay::NoSource => (Phase::Connect, FailureKind::Unreachable, Initiator::Local),
        };
        Failed { phase, kind, by, peer: None, example: no_way.to_string() }
    }
}

impl Router {
    pub(super) fn new(route: &Route, host: &str, port: u16, connect_timeout: Duration) -> Router {
        Router {
            names: Names::new(route.destination(host, port), route.dns_ttl, connect_timeout),
            sources: Sources::new(route.source_ip.as_ref()),
            turn: AtomicU64::new(0),
            reach: Reach::default(),
            patience: connect_timeout / SHARE_OF_THE_FIRST,
        }
    }

    /// The next way in turn, and one to an address of the other family where there is any: a machine without IPv6 can
    /// then still reach a dual-stack name.
    pub(super) async fn next(&self) -> Result<(Way, Option<Way>), NoWay> {
        let destinations = self.names.addresses().await?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        spread::ways(&destinations, &self.sources, turn).ok_or(NoWay::NoSource)
    }

    /// Connects by the first of two ways. It is passed over where it refuses, has no way there, or is silent and was so
    /// to everybody before: then it gets no more than a part of the time, and later connections do not even try. An
    /// address that took one before has all of the time, and its silence is a failure.
    pub(super) async fn connect_first(&self, first: &Way) -> Result<TcpStream, NotTaken> {
        if self.reach.rests(first.to, Instant::now()) {
            return Err(NotTaken::PassOver);
        }
        let mut connecting = std::pin::pin!(first.connect());
        let connected = match timeout(self.patience, &mut connecting).await {
            Ok(connected) => connected,
            Err(_) if self.reach.was_silent(first.to, Instant::now()) => {
                return Err(NotTaken::PassOver);
            }
            Err(_) => connecting.await,
        };
        if connected.is_ok() {
            self.reach.took(first.to);
        }
        connected.map_err(|error| match of_io(&error).0 {
            FailureKind::Refused | FailureKind::Unreachable => NotTaken::PassOver,
            // The system may lose patience before the connect timeout does.
            FailureKind::Timeout if self.reach.was_silent(first.to, Instant::now()) => NotTaken::PassOver,
            _ => NotTaken::Failed(error),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connect_to_and_resolve_are_applied_and_addresses_taken_in_turn() {
        let route = Route {
            connect_to: vec![":80:b:81".parse().unwrap()],
            resolve: vec!["b:81:10.0.0.1,10.0.0.2".parse().unwrap()],
            ..Route::default()
        };
        let router = Router::new(&route, "a", 80, Duration::ZERO);
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(router.next().await.unwrap().0.to.to_string());
        }
        assert_eq!(seen, ["10.0.0.1:81", "10.0.0.2:81", "10.0.0.1:81", "10.0.0.2:81"]);
    }

    #[tokio::test]
    async fn a_target_of_a_family_without_source_has_no_way() {
        let route = Route { source_ip: Some("127.0.0.1".parse().unwrap()), ..Route::default() };
        assert!(matches!(Router::new(&route, "::1", 80, Duration::ZERO).next().await, Err(NoWay::NoSource)));
    }
}
