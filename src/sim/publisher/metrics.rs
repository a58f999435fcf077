//! What is published for a period: every metric's samples, under every combination of dimensions.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::calendar::Period;
use super::gather::NodePeriod;
use super::hosts::Hosts;
use super::lcu::{self, Use};
use super::silence;
use super::table::{ROWS, Reported, Value};
use crate::sim::alb::Count;
use crate::sim::aws::PlatformSample;
use crate::sim::{Options, load_balancer};

const NAMESPACE: &str = "AWS/ApplicationELB";

/// What everything is published under.
#[derive(Clone, Debug)]
pub(crate) struct Dimensions {
    load_balancer: String,
    target_group: String,
    max_connections: Option<u64>,
    delay: TimeDelta,
    silent_without_requests: bool,
}

impl Dimensions {
    /// As the options name them.
    pub(crate) fn of(options: &Options) -> Self {
        Self {
            load_balancer: load_balancer::dimension(options),
            target_group: load_balancer::target_group_dimension(),
            max_connections: options.max_connections,
            delay: TimeDelta::from_std(options.publish_delay).unwrap_or(TimeDelta::MAX),
            silent_without_requests: options.silent_without_requests,
        }
    }

    /// One combination, its names in alphabetical order.
    fn combination(&self, zone: Option<&str>, with_target_group: bool) -> Vec<(String, String)> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut pairs = Vec::with_capacity(3);
        pairs.extend(zone.map(|zone| pair("AvailabilityZone", zone)));
        pairs.push(pair("LoadBalancer", &self.load_balancer));
        pairs.extend(with_target_group.then(|| pair("TargetGroup", &self.target_group)));
        pairs
    }

    fn visible_at(&self, period: Period) -> DateTime<Utc> {
        period.end.checked_add_signed(self.delay).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// Everything that is published for a period.
pub(crate) fn samples(
    under: &Dimensions,
    period: Period,
    nodes: &[NodePeriod],
    hosts: &Hosts,
) -> Vec<PlatformSample> {
    let mut samples = of_load_balancer(under, period, nodes);
    let is_silent = under.silent_without_requests && silence::no_request(nodes);
    for node in nodes {
        for row in ROWS {
            let is_left_out = match row.reported {
                Reported::Nonzero => is_silent,
                Reported::WithTargets => !hosts.any(),
            };
            if is_left_out {
                continue;
            }
            for (zone, with_target_group) in row.scope.combinations(&node.zone) {
                let value = match row.value {
                    Value::Of(count) => node.counts.of(count) as f64,
                    Value::Node(value) => value(node),
                    Value::Hosts(health) => hosts.count(health, zone) as f64,
                };
                if value != 0.0 || row.reported == Reported::WithTargets {
                    samples.push(PlatformSample {
                        namespace: NAMESPACE,
                        metric: row.metric,
                        dimensions: under.combination(zone, with_target_group),
                        unit: row.unit,
                        at: period.start,
                        value,
                        visible_at: under.visible_at(period),
                    });
                }
            }
        }
    }
    samples
}

/// The metrics that are the load balancer's as a whole, and always there.
fn of_load_balancer(under: &Dimensions, period: Period, nodes: &[NodePeriod]) -> Vec<PlatformSample> {
    let total = |count: Count| nodes.iter().map(|node| node.counts.of(count)).sum();
    let usage = Use {
        period: period.length().to_std().unwrap_or(Duration::from_secs(60)),
        new_clients: total(Count::NewClientLegs),
        active_clients: nodes.iter().map(|node| node.active_clients).sum(),
        bytes: total(Count::ProcessedBytes),
    };
    let consumed = lcu::consumed(usage);
    [
        ("ConsumedLCUs", "Count", consumed),
        ("PeakLCUs", "Count", consumed),
        ("CapacityUtilization", "Percent", lcu::utilization(usage, under.max_connections)),
    ]
    .into_iter()
    .map(|(metric, unit, value)| PlatformSample {
        namespace: NAMESPACE,
        metric,
        dimensions: under.combination(None, false),
        unit,
        at: period.start,
        value,
        visible_at: under.visible_at(period),
    })
    .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sim::alb::Totals;

    fn period() -> Period {
        Period::containing("2026-11-24T10:05:30Z".parse().unwrap(), Duration::from_secs(60))
    }

    fn quiet(zone: &str) -> NodePeriod {
        NodePeriod {
            zone: zone.to_owned(),
            active: 0.0,
            active_clients: 0.0,
            new: 0,
            counts: Totals::default(),
        }
    }

    fn hosts(targets: u16) -> Hosts {
        Hosts::of(&load_balancer::describe(&Options { targets, ..Options::default() }, 80))
    }

    fn publish(options: &Options, nodes: &[NodePeriod], hosts: &Hosts) -> Vec<PlatformSample> {
        samples(&Dimensions::of(options), period(), nodes, hosts)
    }

    /// The values of a metric under dimensions of exactly these names.
    fn values(samples: &[PlatformSample], metric: &str, names: &[&str]) -> Vec<f64> {
        samples
            .iter()
            .filter(|sample| sample.metric == metric)
            .filter(|sample| sample.dimensions.iter().map(|(name, _)| name).eq(names))
            .map(|sample| sample.value)
            .collect()
    }

    fn names(samples: &[PlatformSample]) -> std::collections::BTreeSet<&'static str> {
        samples.iter().map(|sample| sample.metric).collect()
    }

    #[test]
    fn what_is_zero_is_absent_and_the_rest_is_always_there() {
        let always = ["CapacityUtilization", "ConsumedLCUs", "PeakLCUs"];
        let without_targets = publish(&Options::default(), &[quiet("z")], &hosts(0));
        assert!(names(&without_targets).into_iter().eq(always));

        let with_targets = publish(&Options::default(), &[quiet("z")], &hosts(2));
        let expected = [
            "CapacityUtilization",
            "ConsumedLCUs",
            "HTTPCode_Target_2XX_Count",
            "HTTPCode_Target_3XX_Count",
            "HTTPCode_Target_4XX_Count",
            "HTTPCode_Target_5XX_Count",
            "HealthyHostCount",
            "PeakLCUs",
            "RequestCount",
            "UnHealthyHostCount",
        ];
        assert!(names(&with_targets).into_iter().eq(expected));
        assert_eq!(values(&with_targets, "RequestCount", &["LoadBalancer"]), [0.0]);
        assert_eq!(values(&with_targets, "HealthyHostCount", &["LoadBalancer", "TargetGroup"]), [2.0]);
        assert_eq!(values(&with_targets, "UnHealthyHostCount", &["LoadBalancer", "TargetGroup"]), [0.0]);
    }

    #[test]
    fn each_node_gives_one_sample_to_every_combination() {
        let mut nodes = [quiet("us-east-1a"), quiet("us-east-1b"), quiet("us-east-1a")];
        for (index, node) in nodes.iter_mut().enumerate() {
            node.active = 10.0 * (index + 1) as f64;
            node.counts = Totals::default().plus(Count::Requests, index as u64 + 1);
        }
        let samples = publish(&Options { nodes: 3, ..Options::default() }, &nodes, &hosts(2));
        assert_eq!(values(&samples, "ActiveConnectionCount", &["LoadBalancer"]), [10.0, 20.0, 30.0]);
        assert!(values(&samples, "ActiveConnectionCount", &["LoadBalancer", "TargetGroup"]).is_empty());
        for names in [
            &["LoadBalancer"][..],
            &["AvailabilityZone", "LoadBalancer"],
            &["LoadBalancer", "TargetGroup"],
            &["AvailabilityZone", "LoadBalancer", "TargetGroup"],
        ] {
            assert_eq!(values(&samples, "RequestCount", names), [1.0, 2.0, 3.0], "{names:?}");
        }
        assert!(values(&samples, "HealthyHostCount", &["LoadBalancer"]).is_empty());
        let in_a: f64 = samples
            .iter()
            .filter(|sample| sample.metric == "ActiveConnectionCount")
            .filter(|sample| sample.dimensions.iter().any(|(_, value)| value == "us-east-1a"))
            .map(|sample| sample.value)
            .sum();
        assert_eq!(in_a, 40.0);
    }

    #[test]
    fn samples_carry_the_start_and_show_after_the_end_and_the_delay() {
        let delay = Duration::from_secs(90);
        let mut node = quiet("us-east-1a");
        node.counts = Totals::default().plus(Count::ProcessedBytes, 7);
        for sample in publish(&Options { publish_delay: delay, ..Options::default() }, &[node], &hosts(1)) {
            assert_eq!(sample.namespace, "AWS/ApplicationELB");
            assert_eq!(sample.at, period().start);
            assert_eq!(sample.visible_at, period().end + delay);
            assert_eq!(sample.unit == "Bytes", sample.metric == "ProcessedBytes");
            assert_eq!(sample.unit == "Percent", sample.metric == "CapacityUtilization");
        }
    }

    #[test]
    fn a_load_balancer_without_requests_may_be_silent_about_what_it_holds() {
        let mut nodes = [quiet("us-east-1a"), quiet("us-east-1b")];
        nodes[0].active = 20.0;
        let silent = Options { silent_without_requests: true, ..Options::default() };
        let active = |options: &Options, nodes: &[NodePeriod]| {
            let samples = publish(options, nodes, &hosts(2));
            assert!(names(&samples).contains("ConsumedLCUs") && names(&samples).contains("HealthyHostCount"));
            values(&samples, "ActiveConnectionCount", &["LoadBalancer"])
        };
        assert_eq!(active(&Options::default(), &nodes), [20.0]);
        assert!(active(&silent, &nodes).is_empty());
        // A request anywhere, refused by the load balancer or not, lets it speak.
        for count in [Count::Requests, Count::Elb4xx, Count::Elb5xx] {
            nodes[1].counts = Totals::default().plus(count, 1);
            assert_eq!(active(&silent, &nodes), [20.0], "{count:?}");
        }
    }

    #[test]
    fn lcus_are_the_whole_load_balancers() {
        let mut nodes = [quiet("us-east-1a"), quiet("us-east-1b")];
        nodes.iter_mut().for_each(|node| node.active_clients = 1500.0);
        let options = Options { max_connections: Some(4000), ..Options::default() };
        let samples = publish(&options, &nodes, &hosts(2));
        assert_eq!(values(&samples, "ConsumedLCUs", &["LoadBalancer"]), [1.0]);
        assert_eq!(values(&samples, "CapacityUtilization", &["LoadBalancer"]), [75.0]);
    }
}
