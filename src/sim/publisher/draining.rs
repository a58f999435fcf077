//! `--drain-after TIME`: the target that leaves, as elbv2 and the host counts tell of it.

use crate::sim::aws::LoadBalancer;

/// Lets the last of the first `healthy` targets drain: not healthy any more, and not unhealthy either (aws-facts.md §1).
pub(crate) fn drain(load_balancer: &mut LoadBalancer, healthy: u16) {
    let targets = load_balancer.target_groups.iter_mut().flat_map(|group| &mut group.targets);
    let Some(target) = targets.take(usize::from(healthy)).last() else { return };
    "draining".clone_into(&mut target.state);
    target.reason = Some("Target.DeregistrationInProgress".to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Options, load_balancer};

    #[test]
    fn one_target_leaves_however_often_it_is_told() {
        let options = Options { targets: 2, unhealthy_targets: 1, ..Options::default() };
        let mut described = load_balancer::describe(&options, 80);
        for _ in 0..2 {
            drain(&mut described, options.targets);
            let states = described.target_groups[0].targets.iter().map(|target| target.state.as_str());
            assert_eq!(states.collect::<Vec<_>>(), ["healthy", "draining", "unhealthy"]);
        }
    }
}
