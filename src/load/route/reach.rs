//! Which of the target's addresses have taken a connection, and which were silent. It is asked only where there is an
//! address of the other family to turn to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long an address that was silent is passed over, before one connection tries it anew.
const REST: Duration = Duration::from_secs(30);

/// What is known of the addresses, shared by all connections of a run.
#[derive(Default)]
pub(super) struct Reach(Mutex<HashMap<SocketAddr, Seen>>);

/// What is known of one.
enum Seen {
    /// It took a connection. From then on its silence is no broken path but a failure under load, which nothing may hide.
    Took,
    /// It took none.
    Silent {
        /// When it is tried anew.
        rests_until: Instant,
    },
}

impl Reach {
    /// It took a connection.
    pub(super) fn took(&self, address: SocketAddr) {
        self.seen().insert(address, Seen::Took);
    }

    /// It did not answer a connection in time. Whether it is to be passed over: it never took any.
    pub(super) fn was_silent(&self, address: SocketAddr, now: Instant) -> bool {
        let mut seen = self.seen();
        if matches!(seen.get(&address), Some(Seen::Took)) {
            return false;
        }
        seen.insert(address, Seen::Silent { rests_until: now + REST });
        true
    }

    /// Whether it is passed over at once. When it has rested, it is told so to all but the one that tries it anew.
    pub(super) fn rests(&self, address: SocketAddr, now: Instant) -> bool {
        match self.seen().get_mut(&address) {
            Some(Seen::Silent { rests_until }) if *rests_until <= now => {
                *rests_until = now + REST;
                false
            }
            Some(Seen::Silent { .. }) => true,
            Some(Seen::Took) | None => false,
        }
    }

    /// A panic elsewhere leaves what is known as it was.
    fn seen(&self) -> MutexGuard<'_, HashMap<SocketAddr, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_address_rests_until_one_connection_tries_it_anew() {
        let (reach, now) = (Reach::default(), Instant::now());
        let silent = "[::1]:80".parse().unwrap();
        assert!(!reach.rests(silent, now), "nothing is known of it");
        assert!(reach.was_silent(silent, now));
        assert!(reach.rests(silent, now) && reach.rests(silent, now + REST / 2));
        let later = now + REST;
        assert_eq!([reach.rests(silent, later), reach.rests(silent, later)], [false, true]);
        reach.took(silent);
        assert!(!reach.rests(silent, later), "it came back");
    }

    #[test]
    fn an_address_that_took_one_is_never_passed_over_for_its_silence() {
        let (reach, now) = (Reach::default(), Instant::now());
        let address = "127.0.0.1:80".parse().unwrap();
        reach.took(address);
        assert!(!reach.was_silent(address, now) && !reach.rests(address, now));
    }
}
