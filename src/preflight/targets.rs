//! Whether anybody stands behind the load balancer.

use super::wording::{info, pass, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::Finding;

const NAME: &str = "targets";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

fn look(known: &Known<'_>) -> Finding {
    let facts = match known.load_balancer_or_skip(NAME) {
        Ok(facts) => facts,
        Err(skipped) => return skipped,
    };
    let Some(targets) = &facts.targets else {
        return skip(
            NAME,
            "could not be read (elasticloadbalancing:DescribeTargetGroups, DescribeTargetHealth)",
        );
    };
    let count = |state: &str| targets.get(state).copied().unwrap_or(0);
    let total: u32 = targets.values().sum();
    let healthy = count("healthy");
    // aws-facts.md §5 names both.
    let draining = count("draining") + count("unhealthy.draining");
    let found = format!("{healthy} of {total} healthy");
    if total == 0 {
        return warn(
            NAME,
            "none registered",
            "an ALB without targets answers every upgrade with 503",
            "register targets",
        );
    }
    if healthy == 0 {
        return warn(
            NAME,
            found,
            "no target is healthy: upgrades will fail, or reach targets that fail their health checks",
            "see the target group's health checks",
        );
    }
    if draining > 0 {
        return warn(
            NAME,
            format!("{found}, {draining} draining"),
            "what is still open on a draining target is cut when its deregistration delay ends",
            "wait until the deployment is over",
        );
    }
    if healthy < total {
        return info(NAME, found, "the result is the limit of the healthy ones", "");
    }
    pass(NAME, found, "")
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Case, answer, case};
    use super::*;
    use crate::facts::{LoadBalancerAnswer, Status};

    type ByState = &'static [(&'static str, u32)];

    #[test]
    fn targets_and_what_they_mean() {
        let cases: [(ByState, Status, &str); 7] = [
            (&[("healthy", 4)], Status::Pass, "4 of 4 healthy"),
            (&[("healthy", 3), ("unhealthy", 1)], Status::Info, "3 of 4 healthy"),
            (&[("healthy", 3), ("draining", 2)], Status::Warn, "3 of 5 healthy, 2 draining"),
            (&[("healthy", 1), ("unhealthy.draining", 1)], Status::Warn, "1 of 2 healthy, 1 draining"),
            (&[("initial", 2)], Status::Warn, "0 of 2 healthy"),
            (&[("draining", 2)], Status::Warn, "0 of 2 healthy"),
            (&[], Status::Warn, "none registered"),
        ];
        for (targets, status, found) in cases {
            let targets = targets.iter().map(|(state, n)| ((*state).to_owned(), *n));
            let case = Case { load_balancer: answer(|lb| lb.targets = Some(targets.collect())), ..case() };
            let finding = look(&case.known());
            assert_eq!((finding.status, finding.found.as_str()), (status, found));
        }
    }

    #[test]
    fn what_could_not_be_read_is_skipped() {
        for load_balancer in [answer(|lb| lb.targets = None), LoadBalancerAnswer::NotAsked] {
            let case = Case { load_balancer, ..case() };
            assert_eq!(look(&case.known()).status, Status::Skip);
        }
    }
}
