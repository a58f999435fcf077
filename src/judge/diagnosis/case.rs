//! What a rule may look at.

use std::time::Duration;

use super::matter::{Concern, concern};
use crate::facts::{Forwarding, Metrics, Point};
use crate::judge::correlation::{Correlation, Rise, known_rise};
use crate::judge::server::Server;
use crate::judge::window::Windows;
use crate::judge::wording::{clock, plural, rounded, show_count, show_duration, spoken};
use crate::judge::{Failures, JudgedLevel};
use crate::plan::later;
use crate::record::Run;

/// What a rule may look at.
pub(in crate::judge) struct Case<'a> {
    /// The run.
    pub(in crate::judge) run: &'a Run,
    /// Its levels, judged.
    pub(in crate::judge) levels: &'a [JudgedLevel<'a>],
    /// CloudWatch's series.
    pub(in crate::judge) server: Option<&'a Server<'a>>,
    /// The run's periods.
    pub(in crate::judge) windows: &'a Windows,
    /// Both sides, compared.
    pub(in crate::judge) correlation: Option<&'a Correlation>,
}

/// Durations as they are spoken: `20 s and 60 s`.
pub(super) fn durations(durations: &[Duration]) -> String {
    spoken(&durations.iter().copied().map(show_duration).collect::<Vec<_>>())
}

