//! Samples and totals of one period, node by node.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::other_traffic::{self, Share};
use super::sampling::{Sample, fold};
use crate::sim::Sampling;
use crate::sim::alb::{Count, Legs, Totals};

/// How counters become one period's values; the options that say so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Length of a period.
    pub(crate) period: Duration,
    /// How active connections are sampled.
    pub(crate) sampling: Sampling,
    /// TCP connections counted for each WebSocket, 1 or 2.
    pub(crate) legs: u8,
    /// Connections of other clients.
    pub(crate) baseline: u32,
    /// How far the clock that periods are taken by is ahead of this machine's.
    pub(crate) clock_ahead: Duration,
}

impl Habits {
    /// What that clock says.
    pub(super) fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.clock_ahead
    }

    /// What is counted of a client's and a target's connections.
    fn counted(&self, client: u64, target: u64) -> u64 {
        if self.legs == 1 { client } else { client + target }
    }
}

/// What one node did in one period.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NodePeriod {
    /// Its zone.
    pub(super) zone: String,
    /// Active connections, of as many legs as are counted.
    pub(super) active: f64,
    /// Active connections of clients alone.
    pub(super) active_clients: f64,
    /// New connections, of as many legs as are counted.
    pub(super) new: u64,
    /// All counts.
    pub(super) counts: Totals,
}

/// Gathers one period after the other for one node.
pub(super) struct Gathering {
    zone: String,
    habits: Habits,
    others: Share,
    active: Vec<Sample>,
    active_clients: Vec<Sample>,
    before: Totals,
}

impl Gathering {
    /// For node `node` of `nodes`, whose totals are `now`.
    pub(super) fn new(zone: String, habits: Habits, (node, nodes): (usize, usize), now: Totals) -> Self {
        let others =
            other_traffic::share(u64::from(habits.baseline), node as u64, nodes as u64, habits.period);
        Self { zone, habits, others, active: Vec::new(), active_clients: Vec::new(), before: now }
    }

    /// Adds a sample of the open connections, when that share of the period has passed.
    pub(super) fn sample(&mut self, passed: f64, legs: Legs) {
        let client = legs.client + self.others.legs.client;
        let target = legs.target + self.others.legs.target;
        self.active.push(Sample { passed, value: self.habits.counted(client, target) });
        self.active_clients.push(Sample { passed, value: client });
    }

    /// Ends the period with the totals at its end, and begins the next.
    pub(super) fn close(&mut self, now: Totals) -> NodePeriod {
        let counts = now.since(&self.before).and(&self.others.counts);
        self.before = now;
        let sampling = self.habits.sampling;
        NodePeriod {
            zone: self.zone.clone(),
            active: fold(sampling, &std::mem::take(&mut self.active)),
            active_clients: fold(sampling, &std::mem::take(&mut self.active_clients)),
            new: self.habits.counted(counts.of(Count::NewClientLegs), counts.of(Count::NewTargetLegs)),
            counts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HABITS: Habits = Habits {
        period: Duration::from_secs(60),
        sampling: Sampling::Mean,
        legs: 2,
        baseline: 0,
        clock_ahead: Duration::ZERO,
    };

    fn gathering(habits: Habits) -> Gathering {
        Gathering::new("us-east-1a".to_owned(), habits, (0, 1), Totals::default())
    }

    #[test]
    fn one_leg_or_both_are_counted() {
        for (legs, active, new) in [(1, 5.0, 5), (2, 8.0, 8)] {
            let mut gathering = gathering(Habits { legs, ..HABITS });
            gathering.sample(0.5, Legs { client: 5, target: 3 });
            let now = Totals::default().plus(Count::NewClientLegs, 5).plus(Count::NewTargetLegs, 3);
            let period = gathering.close(now);
            assert_eq!((period.active, period.new, period.active_clients), (active, new, 5.0));
        }
    }

    #[test]
    fn the_next_period_begins_empty() {
        let mut gathering = gathering(HABITS);
        gathering.sample(0.5, Legs { client: 5, target: 5 });
        let now = Totals::default().plus(Count::Requests, 5);
        assert_eq!(gathering.close(now).counts.of(Count::Requests), 5);
        let next = gathering.close(now);
        assert_eq!((next.active, next.counts), (0.0, Totals::default()));
    }

    #[test]
    fn other_clients_are_there_all_the_time() {
        let mut gathering = gathering(Habits { baseline: 100, ..HABITS });
        gathering.sample(0.5, Legs::default());
        let period = gathering.close(Totals::default());
        assert_eq!((period.active, period.active_clients, period.new), (200.0, 100.0, 20));
        assert_eq!(period.counts.of(Count::Requests), 100);
    }
}
