//! The targets as the host counts see them.

use crate::sim::aws::LoadBalancer;

/// The targets of the target group, each with its zone and health.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hosts(Vec<(String, Health)>);

/// What a target counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// In HealthyHostCount.
    Healthy,
    /// In UnHealthyHostCount.
    Unhealthy,
    /// In neither: draining, initial, unused.
    Neither,
}

impl Hosts {
    /// Reads what elbv2 tells about the targets now, so that both tell the same.
    pub(crate) fn of(load_balancer: &LoadBalancer) -> Self {
        let targets = load_balancer.target_groups.iter().flat_map(|group| &group.targets);
        Self(
            targets
                .map(|target| {
                    let health = match target.state.as_str() {
                        "healthy" => Health::Healthy,
                        "unhealthy" => Health::Unhealthy,
                        _ => Health::Neither,
                    };
                    (target.zone.clone(), health)
                })
                .collect(),
        )
    }

    /// Is any target registered? Some metrics are reported only then.
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// How many have that health, in that zone or in all.
    pub(super) fn count(&self, health: Health, zone: Option<&str>) -> usize {
        let here = |host: &&(String, Health)| host.1 == health && zone.is_none_or(|zone| zone == host.0);
        self.0.iter().filter(here).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Options, load_balancer};

    #[test]
    fn a_draining_target_leaves_the_healthy_without_joining_the_unhealthy() {
        let mut described = load_balancer::describe(&Options { targets: 3, ..Options::default() }, 80);
        described.target_groups[0].targets[0].state = "draining".to_owned();
        described.target_groups[0].targets[1].state = "unhealthy".to_owned();
        let hosts = Hosts::of(&described);
        assert_eq!(hosts.count(Health::Healthy, None), 1);
        assert_eq!(hosts.count(Health::Unhealthy, Some("us-east-1a")), 1);
        assert_eq!(hosts.count(Health::Unhealthy, Some("us-east-1b")), 0);
    }
}
