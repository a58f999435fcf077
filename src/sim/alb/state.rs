//! What all connections share: the settings, the nodes with their counters, and the faults.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::counters::{Count, Counters};
use super::fault::{Faults, UpgradeAnswer};
use super::websocket;
use crate::sim::Options;
use crate::sim::load_balancer::zone_of;

/// The load balancer.
pub(crate) struct Alb {
    /// Longest silence of a connection.
    pub(super) idle_timeout: Duration,
    /// Age at which a connection gets no further plain request.
    pub(super) client_keep_alive: Duration,
    /// What it does wrong.
    pub(super) faults: Faults,
    /// How targets answer upgrades.
    pub(super) upgrade_answer: UpgradeAnswer,
    /// Frames that targets send right behind their 101.
    pub(super) greeting: Vec<u8>,
    /// HTTP/2 is all it speaks.
    pub(super) http2_only: bool,
    nodes: Vec<Node>,
    /// Client connections over all nodes.
    clients: AtomicU64,
    /// Connections of other clients, which are not on any socket.
    other_clients: u64,
}

/// One address of the load balancer.
pub(crate) struct Node {
    /// The availability zone it is in.
    pub(crate) zone: String,
    /// What it counts.
    pub(crate) counters: Counters,
}

impl Alb {
    pub(super) fn new(options: &Options) -> Self {
        let nodes = (0..usize::from(options.nodes))
            .map(|index| Node { zone: zone_of(&options.region, index), counters: Counters::default() });
        Self {
            idle_timeout: options.idle_timeout,
            client_keep_alive: options.client_keep_alive,
            faults: Faults::from_options(options),
            upgrade_answer: options.upgrade_answer,
            greeting: websocket::greeting(&options.greeting),
            http2_only: options.http2_only,
            nodes: nodes.collect(),
            clients: AtomicU64::new(0),
            other_clients: u64::from(options.baseline),
        }
    }

    /// The nodes, in the order of their addresses.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Takes a client's connection in at a node, unless a fault refuses it.
    pub(super) fn admit(self: &Arc<Self>, node: usize) -> Option<Client> {
        let counters = &self.nodes[node].counters;
        let clients = self.clients.fetch_add(1, Relaxed) + 1 + self.other_clients;
        if self.faults.refuse_connection(clients) {
            self.clients.fetch_sub(1, Relaxed);
            counters.add(Count::RejectedConnections, 1);
            return None;
        }
        let is_counted = !self.faults.hide_connection(clients);
        if is_counted {
            counters.open_client_leg();
        }
        Some(Client { alb: Arc::clone(self), node, is_counted, has_target: false })
    }

    /// Is one of its targets being deregistered?
    pub(crate) fn is_draining(&self) -> bool {
        self.faults.drain_a_target()
    }
}

/// One client's connection as the counters see it: open until this is dropped.
pub(super) struct Client {
    alb: Arc<Alb>,
    node: usize,
    /// Whether any metric is to know of it.
    is_counted: bool,
    has_target: bool,
}

impl Client {
    /// The load balancer it is connected to.
    pub(super) fn alb(&self) -> &Alb {
        &self.alb
    }

    /// Adds to a total of its node.
    pub(super) fn count(&self, count: Count, amount: u64) {
        if !self.is_counted {
            return;
        }
        self.alb.nodes[self.node].counters.add(count, amount);
    }

    /// A target was picked for a request; the first one opens the connection to it.
    pub(super) fn forward(&mut self) {
        self.count(Count::Requests, 1);
        if self.is_counted && !self.has_target {
            self.has_target = true;
            self.alb.nodes[self.node].counters.open_target_leg();
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.alb.clients.fetch_sub(1, Relaxed);
        if self.is_counted {
            self.alb.nodes[self.node].counters.close_legs(self.has_target);
        }
    }
}