impl<'a> Case<'a> {
    /// The failures of such a sort, where they matter. What this machine did, or its slowness explains, is laid to nobody
    /// else.
    pub(super) fn concern(&self, such: impl Fn(&Failures) -> bool) -> Option<Concern<'a>> {
        concern(self.levels, |level| &level.others, |failure| !failure.is_local() && such(failure))
    }

    /// The failures that are this machine's own, where they matter.
    pub(super) fn concern_of_limits(&self) -> Option<Concern<'a>> {
        concern(self.levels, |level| &level.others, Failures::is_local)
    }

    /// The failures that this machine's slowness explains, where they matter.
    pub(super) fn concern_of_slowness(&self) -> Option<Concern<'a>> {
        concern(self.levels, |level| &level.slowed, |_| true)
    }

    /// The load balancer's idle timeouts in the levels with such failures, ascending: several where it was changed in
    /// mid-run.
    pub(super) fn idle_timeouts(&self, such: impl Fn(&Failures) -> bool) -> Vec<Duration> {
        let levels = self.levels.iter().filter(|level| level.others.iter().any(&such));
        let mut timeouts: Vec<Duration> = levels.filter_map(|level| level.idle_timeout).collect();
        timeouts.sort_unstable();
        timeouts.dedup();
        timeouts
    }

    /// What else is to be known of the load balancer's idle timeout: that it was assumed, or changed.
    pub(super) fn about_idle_timeout(&self) -> Option<String> {
        let balancer = self.run.load_balancer()?;
        let before = balancer.effective_idle_timeout();
        let changed = self.levels.iter().find_map(|level| Some((level, level.run.idle_timeout?)));
        if let Some((level, now)) = changed {
            return Some(format!(
                "it was changed from {} to {} in mid-run, by level {}",
                show_duration(before),
                show_duration(now),
                show_count(level.connections().into())
            ));
        }
        balancer.idle_timeout.is_none().then(|| {
            format!("{} are assumed: the load balancer's attributes did not tell", show_duration(before))
        })
    }

    /// A metric's clear rise while the load was there; where not all of its periods are known, as far as they are.
    pub(super) fn rise(&self, metric: &str) -> Option<Rise> {
        self.known_rise(metric).filter(Rise::is_clear)
    }

    fn known_rise(&self, metric: &str) -> Option<Rise> {
        known_rise(self.server?, metric, self.windows)
    }

    /// What is not known of a metric that did not rise, where CloudWatch was asked: `… is not known for 2 periods of the
    /// load`.
    pub(super) fn not_known(&self, metric: &str) -> Option<String> {
        self.server?;
        let rise = self.known_rise(metric);
        let unknown = match rise {
            Some(rise) if rise.unknown == 0 => return None,
            Some(rise) => format!(" for {} of the load", plural(rise.unknown as u64, "period")),
            None => String::new(),
        };
        Some(format!("{metric} is not known{unknown}"))
    }

    /// The clear rise of a metric that counted at least half of so many failures: they may be what it counted.
    pub(super) fn rise_for(&self, metric: &str, count: u32) -> Option<Rise> {
        self.rise(metric).filter(|rise| rise.by >= f64::from(count) / 2.0)
    }

    /// A clear rise as evidence: `HTTPCode_Target_5XX_Count rose by 187 (13:07 to 13:09 UTC)`.
    pub(super) fn rose(&self, metric: &str) -> Option<String> {
        let rise = self.rise(metric)?;
        let length = self.server?.period().length();
        let when = rise.span.map_or_else(String::new, |(first, last)| {
            format!(" ({} to {} UTC)", clock(first), clock(later(last, length)))
        });
        Some(format!("{metric} rose by {}{when}", rounded(rise.by)))
    }

    /// A clear rise as evidence, or that it can't be told whether there was none.
    pub(super) fn rose_or_not_known(&self, metric: &str) -> Option<String> {
        self.rose(metric).or_else(|| self.not_known(metric))
    }

    /// The port of the listener that was loaded.
    pub(super) fn port(&self) -> u16 {
        self.run.header.plan.destination().port()
    }

    /// Whether the listener that was loaded forwards to a target group; it may where that is not known.
    pub(super) fn forwarding(&self, group: &str) -> Forwarding {
        let balancer = self.run.load_balancer();
        balancer.map_or(Forwarding::Perhaps, |balancer| balancer.forwarding(self.port(), group))
    }

    /// What each of several target groups behind the listener had of a count over the load: `targetgroup/ws/1: 20`. `None`
    /// where there is but one, or none had any.
    pub(super) fn in_target_groups(&self, metric: &str) -> Option<String> {
        let groups = &self.run.series.as_ref()?.target_groups;
        let behind = groups.iter().filter(|(group, _)| self.forwarding(group) != Forwarding::Elsewhere);
        if groups.len() > 1 { self.in_parts(metric, behind) } else { None }
    }

    /// The same of the load balancer's zones: `us-east-1a: 20`.
    pub(super) fn in_zones(&self, metric: &str) -> Option<String> {
        let zones = &self.run.series.as_ref()?.zones;
        if zones.len() > 1 { self.in_parts(metric, zones.iter()) } else { None }
    }

    fn in_parts<'p>(
        &self,
        metric: &str,
        parts: impl Iterator<Item = (&'p String, &'p Metrics)>,
    ) -> Option<String> {
        let counts: Vec<String> = parts
            .filter_map(|(part, metrics)| {
                let sum: f64 = self.during_load(metrics.get(metric)?).sum();
                (sum > 0.0).then(|| format!("{part}: {}", rounded(sum)))
            })
            .collect();
        (!counts.is_empty()).then(|| format!("{metric} in {}", spoken(&counts)))
    }

    /// The highest value of a metric over the load, where it has one.
    pub(super) fn highest(&self, metric: &str) -> Option<f64> {
        let points = self.run.series.as_ref()?.metrics.get(metric)?;
        self.during_load(points).max_by(f64::total_cmp)
    }

    /// The values in the load's periods.
    fn during_load<'p>(&self, points: &'p [Point]) -> impl Iterator<Item = f64> + use<'p> {
        let ends = self.windows.load.first().copied().zip(self.windows.load.last().copied());
        let period = self.run.series.as_ref().map(|series| series.period);
        points.iter().filter_map(move |point| {
            let ((first, last), period) = (ends?, period?);
            (first..=last).contains(&period.floor(point.at)).then_some(point.value)
        })
    }
}
