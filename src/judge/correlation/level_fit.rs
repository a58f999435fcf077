//! One level: do its whole periods fit the connections that were open in them? Only steady periods are asked: in one
//! in which connections came or went, anything between the fewest and the most would fit.

use chrono::{DateTime, Utc};

use super::expectation::{Legs, SURELY_WITHIN, TOLERANCE, contradicting_sigmas};
use crate::facts::metric::{ACTIVE_CONNECTIONS, CONSUMED_LCUS};
use crate::judge::alignment::{ClientPeriod, OpenOverTime};
use crate::judge::baseline::Baseline;
use crate::judge::clock::Clock;
use crate::judge::robust::{SIGMAS_95, median, student};
use crate::judge::server::Server;
use crate::judge::verdict::Outcome;
use crate::judge::window::hold_periods;
use crate::judge::wording::{factor, plural, rounded, share, show_count};
use crate::record::LevelRun;

/// One level, compared. Server numbers have the baseline taken off.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelFit {
    /// The level.
    pub connections: u32,
    /// Connections open: the mean over its judged periods; like all that follows, `None` where there is none.
    pub client: Option<f64>,
    /// ActiveConnectionCount: the median over its judged periods.
    pub server: Option<f64>,
    /// The median of the periods' ratios, server over client.
    pub ratio: Option<f64>,
    /// The ratio's 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The starts of the periods that were judged.
    pub periods: Vec<DateTime<Utc>>,
    /// Steady periods of its hold in which ActiveConnectionCount was missing.
    pub missing: usize,
    /// How far the server lies outside of what the clients' least and most allow, as a share; negative: too few.
    pub deviation: Option<f64>,
    /// What came of it.
    pub verdict: Outcome,
    /// Why, with its numbers.
    pub reason: String,
}

/// A steady period in which both sides are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) at: DateTime<Utc>,
    pub(super) client: ClientPeriod,
    pub(super) server: f64,
}

impl Pair {
    /// Server over client.
    pub(super) fn ratio(&self) -> f64 {
        self.server / self.client.mean
    }

    /// How far the server lies outside of `factor` x the client's least and most.
    pub(super) fn outside(&self, factor: f64) -> f64 {
        let (one, other) = (factor * self.client.min, factor * self.client.max);
        // Not `clamp`: whatever a record holds, numbers beyond all measure must not end the judgement.
        self.server - self.server.max(one.min(other)).min(one.max(other))
    }

    /// The same as a share of what was expected.
    pub(super) fn deviation(&self, legs: f64) -> f64 {
        self.outside(legs) / (legs * self.client.mean)
    }
}

/// What was measured of a level, before anything is made of it.
pub(super) struct Measured {
    pub(super) connections: u32,
    state: State,
    pub(super) pairs: Vec<Pair>,
    missing: usize,
    /// Those of the missing for which the always-reported metric shows that data had come.
    silent: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Held,
    Cut,
    NotCovered,
    NoWholePeriod,
    NothingOpen,
    /// Connections died (or came) in every period.
    Unsteady,
}

impl Measured {
    /// Puts the hold's periods side by side.
    pub(super) fn of(
        level: &LevelRun,
        clock: Clock,
        server: &Server<'_>,
        open: &OpenOverTime,
        baseline: Option<&Baseline>,
    ) -> Measured {
        let hold = hold_periods(level, clock, server.period());
        let periods: Vec<_> = hold.iter().filter(|at| server.covers(**at)).collect();
        let mut measured = Measured {
            connections: level.connections,
            state: State::Held,
            pairs: Vec::new(),
            missing: 0,
            silent: 0,
        };
        let mut steady = 0_usize;
        for at in &periods {
            let client = open.period(**at, server.period());
            if !client.is_steady(TOLERANCE) {
                continue;
            }
            steady += 1;
            let reported = server.reported(ACTIVE_CONNECTIONS, **at);
            match (reported, baseline) {
                (Some(reported), Some(baseline)) => {
                    measured.pairs.push(Pair { at: **at, client, server: reported - baseline.at(**at) })
                }
                (Some(_), None) => {}
                (None, _) => {
                    measured.missing += 1;
                    measured.silent += usize::from(server.reported(CONSUMED_LCUS, **at).is_some());
                }
            }
        }
        measured.state = match () {
            () if level.held_until.is_none() => State::Cut,
            () if !hold_is_covered(level, clock, server) => State::NotCovered,
            () if level.counts.opened == 0 => State::NothingOpen,
            // A hold ends early when nothing is left of it.
            () if hold.is_empty() && level.held == Some(0) => State::Unsteady,
            () if hold.is_empty() => State::NoWholePeriod,
            () if periods.is_empty() => State::NotCovered,
            () if steady == 0 => State::Unsteady,
            () => State::Held,
        };
        measured
    }

