//! What every recommendation stands on: whose it is, the safe limit, and how ActiveConnectionCount becomes connections.

use thiserror::Error;

use super::Owner;
use crate::judge::{Judged, Outcome};

/// TCP connections that a WebSocket has at the load balancer by AWS's documentation, one a leg (aws-facts.md §0.1).
const LEGS: f64 = 2.0;

/// The load balancer's own traffic below this share of the safe limit is left in: the alarm is early by no more than that,
/// which is what the comparison itself allows (contract, "What the verdict means").
const NEGLIGIBLE: f64 = 0.05;

/// Why a record leads to no recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NothingToRecommend {
    /// It was stopped before its first level.
    #[error("the record holds no level, so there is no limit to recommend anything for")]
    NoLevel,
    /// No level came to its end.
    #[error("no level of the record was held to its end, so there is no limit to recommend anything for")]
    NoneHeld,
    /// Even the lowest level failed.
    #[error("no level of the record passed, so there is no limit to recommend anything for")]
    NonePassed,
    /// The safe limit is less than one connection.
    #[error("the record's safe limit is no connection at all")]
    NoSafeLimit,
    /// Nobody found the load balancer.
    #[error("the record does not know its load balancer, and alarms are on a load balancer's metrics")]
    NoLoadBalancer,
}

impl NothingToRecommend {
    /// What to do about it, in one line.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            NothingToRecommend::NoLevel | NothingToRecommend::NoneHeld => {
                "run again, and let a level be held to its end"
            }
            NothingToRecommend::NonePassed => {
                "see albcap report RECORD for the causes, and run again from a lower level on"
            }
            NothingToRecommend::NoSafeLimit => "run again with larger levels",
            NothingToRecommend::NoLoadBalancer => {
                "albcap analyze RECORD finds it, and reads what CloudWatch says of it"
            }
        }
    }
}

/// What every recommendation stands on.
#[derive(Debug, Clone, PartialEq)]
pub struct Basis {
    /// The load balancer's ARN.
    pub arn: String,
    /// The value of its metrics' `LoadBalancer` dimension, `app/NAME/ID`.
    pub load_balancer: String,
    /// Where it is, and where its alarms must be.
    pub region: String,
    /// Connections that are safe to hold.
    pub safe_limit: u32,
    /// Connections that were held.
    pub max_reliable: u32,
    /// What of a level may be lost while it still passes, a share.
    pub tolerated: f64,
    /// What ActiveConnectionCount is divided by.
    pub factor: f64,
    /// Where the factor comes from.
    pub factor_source: FactorSource,
    /// What ActiveConnectionCount said without the load, where that is too much to be left in.
    pub own_traffic: Option<u32>,
}

/// Where the factor comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FactorSource {
    /// The run measured it, and CloudWatch agreed with the clients.
    Measured,
    /// The run measured this, but its verdict does not bear it out: the lower of it and what is documented is taken,
    /// so that alarms are early rather than late.
    InDoubt(f64),
    /// Nothing was measured: what is documented.
    Documented,
}

impl Basis {
    /// The basis that a judged run gives.
    ///
    /// # Errors
    /// [`NothingToRecommend`], where there is no safe limit, or nobody knows of what.
    pub(super) fn of(judged: &Judged<'_>) -> Result<Basis, NothingToRecommend> {
        let capacity = &judged.capacity;
        if judged.levels.is_empty() {
            return Err(NothingToRecommend::NoLevel);
        }
        let (max_reliable, safe_limit) = match (capacity.max_reliable, capacity.safe_limit) {
            (None, _) | (_, None) => return Err(NothingToRecommend::NoneHeld),
            (Some(0), _) => return Err(NothingToRecommend::NonePassed),
            (_, Some(0)) => return Err(NothingToRecommend::NoSafeLimit),
            (Some(most), Some(safe)) => (most, safe),
        };
        let facts = judged.run.load_balancer();
        let arn = &facts.ok_or(NothingToRecommend::NoLoadBalancer)?.arn;
        let active = judged.correlation.as_ref().map(|correlation| &correlation.active);
        let (factor, factor_source) = factor(judged.outcome(), active.and_then(|active| active.factor));
        let own = active.and_then(|active| active.baseline.as_ref()).map_or(0.0, |own| own.median);
        let negligible = own / factor <= f64::from(safe_limit) * NEGLIGIBLE;
        Ok(Basis {
            arn: arn.as_str().to_owned(),
            load_balancer: arn.dimension().to_owned(),
            region: arn.region().to_owned(),
            safe_limit,
            max_reliable,
            tolerated: 1.0 - judged.run.header.plan.rule.threshold.get(),
            factor,
            factor_source,
            // Within u32 where it is below 2^32, and at its end otherwise.
            own_traffic: (!negligible).then_some(own.round() as u32),
        })
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner { load_balancer: self.load_balancer.clone(), region: self.region.clone() }
    }

    /// Connections as an expression over ActiveConnectionCount, named by its query's id: each connection counts as often
    /// as the factor says, and what was there without the load is none of them.
    pub(super) fn connections(&self, active: &str) -> String {
        let factor = plain(self.factor);
        match self.own_traffic {
            None => format!("{active} / {factor}"),
            Some(own) => format!("({active} - {own}) / {factor}"),
        }
    }

