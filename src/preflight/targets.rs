//! Whether anybody stands behind the listener.

use std::collections::BTreeMap;

use super::wording::{info, pass, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, Forwarding, Status, TargetGroupFacts};

const NAME: &str = "targets";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

fn look(known: &Known<'_>) -> Finding {
    let facts = match known.load_balancer_or_skip(NAME) {
        Ok(facts) => facts,
        Err(skipped) => return skipped,
    };
    let groups = facts.groups_by_forwarding(known.plan.destination().port());
    let such = |how: fn(Forwarding) -> bool| -> Vec<&TargetGroupFacts> {
        groups.iter().filter(|(_, forwarding)| how(*forwarding)).map(|(group, _)| *group).collect()
    };
    let behind = such(|how| how != Forwarding::Elsewhere);
    let deaf = deaf(&behind);
    if !behind.is_empty() && deaf.len() == behind.len() {
        return warn(
            NAME,
            deaf.join(", "),
            "an upgrade comes in HTTP/1.1, and no target group behind the listener takes it",
            "give the target group the protocol version HTTP1, and targets that are no Lambda functions",
        );
    }
    let Some(targets) = facts.targets_behind(known.plan.destination().port()) else {
        let groups_known = facts.details.target_groups.is_some();
        let operation = if groups_known { "DescribeTargetHealth" } else { "DescribeTargetGroups" };
        return skip(NAME, known.unread(operation));
    };
    let dead: Vec<&TargetGroupFacts> =
        such(|how| how == Forwarding::ByDefault).into_iter().filter(|group| has_no_usable(group)).collect();
    let finding = by_state(&targets, &dead);
    let left_out = such(|how| how == Forwarding::Elsewhere);
    let left_out = (!left_out.is_empty())
        .then(|| format!("without {}, to which other listeners forward", names(&left_out)));
    let deaf =
        (!deaf.is_empty()).then(|| format!("without those that take no upgrades: {}", deaf.join(", ")));
    let status = match finding.status {
        Status::Pass if deaf.is_some() => Status::Info,
        status => status,
    };
    let said = Some(finding.detail.clone()).filter(|detail| !detail.is_empty());
    let detail = [said, deaf, left_out].into_iter().flatten().collect::<Vec<_>>().join("; ");
    Finding { status, detail, ..finding }
}

/// What the targets' states mean; `dead` are groups of the default action without a healthy target.
fn by_state(targets: &BTreeMap<String, u32>, dead: &[&TargetGroupFacts]) -> Finding {
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
    if !dead.is_empty() {
        return warn(
            NAME,
            format!("{found}, none in {}", names(dead)),
            "the listener forwards there by default, and whether a rule sends upgrades elsewhere is not asked for",
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
    pass(NAME, found, "")
}

fn names(groups: &[&TargetGroupFacts]) -> String {
    groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Whether it is known to have no healthy target, and upgrades could use one.
fn has_no_usable(group: &TargetGroupFacts) -> bool {
    group.takes_websockets()
        && group.targets.as_ref().is_some_and(|states| states.get("healthy").is_none_or(|count| *count == 0))
}

/// The groups that take no WebSockets.
fn deaf(groups: &[&TargetGroupFacts]) -> Vec<String> {
    let shown = |group: &&TargetGroupFacts| match group.target_type.as_deref() {
        Some("lambda") => format!("{} of Lambda functions", group.name),
        _ => format!("{} in {}", group.name, group.protocol_version.as_deref().unwrap_or("no HTTP/1.1")),
    };
    groups.iter().filter(|group| !group.takes_websockets()).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Case, answer, case, target_group, unread};
    use super::*;
    use crate::facts::{ListenerFacts, LoadBalancerAnswer};

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
            TargetGroupFacts {
                targets: Some([("healthy".to_owned(), 4)].into()),
                ..target_group("ws", "HTTP1", "ip")
            },
            target_group("api", "GRPC", "instance"),
            target_group("fn", "HTTP1", "lambda"),
        );
        for (groups, status, says) in [
            (vec![ws.clone()], Status::Pass, ""),
            (vec![], Status::Pass, ""),
            (vec![ws, grpc.clone()], Status::Info, "without those that take no upgrades: api in GRPC"),
            (vec![grpc, lambda], Status::Warn, "no target group behind the listener takes it"),
        ] {
            let case = Case { load_balancer: answer(|lb| lb.details.target_groups = Some(groups)), ..case() };
            let finding = look(&case.known());
            assert_eq!(finding.status, status, "{finding:?}");
            assert!(finding.detail.contains(says), "{finding:?}");
        }
    }

    #[test]
    fn groups_of_other_listeners_are_no_matter_of_this_one() {
        let group = |name: &str, version, healthy, unhealthy| TargetGroupFacts {
            targets: Some([("healthy".to_owned(), healthy), ("unhealthy".to_owned(), unhealthy)].into()),
            ..target_group(name, version, "ip")
        };
        let ws = || group("ws", "HTTP1", 2, 0);
        let dead = |name| group(name, "HTTP1", 0, 3);
        let elsewhere = "without api, to which other listeners forward";
        for (groups, own, others, status, found, says) in [
            (vec![ws(), dead("api")], "ws", "api", Status::Pass, "2 of 2 healthy", elsewhere),
            (vec![ws(), group("api", "GRPC", 4, 0)], "ws", "api", Status::Pass, "2 of 2 healthy", elsewhere),
            (
                vec![dead("ws"), group("api", "HTTP1", 4, 0)],
                "ws",
                "api",
                Status::Warn,
                "0 of 3 healthy",
                elsewhere,
            ),
            (
                vec![ws(), group("api", "GRPC", 10, 0)],
                "",
                "",
                Status::Info,
                "2 of 2 healthy",
                "no upgrades: api in GRPC",
            ),
            // All that upgrades can reach is dead, whatever a rule does with them.
            (
                vec![dead("ws"), group("api", "GRPC", 10, 0)],
                "",
                "",
                Status::Warn,
                "0 of 3 healthy",
                "upgrades will fail",
            ),
            (
                vec![ws(), group("api", "GRPC", 0, 1)],
                "ws,api",
                "",
                Status::Info,
                "2 of 2 healthy",
                "no upgrades: api in GRPC",
            ),
            // That one only a rule can lead to.
            (
                vec![ws(), dead("api")],
                "ws",
                "ws",
                Status::Info,
                "2 of 5 healthy, 3 unhealthy",
                "limit of the healthy",
            ),
            (
                vec![dead("ws"), group("api", "HTTP1", 4, 0)],
                "ws",
                "ws",
                Status::Warn,
                "4 of 7 healthy, none in ws",
                "a rule",
            ),
        ] {
            let dimension = |group: &str| format!("targetgroup/{group}/6d0ecf831eec9f09");
            let listener = |port, groups: &str| ListenerFacts {
                port,
                protocol: "HTTPS".to_owned(),
                mutual_tls: None,
                forwards_to: Some(groups.split_terminator(',').map(dimension).collect()),
            };
            let sum = |state| {
                groups
                    .iter()
                    .map(|group: &TargetGroupFacts| group.targets.as_ref().map_or(0, |t| t[state]))
                    .sum()
            };
            let answer = answer(|lb| {
                lb.targets =
                    Some(["healthy", "unhealthy"].map(|state| (state.to_owned(), sum(state))).into());
                lb.details.target_groups = Some(groups.clone());
                lb.details.listeners = Some(vec![listener(443, own), listener(8_443, others)]);
            });
            let finding = look(&Case { load_balancer: answer, ..case() }.known());
            assert_eq!((finding.status, finding.found.as_str()), (status, found), "{finding:?}");
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
