//! `--baseline N`: clients that nobody simulates on a socket, but that the metrics show.

use std::time::Duration;

use crate::sim::alb::{Count, Legs, Totals};

/// How long each of them stays; one that leaves is followed by another at once.
const STAY: Duration = Duration::from_secs(600);

/// How often each of them makes a request, on the connection that it has.
const BETWEEN_REQUESTS: Duration = Duration::from_secs(60);

/// Bytes of a request and its answer together.
const BYTES_PER_REQUEST: u64 = 1500;

/// What one node has of it in every period: always the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// Connections at any instant.
    pub(super) legs: Legs,
    /// What they count in a period.
    pub(super) counts: Totals,
}

/// The share of node `node` of `nodes` in the traffic of `clients`, for periods of that length.
pub(super) fn share(clients: u64, node: u64, nodes: u64, period: Duration) -> Share {
    let here = clients / nodes + u64::from(node < clients % nodes);
    let times = |every: Duration| (here as f64 * period.as_secs_f64() / every.as_secs_f64()).round() as u64;
    let (arrivals, requests) = (times(STAY), times(BETWEEN_REQUESTS));
    Share {
        legs: Legs { client: here, target: here },
        counts: Totals::default()
            .plus(Count::NewClientLegs, arrivals)
            .plus(Count::NewTargetLegs, arrivals)
            .plus(Count::Requests, requests)
            .plus(Count::Target2xx, requests)
            .plus(Count::ProcessedBytes, requests * BYTES_PER_REQUEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_spread_over_the_nodes_without_losing_one() {
        let minute = Duration::from_secs(60);
        let here: Vec<u64> = (0..3).map(|node| share(100, node, 3, minute).legs.client).collect();
        assert_eq!(here, [34, 33, 33]);
        assert_eq!(share(0, 0, 1, minute), Share::default());
    }

    #[test]
    fn its_traffic_goes_with_clients_and_time() {
        let share = share(100, 0, 1, Duration::from_secs(60));
        assert_eq!(share.counts.of(Count::NewClientLegs), 10);
        assert_eq!(share.counts.of(Count::Requests), 100);
        assert_eq!(share.counts.of(Count::ProcessedBytes), 150_000);
    }
}
