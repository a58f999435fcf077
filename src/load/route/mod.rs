//! The way of each connection: to which of the target's addresses, and from which of ours.
//!
//! A [`Router`] hands out [`Way`]s so that all pairs of the two are used evenly. `names` looks up and remembers for a
//! while, `spread` says whose turn it is, `way` connects.

mod names;
mod spread;
mod way;

pub use names::look_up;
pub(super) use way::Way;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thiserror::Error;

use super::failed::Failed;
use crate::plan::Route;
use crate::record::{FailureKind, Initiator, Phase};
use names::Names;
use spread::Sources;

/// Knows the ways to the target; shared by all connections.
pub(super) struct Router {
    names: Names,
    sources: Sources,
    turn: AtomicU64,
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
        }
    }

    /// The next way in turn, and one to an address of the other family where there is any: a machine without IPv6 can
    /// then still reach a dual-stack name.
    pub(super) async fn next(&self) -> Result<(Way, Option<Way>), NoWay> {
        let destinations = self.names.addresses().await?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        spread::ways(&destinations, &self.sources, turn).ok_or(NoWay::NoSource)
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
