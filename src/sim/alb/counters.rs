//! What a node counts: legs open now, and totals that only grow.
//!
//! Nothing is ever reset; a period's count is the difference of two totals.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is counted, each the source of one metric (aws-facts.md §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// TCP connections that clients opened.
    NewClientLegs,
    /// TCP connections that the load balancer opened to targets.
    NewTargetLegs,
    /// Requests for which a target was picked.
    Requests,
    /// Bytes of HTTP and WebSocket with clients, both directions, without TLS and TCP.
    ProcessedBytes,
    /// Connections refused because the load balancer was full.
    RejectedConnections,
    /// TLS handshakes that failed for a TLS error.
    ClientTlsErrors,
    /// 4xx answers made by the load balancer.
    Elb4xx,
    /// 5xx answers made by the load balancer.
    Elb5xx,
    /// 500 answers made by the load balancer, counted as 5xx too.
    Elb500,
    /// 502 answers made by the load balancer, counted as 5xx too.
    Elb502,
    /// 503 answers made by the load balancer, counted as 5xx too.
    Elb503,
    /// 504 answers made by the load balancer, counted as 5xx too.
    Elb504,
    /// Connections to targets that could not be made.
    TargetConnectionErrors,
    /// TLS sessions with targets that could not be established.
    TargetTlsErrors,
    /// Requests denied for their senders' reputation, counted as 4xx too.
    LowReputationDenied,
    /// 2xx answers made by targets.
    Target2xx,
    /// 4xx answers made by targets.
    Target4xx,
    /// 5xx answers made by targets.
    Target5xx,
}

/// How many there are: one more than the last of them.
const NUMBER: usize = Count::Target5xx as usize + 1;

/// One node's counters, written by its connections and read by the publisher.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    totals: [AtomicU64; NUMBER],
    client_legs: AtomicU64,
    target_legs: AtomicU64,
}

impl Counters {
    /// Adds to a total.
    pub(super) fn add(&self, count: Count, amount: u64) {
        self.totals[count as usize].fetch_add(amount, Relaxed);
    }

    /// A client's connection was taken in.
    pub(super) fn open_client_leg(&self) {
        self.add(Count::NewClientLegs, 1);
        self.client_legs.fetch_add(1, Relaxed);
    }

    /// The connection to the target behind a client's was made.
    pub(super) fn open_target_leg(&self) {
        self.add(Count::NewTargetLegs, 1);
        self.target_legs.fetch_add(1, Relaxed);
    }

    /// A client's connection is gone, and the one to the target with it, if there was one.
    pub(super) fn close_legs(&self, with_target: bool) {
        self.client_legs.fetch_sub(1, Relaxed);
        if with_target {
            self.target_legs.fetch_sub(1, Relaxed);
        }
    }

    /// The legs open now.
    pub(crate) fn legs(&self) -> Legs {
        Legs { client: self.client_legs.load(Relaxed), target: self.target_legs.load(Relaxed) }
    }

    /// The totals now.
    pub(crate) fn totals(&self) -> Totals {
        Totals(std::array::from_fn(|index| self.totals[index].load(Relaxed)))
    }
}

/// TCP connections open at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Legs {
    /// Client to load balancer.
    pub(crate) client: u64,
    /// Load balancer to target.
    pub(crate) target: u64,
}

/// A copy of all totals, or the difference of two copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals([u64; NUMBER]);

impl Totals {
    /// One of the totals.
    pub(crate) fn of(&self, count: Count) -> u64 {
        self.0[count as usize]
    }

    /// What was added since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self(std::array::from_fn(|index| self.0[index] - earlier.0[index]))
    }

    /// Both together.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|index| self.0[index] + other.0[index]))
    }

    /// The same with `amount` more of one count.
    pub(crate) fn plus(mut self, count: Count, amount: u64) -> Self {
        self.0[count as usize] += amount;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_the_difference_of_two_totals() {
        let counters = Counters::default();
        counters.add(Count::Requests, 3);
        let before = counters.totals();
        counters.add(Count::Requests, 2);
        counters.add(Count::Target4xx, 1);
        let period = counters.totals().since(&before);
        assert_eq!(period, Totals::default().plus(Count::Requests, 2).plus(Count::Target4xx, 1));
    }

    #[test]
    fn legs_close_together() {
        let counters = Counters::default();
        counters.open_client_leg();
        counters.open_client_leg();
        counters.open_target_leg();
        assert_eq!(counters.legs(), Legs { client: 2, target: 1 });
        counters.close_legs(true);
        counters.close_legs(false);
        assert_eq!(counters.legs(), Legs::default());
        assert_eq!(counters.totals().of(Count::NewClientLegs), 2);
    }
}
