//! What the simulated account says about its one load balancer (aws-facts.md §5).

use std::collections::BTreeMap;

use super::Options;
use super::aws::{Listener, LoadBalancer, Target, TargetGroup};

/// Account number, name and ids of everything simulated: fixed, so that outputs can be compared.
const ACCOUNT: &str = "123456789012";
const NAME: &str = "albcap-sim";
const LOAD_BALANCER_ID: &str = "0123456789abcdef";
const TARGET_GROUP_ID: &str = "fedcba9876543210";

/// Port that the imagined targets listen on.
const TARGET_PORT: u16 = 8080;

/// Zones of a region that nodes are spread over.
const ZONE_LETTERS: [char; 3] = ['a', 'b', 'c'];

/// The zone of node `index`.
pub(super) fn zone_of(region: &str, index: usize) -> String {
    format!("{region}{}", ZONE_LETTERS[index % ZONE_LETTERS.len()])
}

/// The value of the `LoadBalancer` dimension.
pub(super) fn dimension(options: &Options) -> String {
    format!("{}/{NAME}/{LOAD_BALANCER_ID}", options.load_balancer_type.arn_segment())
}

/// The value of the `TargetGroup` dimension, which keeps its `targetgroup/`.
pub(super) fn target_group_dimension() -> String {
    format!("targetgroup/{NAME}/{TARGET_GROUP_ID}")
}

/// Describes the load balancer that the options ask for, listening on `port`.
pub(super) fn describe(options: &Options, port: u16) -> LoadBalancer {
    let arn_prefix = format!("arn:aws:elasticloadbalancing:{}:{ACCOUNT}", options.region);
    let mut zones: Vec<String> =
        (0..usize::from(options.nodes)).map(|node| zone_of(&options.region, node)).collect();
    zones.sort();
    zones.dedup();
    LoadBalancer {
        arn: format!("{arn_prefix}:loadbalancer/{}", dimension(options)),
        name: NAME.to_owned(),
        dns_name: options.listen.ip().to_string(),
        region: options.region.clone(),
        load_balancer_type: options.load_balancer_type.as_str().to_owned(),
        scheme: "internet-facing".to_owned(),
        state: options.state.as_str().to_owned(),
        attributes: attributes(options),
        listeners: vec![Listener {
            port,
            protocol: if options.tls { "HTTPS" } else { "HTTP" }.to_owned(),
            ssl_policy: options.tls.then(|| "ELBSecurityPolicy-TLS13-1-2-2021-06".to_owned()),
        }],
        target_groups: vec![TargetGroup {
            arn: format!("{arn_prefix}:{}", target_group_dimension()),
            name: NAME.to_owned(),
            protocol: "HTTP".to_owned(),
            protocol_version: "HTTP1".to_owned(),
            port: TARGET_PORT,
            target_type: "instance".to_owned(),
            targets: targets(options, &zones),
        }],
        zones,
        reserved_lcus: options.reserved_lcus,
    }
}

/// The attributes as DescribeLoadBalancerAttributes gives them: strings, seconds whole (a shorter
/// timeout, which only the simulator can have, reads as 1).
fn attributes(options: &Options) -> BTreeMap<String, String> {
    [
        ("idle_timeout.timeout_seconds", options.idle_timeout.as_secs().max(1).to_string()),
        ("client_keep_alive.seconds", options.client_keep_alive.as_secs().max(1).to_string()),
        ("deletion_protection.enabled", "false".to_owned()),
        ("access_logs.s3.enabled", "false".to_owned()),
        ("load_balancing.cross_zone.enabled", "true".to_owned()),
        ("routing.http2.enabled", "true".to_owned()),
        ("routing.http.drop_invalid_header_fields.enabled", "false".to_owned()),
        ("routing.http.desync_mitigation_mode", "defensive".to_owned()),
        ("waf.fail_open.enabled", "false".to_owned()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// Targets in their states, spread over the zones.
fn targets(options: &Options, zones: &[String]) -> Vec<Target> {
    let states = [
        (options.targets, "healthy", None),
        (options.unhealthy_targets, "unhealthy", Some("Target.FailedHealthChecks")),
        (options.draining_targets, "draining", Some("Target.DeregistrationInProgress")),
    ];
    states
        .into_iter()
        .flat_map(|(count, state, reason)| (0..count).map(move |_| (state, reason)))
        .enumerate()
        .map(|(index, (state, reason))| Target {
            id: format!("i-{index:017x}"),
            port: TARGET_PORT,
            zone: zones[index % zones.len()].clone(),
            state: state.to_owned(),
            reason: reason.map(str::to_owned),
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sim::LoadBalancerType;

    #[test]
    fn the_dimension_is_the_arns_text_after_loadbalancer() {
        for load_balancer_type in [LoadBalancerType::Application, LoadBalancerType::Network] {
            let options = Options { load_balancer_type, ..Options::default() };
            let described = describe(&options, 80);
            assert_eq!(described.arn.split_once("loadbalancer/").unwrap().1, dimension(&options));
        }
        assert_eq!(dimension(&Options::default()), "app/albcap-sim/0123456789abcdef");
    }

    #[test]
    fn four_nodes_lie_in_three_zones() {
        let described = describe(&Options { nodes: 4, ..Options::default() }, 80);
        assert_eq!(described.zones, ["us-east-1a", "us-east-1b", "us-east-1c"]);
    }

    #[test]
    fn the_attributes_tell_the_timeouts_that_are_kept() {
        let options = Options { idle_timeout: Duration::from_secs(90), ..Options::default() };
        let attributes = describe(&options, 80).attributes;
        assert_eq!(attributes["idle_timeout.timeout_seconds"], "90");
        assert_eq!(attributes["client_keep_alive.seconds"], "3600");
    }
}
