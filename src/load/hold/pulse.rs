//! When heartbeats are due, and when their answers are overdue. Pure: time comes in as microseconds since a start.
//!
//! Every connection has the same interval, so that all heartbeats of one are planned from its first alone. First ones
//! are spread over the interval by the golden ratio, which keeps them even however many connections there will be.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// Microseconds since the holder's start.
pub(super) type Micros = u64;

/// The plan of all heartbeats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pulse {
    interval: Micros,
    timeout: Micros,
}

/// 2^64 divided by the golden ratio: multiples of it, taken modulo 2^64, fill the range evenly at every length.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

impl Pulse {
    pub(super) fn new(interval: Duration, timeout: Duration) -> Pulse {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 4).max(1);
        Pulse { interval: micros(interval), timeout: micros(timeout) }
    }

    /// The first heartbeat of the `ordinal`-th connection that is open from `now` on: within one interval.
    pub(super) fn first(&self, ordinal: u64, now: Micros) -> Micros {
        let share = u128::from(ordinal.wrapping_mul(GOLDEN));
        // Below the interval, since the share is below 2^64.
        let phase = u64::try_from((u128::from(self.interval) * share) >> 64).unwrap_or(0);
        let since = (now + self.interval - phase % self.interval) % self.interval;
        now + self.interval - since
    }

    /// The first planned instant after `at` of a connection whose first one is `first`.
    pub(super) fn next(&self, first: Micros, at: Micros) -> Micros {
        match at.checked_sub(first) {
            None => first,
            Some(since) => first + (since / self.interval + 1) * self.interval,
        }
    }

    /// From one heartbeat of a connection to its next.
    pub(super) fn interval(&self) -> Micros {
        self.interval
    }

    /// When the answer to a heartbeat that was sent at `at` is overdue. Not counted from the planned instant: that this
    /// machine was late must not become the peer's failure.
    pub(super) fn deadline(&self, at: Micros) -> Micros {
        at + self.timeout
    }
}

/// Heartbeats to come, earliest first. A connection that is gone leaves its entry behind; whoever takes it out checks.
#[derive(Default)]
pub(super) struct Due(BinaryHeap<Reverse<(Micros, u32)>>);

impl Due {
    pub(super) fn push(&mut self, at: Micros, key: u32) {
        self.0.push(Reverse((at, key)));
    }

    pub(super) fn next(&self) -> Option<Micros> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// The next one that is due at `now`.
    pub(super) fn pop(&mut self, now: Micros) -> Option<(Micros, u32)> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// A moment by which something of a connection must have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadline {
    pub(super) at: Micros,
    pub(super) key: u32,
    /// Which heartbeat, where it is one's answer that is awaited.
    pub(super) sequence: u32,
}

/// Deadlines of one constant length, and therefore in order: a queue is enough.
#[derive(Default)]
pub(super) struct Deadlines(VecDeque<Deadline>);

impl Deadlines {
    pub(super) fn push(&mut self, deadline: Deadline) {
        self.0.push_back(deadline);
    }

    pub(super) fn next(&self) -> Option<Micros> {
        self.0.front().map(|deadline| deadline.at)
    }

    /// Takes away those at the front for which nobody waits any more (`is_over`), and the first one that has passed.
    pub(super) fn pop(&mut self, now: Micros, is_over: impl Fn(&Deadline) -> bool) -> Option<Deadline> {
        while self.0.front().is_some_and(&is_over) {
            self.0.pop_front();
        }
        if self.next()? <= now { self.0.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pulse() -> Pulse {
        Pulse::new(Duration::from_secs(30), Duration::from_secs(10))
    }

    #[test]
    fn heartbeats_spread_evenly_whatever_their_number() {
        for count in [2_u64, 7, 100, 1_000, 15_000] {
            let mut firsts: Vec<Micros> = (0..count).map(|i| pulse().first(i, 1_000_000_000)).collect();
            firsts.sort_unstable();
            let widest = firsts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            // Even would be interval / count; the golden ratio stays within three times of it.
            assert!(widest <= 3 * 30_000_000 / count, "{count}: {widest}");
        }
    }

    proptest! {
        #[test]
        fn the_first_comes_within_one_interval(ordinal in any::<u64>(), now in 0_u64..1 << 50) {
            let first = pulse().first(ordinal, now);
            prop_assert!(first > now && first <= now + 30_000_000);
            prop_assert_eq!(pulse().next(first, now), first);
            prop_assert_eq!(pulse().next(first, first), first + 30_000_000);
            prop_assert_eq!(pulse().next(first, first + 59_999_999), first + 60_000_000);
            }
    }

    #[test]
    fn due_ones_come_out_in_order_and_not_before_their_time() {
        let mut due = Due::default();
        for (at, key) in [(30, 3), (10, 1), (20, 2)] {
            due.push(at, key);
        }
        assert_eq!((due.next(), due.pop(9)), (Some(10), None));
        assert_eq!((due.pop(25), due.pop(25), due.pop(25)), (Some((10, 1)), Some((20, 2)), None));
    }

    #[test]
    fn a_deadline_nobody_waits_for_is_taken_away() {
        let mut deadlines = Deadlines::default();
        let of = |at, key| Deadline { at, key, sequence: 1 };
        for (at, key) in [(10, 1), (20, 2), (30, 3)] {
            deadlines.push(of(at, key));
        }
        assert_eq!(deadlines.pop(5, |_| false), None);
        assert_eq!(
            deadlines.pop(15, |deadline| deadline.key == 1),
            None,
            "the first is over, the second not yet due"
        );
        assert_eq!(deadlines.next(), Some(20));
        assert_eq!(deadlines.pop(20, |_| false), Some(of(20, 2)));
        assert_eq!(deadlines.pop(99, |_| true), None);
        assert_eq!(deadlines.next(), None);
    }
}
