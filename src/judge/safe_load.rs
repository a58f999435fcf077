//! What the safe limit asks of the load balancer and its targets, and what AWS charges for it by the hour.

use super::alignment::OpenOverTime;
use super::clock::Clock;
use super::reached::healthy_targets;
use super::server::Server;
use super::window::Windows;
use super::{Capacity, JudgedLevel};
use crate::prices::{Carried, Dimension, Use};
use crate::record::Run;

/// The safe limit, held for an hour by connections that stay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SafeLoad {
    /// The safe limit.
    pub connections: u32,
    /// Targets behind the URL's listener that take WebSockets and were healthy before the load; of several target groups,
    /// those that the load reached. `None` where that is not known, or none was.
    pub healthy_targets: Option<u32>,
    /// Load balancer capacity units by each dimension (aws-facts.md §4).
    pub lcus: [(Dimension, f64); 3],
    /// The dimension with most of them, which alone is charged.
    pub decided_by: Dimension,
    /// What the units cost for an hour, in US dollars.
    pub lcu_dollars: f64,
    /// What the load balancer costs for an hour beside them, in US dollars.
    pub alb_dollars: f64,
}

/// What is to spare when targets are counted for a wished number of connections.
const HEADROOM: f64 = 1.2;

impl SafeLoad {
    /// Connections a healthy target at the safe limit, rounded down.
    pub fn connections_a_target(&self) -> Option<u32> {
        self.healthy_targets.map(|targets| self.connections / targets)
    }

    /// Targets that a wished number of connections needs, with 20 % to spare, if each holds as many as at the safe
    /// limit; `None` where that is not known.
    pub fn targets_for(&self, wished: u32) -> Option<u32> {
        let each = self.connections_a_target().filter(|each| *each > 0)?;
        let needed = (f64::from(wished) * HEADROOM / f64::from(each)).ceil();
        // Within u32 where it is below 2^32, and at its end otherwise.
        Some(needed as u32)
    }
}

