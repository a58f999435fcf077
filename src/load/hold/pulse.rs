//! By when the answers to heartbeats, and to our close frames, must be there. Pure: time comes in as microseconds since
//! the holder's start.

use std::collections::VecDeque;
use std::time::Duration;

/// Microseconds since the holder's start.
pub(super) type Micros = u64;

/// The two spans that every heartbeat goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pulse {
    interval: Micros,
    timeout: Micros,
}

impl Pulse {
    pub(super) fn new(interval: Duration, timeout: Duration) -> Pulse {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 4).max(1);
        Pulse { interval: micros(interval), timeout: micros(timeout) }
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
    use super::*;

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
