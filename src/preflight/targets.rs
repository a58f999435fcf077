//! Whether anybody stands behind the load balancer.

use super::wording::{info, pass, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, TargetGroupFacts};

const NAME: &str = "targets";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

fn look(known: &Known<'_>) -> Finding {
    let facts = match known.load_balancer_or_skip(NAME) {
        Ok(facts) => facts,
        Err(skipped) => return skipped,
    };
    let groups = facts.details.target_groups.as_deref();
    let (deaf, all) = (groups.map_or_else(Vec::new, deaf), groups.map_or(0, <[_]>::len));
    if all > 0 && deaf.len() == all {
        return warn(
            NAME,
            deaf.join(", "),
            "an upgrade comes in HTTP/1.1, and no target group of this ALB takes it",
            "give the target group the protocol version HTTP1, and targets that are no Lambda functions",
        );
    }
    let Some(targets) = &facts.targets else {
        let operation = if groups.is_some() { "DescribeTargetHealth" } else { "DescribeTargetGroups" };
        return skip(NAME, known.unread(operation));
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
        let unhealthy = match count("unhealthy") {
            0 => found,
            unhealthy => format!("{found}, {unhealthy} unhealthy"),
        };
        return info(NAME, unhealthy, "the result is the limit of the healthy ones", "");
    }
    if deaf.is_empty() {
        return pass(NAME, found, "");
    }
    info(NAME, found, format!("without those that take no upgrades: {}", deaf.join(", ")), "")
}

/// The groups that take no WebSockets.
fn deaf(groups: &[TargetGroupFacts]) -> Vec<String> {
    let shown = |group: &TargetGroupFacts| match group.target_type.as_deref() {
        Some("lambda") => format!("{} of Lambda functions", group.name),
        _ => format!("{} in {}", group.name, group.protocol_version.as_deref().unwrap_or("no HTTP/1.1")),
    };
    groups.iter().filter(|group| !group.takes_websockets()).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Case, answer, case, target_group, unread};
    use super::*;
    use crate::facts::{LoadBalancerAnswer, Status};

    type ByState = &'static [(&'static str, u32)];

    #[test]
    fn targets_and_what_they_mean() {
        let cases: [(ByState, Status, &str); 8] = [
            (&[("healthy", 4)], Status::Pass, "4 of 4 healthy"),
            (&[("healthy", 3), ("unhealthy", 1)], Status::Info, "3 of 4 healthy, 1 unhealthy"),
            (&[("healthy", 3), ("initial", 1)], Status::Info, "3 of 4 healthy"),
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
    fn target_groups_that_take_no_upgrades() {
        let (ws, grpc, lambda) = (
            target_group("ws", "HTTP1", "ip"),
            target_group("api", "GRPC", "instance"),
            target_group("fn", "HTTP1", "lambda"),
        );
        for (groups, status, says) in [
            (vec![ws.clone()], Status::Pass, ""),
            (vec![], Status::Pass, ""),
            (vec![ws, grpc.clone()], Status::Info, "api in GRPC"),
            (vec![grpc, lambda], Status::Warn, "no target group of this ALB takes it"),
        ] {
            let case = Case { load_balancer: answer(|lb| lb.details.target_groups = Some(groups)), ..case() };
            let finding = look(&case.known());
            assert_eq!(finding.status, status, "{finding:?}");
            assert!(finding.detail.contains(says), "{finding:?}");
        }
    }

    #[test]
    fn what_could_not_be_read_is_skipped_with_the_reason() {
        let health = "elasticloadbalancing:DescribeTargetHealth";
        let unreadable = answer(|lb| {
            lb.targets = None;
            lb.details.unread = vec![unread(health, true)];
        });
        for (load_balancer, says) in [(unreadable, health), (LoadBalancerAnswer::NotAsked, "--no-aws")] {
            let finding = look(&Case { load_balancer, ..case() }.known());
            assert_eq!(finding.status, Status::Skip);
            assert!(finding.detail.contains(says), "{finding:?}");
        }
    }
}
