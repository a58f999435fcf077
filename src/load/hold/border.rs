//! The border between two levels whose connections live on: which answers the first is still owed when its hold is over.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::holder::Owner;

/// The level before, while it waits. What happens to a connection that owes it an answer is that level's, until the
/// answer has come; everything else is the next one's.
#[derive(Default)]
pub(super) struct Border {
    before: Option<Arc<dyn Owner>>,
    /// By the connection's key: the last heartbeat whose answer was due.
    owed: HashMap<u32, u32>,
}

impl Border {
    /// The hold of that level is over.
    pub(super) fn after(before: Arc<dyn Owner>) -> Border {
        Border { before: Some(before), owed: HashMap::new() }
    }

    /// A connection comes to the border; `due` is the heartbeat whose answer is awaited. Without one it was held.
    pub(super) fn pass(&mut self, key: u32, due: Option<u32>) {
        match due {
            Some(sequence) => drop(self.owed.insert(key, sequence)),
            None => self.was_held(),
        }
    }

    /// Whose account a connection is on: the level's that waits for it, or the `present` one's.
    pub(super) fn owner<'a>(&'a self, key: u32, present: &'a Arc<dyn Owner>) -> &'a Arc<dyn Owner> {
        match &self.before {
            Some(before) if self.owed.contains_key(&key) => before,
            _ => present,
        }
    }

    /// A connection has answered the heartbeats after `earlier` up to `latest`: each counts for its own level.
    pub(super) fn answered(
        &mut self,
        key: u32,
        (earlier, latest): (u32, u32),
        rtt: Duration,
        present: &Arc<dyn Owner>,
    ) {
        let due = self.owed.get(&key).copied();
        let of_before = due.map_or(0, |due| due.min(latest).saturating_sub(earlier));
        let of_present = latest - earlier - of_before;
        for (heartbeats, owner) in [(of_before, self.owner(key, present)), (of_present, present)] {
            if heartbeats > 0 {
                owner.counters().answered(heartbeats, rtt);
            }
        }
        if due.is_some_and(|due| latest >= due) {
            self.owed.remove(&key);
            self.was_held();
        }
    }

    /// A connection is gone.
    pub(super) fn gone(&mut self, key: u32) {
        self.owed.remove(&key);
    }

    fn was_held(&self) {
        if let Some(before) = &self.before {
            before.counters().held.fetch_add(1, Ordering::AcqRel);
            before.progress();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::load::counters::Counters;
    use crate::load::failed::Failed;

    #[derive(Default)]
    struct Level {
        counters: Counters,
        rung: AtomicU32,
    }

    impl Owner for Level {
        fn counters(&self) -> &Counters {
            &self.counters
        }

        fn failed(&self, _: Failed, _: u32, _: Duration, _: Duration) {}

        fn progress(&self) {
            self.rung.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn numbers(level: &Level) -> (u32, u64) {
        let counters = &level.counters;
        (counters.held.load(Ordering::Relaxed), counters.heartbeats_answered.load(Ordering::Relaxed))
    }

    #[test]
    fn each_answer_and_each_end_is_put_down_to_its_own_level() {
        let (first, second) = (Arc::new(Level::default()), Arc::new(Level::default()));
        let present: Arc<dyn Owner> = Arc::<Level>::clone(&second);
        let is_of = |border: &Border, key, level: &Arc<Level>| {
            std::ptr::eq(border.owner(key, &present).counters(), &raw const level.counters)
        };
        let mut border = Border::after(Arc::<Level>::clone(&first));
        border.pass(0, None);
        border.pass(1, Some(5));
        border.pass(2, Some(7));
        assert_eq!((numbers(&first), first.rung.load(Ordering::Relaxed)), ((1, 0), 1));
        assert!(is_of(&border, 0, &second) && is_of(&border, 1, &first));

        let rtt = Duration::from_millis(1);
        border.answered(0, (3, 4), rtt, &present);
        border.answered(1, (3, 4), rtt, &present);
        assert_eq!((numbers(&first), numbers(&second)), ((1, 1), (0, 1)), "one more answer is due");
        // A pong answers all before it: the fifth was the first level's, the sixth was sent in the second.
        border.answered(1, (4, 6), rtt, &present);
        assert_eq!((numbers(&first), numbers(&second)), ((2, 2), (0, 2)));
        assert!(is_of(&border, 1, &second), "what happens to it now is the second's");
        assert!(is_of(&border, 2, &first), "it still owes");
        border.gone(2);
        assert_eq!(numbers(&first).0, 2);
    }

    #[test]
    fn without_a_border_everything_is_the_present_levels() {
        let level = Arc::new(Level::default());
        let present: Arc<dyn Owner> = Arc::<Level>::clone(&level);
        Border::default().answered(3, (0, 2), Duration::ZERO, &present);
        assert_eq!(numbers(&level), (0, 2));
    }
}
