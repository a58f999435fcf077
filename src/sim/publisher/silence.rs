//! `--silent-without-requests`: metrics are sent only while requests flow (aws-facts.md §0.7).

use super::gather::NodePeriod;
use crate::sim::alb::Count;

/// Whether no request came to any node in a period, answered by a target or by the load balancer.
pub(super) fn no_request(nodes: &[NodePeriod]) -> bool {
    nodes.iter().all(|node| {
        [Count::Requests, Count::Elb4xx, Count::Elb5xx].iter().all(|count| node.counts.of(*count) == 0)
    })
}
