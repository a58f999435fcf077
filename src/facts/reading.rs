//! What CloudWatch is asked for of a load balancer and its parts, and what it answers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{Metrics, Point, metric};

/// Whose metrics CloudWatch is asked for: the load balancer as a whole, and its parts. Each name is a dimension's value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// `app/NAME/ID`.
    pub load_balancer: String,
    /// Availability zones.
    pub zones: Vec<String>,
    /// `targetgroup/NAME/ID`.
    pub target_groups: Vec<String>,
}

impl Subject {
    /// How many metrics one reading asks for, each of which AWS charges for.
    pub fn metrics(&self) -> usize {
        let parts = self.zones.len() * metric::OF_ZONES.len()
            + self.target_groups.len() * metric::OF_TARGET_GROUPS.len();
        metric::ALL.len() + parts
    }
}

/// What CloudWatch said of a [`Subject`], as [`Series`] keeps it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// Of the load balancer as a whole.
    pub metrics: Metrics,
    /// Of each zone.
    pub zones: BTreeMap<String, Metrics>,
    /// Of each target group.
    pub target_groups: BTreeMap<String, Metrics>,
    /// What it did not complete, being in trouble itself, by name (of a part `RequestCount of us-east-1a`), and thus left
    /// out above.
    pub owed: Vec<String>,
}

impl Reading {
    /// The metrics of the load balancer as a whole, and among them, for every metric that only target groups have, the
    /// most that any of them had in each period.
    pub fn most_of_any_group(self) -> Metrics {
        let mut all = self.metrics;
        let of_groups: BTreeSet<String> =
            self.target_groups.values().flat_map(|metrics| metrics.keys().cloned()).collect();
        for name in of_groups.into_iter().filter(|name| !all.contains_key(name)).collect::<Vec<_>>() {
            let mut most: BTreeMap<DateTime<Utc>, f64> = BTreeMap::new();
            for point in self.target_groups.values().filter_map(|metrics| metrics.get(&name)).flatten() {
                let value = most.entry(point.at).or_insert(point.value);
                *value = value.max(point.value);
            }
            all.insert(name, most.into_iter().map(|(at, value)| Point { at, value }).collect());
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_only_groups_have_the_most_counts() {
        let points = |values: [f64; 2]| {
            let at = [DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(1)];
            at.into_iter().zip(values).map(|(at, value)| Point { at, value }).collect::<Vec<_>>()
        };
        let group = |hosts, requests| -> Metrics {
            let named = |name: &str, values| (name.to_owned(), points(values));
            [named(metric::UNHEALTHY_HOSTS, hosts), named(metric::REQUESTS, requests)].into()
        };
        let reading = Reading {
            metrics: [(metric::REQUESTS.to_owned(), points([9.0, 9.0]))].into(),
            target_groups: [
                ("targetgroup/a/1".to_owned(), group([2.0, 0.0], [5.0, 5.0])),
                ("targetgroup/b/2".to_owned(), group([0.0, 1.0], [4.0, 4.0])),
            ]
            .into(),
            ..Reading::default()
        };
        let most = reading.most_of_any_group();
        assert_eq!(most[metric::UNHEALTHY_HOSTS], points([2.0, 1.0]));
        assert_eq!(most[metric::REQUESTS], points([9.0, 9.0]), "what is the load balancer's stays");
    }
}
