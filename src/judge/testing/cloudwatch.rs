//! CloudWatch's side of a made-up run.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Scenario, at};
use crate::facts::{Point, Series, SeriesStatus, metric};
use crate::plan::Period;
use crate::record::{FailureKind, Phase, Run};

const MINUTE: TimeDelta = TimeDelta::seconds(60);

impl Scenario {
    /// What CloudWatch says: a snapshot in the middle of every minute, absent when zero.
    pub(super) fn series_of(
        &self,
        run: &Run,
        status: SeriesStatus,
        held: &[(DateTime<Utc>, DateTime<Utc>)],
    ) -> Series {
        let from = at("2026-11-24T12:45:00Z");
        let minute = Period::try_from(60).expect("a minute");
        let until = minute.ceil(run.load_ended_at()) + MINUTE * 3;
        let reached = self.legs * (1.0 - self.bypass);
        let mut series = Series {
            load_balancer: "app/prod-ws/50dc6c495c0c9188".into(),
            period: minute,
            from,
            until,
            read_at: until,
            status,
            metrics: metric::ALL.iter().map(|name| ((*name).to_owned(), Vec::new())).collect(),
            zones: Default::default(),
            target_groups: Default::default(),
        };
        let mut random = fastrand::Rng::with_seed(7);
        let mut put = |name: &str, at, value: f64| {
            if value > 0.0 {
                let points = series.metrics.entry(name.to_owned()).or_default();
                points.push(Point { at, value });
            }
        };
        let mut start = from;
        while start < until {
            let others = |random: &mut fastrand::Rng| {
                // Twelve uniform numbers add up to a nearly normal one.
                let normal: f64 = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
                let moved = if start > run.load_ended_at() { self.moved } else { 0.0 };
                (self.baseline + moved + self.noise * normal).max(0.0)
            };
            let middle = start + MINUTE / 2;
            let open = run.open.iter().rev().find(|o| o.at <= middle);
            let open = open.map_or(0.0, |o| f64::from(o.open));
            let silent = self.silent_holds && held.iter().any(|(a, b)| (*a..*b).contains(&middle));
            if !silent {
                let active = (others(&mut random) + open * reached).round();
                put(metric::ACTIVE_CONNECTIONS, start, active);
            }
            let inside = |at: DateTime<Utc>| (start..start + MINUTE).contains(&at);
            let begun = run.levels.iter().filter(|l| inside(l.started_at));
            // Upgrades that were refused with a status were connections and requests too.
            let opened: f64 = begun
                .map(|l| {
                    let refused = l.failures.iter().map(|((phase, kind, _), group)| match (phase, kind) {
                        (Phase::Upgrade, FailureKind::Http(_)) => group.count,
                        _ => 0,
                    });
                    f64::from(l.counts.opened + refused.sum::<u32>())
                })
                .sum();
            put(metric::NEW_CONNECTIONS, start, others(&mut random) + opened * reached);
            if self.requests {
                let arrived = opened * (1.0 - self.bypass);
                put(metric::REQUESTS, start, others(&mut random) + arrived);
            }
            let begun = run.levels.iter().filter(|l| inside(l.started_at));
            let moved: u64 = begun.map(|l| l.counts.bytes_sent + l.counts.bytes_received).sum();
            #[allow(clippy::cast_precision_loss)]
            let bytes = 1_000.0 * others(&mut random) + moved as f64 * (1.0 - self.bypass);
            put(metric::PROCESSED_BYTES, start, bytes);
            put(metric::CONSUMED_LCUS, start, 0.1);
            if inside(run.levels.last().map_or(from, |l| l.started_at)) {
                for (name, rise) in &self.rises {
                    put(name, start, *rise);
                }
            }
            start += MINUTE;
        }
        if let Some((before, after, unhealthy)) = self.hosts {
            let since = run.levels.last().map_or(from, |l| minute.floor(l.started_at));
            let points = |early: f64, late: f64| {
                let value = |at| if at < since { early } else { late };
                minute.starts(from, until).map(|at| Point { at, value: value(at) }).collect()
            };
            let metrics = [
                (metric::HEALTHY_HOSTS.to_owned(), points(before, after)),
                (metric::UNHEALTHY_HOSTS.to_owned(), points(0.0, unhealthy)),
            ];
            series.target_groups.insert("targetgroup/ws/1".into(), metrics.into());
        }
        if !self.requests {
            series.metrics.remove(metric::REQUESTS);
        }
        series
    }
}
