//! ActiveConnectionCount against the connections open, over all levels.

use chrono::{DateTime, Utc};

use super::expectation::{ARRIVED, Arrival, Legs, Shown, TOLERANCE, contradicting_sigmas};
use super::level_fit::{LevelFit, Measured, Pair};
use super::level_verdict::is_more_than_all;
use super::lingering::Lingering;
use super::others::{Others, others};
use super::saturation::{Saturation, saturation};
use super::totals::{Load, answered};
use crate::facts::metric::ACTIVE_CONNECTIONS;
use crate::judge::baseline::Baseline;
use crate::judge::clock::Clock;
use crate::judge::robust::{SIGMAS_95, scatter, student, weighted_median};
use crate::judge::verdict::Outcome;
use crate::judge::wording::{factor, percent, plural, rounded};
use crate::record::Run;

/// ActiveConnectionCount against the connections open.
#[derive(Debug, Clone)]
pub struct ActiveConnections {
    /// Over all levels.
    pub verdict: Outcome,
    /// Server over client: the median over all steady periods in which the load stands out from the baseline, each
    /// weighing as many as were open in it.
    pub factor: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The periods on which it stands.
    pub periods: usize,
    /// Which legs the factor shows; `None` where there is no factor.
    pub legs: Option<Legs>,
    /// The share of the upgrades that RequestCount shows, where it can be told.
    pub arrived: Option<Arrival>,
    /// The same where it can't be true.
    void: Option<Arrival>,
    /// The load balancer's own traffic.
    pub baseline: Option<Baseline>,
    /// Level by level.
    pub levels: Vec<LevelFit>,
    /// The level from which on the server's number no longer follows the clients'.
    pub saturation: Option<Saturation>,
    /// Connections of somebody else that came or went while the load was there.
    pub others: Option<Others>,
    /// The periods on which it stands: steady ones in which the load stands out.
    pub(super) clear: Vec<DateTime<Utc>>,
    /// The length of a period, for sentences.
    period_s: u32,
}

/// Compares the open connections; `arrived` is the share of the upgrades that RequestCount shows.
pub(super) fn active(
    load: &Load<'_>,
    clock: Clock,
    lingering: &Lingering,
    arrived: Option<Arrival>,
) -> ActiveConnections {
    let Load { run, server, windows, open } = *load;
    let quiet = Baseline::with_pauses(server, ACTIVE_CONNECTIONS, windows);
    let measured: Vec<Measured> = run
        .levels
        .iter()
        .map(|level| Measured::of(level, clock, server, open, quiet.as_ref()).beside(lingering, server))
        .collect();
    let baseline = quiet.map(|quiet| quiet.spreading(scatter_of_holds(&measured, quiet.spread)));
    let baseline = baseline.as_ref();

    let clear: Vec<&Measured> =
        measured.iter().filter(|level| level.stands_out(baseline, Legs::Two.count())).collect();
    let pairs: Vec<Pair> = clear.iter().flat_map(|level| level.pairs.iter().copied()).collect();
    let fit = baseline.and_then(|baseline| Fit::of(&pairs, baseline));
    let shown: Vec<Shown> = clear.iter().filter_map(|level| level.shown(baseline?)).collect();
    let at_least = baseline.map_or(0.0, |baseline| surely_arrived(run, &clear, baseline));
    let void = arrived.filter(|arrived| arrived.is_void(at_least));
    let arrived = arrived.filter(|_| void.is_none());
    let legs = fit.as_ref().map(|_| Legs::explaining(&shown, arrived));
    let expected = legs.unwrap_or(Legs::Two);
    let levels: Vec<LevelFit> =
        measured.iter().map(|level| level.judge(baseline, expected, clear.len(), arrived)).collect();
    let saturation = baseline.and_then(|baseline| saturation(&clear, baseline, expected));
    let others =
        baseline.and_then(|own| others(load, lingering, run.clock_ahead().is_some(), &pairs, own, expected));

    ActiveConnections {
        verdict: overall(run, &pairs, fit.as_ref(), legs, arrived, &levels),
        factor: fit.as_ref().map(|fit| fit.factor),
        interval: fit
            .as_ref()
            .map(|fit| (fit.factor - fit.noise(SIGMAS_95), fit.factor + fit.noise(SIGMAS_95))),
        periods: pairs.len(),
        legs,
        arrived,
        void,
        baseline: baseline.copied(),
        levels,
        saturation,
        others,
        clear: pairs.iter().map(|pair| pair.at).collect(),
        period_s: server.period().seconds(),
    }
}

/// The least share of the upgrades that can have arrived: no connection is counted more than twice. Where connections
/// live on from level to level only the level that shows most is surely made of different ones.
fn surely_arrived(run: &Run, levels: &[&Measured], baseline: &Baseline) -> f64 {
    let counted = levels.iter().filter_map(|level| {
        let shown = level.shown(baseline)?;
        Some((shown.factor - shown.noise - shown.lingering).max(0.0) * level.client()?)
    });
    let counted: f64 = match run.levels.iter().any(|level| level.alive > 0) {
        true => counted.fold(0.0, f64::max),
        false => counted.sum(),
    };
    #[allow(clippy::cast_precision_loss)]
    let upgrades = answered(run).max(1) as f64;
    counted / Legs::Two.count() / upgrades
}