/// What the safe limit asks for; `None` without a load balancer or a level that passed. Bytes are taken from the level that
/// passed as the highest, its handshakes included, and shared by the time for which its connections were open; of
/// connections that stay none is new.
pub(super) fn safe_load(
    run: &Run,
    levels: &[JudgedLevel<'_>],
    capacity: &Capacity,
    server: Option<&Server<'_>>,
    windows: &Windows,
) -> Option<SafeLoad> {
    let facts = run.facts.as_ref()?;
    let balancer = facts.load_balancer.as_ref()?;
    let safe_limit = capacity.safe_limit.filter(|limit| *limit > 0)?;
    let best = levels
        .iter()
        .find(|level| level.passed == Some(true) && Some(level.connections()) == capacity.max_reliable)?;
    let ended = best.run.ended_at?;
    let open = OpenOverTime::of(run, Clock::default());
    let hours = open.connection_seconds(best.run.started_at, ended) / 3_600.0;
    let counts = &best.run.counts;
    #[allow(clippy::cast_precision_loss)]
    let bytes = counts.bytes_sent.saturating_add(counts.bytes_received) as f64;
    let an_hour_each = if hours > 0.0 { bytes / hours } else { 0.0 };
    let connections = f64::from(safe_limit);
    let port = run.header.plan.destination().port();
    let carried = Carried {
        opened: 0.0,
        connection_hours: connections,
        bytes: connections * an_hour_each,
        mutual_tls: balancer
            .details
            .listeners
            .iter()
            .flatten()
            .any(|listener| listener.port == port && listener.wants_certificate()),
    };
    let (lcu_hours, decided_by) = carried.lcu_hours();
    Some(SafeLoad {
        connections: safe_limit,
        healthy_targets: healthy_targets(run, balancer, server, windows).filter(|healthy| *healthy > 0),
        lcus: carried.by_dimension(),
        decided_by,
        lcu_dollars: facts.prices.cost(&Use { lcu_hours, ..Use::default() }).lcus,
        alb_dollars: facts.prices.load_balancer_hour,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::facts::LoadBalancerFacts;
    use crate::judge::judge;
    use crate::judge::testing::Scenario;
    use crate::record::OpenAt;

    fn safe_load_of(levels: &[u32], change: impl FnOnce(&mut LoadBalancerFacts)) -> Option<SafeLoad> {
        let mut run = Scenario { levels: levels.to_vec(), ..Scenario::default() }.run();
        change(run.facts.as_mut().unwrap().load_balancer.as_mut().unwrap());
        judge(&run).safe_load
    }

    fn healthy(targets: u32) -> impl FnOnce(&mut LoadBalancerFacts) {
        move |balancer| {
            let states = [("healthy", targets), ("draining", 7)];
            balancer.targets = Some(states.map(|(state, count)| (state.to_owned(), count)).into());
        }
    }

    #[test]
    fn the_safe_limit_is_shared_by_the_healthy_targets() {
        let load = safe_load_of(&[1_000, 5_000], healthy(3)).unwrap();
        assert_eq!((load.connections, load.healthy_targets), (4_000, Some(3)));
        assert_eq!(load.connections_a_target(), Some(1_333));
        // 10,000 x 1.2 / 1,333 = 9.002
        assert_eq!((load.targets_for(10_000), load.targets_for(0)), (Some(10), Some(0)));
        for unknown in [safe_load_of(&[100], healthy(0)), safe_load_of(&[100], |_| ())] {
            let unknown = unknown.unwrap();
            assert_eq!((unknown.connections_a_target(), unknown.targets_for(500)), (None, None));
        }
        let with_grpc = safe_load_of(&[100], |balancer| {
            healthy(13)(balancer);
            let group = |name: &str, version: &str, healthy: u32| serde_json::json!({"name": name, "protocol_version": version, "targets": {"healthy": healthy}});
            let groups = serde_json::json!([group("ws", "HTTP1", 3), group("api", "GRPC", 10)]);
            balancer.details.target_groups = serde_json::from_value(groups).unwrap();
        });
        assert_eq!(with_grpc.unwrap().healthy_targets, Some(3), "no connection is held by those of gRPC");
        let many = safe_load_of(&[10], healthy(100)).unwrap();
        assert_eq!((many.connections_a_target(), many.targets_for(500)), (Some(0), None));
    }

    #[test]
    fn active_connections_decide_where_little_is_said() {
        let load = safe_load_of(&[15_000], healthy(1)).unwrap();
        assert_eq!((load.connections, load.decided_by), (12_000, Dimension::ActiveConnections));
        assert_eq!(load.lcus[1], (Dimension::ActiveConnections, 4.0));
        assert_eq!(load.lcus[0], (Dimension::NewConnections, 0.0));
        assert!(load.lcus[2].1 > 0.0 && load.lcus[2].1 < 4.0, "{load:?}");
        let prices = crate::prices::Prices::default();
        assert!((load.lcu_dollars - 4.0 * prices.lcu_hour).abs() < 1e-9);
        assert_eq!(load.alb_dollars, prices.load_balancer_hour);
    }

    #[test]
    fn bytes_are_those_of_the_time_for_which_connections_were_open() {
        let mut run = Scenario { levels: vec![10_000], ..Scenario::default() }.run();
        let level = &mut run.levels[0];
        // Twenty a second until all are open, then two minutes, each with 1 KB/s.
        level.started_at = level.held_from.unwrap() - chrono::TimeDelta::seconds(500);
        let (started, held_until) = (level.started_at, level.held_until.unwrap());
        let held_s = (held_until - level.held_from.unwrap()).num_seconds();
        let open_at = |second: i64| OpenAt {
            at: started + chrono::TimeDelta::seconds(second),
            open: u32::try_from((20 * second).min(10_000)).unwrap(),
        };
        run.open = (0..500 + held_s).map(open_at).collect();
        run.open.push(OpenAt { at: held_until, open: 0 });
        let seconds: f64 = run.open.iter().map(|step| f64::from(step.open)).sum();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let bytes = (1_000.0 * seconds) as u64;
        (level.counts.bytes_sent, level.counts.bytes_received) = (0, bytes);
        let load = judge(&run).safe_load.unwrap();
        // 8,000 connections x 1 KB/s x 3,600 s, by the GB.
        assert_eq!((load.connections, load.decided_by), (8_000, Dimension::Bytes));
        assert!((load.lcus[2].1 - 28.8).abs() < 0.1, "{load:?}");
    }

    #[test]
    fn without_a_load_balancer_or_a_passed_level_there_is_none() {
        let alone = Scenario { levels: vec![100], aws: false, ..Scenario::default() }.run();
        assert_eq!(judge(&alone).safe_load, None);
        let cut = Scenario { levels: vec![100], cut_last: true, ..Scenario::default() }.run();
        assert_eq!(judge(&cut).safe_load, None);
    }
}