    /// The reserve above the safe limit, in connections: the safety margin, or where there is none, what of a level may
    /// be lost; at least one.
    pub(super) fn reserve(&self) -> u32 {
        let margin = self.max_reliable - self.safe_limit;
        if margin > 0 {
            return margin;
        }
        // A hair is taken off, so that 5 % of 1,000 do not become 51 for the want of a binary digit.
        ((f64::from(self.safe_limit) * self.tolerated - 1e-9).ceil() as u32).max(1)
    }

    /// The name of something that is made for this load balancer, of no other letters than every name may hold.
    pub(super) fn name_of(&self, what: &str) -> String {
        self.owner().name_of(what)
    }

    /// What everything is for, in a sentence.
    pub(super) fn purpose(&self) -> String {
        format!(
            "What a safe limit of {} connections through {} in {} asks for, and for that region alone.",
            self.safe_limit, self.load_balancer, self.region
        )
    }
}

/// The factor, to two decimals: a third is noise.
fn factor(outcome: Outcome, measured: Option<f64>) -> (f64, FactorSource) {
    let rounded = |factor: f64| (factor * 100.0).round() / 100.0;
    match measured.filter(|factor| factor.is_finite()).map(rounded) {
        None => (LEGS, FactorSource::Documented),
        Some(factor) if outcome == Outcome::Agrees && factor > 0.0 => (factor, FactorSource::Measured),
        // A connection has one leg at least.
        Some(factor) => (factor.clamp(1.0, LEGS), FactorSource::InDoubt(factor)),
    }
}

/// A factor in the fewest digits: `2`, `1.98`.
pub(super) fn plain(factor: f64) -> String {
    format!("{factor}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::{Fault, Scenario};

    fn basis(scenario: Scenario) -> Result<Basis, NothingToRecommend> {
        Basis::of(&judge(&scenario.run()))
    }

    #[test]
    fn connections_are_the_metric_over_the_measured_factor() {
        let quiet = basis(Scenario { levels: vec![500, 1_000], ..Scenario::default() }).unwrap();
        assert_eq!((quiet.factor, quiet.factor_source), (2.0, FactorSource::Measured));
        assert_eq!((quiet.safe_limit, quiet.connections("m1")), (800, "m1 / 2".to_owned()));
        assert_eq!(quiet.reserve(), 200);
        // 210 of others are 105 connections: more than 5 % of the safe limit.
        let busy = Scenario { levels: vec![500, 1_000], baseline: 210.0, ..Scenario::default() };
        assert_eq!(basis(busy).unwrap().connections("m1"), "(m1 - 210) / 2");
        let calm = Scenario { levels: vec![500, 1_000], baseline: 78.0, ..Scenario::default() };
        assert_eq!(basis(calm).unwrap().connections("m1"), "m1 / 2");
    }

    #[test]
    fn a_factor_in_doubt_makes_alarms_early() {
        for (outcome, measured, taken) in [
            (Outcome::Agrees, Some(1.984), (1.98, FactorSource::Measured)),
            (Outcome::Agrees, Some(1.0), (1.0, FactorSource::Measured)),
            (Outcome::Disagrees, Some(1.4), (1.4, FactorSource::InDoubt(1.4))),
            (Outcome::Disagrees, Some(2.6), (2.0, FactorSource::InDoubt(2.6))),
            (Outcome::Inconclusive, Some(0.2), (1.0, FactorSource::InDoubt(0.2))),
            (Outcome::Inconclusive, Some(f64::NAN), (2.0, FactorSource::Documented)),
            (Outcome::NotChecked, None, (2.0, FactorSource::Documented)),
        ] {
            assert_eq!(factor(outcome, measured), taken, "{outcome:?} {measured:?}");
        }
    }

    #[test]
    fn without_a_limit_or_a_load_balancer_there_is_nothing() {
        let failing = Fault { level: 0, count: 50, ..Fault::default() };
        for (scenario, why) in [
            (
                Scenario { levels: vec![50], faults: vec![failing], ..Scenario::default() },
                NothingToRecommend::NonePassed,
            ),
            (
                Scenario { levels: vec![50], cut_last: true, ..Scenario::default() },
                NothingToRecommend::NoneHeld,
            ),
            (Scenario { levels: vec![1], ..Scenario::default() }, NothingToRecommend::NoSafeLimit),
            (
                Scenario { aws: false, series: None, ..Scenario::default() },
                NothingToRecommend::NoLoadBalancer,
            ),
        ] {
            assert_eq!(basis(scenario).unwrap_err(), why);
            assert!(!why.remedy().is_empty());
        }
        let mut run = Scenario::default().run();
        run.levels.clear();
        assert_eq!(Basis::of(&judge(&run)).unwrap_err(), NothingToRecommend::NoLevel);
    }

    #[test]
    fn the_reserve_is_never_nothing() {
        let mut basis = basis(Scenario { levels: vec![1_000], ..Scenario::default() }).unwrap();
        assert_eq!(basis.reserve(), 200);
        basis.safe_limit = basis.max_reliable - 40;
        assert_eq!(basis.reserve(), 40, "what a level may lose is more, and no reserve");
        basis.safe_limit = basis.max_reliable;
        assert_eq!(basis.reserve(), 50);
        basis.tolerated = 0.0;
        assert_eq!(basis.reserve(), 1);
    }
}