    /// Connections open on average over its pairs.
    pub(super) fn client(&self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)]
        let count = self.pairs.len() as f64;
        (count > 0.0).then(|| self.pairs.iter().map(|p| p.client.mean).sum::<f64>() / count)
    }

    /// The median of the periods' ratios.
    pub(super) fn ratio(&self) -> Option<f64> {
        median(&mut self.pairs.iter().map(Pair::ratio).collect::<Vec<_>>())
    }

    /// The median of the periods' deviations.
    pub(super) fn deviation(&self, legs: f64) -> Option<f64> {
        median(&mut self.pairs.iter().map(|p| p.deviation(legs)).collect::<Vec<_>>())
    }

    /// Whether the baseline lets anything be seen of this level at `legs` a connection.
    pub(super) fn stands_out(&self, baseline: Option<&Baseline>, legs: f64) -> bool {
        match (baseline, self.client()) {
            (Some(baseline), Some(client)) => obscured(baseline, legs * client).is_none(),
            _ => false,
        }
    }

    /// Half the 95 % interval of the ratio.
    pub(super) fn noise_of_ratio(&self, baseline: &Baseline) -> Option<f64> {
        let error = baseline.error_of_mean(self.pairs.len()) / self.client()?;
        Some(student(SIGMAS_95, baseline.degrees()) * error)
    }

    /// Judges the level against so many legs a connection. `chances` is how many levels may contradict.
    pub(super) fn judge(&self, baseline: Option<&Baseline>, legs: Legs, chances: usize) -> LevelFit {
        let ratio = self.ratio();
        let noise = baseline.and_then(|baseline| self.noise_of_ratio(baseline));
        let mut fit = LevelFit {
            connections: self.connections,
            client: self.client(),
            server: median(&mut self.pairs.iter().map(|p| p.server).collect::<Vec<_>>()),
            ratio,
            interval: ratio.zip(noise).map(|(ratio, noise)| (ratio - noise, ratio + noise)),
            periods: self.pairs.iter().map(|p| p.at).collect(),
            missing: self.missing,
            deviation: self.deviation(legs.count()),
            verdict: Outcome::Inconclusive,
            reason: String::new(),
        };
        (fit.verdict, fit.reason) =
            self.unjudged().unwrap_or_else(|| self.verdict(&fit, baseline, legs, chances));
        fit
    }

    fn name(&self) -> String {
        format!("level {}", show_count(u64::from(self.connections)))
    }

    fn unjudged(&self) -> Option<(Outcome, String)> {
        use Outcome::{Inconclusive, NotChecked};
        let level = self.name();
        match self.state {
            State::Held => None,
            State::Cut => Some((NotChecked, format!("{level} was cut short"))),
            State::NotCovered => {
                Some((NotChecked, format!("CloudWatch was not read for the hold of {level}")))
            }
            State::NoWholePeriod => {
                Some((Inconclusive, format!("no whole CloudWatch period lies inside the hold of {level}")))
            }
            State::NothingOpen => {
                Some((Inconclusive, format!("no connection was open while {level} was held")))
            }
            State::Unsteady => Some((
                Inconclusive,
                format!(
                    "connections died throughout the hold of {level}: in no whole period did their number stay \
                     within {}, so that none can be compared",
                    share(TOLERANCE)
                ),
            )),
        }
    }

    fn verdict(
        &self,
        fit: &LevelFit,
        baseline: Option<&Baseline>,
        legs: Legs,
        chances: usize,
    ) -> (Outcome, String) {
        use Outcome::{Agrees, Disagrees, Inconclusive};
        let level = self.name();
        let (Some(baseline), Some(client), Some(deviation)) = (baseline, fit.client, fit.deviation) else {
            return (Inconclusive, self.nothing_to_compare(&level));
        };
        let expected = legs.count() * client;
        if let Some(obscured) = obscured(baseline, expected) {
            return (Inconclusive, format!("at {level}, {obscured}"));
        }
        // By a hair it is rounding, or the baseline's own noise: then all of them are missing.
        if deviation < -(1.0 + TOLERANCE) {
            let fell = rounded(-fit.server.unwrap_or(0.0));
            let text = format!(
                "at {level}, other traffic fell by {fell} connections, and more than all can't be missing"
            );
            return (Inconclusive, text);
        }
        if legs == Legs::Unclear {
            let ratio = factor(fit.ratio.unwrap_or(1.0));
            return (
                Inconclusive,
                format!(
                    "at {level}, the factor is {ratio}: either one leg is counted, or half the connections are missing"
                ),
            );
        }
        let error = baseline.error_of_mean(self.pairs.len()) / expected;
        let by = |sigmas| student(sigmas, baseline.degrees()) * error;
        let noise = by(SIGMAS_95);
        let off = deviation.abs();
        let way = if deviation < 0.0 { "missing" } else { "too many" };
        let numbers = format!(
            "{} where {} x {} open connections make {}, {}over {}",
            rounded(fit.server.unwrap_or(0.0)),
            legs.count(),
            rounded(client),
            rounded(expected),
            fit.interval.map_or_else(String::new, |(low, high)| {
                format!("so {} x ({}–{}), ", factor(fit.ratio.unwrap_or(0.0)), factor(low), factor(high))
            }),
            plural(fit.periods.len() as u64, "whole period"),
        );
        let within = off <= TOLERANCE && off + noise <= SURELY_WITHIN;
        if within && self.silent > 0 {
            let text = format!(
                "{}, though other metrics of that time had come; in the rest, ActiveConnectionCount is {numbers}",
                lacking(self.silent, &level)
            );
            (Inconclusive, text)
        } else if within {
            (Agrees, format!("at {level}, ActiveConnectionCount is {numbers}"))
        } else if off - TOLERANCE > by(contradicting_sigmas(chances)) {
            let explained = format!("other traffic explains no more than {}", share(noise));
            let text = format!(
                "at {level}, {} of the connections are {way}: ActiveConnectionCount is {numbers}; {explained}",
                share(off)
            );
            (Disagrees, text)
        } else {
            let text = format!(
                "at {level}, other traffic alone moves by {} of what the load should add, too much to tell: \
                 ActiveConnectionCount is {numbers}",
                share(noise)
            );
            (Inconclusive, text)
        }
    }

    fn nothing_to_compare(&self, level: &str) -> String {
        if self.missing > 0 && self.pairs.is_empty() {
            return lacking(self.missing, level);
        }
        format!("the load balancer's own traffic is unknown, so that nothing can be taken off at {level}")
    }
}

fn lacking(periods: usize, level: &str) -> String {
    format!(
        "ActiveConnectionCount is missing in {} of the hold of {level}; that is unknown, not zero",
        plural(periods as u64, "period"),
    )
}

/// Whether the window reaches into the hold at all.
fn hold_is_covered(level: &LevelRun, clock: Clock, server: &Server<'_>) -> bool {
    let covered = |at: Option<_>| at.is_some_and(|at| server.covers(clock.by_aws(at)));
    covered(level.held_from) || covered(level.held_until)
}

/// Why the baseline lets nothing be said about a signal of that size.
fn obscured(baseline: &Baseline, signal: f64) -> Option<String> {
    if baseline.noise() > signal {
        return Some(format!(
            "other traffic varies by ±{} connections, more than the {} that the load should add",
            rounded(baseline.noise()),
            rounded(signal)
        ));
    }
    (baseline.moved > TOLERANCE * signal).then(|| {
        format!(
            "other traffic moved by {} connections between before and after the load, more than {} of the {} that \
             the load should add",
            rounded(baseline.moved),
            share(TOLERANCE),
            rounded(signal)
        )
    })
}
