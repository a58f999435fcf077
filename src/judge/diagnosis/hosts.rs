//! The targets of each target group behind the listener over the load, as the load balancer's nodes counted them.

use chrono::{DateTime, Utc};

use super::Case;
use crate::facts::metric::{HEALTHY_HOSTS, UNHEALTHY_HOSTS};
use crate::facts::{Forwarding, Point};
use crate::judge::wording::{clock, rounded};

/// One target group's targets over the load.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    /// `targetgroup/NAME/ID`.
    group: String,
    /// Whether only a rule of the listener can lead there: its default action is known, and names others.
    by_rule: bool,
    /// Healthy ones in the first period that tells.
    pub(super) first_healthy: f64,
    /// Fewest healthy ones in any period of the load.
    pub(super) fewest_healthy: f64,
    /// Most unhealthy ones.
    pub(super) most_unhealthy: f64,
    /// When the fewest were healthy first.
    at: DateTime<Utc>,
    /// Each period in which fewer were healthy than in the one before: its start, how many, and how many before.
    falls: Vec<(DateTime<Utc>, f64, f64)>,
}

impl Hosts {
    /// `HealthyHostCount of targetgroup/ws/1 was 0 at 13:05 UTC, and 2 at first`.
    pub(super) fn healthy(&self) -> String {
        let fell = (self.first_healthy > self.fewest_healthy)
            .then(|| format!(", and {} at first", rounded(self.first_healthy)));
        format!("{}{}", self.healthy_at(self.at, self.fewest_healthy), fell.unwrap_or_default())
    }

    /// `HealthyHostCount of targetgroup/ws/1 was 1 at 13:05 UTC, and 2 before`: how targets left last in a stretch of
    /// periods, where they did and none was unhealthy, as only deregistering makes (aws-facts.md §1).
    pub(super) fn left(&self, mut during: impl FnMut(DateTime<Utc>) -> bool) -> Option<String> {
        let fall = self.falls.iter().rfind(|(at, ..)| during(*at));
        let (at, count, before) = fall.filter(|_| self.most_unhealthy == 0.0)?;
        Some(format!("{}, and {} before", self.healthy_at(*at, *count), rounded(*before)))
    }

    fn healthy_at(&self, at: DateTime<Utc>, count: f64) -> String {
        let by_rule = if self.by_rule { " (to which only a rule may forward)" } else { "" };
        format!("{HEALTHY_HOSTS} of {}{by_rule} was {} at {} UTC", self.group, rounded(count), clock(at))
    }

    /// `UnHealthyHostCount of targetgroup/ws/1 was 2`; `None` where none was.
    pub(super) fn unhealthy(&self) -> Option<String> {
        let count = self.most_unhealthy;
        (count > 0.0).then(|| format!("{UNHEALTHY_HOSTS} of {} was up to {}", self.group, rounded(count)))
    }
}

/// Of every target group that may stand behind the listener, and whose healthy targets CloudWatch told during the load.
pub(super) fn of(case: &Case<'_>) -> Vec<Hosts> {
    let Some(series) = case.run.series.as_ref() else { return Vec::new() };
    let (Some(first), Some(last)) = (case.windows.load.first(), case.windows.load.last()) else {
        return Vec::new();
    };
    let during = |point: &&Point| (*first..=*last).contains(&series.period.floor(point.at));
    let forwarding: Vec<Forwarding> =
        series.target_groups.keys().map(|group| case.forwarding(group)).collect();
    let default_is_known = forwarding.iter().any(|how| *how != Forwarding::Perhaps);
    series
        .target_groups
        .iter()
        .zip(forwarding)
        .filter(|(_, how)| *how != Forwarding::Elsewhere)
        .filter_map(|((group, metrics), how)| {
            let healthy: Vec<&Point> = metrics.get(HEALTHY_HOSTS)?.iter().filter(during).collect();
            let fewest = healthy.iter().copied().min_by(|a, b| a.value.total_cmp(&b.value))?;
            let unhealthy = metrics.get(UNHEALTHY_HOSTS).into_iter().flatten().filter(during);
            Some(Hosts {
                group: group.clone(),
                by_rule: default_is_known && how == Forwarding::Perhaps,
                first_healthy: healthy.first()?.value,
                fewest_healthy: fewest.value,
                most_unhealthy: unhealthy.map(|point| point.value).fold(0.0, f64::max),
                at: fewest.at,
                falls: healthy
                    .windows(2)
                    .filter(|pair| pair[1].value < pair[0].value)
                    .map(|pair| (series.period.floor(pair[1].at), pair[1].value, pair[0].value))
                    .collect(),
            })
        })
        .collect()
}
