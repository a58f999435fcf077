//! `--unhealthy-above N`: a target that fails its health checks while more than N clients are connected.

use super::gather::NodePeriod;
use crate::sim::aws::LoadBalancer;

/// Sets the health of the first target by how many clients the period had, so that elbv2 and the host counts tell the same.
pub(crate) fn follow(load_balancer: &mut LoadBalancer, nodes: &[NodePeriod], above: u32) {
    let clients: f64 = nodes.iter().map(|node| node.active_clients).sum();
    let first = load_balancer.target_groups.iter_mut().find_map(|group| group.targets.first_mut());
    let Some(target) = first else { return };
    let (state, reason) = match clients > f64::from(above) {
        true => ("unhealthy", Some("Target.Timeout".to_owned())),
        false => ("healthy", None),
    };
    state.clone_into(&mut target.state);
    target.reason = reason;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::alb::Totals;
    use crate::sim::{Options, load_balancer};

    #[test]
    fn it_fails_above_the_number_and_recovers_at_it() {
        let mut described = load_balancer::describe(&Options { targets: 2, ..Options::default() }, 80);
        for (clients, state) in [([5.0, 5.0], "healthy"), ([5.0, 6.0], "unhealthy"), ([0.0, 10.0], "healthy")]
        {
            let nodes = clients.map(|active_clients| NodePeriod {
                zone: "us-east-1a".to_owned(),
                active: active_clients * 2.0,
                active_clients,
                new: 0,
                counts: Totals::default(),
            });
            follow(&mut described, &nodes, 10);
            let targets = &described.target_groups[0].targets;
            assert_eq!((targets[0].state.as_str(), targets[0].reason.is_some()), (state, state != "healthy"));
            assert_eq!(targets[1].state, "healthy");
        }
    }
}
