//! Who gets a heartbeat when. Pure: time comes in as microseconds since the holder's start.
//!
//! All connections have the same interval, so no timer for each is needed: the interval is cut into slots, and a wheel
//! goes round them once an interval. A slot's heartbeats are planned for one instant, which lets the thread sleep in
//! between: a sleep costs about as much CPU as sending a heartbeat does. Connections are dealt to the slots by the golden
//! ratio, which keeps them even however many there will be.

use std::time::Duration;

use super::pulse::Micros;

/// Narrowest slot. It is a fraction of any timeout on the path, and wide enough that waking up for it costs little.
const SLOT: Duration = Duration::from_millis(5);
/// Most slots, which bounds the wheel's memory for an interval of hours.
const MOST_SLOTS: u64 = 2_000;
/// 2^64 divided by the golden ratio: multiples of it, taken modulo 2^64, fill the range evenly at every length.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The heartbeats to come of all connections, by key.
pub(super) struct Wheel {
    interval: Micros,
    slots: Vec<Vec<u32>>,
    /// The next turn. They count from the holder's start; the slot of a turn is its rest modulo their number.
    next: u64,
    stopped: bool,
}

/// A slot whose instant has come.
pub(super) struct Turn {
    number: u64,
    /// The instant that its heartbeats are planned for.
    pub(super) planned: Micros,
    /// The keys of its connections; what is not given back is forgotten.
    pub(super) keys: Vec<u32>,
}

impl Wheel {
    /// A wheel that goes round once an `interval` (at least one microsecond).
    pub(super) fn new(interval: Micros) -> Wheel {
        let narrowest = u64::try_from(SLOT.as_micros()).unwrap_or(u64::MAX);
        let slots = (interval / narrowest).clamp(1, MOST_SLOTS);
        Wheel { interval, slots: (0..slots).map(|_| Vec::new()).collect(), next: 1, stopped: false }
    }

    /// Plans the heartbeats of the `ordinal`-th connection; the first one comes within one interval.
    pub(super) fn add(&mut self, ordinal: u64, key: u32) {
        let share = u128::from(ordinal.wrapping_mul(GOLDEN));
        // Below the number of slots, since the share is below 2^64.
        let slot = (share * self.slots.len() as u128) >> 64;
        self.slots[slot as usize].push(key);
    }

    /// The planned instant of the next turn that has any connection.
    pub(super) fn next(&self) -> Option<Micros> {
        if self.stopped {
            return None;
        }
        let count = self.slots.len() as u64;
        (self.next..self.next + count)
            .find(|&turn| !self.slots[self.slot(turn)].is_empty())
            .map(|turn| self.at(turn))
    }

    /// The next turn whose instant has come at `now`. Those that a standstill of this machine made impossible are left
    /// out, not made up for: no connection has two turns at once.
    pub(super) fn turn(&mut self, now: Micros) -> Option<Turn> {
        if self.stopped {
            return None;
        }
        let latest = self.latest(now);
        let count = self.slots.len() as u64;
        self.next = self.next.max((latest + 1).saturating_sub(count));
        let number = (self.next..=latest).find(|&turn| !self.slots[self.slot(turn)].is_empty());
        self.next = number.unwrap_or(latest) + 1;
        let number = number?;
        let slot = self.slot(number);
        Some(Turn { number, planned: self.at(number), keys: std::mem::take(&mut self.slots[slot]) })
    }

    /// Gives a turn's connections back, for the next time round.
    pub(super) fn give_back(&mut self, turn: Turn) {
        let slot = self.slot(turn.number);
        self.slots[slot] = turn.keys;
    }

    /// No more heartbeats.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Takes the heartbeats up again, at the instants that were planned for them after `now`.
    pub(super) fn go_on(&mut self, now: Micros) {
        self.stopped = false;
        self.next = self.latest(now) + 1;
    }

    fn slot(&self, turn: u64) -> usize {
        (turn % self.slots.len() as u64) as usize
    }

    /// Rounded up, so that no turn is before its own instant.
    fn at(&self, turn: u64) -> Micros {
        let count = self.slots.len() as u64;
        let into = (u128::from(turn % count) * u128::from(self.interval)).div_ceil(count.into());
        // Within the interval, since the rest is below the count.
        turn / count * self.interval + into as u64
    }

