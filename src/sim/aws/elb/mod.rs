//! Elastic Load Balancing v2, read-only: one file an operation, each from the account's load balancer to its answer.
//! `arns` tells well-formed ARNs from others, since AWS refuses the two differently.
//! Texts of messages are those that the service is known to send (aws-facts.md §5).

mod arns;
mod attributes;
mod capacity_reservation;
mod listeners;
mod load_balancers;
mod target_groups;
mod target_health;

use super::operation::{Dialect, Operation, Service};

/// The only version of the API.
pub(crate) const VERSION: &str = "2015-12-01";

/// The service and its operations.
pub(crate) const SERVICE: Service = Service {
    prefix: "elasticloadbalancing",
    dialect: Dialect::Query,
    operations: &[
        Operation { name: "DescribeLoadBalancers", run: load_balancers::run },
        Operation { name: "DescribeLoadBalancerAttributes", run: attributes::run },
        Operation { name: "DescribeListeners", run: listeners::run },
        Operation { name: "DescribeTargetGroups", run: target_groups::run },
        Operation { name: "DescribeTargetHealth", run: target_health::run },
        Operation { name: "DescribeCapacityReservation", run: capacity_reservation::run },
    ],
};
