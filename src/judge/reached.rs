//! Which target groups the load reached. Rules are not asked for, so that behind a listener may stand groups that took no
//! connection of ours: where there are several, their own RequestCount tells.

use super::correlation::{Rise, known_rise};
use super::server::Server;
use super::window::Windows;
use crate::facts::metric::REQUESTS;
use crate::facts::{LoadBalancerFacts, TargetGroupFacts};
use crate::record::Run;

/// The share of the connections opened that the groups' requests must account for.
const NEARLY_ALL: f64 = 0.95;

/// What other groups may have beside that, as a share of it.
const NEGLIGIBLE: f64 = 0.05;

/// Targets that were healthy before the load in the groups that took it; `None` where that is not known.
pub(super) fn healthy_targets(
    run: &Run,
    balancer: &LoadBalancerFacts,
    server: Option<&Server<'_>>,
    windows: &Windows,
) -> Option<u32> {
    let healthy = |states: &std::collections::BTreeMap<String, u32>| states.get("healthy").copied();
    let port = run.header.plan.destination().port();
    let groups: Vec<&TargetGroupFacts> =
        balancer.groups_behind(port).filter(|group| group.takes_websockets()).collect();
    if groups.len() < 2 {
        return healthy(&balancer.targets_behind(port)?);
    }
    let reached = reached(&groups, server?, windows, run.opened())?;
    let each = reached.into_iter().map(|group| Some(healthy(group.targets.as_ref()?).unwrap_or(0)));
    each.sum()
}

/// Of several groups those of which requests account for the connections opened: the fewest that do. `None` where all of
/// them together don't, or where the others took requests too, so that ours may have been among these.
fn reached<'a>(
    groups: &[&'a TargetGroupFacts],
    server: &Server<'_>,
    windows: &Windows,
    opened: u64,
) -> Option<Vec<&'a TargetGroupFacts>> {
    let by_name = server.target_groups();
    let rise = |group: &TargetGroupFacts| {
        let (_, server) = by_name.iter().find(|(name, _)| Some(*name) == group.dimension.as_deref())?;
        known_rise(server, REQUESTS, windows).filter(Rise::is_clear)
    };
    let mut risen: Vec<(&TargetGroupFacts, f64)> =
        groups.iter().filter_map(|group| Some((*group, rise(group)?.by))).collect();
    risen.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    #[allow(clippy::cast_precision_loss)]
    let needed = NEARLY_ALL * opened as f64;
    let mut sum = 0.0;
    let enough = risen.iter().position(|(_, by)| {
        sum += by;
        sum >= needed
    })?;
    let (reached, others) = risen.split_at(enough + 1);
    let elsewhere: f64 = others.iter().map(|(_, by)| by).sum();
    (elsewhere <= NEGLIGIBLE * needed).then(|| reached.iter().map(|(group, _)| *group).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use crate::facts::metric::REQUESTS;
    use crate::facts::{Metrics, Point};
    use crate::judge::judge;
    use crate::judge::testing::Scenario;

    /// The healthy targets of a run of 1,000 behind a listener whose default action is `web` with 20, a rule of which may
    /// lead to `ws` with 3, and which forwards so many requests to each in the minute of the load.
    fn healthy(requests: &[(&str, f64)]) -> Option<u32> {
        let mut run = Scenario { levels: vec![1_000], baseline: 50.0, ..Scenario::default() }.run();
        let balancer = run.facts.as_mut().unwrap().load_balancer.as_mut().unwrap();
        let name = |group: &str| format!("targetgroup/{group}/1");
        let group = |group: &str, healthy: u32| json!({"name": group, "dimension": name(group), "targets": {"healthy": healthy}});
        let groups = json!([group("web", 20), group("ws", 3), group("admin", 1)]);
        balancer.details.target_groups = serde_json::from_value(groups).unwrap();
        let listeners = json!([
            {"port": 443, "protocol": "HTTPS", "mutual_tls": null, "forwards_to": [name("web")]},
            {"port": 8443, "protocol": "HTTPS", "mutual_tls": null, "forwards_to": [name("admin")]},
        ]);
        balancer.details.listeners = serde_json::from_value(listeners).unwrap();
        balancer.targets = Some([("healthy".to_owned(), 24)].into());
        let began = run.levels[0].started_at;
        let series = run.series.as_mut().unwrap();
        let minute = series.period.floor(began);
        for (group, in_load) in requests {
            let points = series.period.starts(series.from, series.until).map(|at| {
                let value = if at == minute { 50.0 + in_load } else { 50.0 };
                Point { at, value }
            });
            let metrics: Metrics = [(REQUESTS.to_owned(), points.collect())].into();
            series.target_groups.insert(name(group), metrics);
        }
        judge(&run).safe_load.unwrap().healthy_targets
    }

    #[test]
    fn of_several_groups_those_count_that_the_requests_went_to() {
        for (requests, expected) in [
            (&[("web", 0.0), ("ws", 1_000.0)][..], Some(3)),
            (&[("web", 30.0), ("ws", 990.0)], Some(3)),
            (&[("web", 1_000.0), ("ws", 0.0)], Some(20)),
            (&[("web", 500.0), ("ws", 500.0)], Some(23)),
            // No group stands for them all: RequestCount may not count upgrades, or they went elsewhere.
            (&[("web", 0.0), ("ws", 0.0)], None),
            (&[("web", 100.0), ("ws", 200.0)], None),
            // As with tokens that the same load balancer gives: which of them were the upgrades?
            (&[("web", 1_000.0), ("ws", 1_000.0)], None),
            (&[("web", 1_500.0), ("ws", 990.0)], None),
            (&[("web", 1_000.0)], Some(20)),
            (&[], None),
        ] {
            assert_eq!(healthy(requests), expected, "{requests:?}");
        }
    }
}
