//! Settings of load balancer and container that decide how long a connection lives, and how many there can be.

use std::time::Duration;

use super::targets::load_of_targets;
use crate::judge::Judged;

/// The longest idle timeout that an ALB takes, seconds (aws-facts.md §3).
const LONGEST_IDLE_S: u32 = 4_000;
/// File descriptors beside those of connections: listeners, logs, connections to what the service itself needs.
const OTHER_DESCRIPTORS: u32 = 1_024;
/// Fewer are never worth setting.
const LEAST_DESCRIPTORS: u32 = 65_536;
/// More than Linux takes unless `fs.nr_open` was raised.
const MOST_DESCRIPTORS: u32 = 1_048_576;

/// Settings of load balancer and container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The load balancer's idle timeout as it is; `None` where it was not read, and AWS's default is assumed.
    pub idle_timeout_now: Option<Duration>,
    /// What it should be, seconds: at least twice the heartbeat, as far as an ALB takes that.
    pub idle_timeout_s: u32,
    /// Whether that is another than it is.
    pub idle_timeout_changes: bool,
    /// The heartbeat of the run; `None` where none was sent.
    pub heartbeat: Option<Duration>,
    /// `client_keep_alive.seconds`, where it was read.
    pub client_keep_alive: Option<Duration>,
    /// `ulimits` `nofile` of the container, soft and hard: twice the connections that a target held at the safe limit,
    /// as those that come while others still close, and what the service needs itself, in a power of two; `None` where
    /// the targets are not known.
    pub descriptors: Option<u32>,
}

impl Settings {
    pub(super) fn of(judged: &Judged<'_>) -> Settings {
        let facts = judged.run.load_balancer();
        let heartbeat = judged.run.header.plan.heartbeat.every();
        let now = facts.and_then(|facts| facts.idle_timeout);
        let in_force = whole_seconds(facts.map_or(Duration::ZERO, |facts| facts.effective_idle_timeout()));
        let needed = heartbeat.map_or(0, |every| whole_seconds(every.saturating_mul(2)).min(LONGEST_IDLE_S));
        Settings {
            idle_timeout_now: now,
            idle_timeout_s: in_force.max(needed),
            idle_timeout_changes: needed > in_force,
            heartbeat,
            client_keep_alive: facts.and_then(|facts| facts.client_keep_alive),
            descriptors: load_of_targets(judged)
                .and_then(|load| load.connections_a_target())
                .map(descriptors),
        }
    }
}

impl Settings {
    /// Whether the idle timeout is at least twice the heartbeat; an ALB takes none of more than 4,000 s.
    #[must_use]
    pub fn outlives_a_lost_heartbeat(&self) -> bool {
        let twice = |every: Duration| every.saturating_mul(2);
        self.heartbeat.is_some_and(|every| twice(every) <= Duration::from_secs(self.idle_timeout_s.into()))
    }

    /// How the idle timeout stands to the heartbeat, as half a sentence.
    pub(super) fn idle_timeout_is(&self) -> &'static str {
        match self.heartbeat {
            None => "as it is, since the run sent no heartbeats",
            Some(_) if self.outlives_a_lost_heartbeat() => "at least twice the heartbeat",
            Some(_) => "the longest there is, and less than twice the heartbeat",
        }
    }
}

fn whole_seconds(duration: Duration) -> u32 {
    // Within u32 where it is below 2^32, and at its end otherwise.
    duration.as_secs_f64().ceil() as u32
}

fn descriptors(connections: u32) -> u32 {
    let needed = connections.saturating_mul(2).saturating_add(OTHER_DESCRIPTORS);
    needed.checked_next_power_of_two().unwrap_or(MOST_DESCRIPTORS).clamp(LEAST_DESCRIPTORS, MOST_DESCRIPTORS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::Scenario;

    fn of(heartbeat_s: u64, kind: &str, idle_s: Option<u64>) -> (u32, bool) {
        let mut run = Scenario::default().run();
        run.header.plan.heartbeat.interval = Duration::from_secs(heartbeat_s);
        run.header.plan.heartbeat.kind = serde_json::from_value(kind.into()).unwrap();
        run.facts.as_mut().unwrap().load_balancer.as_mut().unwrap().idle_timeout =
            idle_s.map(Duration::from_secs);
        let settings = Settings::of(&judge(&run));
        assert_eq!(settings.outlives_a_lost_heartbeat(), kind != "none" && heartbeat_s <= 2_000);
        (settings.idle_timeout_s, settings.idle_timeout_changes)
    }

    #[test]
    fn the_idle_timeout_outlives_a_lost_heartbeat() {
        let ping = "ping";
        for (heartbeat, kind, idle, expected) in [
            (30, ping, Some(60), (60, false)),
            (25, ping, Some(60), (60, false)),
            (45, ping, Some(60), (90, true)),
            (45, ping, None, (90, true)),
            (3_000, ping, Some(3_500), (4_000, true)),
            (45, "none", Some(60), (60, false)),
        ] {
            assert_eq!(of(heartbeat, kind, idle), expected, "{heartbeat} {kind} {idle:?}");
        }
    }

    #[test]
    fn descriptors_are_powers_of_two_that_containers_take() {
        for (connections, expected) in
            [(0, 65_536), (1_333, 65_536), (40_000, 131_072), (400_000, 1_048_576), (u32::MAX, 1_048_576)]
        {
            assert_eq!(descriptors(connections), expected, "{connections}");
        }
    }
}
