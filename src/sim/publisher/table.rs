//! The metrics that have a sample a node: the table of aws-facts.md §1, a line a metric.
//!
//! A fault that makes another metric move brings its line along.

use super::gather::NodePeriod;
use super::hosts::Health;
use crate::sim::alb::Count;

/// Which combinations of dimensions a metric has (aws-facts.md §1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// D1: the load balancer, and each of its zones.
    LoadBalancer,
    /// D2: these two, and both with the target group.
    TargetGroup,
    /// The two with the target group alone.
    TargetGroupOnly,
}

impl Scope {
    /// Its combinations: with which zone, if any, and whether with the target group.
    pub(super) fn combinations(self, zone: &str) -> impl Iterator<Item = (Option<&str>, bool)> {
        let with_target_group: &[bool] = match self {
            Self::LoadBalancer => &[false],
            Self::TargetGroup => &[false, true],
            Self::TargetGroupOnly => &[true],
        };
        with_target_group.iter().flat_map(move |&with| [(None, with), (Some(zone), with)])
    }
}

/// When a metric has a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reported {
    /// Only when it is not 0.
    Nonzero,
    /// Whenever targets are registered, 0 or not.
    WithTargets,
}

/// One line of the table.
pub(super) struct Row {
    pub(super) metric: &'static str,
    pub(super) unit: &'static str,
    pub(super) scope: Scope,
    pub(super) reported: Reported,
    pub(super) value: Value,
}

/// Where a metric's value comes from.
pub(super) enum Value {
    /// A node's count.
    Of(Count),
    /// Something else about a node.
    Node(fn(&NodePeriod) -> f64),
    /// The targets as a node sees them, those in the zone if the dimensions have one.
    Hosts(Health),
}

const fn row(metric: &'static str, scope: Scope, reported: Reported, value: Value) -> Row {
    Row { metric, unit: "Count", scope, reported, value }
}

const fn bytes(metric: &'static str, scope: Scope, reported: Reported, value: Value) -> Row {
    Row { metric, unit: "Bytes", scope, reported, value }
}

/// Metrics with a sample a node.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = {
    use Reported::{Nonzero, WithTargets};
    use Scope::{LoadBalancer, TargetGroup, TargetGroupOnly};
    use Value::{Hosts, Node, Of};
    &[
        row("ActiveConnectionCount", LoadBalancer, Nonzero, Node(|node| node.active)),
        row("NewConnectionCount", LoadBalancer, Nonzero, Node(|node| node.new as f64)),
        bytes("ProcessedBytes", LoadBalancer, Nonzero, Of(Count::ProcessedBytes)),
        row("RejectedConnectionCount", LoadBalancer, Nonzero, Of(Count::RejectedConnections)),
        row("ClientTLSNegotiationErrorCount", LoadBalancer, Nonzero, Of(Count::ClientTlsErrors)),
        row("HTTPCode_ELB_4XX_Count", LoadBalancer, Nonzero, Of(Count::Elb4xx)),
        row("HTTPCode_ELB_5XX_Count", LoadBalancer, Nonzero, Of(Count::Elb5xx)),
        row("HTTPCode_ELB_500_Count", LoadBalancer, Nonzero, Of(Count::Elb500)),
        row("HTTPCode_ELB_502_Count", LoadBalancer, Nonzero, Of(Count::Elb502)),
        row("HTTPCode_ELB_503_Count", LoadBalancer, Nonzero, Of(Count::Elb503)),
        row("HTTPCode_ELB_504_Count", LoadBalancer, Nonzero, Of(Count::Elb504)),
        row("LowReputationRequestsDenied", LoadBalancer, Nonzero, Of(Count::LowReputationDenied)),
        row("TargetConnectionErrorCount", TargetGroup, Nonzero, Of(Count::TargetConnectionErrors)),
        row("TargetTLSNegotiationErrorCount", TargetGroup, Nonzero, Of(Count::TargetTlsErrors)),
        row("RequestCount", TargetGroup, WithTargets, Of(Count::Requests)),
        row("HTTPCode_Target_2XX_Count", TargetGroup, WithTargets, Of(Count::Target2xx)),
        row("HTTPCode_Target_3XX_Count", TargetGroup, WithTargets, Node(|_| 0.0)),
        row("HTTPCode_Target_4XX_Count", TargetGroup, WithTargets, Of(Count::Target4xx)),
        row("HTTPCode_Target_5XX_Count", TargetGroup, WithTargets, Of(Count::Target5xx)),
        row("HealthyHostCount", TargetGroupOnly, WithTargets, Hosts(Health::Healthy)),
        row("UnHealthyHostCount", TargetGroupOnly, WithTargets, Hosts(Health::Unhealthy)),
    ]
};