    /// The last turn whose instant has come.
    fn latest(&self, now: Micros) -> u64 {
        let count = self.slots.len() as u64;
        now / self.interval * count + now % self.interval * count / self.interval
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Micros = 30_000_000;

    /// Every heartbeat until `end`, where the thread looks once in `step`: planned instant and key.
    fn beats(wheel: &mut Wheel, from: Micros, end: Micros, step: usize) -> Vec<(Micros, u32)> {
        let mut beats = Vec::new();
        for now in (from..=end).step_by(step) {
            while let Some(turn) = wheel.turn(now) {
                assert!(turn.planned <= now, "not before its time");
                beats.extend(turn.keys.iter().map(|&key| (turn.planned, key)));
                wheel.give_back(turn);
            }
        }
        beats
    }

    #[test]
    fn heartbeats_spread_evenly_whatever_their_number() {
        for count in [2_u64, 7, 100, 1_000, 15_000] {
            let mut wheel = Wheel::new(INTERVAL);
            (0..count).for_each(|ordinal| wheel.add(ordinal, ordinal as u32));
            let beats = beats(&mut wheel, 0, INTERVAL, 5_000);
            assert_eq!(beats.len() as u64, count, "each has one within the first interval");
            let widest = beats.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap();
            let slot = INTERVAL / MOST_SLOTS;
            // Even would be interval / count; the golden ratio stays within three times of it, and a slot.
            assert!(widest <= 3 * INTERVAL / count + slot, "{count}: {widest}");
            let fullest = beats.chunk_by(|one, other| one.0 == other.0).map(<[_]>::len).max().unwrap() as u64;
            assert!(fullest <= count / MOST_SLOTS + 3, "{count}: {fullest} at one instant");
        }
    }

    #[test]
    fn a_standstill_is_not_made_up_for() {
        let mut wheel = Wheel::new(1_000_000);
        (0..10).for_each(|key| wheel.add(key.into(), key));
        let before = beats(&mut wheel, 0, 1_000_000, 1_000).len();
        let after = beats(&mut wheel, 60_500_000, 60_500_000, 1_000);
        assert_eq!((before, after.len()), (10, 10), "one each");
        assert!(after.iter().all(|(planned, _)| *planned > 59_500_000), "and the latest");
    }

    #[test]
    fn stopped_ones_go_on_where_they_were_planned() {
        let mut wheel = Wheel::new(1_000_000);
        wheel.add(7, 1);
        let first = beats(&mut wheel, 0, 1_000_000, 1_000)[0].0;
        wheel.stop();
        assert_eq!((wheel.next(), wheel.turn(5_000_000).is_none()), (None, true));
        wheel.go_on(5_000_000 + first);
        assert_eq!(wheel.next(), Some(6_000_000 + first));
    }

    #[test]
    fn a_key_that_is_not_given_back_is_forgotten() {
        let mut wheel = Wheel::new(1_000_000);
        wheel.add(0, 1);
        let now = wheel.next().unwrap();
        let mut turn = wheel.turn(now).unwrap();
        turn.keys.clear();
        wheel.give_back(turn);
        assert_eq!(wheel.next(), None);
    }

    proptest! {
        #[test]
        fn every_connection_beats_once_an_interval(
            interval in 1_u64..20_000_000, ordinal in any::<u64>(), start in 0_u64..1 << 40
        ) {
            let mut wheel = Wheel::new(interval);
            wheel.go_on(start);
            wheel.add(ordinal, 1);
            let mut last = None;
            for _ in 0..5 {
                let at = wheel.next().unwrap();
                prop_assert!(wheel.turn(at - 1).is_none());
                let turn = wheel.turn(at).unwrap();
                prop_assert_eq!((turn.planned, turn.keys.as_slice()), (at, &[1][..]));
                wheel.give_back(turn);
                match last {
                    None => prop_assert!(at > start && at <= start + interval),
                    Some(last) => prop_assert_eq!(at - last, interval),
                }
                last = Some(at);
            }
        }
    }
}
