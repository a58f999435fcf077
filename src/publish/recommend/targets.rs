//! The target groups behind the listener that take WebSockets, and how many connections each of their targets held.

use chrono::TimeDelta;

use super::noise::failed_from;
use crate::judge::{Judged, SafeLoad, metric};

/// The target groups behind the listener that take WebSockets, each by its `TargetGroup` dimension.
pub(super) fn target_groups(judged: &Judged<'_>) -> Vec<String> {
    let facts = judged.run.load_balancer();
    let port = judged.run.header.plan.destination().port();
    let groups = facts.into_iter().flat_map(|facts| facts.groups_behind(port));
    groups.filter(|group| group.takes_websockets()).filter_map(|group| group.dimension.clone()).collect()
}

/// The safe limit over the targets that held it. How many those are, where the record does not tell, CloudWatch does for
/// the one group that takes WebSockets; it is unknown where there are several.
pub(super) fn load_of_targets(judged: &Judged<'_>) -> Option<SafeLoad> {
    let load = judged.safe_load?;
    let healthy_targets = load.healthy_targets.or_else(|| match &target_groups(judged)[..] {
        [group] => fewest_healthy(judged, group),
        _ => None,
    });
    Some(SafeLoad { healthy_targets, ..load })
}

/// The fewest targets of a group that were healthy up to the first level that failed.
fn fewest_healthy(judged: &Judged<'_>, group: &str) -> Option<u32> {
    let series = judged.run.series.as_ref()?;
    let points = series.target_groups.get(group)?.get(metric::HEALTHY_HOSTS)?;
    let period = TimeDelta::seconds(series.period.seconds().into());
    // A point's period is over by then.
    let until = failed_from(judged).and_then(|failed| failed.checked_sub_signed(period));
    let counted = points.iter().filter(|point| until.is_none_or(|until| point.at <= until));
    let fewest = counted.map(|point| point.value).filter(|count| *count >= 1.0).fold(f64::INFINITY, f64::min);
    // Within u32 where it is below 2^32, and at its end otherwise.
    fewest.is_finite().then_some(fewest as u32)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::{Scenario, example};

    fn healthy(kinds: &[(&str, &str)]) -> Option<u32> {
        let mut run = Scenario { hosts: Some((3.0, 1.0, 2.0)), ..example() }.run();
        let balancer = run.facts.as_mut().unwrap().load_balancer.as_mut().unwrap();
        balancer.targets = Some([("healthy".to_owned(), 10)].into());
        let group = |(name, version): &(&str, &str)| json!({"name": name, "dimension": format!("targetgroup/{name}/1"), "protocol_version": version});
        let groups: Vec<_> = kinds.iter().map(group).collect();
        balancer.details.target_groups = serde_json::from_value(json!(groups)).unwrap();
        load_of_targets(&judge(&run)).unwrap().healthy_targets
    }

    #[test]
    fn only_targets_that_take_websockets_are_counted() {
        for (kinds, expected) in [
            (&[("ws", "HTTP1")][..], Some(10)),
            // Which of them held the connections nobody says.
            (&[("ws", "HTTP1"), ("ws-2", "HTTP1")], None),
            // From the failing level on there is only one; what it held counts no more.
            (&[("ws", "HTTP1"), ("grpc", "GRPC")], Some(3)),
            (&[("unread", "HTTP1"), ("grpc", "GRPC")], None),
            (&[("ws", "HTTP1"), ("ws-2", "HTTP1"), ("grpc", "GRPC")], None),
        ] {
            assert_eq!(healthy(kinds), expected, "{kinds:?}");
        }
    }
}
