//! `--max-connections N`: the load balancer is at its maximum and resets whoever comes next.

use super::Fault;
use crate::sim::Options;

struct MaxConnections(u64);

/// The fault, if it is asked for.
pub(super) fn from_options(options: &Options) -> Option<Box<dyn Fault>> {
    options.max_connections.map(|most| Box::new(MaxConnections(most)) as Box<dyn Fault>)
}

impl Fault for MaxConnections {
    fn refuse_connection(&self, clients: u64) -> bool {
        clients > self.0
    }
}
