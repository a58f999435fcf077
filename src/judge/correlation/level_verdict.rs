//! What a level's numbers come to, and why, in a sentence.

use super::expectation::{Arrival, Legs, SURELY_WITHIN, TOLERANCE, contradicting_sigmas};
use super::level_fit::{LevelFit, Measured, State};
use crate::judge::baseline::Baseline;
use crate::judge::robust::{SIGMAS_95, median, student};
use crate::judge::verdict::Outcome;
use crate::judge::wording::{factor, plural, rounded, share, show_count};

impl Measured {
    /// Judges the level against so many legs a connection. `chances` is how many levels may contradict, `arrived` the
    /// share of the upgrades that RequestCount shows.
    pub(super) fn judge(
        &self,
        baseline: Option<&Baseline>,
        legs: Legs,
        chances: usize,
        arrived: Option<Arrival>,
    ) -> LevelFit {
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
            self.unjudged().unwrap_or_else(|| self.verdict(&fit, baseline, legs, chances, arrived));
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
            State::Gone => Some((
                NotChecked,
                format!("when CloudWatch was read, it kept nothing of the hold of {level} any more"),
            )),
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
        arrived: Option<Arrival>,
    ) -> (Outcome, String) {
        use Outcome::{Agrees, Disagrees, Inconclusive};
        let level = self.name();
        let (Some(baseline), Some(client), Some(deviation), Some((unexplained, lingering))) =
            (baseline, fit.client, fit.deviation, self.unexplained(legs.count()))
        else {
            return (Inconclusive, self.nothing_to_compare(&level));
        };
        let expected = legs.count() * client;
        if let Some(why) = untold(fit, &level, baseline, legs, expected) {
            return (Inconclusive, why);
        }
        let error = baseline.error_of_mean(self.pairs.len()) / expected;
        let by = |sigmas| student(sigmas, baseline.degrees()) * error;
        let noise = by(SIGMAS_95);
        let contradicts = |off: f64| off.abs() - TOLERANCE > by(contradicting_sigmas(chances));
        let numbers = format!("ActiveConnectionCount is {}", numbers(fit, legs, client));
        let left_behind = format!(
            "it may still count {} that refused upgrades and silent deaths left behind",
            rounded(lingering * expected)
        );
        let off = deviation.abs();
        if off <= TOLERANCE && off + noise <= SURELY_WITHIN {
            // As many may be missing as linger.
            let may_hide = lingering > TOLERANCE && deviation - lingering < -TOLERANCE;
            if self.silent > 0 {
                let lacking = lacking(self.silent, &level);
                (
                    Inconclusive,
                    format!("{lacking}, though other metrics of that time had come; in the rest, {numbers}"),
                )
            } else if may_hide && !arrived.is_some_and(Arrival::is_shown) {
                let text = format!(
                    "at {level}, {numbers}, but {left_behind}, and RequestCount does not show that all of ours arrived"
                );
                (Inconclusive, text)
            } else {
                (Agrees, format!("at {level}, {numbers}"))
            }
        } else if contradicts(unexplained) {
            let way = if deviation < 0.0 { "missing" } else { "too many" };
            let (off, noise) = (share(off), share(noise));
            let explained = format!("other traffic explains no more than {noise}");
            (Disagrees, format!("at {level}, {off} of the connections are {way}: {numbers}; {explained}"))
        } else if contradicts(deviation) {
            (Inconclusive, format!("at {level}, {numbers}, but {left_behind}"))
        } else {
            let moves = format!("other traffic alone moves by {} of what the load should add", share(noise));
            (Inconclusive, format!("at {level}, {moves}, too much to tell: {numbers}"))
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

/// Why nothing can be told of a level, whatever its deviation is.
fn untold(fit: &LevelFit, level: &str, baseline: &Baseline, legs: Legs, expected: f64) -> Option<String> {
    if let Some(obscured) = obscured(baseline, expected) {
        return Some(format!("at {level}, {obscured}"));
    }
    if fit.deviation.is_some_and(is_more_than_all) {
        let fell = rounded(-fit.server.unwrap_or(0.0));
        return Some(format!(
            "at {level}, other traffic fell by {fell} connections, and more than all can't be missing"
        ));
    }
    (legs == Legs::Unclear).then(|| {
        format!(
            "at {level}, the factor is {}: either one leg is counted, or half the connections are missing",
            factor(fit.ratio.unwrap_or(1.0))
        )
    })
}

/// Whether more than all connections would be missing, which only other traffic that fell can seem to say. By a hair it is
/// rounding, or the baseline's own noise: then all of them are missing.
pub(super) fn is_more_than_all(deviation: f64) -> bool {
    deviation < -(1.0 + TOLERANCE)
}

/// `1,813 where 2 x 907 open connections make 1,814, so 2.00 x (1.98–2.02), over 2 whole periods`.
fn numbers(fit: &LevelFit, legs: Legs, client: f64) -> String {
    format!(
        "{} where {} x {} open connections make {}, {}over {}",
        rounded(fit.server.unwrap_or(0.0)),
        legs.count(),
        rounded(client),
        rounded(legs.count() * client),
        fit.interval.map_or_else(String::new, |(low, high)| {
            format!("so {} x ({}–{}), ", factor(fit.ratio.unwrap_or(0.0)), factor(low), factor(high))
        }),
        plural(fit.periods.len() as u64, "whole period"),
    )
}

/// Why the baseline lets nothing be said about a signal of that size.
pub(super) fn obscured(baseline: &Baseline, signal: f64) -> Option<String> {
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
