//! How many tasks of an ECS service the wished connections need, and the policy that keeps it so.

use super::alarm::{Metric, Query};
use super::basis::Basis;
use super::targets::{load_of_targets, target_groups};
use crate::judge::wording::{plural, show_count};
use crate::judge::{Judged, metric};

/// Seconds after tasks were added before more are: an ALB's metrics come minutes late, and what was added must show in
/// them first.
const SCALE_OUT_COOLDOWN_S: u32 = 180;
/// Seconds after tasks were taken away before more are: each of them cuts the connections that it holds, which then
/// come back elsewhere.
const SCALE_IN_COOLDOWN_S: u32 = 900;

/// A target tracking policy on connections a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Its name.
    pub policy_name: String,
    /// The one target group that takes WebSockets, by its `TargetGroup` dimension.
    pub target_group: String,
    /// What it looks at: connections over healthy targets. No period: Application Auto Scaling has its own.
    pub metrics: Vec<Query>,
    /// Connections a task, at the safe limit.
    pub target_value: u32,
    /// Never fewer tasks: as many as were healthy when the safe limit was measured, or all that are needed.
    pub min_tasks: u32,
    /// Never more tasks than the wished connections need, with 20 % to spare.
    pub max_tasks: u32,
    /// Seconds.
    pub scale_out_cooldown_s: u32,
    /// Seconds.
    pub scale_in_cooldown_s: u32,
}

/// The policy, or why there is none.
pub(super) fn scaling(judged: &Judged<'_>, basis: &Basis, wished: u32) -> Result<Scaling, String> {
    let load = load_of_targets(judged);
    let known = load.and_then(|load| {
        Some((load.healthy_targets?, load.connections_a_target()?, load.targets_for(wished)?))
    });
    if let Some(targets) =
        load.and_then(|load| load.healthy_targets).filter(|count| *count > basis.safe_limit)
    {
        return Err(format!(
            "{} targets were healthy, more than the {} that were safe to hold, so that not each of them had one",
            show_count(targets.into()),
            plural(basis.safe_limit.into(), "connection"),
        ));
    }
    let groups = target_groups(judged);
    let (group, (were_healthy, each, needed)) = match (&groups[..], known) {
        ([group], Some(known)) => (group, known),
        ([] | [_], None) => {
            return Err(
                "how many targets were healthy is not known, and so not how many connections each of them held"
                    .into(),
            );
        }
        (groups, _) => {
            return Err(format!(
                "{} target groups take WebSockets, and ActiveConnectionCount does not tell them apart",
                show_count(groups.len() as u64)
            ));
        }
    };
    let active = Metric::of_alb(metric::ACTIVE_CONNECTIONS, &basis.load_balancer, None);
    let metrics = vec![
        unpaced(Query::metric("m1", active, "Sum")),
        unpaced(healthy("m2", basis, group)),
        Query::expression("e1", format!("{} / m2", basis.connections("m1")), "connections a task").watched(),
    ];
    Ok(Scaling {
        policy_name: basis.name_of("connections-a-task"),
        target_group: group.clone(),
        metrics,
        target_value: each,
        min_tasks: were_healthy.min(needed).max(1),
        max_tasks: needed.max(1),
        scale_out_cooldown_s: SCALE_OUT_COOLDOWN_S,
        scale_in_cooldown_s: SCALE_IN_COOLDOWN_S,
    })
}

/// The targets of a group that take connections, as the node sees it that counts the most: a node that has lost sight
/// of some must not make the service grow, as the fewest of any node would.
pub(super) fn healthy(id: &str, basis: &Basis, group: &str) -> Query {
    Query::metric(id, Metric::of_alb(metric::HEALTHY_HOSTS, &basis.load_balancer, Some(group)), "Maximum")
}

/// The same without a period, which a scaling policy does not take.
fn unpaced(mut query: Query) -> Query {
    if let Some(stat) = &mut query.metric_stat {
        stat.period = None;
    }
    query
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::{Scenario, example};
    use crate::record::Run;

    fn run(groups: &[(&str, &str)], healthy: u32) -> Run {
        let hosts = Some((f64::from(healthy), f64::from(healthy), 0.0));
        let mut run = Scenario { hosts, ..example() }.run();
        let balancer = run.facts.as_mut().unwrap().load_balancer.as_mut().unwrap();
        balancer.targets = Some([("healthy".to_owned(), healthy)].into());
        let of = |(name, kind): &(&str, &str)| {
            let dimension = format!("targetgroup/{name}/1");
            json!({"name": name, "dimension": dimension, "protocol_version": "HTTP1", "target_type": kind})
        };
        let groups: Vec<Value> = groups.iter().map(of).collect();
        balancer.details.target_groups = serde_json::from_value(json!(groups)).unwrap();
        run
    }

    fn of(groups: &[(&str, &str)], healthy: u32, wished: u32) -> Result<Scaling, String> {
        let run = run(groups, healthy);
        let judged = judge(&run);
        scaling(&judged, &Basis::of(&judged).unwrap(), wished)
    }

    #[test]
    fn tasks_hold_what_they_held_at_the_safe_limit() {
        // 800 safe over 4 targets; 5,000 x 1.2 / 200 = 30.
        let scaling = of(&[("ws", "ip"), ("api", "lambda")], 4, 5_000).unwrap();
        assert_eq!((scaling.target_value, scaling.min_tasks, scaling.max_tasks), (200, 4, 30));
        assert_eq!(scaling.metrics[2].expression.as_deref(), Some("(m1 - 210) / 2 / m2"));
        assert_eq!(scaling.metrics.iter().filter(|query| query.return_data).count(), 1);
        let few = of(&[("ws", "ip")], 4, 100).unwrap();
        assert_eq!((few.min_tasks, few.max_tasks), (1, 1));
    }

    #[test]
    fn what_can_not_be_told_is_not_guessed() {
        for (groups, healthy, why) in [
            (&[("ws", "ip"), ("ws-2", "ip")][..], 4, "2 target groups"),
            (&[], 4, "0 target groups"),
            (&[("ws", "ip")], 0, "healthy is not known"),
            (&[("ws", "ip")], 801, "801 targets were healthy, more than the 800 connections"),
        ] {
            let said = of(groups, healthy, 5_000).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
