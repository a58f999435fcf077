//! ActiveConnectionCount against the connections open, over all levels.

use super::expectation::{ARRIVED, Legs, TOLERANCE};
use super::level_fit::{LevelFit, Measured, Pair};
use crate::facts::metric::ACTIVE_CONNECTIONS;
use crate::judge::alignment::OpenOverTime;
use crate::judge::baseline::Baseline;
use crate::judge::robust::{median, median_interval_95};
use crate::judge::server::Server;
use crate::judge::verdict::Outcome;
use crate::judge::window::Windows;
use crate::judge::wording::{factor, percent, plural, rounded};
use crate::record::Run;

/// ActiveConnectionCount against the connections open.
#[derive(Debug, Clone)]
pub struct ActiveConnections {
    /// Over all levels.
    pub verdict: Outcome,
    /// Server over client: the median over all steady periods in which the load stands out from the baseline.
    pub factor: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The periods on which it stands.
    pub periods: usize,
    /// Which legs the factor shows; `None` where there is no factor.
    pub legs: Option<Legs>,
    /// The share of the upgrades that RequestCount shows, where it shows it clearly.
    pub arrived: Option<f64>,
    /// The load balancer's own traffic.
    pub baseline: Option<Baseline>,
    /// Level by level.
    pub levels: Vec<LevelFit>,
    /// The length of a period, for sentences.
    period_s: u32,
}

/// Compares the open connections; `arrived` is the share of the upgrades that RequestCount shows.
pub(super) fn active(
    run: &Run,
    server: &Server<'_>,
    windows: &Windows,
    open: &OpenOverTime,
    arrived: Option<f64>,
) -> ActiveConnections {
    let baseline = Baseline::of(server, ACTIVE_CONNECTIONS, windows);
    let baseline = baseline.as_ref();
    let measured: Vec<Measured> =
        run.levels.iter().map(|level| Measured::of(level, server, open, baseline)).collect();

    let clear: Vec<Pair> = measured
        .iter()
        .filter(|level| level.stands_out(baseline, Legs::Two.count()))
        .flat_map(|level| level.pairs.iter().copied())
        .collect();
    let mut ratios: Vec<f64> = clear.iter().map(Pair::ratio).collect();
    let factor = median(&mut ratios);
    let mut noises: Vec<f64> = clear.iter().filter_map(|pair| Some(pair.noise(baseline?))).collect();
    let noise = median(&mut noises).unwrap_or(0.0);
    let legs = factor.map(|factor| Legs::explaining(factor, noise, arrived));
    let levels: Vec<LevelFit> =
        measured.iter().map(|level| level.judge(baseline, legs.unwrap_or(Legs::Two))).collect();

    ActiveConnections {
        verdict: overall(run, &clear, legs, arrived, &levels),
        factor,
        interval: median_interval_95(&ratios),
        periods: clear.len(),
        legs,
        arrived,
        baseline: baseline.copied(),
        levels,
        period_s: server.period().seconds(),
    }
}

fn overall(
    run: &Run,
    clear: &[Pair],
    legs: Option<Legs>,
    arrived: Option<f64>,
    levels: &[LevelFit],
) -> Outcome {
    let Some(legs) = legs.filter(|legs| *legs != Legs::Unclear) else {
        return Outcome::Inconclusive;
    };
    let mut deviations: Vec<f64> = clear.iter().map(|p| p.deviation(legs.count())).collect();
    let fits = median(&mut deviations).is_some_and(|d| d.abs() <= TOLERANCE);
    let unwitnessed = legs == Legs::One && arrived.is_none_or(|arrived| arrived < ARRIVED);
    if unwitnessed || levels.iter().any(|l| l.verdict == Outcome::Disagrees) {
        return Outcome::Disagrees;
    }
    let largest = run
        .levels
        .iter()
        .zip(levels)
        .filter(|(level, _)| level.complete)
        .max_by_key(|(level, _)| level.connections);
    let judged = largest.is_some_and(|(_, fit)| fit.verdict == Outcome::Agrees);
    if fits && judged { Outcome::Agrees } else { Outcome::Inconclusive }
}

impl ActiveConnections {
    /// The factor in a sentence, with what it stands on.
    pub(in crate::judge) fn sentence(&self) -> Option<String> {
        let measured = self.factor?;
        let over = format!("over {} of {} s", plural(self.periods as u64, "whole period"), self.period_s);
        let between = match self.interval {
            Some((low, high)) => format!("{}–{}, {over}", factor(low), factor(high)),
            None => over,
        };
        let own = match self.baseline {
            Some(baseline) if baseline.median >= 0.5 => {
                format!(", with {} of other traffic taken off", rounded(baseline.median))
            }
            _ => String::new(),
        };
        let arrived = self.arrived.map_or_else(
            || "does not say how many".into(),
            |a| format!("shows that {}", percent(a.min(1.0))),
        );
        let meaning = match self.legs? {
            Legs::Two => {
                "2 x is expected, since an ALB counts both legs of a WebSocket: client to ALB, and ALB to target"
                    .to_owned()
            }
            Legs::One => format!(
                "one leg of each connection seems to be counted, since RequestCount {arrived} of the upgrades arrived"
            ),
            Legs::Unclear => {
                "without a clear RequestCount that is either one leg of every connection or both legs of half of them"
                    .to_owned()
            }
        };
        Some(format!(
            "ActiveConnectionCount is {} x the open connections ({between}{own}); {meaning}",
            factor(measured)
        ))
    }
}
