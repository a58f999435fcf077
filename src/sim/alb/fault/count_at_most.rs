//! `--count-at-most N`: clients beyond so many are served, but by something that no metric counts, as behind a CDN, or a
//! second load balancer of the same name.

use super::Fault;
use crate::sim::Options;

struct CountAtMost(u64);

/// The fault, if it is asked for.
pub(super) fn from_options(options: &Options) -> Option<Box<dyn Fault>> {
    options.count_at_most.map(|most| Box::new(CountAtMost(most)) as Box<dyn Fault>)
}

impl Fault for CountAtMost {
    fn hide_connection(&self, clients: u64) -> bool {
        clients > self.0
    }
}
