//! One level: do its whole periods fit the connections that were open in them? Only steady periods are asked: in one
//! in which connections came or went, anything between the fewest and the most would fit.

use chrono::{DateTime, Utc};

use super::expectation::{Shown, TOLERANCE};
use super::level_verdict::obscured;
use super::lingering::Lingering;
use crate::facts::metric::{ACTIVE_CONNECTIONS, CONSUMED_LCUS};
use crate::judge::alignment::{ClientPeriod, OpenOverTime};
use crate::judge::baseline::Baseline;
use crate::judge::clock::Clock;
use crate::judge::robust::{SIGMAS_95, median, student};
use crate::judge::server::Server;
use crate::judge::verdict::Outcome;
use crate::judge::window::hold_periods;
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
    /// The most that may have been counted of connections that were ours no more.
    pub(super) lingering: f64,
}

impl Pair {
    /// Server over client.
    pub(super) fn ratio(&self) -> f64 {
        self.server / self.client.mean
    }

    /// Whether next to nothing may have been counted beside it.
    pub(super) fn is_clear(&self) -> bool {
        self.lingering <= TOLERANCE * self.client.mean
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

    /// What is left of that where as much as can be is laid to connections that were ours no more.
    pub(super) fn unexplained(&self, legs: f64) -> f64 {
        let off = self.outside(legs);
        off.min((off - self.lingering).max(0.0)) / (legs * self.client.mean)
    }
}

/// What was measured of a level, before anything is made of it.
pub(super) struct Measured {
    pub(super) connections: u32,
    pub(super) state: State,
    pub(super) pairs: Vec<Pair>,
    /// Steady periods in which ActiveConnectionCount is missing.
    pub(super) missing: usize,
    /// Those of the missing for which the always-reported metric shows that data had come.
    pub(super) silent: usize,
}

/// Whether a level has periods that can judge it, and if not, why.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Held,
    Cut,
    NotCovered,
    /// CloudWatch kept nothing of the hold any more when it was read.
    Gone,
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
                    let server = reported - baseline.at(**at);
                    measured.pairs.push(Pair { at: **at, client, server, lingering: 0.0 });
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
            () if is_gone(level, clock, server) => State::Gone,
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

    /// With what may have been counted beside it. Where there are periods in which that is next to nothing, they alone
    /// judge.
    pub(super) fn beside(mut self, lingering: &Lingering, server: &Server<'_>) -> Measured {
        for pair in &mut self.pairs {
            pair.lingering = lingering.most(pair.at, server.period());
        }
        if self.pairs.iter().any(Pair::is_clear) {
            self.pairs.retain(Pair::is_clear);
        }
        self
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

    /// The median of what is left unexplained, and of what may have lingered as a share of what was expected.
    pub(super) fn unexplained(&self, legs: f64) -> Option<(f64, f64)> {
        let of = |each: &dyn Fn(&Pair) -> f64| median(&mut self.pairs.iter().map(each).collect::<Vec<_>>());
        Some((of(&|p| p.unexplained(legs))?, of(&|p| p.lingering / (legs * p.client.mean))?))
    }

    /// Whether the baseline lets anything be seen of this level at `legs` a connection.
    pub(super) fn stands_out(&self, baseline: Option<&Baseline>, legs: f64) -> bool {
        match (baseline, self.client()) {
            (Some(baseline), Some(client)) => obscured(baseline, legs * client).is_none(),
            _ => false,
        }
    }

    /// What it shows of the legs.
    pub(super) fn shown(&self, baseline: &Baseline) -> Option<Shown> {
        let (factor, noise) = (self.ratio()?, self.noise_of_ratio(baseline)?);
        let (_, lingering) = self.unexplained(1.0)?;
        Some(Shown { factor, noise, lingering })
    }

    /// Half the 95 % interval of the ratio.
    pub(super) fn noise_of_ratio(&self, baseline: &Baseline) -> Option<f64> {
        let error = baseline.error_of_mean(self.pairs.len()) / self.client()?;
        Some(student(SIGMAS_95, baseline.degrees()) * error)
    }
}

/// Whether the hold was over before what CloudWatch still kept when it was read.
fn is_gone(level: &LevelRun, clock: Clock, server: &Server<'_>) -> bool {
    level.held_until.is_some_and(|until| !server.kept(clock.by_aws(until)))
}

/// Whether the window reaches into the hold at all.
fn hold_is_covered(level: &LevelRun, clock: Clock, server: &Server<'_>) -> bool {
    let covered = |at: Option<_>| at.is_some_and(|at| server.covers(clock.by_aws(at)));
    covered(level.held_from) || covered(level.held_until)
}
