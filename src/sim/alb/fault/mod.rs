//! What the load balancer does wrong on purpose.
//!
//! A fault is one small file: a type that is made from the options (or not), and implements those
//! hooks of [`Fault`] that it acts on. Adding one is the file, its `mod` line and its line in
//! [`Faults::from_options`]. `doom`, `violation` and `upgrade_answer` are what a fault may do, read from its flag.

mod count_at_most;
mod doom;
mod drain;
mod kill_after;
mod max_connections;
mod reject_rate;
mod upgrade_answer;
mod violation;

pub use doom::Doom;
pub use reject_rate::{RejectedBy, RejectedFor, Rejection};
pub use upgrade_answer::UpgradeAnswer;
pub use violation::Violation;

use std::time::Duration;

use crate::sim::Options;

/// The moments at which a fault can act; each does nothing unless it is written.
trait Fault: Send + Sync {
    /// A client connected and is number `clients` of those connected now: is it reset?
    fn refuse_connection(&self, _clients: u64) -> bool {
        false
    }

    /// An upgrade was asked for: how it is refused, if it is.
    fn refuse_upgrade(&self) -> Option<Rejection> {
        None
    }

    /// A client was let in and is number `clients` of those connected now: is it kept from all metrics?
    fn hide_connection(&self, _clients: u64) -> bool {
        false
    }

    /// A connection was upgraded: what will happen to it, and how long from now. Asked once for each.
    fn doom(&self) -> Option<(Duration, Doom)> {
        None
    }

    /// Is a target being deregistered now?
    fn drains_a_target(&self) -> bool {
        false
    }
}

/// All faults that the options ask for.
pub(super) struct Faults(Vec<Box<dyn Fault>>);

impl Faults {
    pub(super) fn from_options(options: &Options) -> Self {
        Self(
            [
                max_connections::from_options(options),
                reject_rate::from_options(options),
                kill_after::from_options(options),
                drain::from_options(options),
                count_at_most::from_options(options),
            ]
            .into_iter()
            .flatten()
            .collect(),
        )
    }

    /// Does any fault reset the connection that makes it `clients`?
    pub(super) fn refuse_connection(&self, clients: u64) -> bool {
        self.0.iter().any(|fault| fault.refuse_connection(clients))
    }

    /// What the first fault says that refuses this upgrade.
    pub(super) fn refuse_upgrade(&self) -> Option<Rejection> {
        self.0.iter().find_map(|fault| fault.refuse_upgrade())
    }

    /// Does any fault keep the connection that makes it `clients` from all metrics?
    pub(super) fn hide_connection(&self, clients: u64) -> bool {
        self.0.iter().any(|fault| fault.hide_connection(clients))
    }

    /// Does any fault deregister a target now?
    pub(super) fn drain_a_target(&self) -> bool {
        self.0.iter().any(|fault| fault.drains_a_target())
    }

    /// The first doom that waits for a connection, which was upgraded just now.
    pub(super) fn doom(&self) -> Option<(Duration, Doom)> {
        self.0.iter().filter_map(|fault| fault.doom()).min_by_key(|(after, _)| *after)
    }
}