/// How the periods of a hold scatter around their level, where there are enough to tell and it is far more than the
/// quiet periods do; else 0. Other traffic may be wilder by day than in the quarter of an hour before. What is left behind
/// goes little by little, and is no scatter.
fn scatter_of_holds(levels: &[Measured], quiet: f64) -> f64 {
    const ENOUGH: usize = 4;
    const FAR_MORE: f64 = 2.0;
    let several: Vec<&Measured> = levels
        .iter()
        .filter(|level| level.pairs.len() > 1 && level.pairs.iter().all(Pair::is_clear))
        .collect();
    let residuals: Vec<f64> = several
        .iter()
        .flat_map(|level| {
            let ratio = level.ratio().unwrap_or(0.0);
            level.pairs.iter().map(move |pair| pair.outside(ratio))
        })
        .collect();
    let found = scatter(&residuals, several.len());
    if residuals.len() >= ENOUGH && found > FAR_MORE * quiet { found } else { 0.0 }
}

/// The robust fit over all judged periods: server = baseline + factor x client.
struct Fit {
    factor: f64,
    /// The factor's standard error.
    error: f64,
    degrees: usize,
}

impl Fit {
    /// A period weighs as many as were open in it: the same noise moves a large level's ratio less.
    fn of(pairs: &[Pair], baseline: &Baseline) -> Option<Fit> {
        let weighted: Vec<(f64, f64)> = pairs.iter().map(|p| (p.ratio(), p.client.mean)).collect();
        let factor = weighted_median(&weighted)?;
        let clients: f64 = pairs.iter().map(|p| p.client.mean).sum();
        let squares: f64 = pairs.iter().map(|p| p.client.mean * p.client.mean).sum();
        // As many periods of the same size as tell as much.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let alike = (clients * clients / squares).round() as usize;
        let error = baseline.error_of_mean(alike.max(1)) * clients / squares;
        Some(Fit { factor, error, degrees: baseline.degrees() })
    }

    fn noise(&self, sigmas: f64) -> f64 {
        student(sigmas, self.degrees) * self.error
    }
}

fn overall(
    run: &Run,
    pairs: &[Pair],
    fit: Option<&Fit>,
    legs: Option<Legs>,
    arrived: Option<Arrival>,
    levels: &[LevelFit],
) -> Outcome {
    let (Some(fit), Some(legs)) = (fit, legs.filter(|legs| *legs != Legs::Unclear)) else {
        return Outcome::Inconclusive;
    };
    let deviations: Vec<(f64, f64)> =
        pairs.iter().map(|p| (p.deviation(legs.count()), p.client.mean)).collect();
    let off = weighted_median(&deviations).map_or(0.0, f64::abs);
    let unexplained: Vec<(f64, f64)> =
        pairs.iter().map(|p| (p.unexplained(legs.count()), p.client.mean)).collect();
    let surely_off = weighted_median(&unexplained).map_or(0.0, f64::abs);
    let contradicts = surely_off - TOLERANCE > fit.noise(contradicting_sigmas(1)) / legs.count()
        && !weighted_median(&deviations).is_some_and(is_more_than_all);
    let refuted = legs == Legs::One && arrived.is_some_and(Arrival::is_refuted);
    if contradicts || refuted || levels.iter().any(|l| l.verdict == Outcome::Disagrees) {
        return Outcome::Disagrees;
    }
    let largest = run
        .levels
        .iter()
        .zip(levels)
        .filter(|(level, _)| level.complete)
        .max_by_key(|(level, _)| level.connections);
    let judged = largest.is_some_and(|(_, fit)| fit.verdict == Outcome::Agrees);
    let witnessed = legs == Legs::Two || arrived.is_some_and(Arrival::is_shown);
    if off <= TOLERANCE && judged && witnessed { Outcome::Agrees } else { Outcome::Inconclusive }
}

impl ActiveConnections {
    /// Whether one leg is counted and RequestCount neither shows nor refutes that all connections arrived.
    pub(in crate::judge) fn is_unwitnessed(&self) -> bool {
        self.legs == Some(Legs::One) && self.arrived.is_none_or(|a| !a.is_shown() && !a.is_refuted())
    }

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
        let meaning = match self.legs? {
            Legs::Two => {
                "2 x is expected, since an ALB counts both legs of a WebSocket: client to ALB, and ALB to target"
                    .to_owned()
            }
            Legs::One => self.one_leg(),
            Legs::Unclear => format!(
                "{} that is either one leg of every connection or both legs of half of them",
                self.lacking_witness()
            ),
        };
        Some(format!(
            "ActiveConnectionCount is {} x the open connections ({between}{own}); {meaning}",
            factor(measured)
        ))
    }

    fn lacking_witness(&self) -> String {
        self.void.map_or_else(
            || "without a clear RequestCount".into(),
            |void| {
                format!(
                    "RequestCount ({} of the upgrades) shows fewer than so many connections came by, and so does not \
                     count upgrades; without it",
                    percent(void.share.max(0.0))
                )
            },
        )
    }

    fn one_leg(&self) -> String {
        let Some(arrived) = self.arrived else {
            return "one leg of each connection seems to be counted".into();
        };
        let shown = percent(arrived.share.min(1.0));
        if self.is_unwitnessed() {
            let own = match arrived.unanswered > arrived.noise {
                true => ", some of them perhaps such as nobody answered",
                false => "",
            };
            return format!(
                "one leg of each connection seems to be counted, but RequestCount ({shown} of the upgrades, ±{}{own}) \
                 does not show that {} arrived",
                percent(arrived.noise),
                percent(ARRIVED)
            );
        }
        format!(
            "one leg of each connection seems to be counted, since RequestCount shows that {shown} of the upgrades arrived"
        )
    }
}
