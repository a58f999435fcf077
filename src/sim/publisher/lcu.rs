//! Load balancer capacity units: the highest of what is charged for (aws-facts.md §4).

use std::time::Duration;

/// What one LCU contains. Rules are left out: the default one is free.
const NEW_CONNECTIONS_PER_SECOND: f64 = 25.0;
const ACTIVE_CONNECTIONS: f64 = 3000.0;
const BYTES_PER_HOUR: f64 = 1e9;

/// What a load balancer carries that has no maximum set, in LCUs: what the smallest reservation
/// would hold ready.
const NOMINAL_CAPACITY: f64 = 100.0;

/// What a load balancer did in a period. Only the clients' legs are charged for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    /// The period's length.
    pub(super) period: Duration,
    /// Connections that clients opened.
    pub(super) new_clients: u64,
    /// Clients' connections open.
    pub(super) active_clients: f64,
    /// Bytes, both directions.
    pub(super) bytes: u64,
}

/// LCUs in use over a period.
pub(super) fn consumed(usage: Use) -> f64 {
    let seconds = usage.period.as_secs_f64();
    [
        usage.new_clients as f64 / seconds / NEW_CONNECTIONS_PER_SECOND,
        usage.active_clients / ACTIVE_CONNECTIONS,
        usage.bytes as f64 * 3600.0 / seconds / BYTES_PER_HOUR,
    ]
    .into_iter()
    .fold(0.0, f64::max)
}

/// Share of the capacity in use, in percent; capacity is the connections it holds at most, if that
/// is set.
pub(super) fn utilization(usage: Use, max_connections: Option<u64>) -> f64 {
    let share = match max_connections {
        Some(most) => usage.active_clients / most.max(1) as f64,
        None => consumed(usage) / NOMINAL_CAPACITY,
    };
    (share * 100.0).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Use = Use { period: Duration::from_secs(60), new_clients: 0, active_clients: 0.0, bytes: 0 };

    #[test]
    fn the_highest_dimension_counts() {
        let cases = [
            (QUIET, 0.0),
            (Use { new_clients: 3000, ..QUIET }, 2.0),
            (Use { active_clients: 10_500.0, new_clients: 3000, ..QUIET }, 3.5),
            (Use { bytes: 100_000_000, active_clients: 3000.0, ..QUIET }, 6.0),
            (Use { period: Duration::from_secs(1), new_clients: 25, ..QUIET }, 1.0),
        ];
        for (usage, expected) in cases {
            assert!((consumed(usage) - expected).abs() < 1e-9, "{usage:?}");
        }
    }

    #[test]
    fn a_full_load_balancer_is_used_to_100_percent() {
        let usage = Use { active_clients: 500.0, ..QUIET };
        assert_eq!(utilization(usage, Some(500)), 100.0);
        assert_eq!(utilization(usage, Some(1000)), 50.0);
        assert!(utilization(usage, None) < 1.0);
    }
}
