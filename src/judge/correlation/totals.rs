//! What was opened, asked and sent over the whole load, against what CloudWatch counted.

use chrono::{DateTime, Utc};

use super::expectation::{ARRIVED, Arrival, TOLERANCE};
use super::rise::{Rise, rise};
use crate::facts::metric::{NEW_CONNECTIONS, PROCESSED_BYTES, REQUESTS};
use crate::judge::alignment::OpenOverTime;
use crate::judge::robust::SIGMAS_95;
use crate::judge::server::Server;
use crate::judge::verdict::Outcome;
use crate::judge::window::Windows;
use crate::judge::wording::{clock as time, factor, plural, rounded, share, show_bytes};
use crate::record::{FailureKind, Phase, Run};

/// A sum over the whole load, compared. The server's number has the baseline taken off.
#[derive(Debug, Clone, PartialEq)]
pub struct Total {
    /// What came of it.
    pub verdict: Outcome,
    /// What the clients counted.
    pub client: u64,
    /// What CloudWatch counted; `None` where a period of the load is unknown.
    pub server: Option<f64>,
    /// Server over client.
    pub ratio: Option<f64>,
    /// The noise of the server's number: half of its 95 % interval.
    pub noise: Option<f64>,
    /// The periods over which the server's number is summed; 0 where it is unknown.
    pub periods: usize,
    /// What is remarkable about it, with its numbers; `None` where it agrees.
    pub note: Option<String>,
}

impl Total {
    fn new(client: u64, rise: Option<Rise>) -> Total {
        #[allow(clippy::cast_precision_loss)]
        let counted = client as f64;
        let server = rise.map(|rise| rise.by);
        Total {
            verdict: Outcome::Inconclusive,
            client,
            server,
            ratio: server.filter(|_| client > 0).map(|server| server / counted),
            noise: rise.map(|rise| rise.noise),
            periods: rise.map_or(0, |rise| rise.periods),
            note: None,
        }
    }

    fn concluded(mut self, verdict: Outcome, note: Option<String>) -> Total {
        (self.verdict, self.note) = (verdict, note);
        self
    }

    /// The ratio and its noise, where both sides are known.
    fn measured(&self) -> Option<(f64, f64)> {
        #[allow(clippy::cast_precision_loss)]
        let noise = self.noise? / (self.client as f64);
        Some((self.ratio?, noise))
    }

    /// The ratio's 95 % interval.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let (ratio, noise) = self.measured()?;
        (self.client > 0).then_some((ratio - noise, ratio + noise))
    }
}

/// What the totals are made of.
pub(super) struct Load<'a> {
    pub(super) run: &'a Run,
    pub(super) server: &'a Server<'a>,
    pub(super) windows: &'a Windows,
    pub(super) open: &'a OpenOverTime,
}

impl Load<'_> {
    pub(super) fn rise(&self, metric: &str) -> Option<Rise> {
        rise(self.server, metric, self.windows)
    }

    /// A metric that has no point in the whole window is not compared at all.
    fn counted(&self, metric: &str, client: u64) -> Option<Total> {
        self.server.has(metric).then(|| Total::new(client, self.rise(metric)))
    }

    /// The first period for which the metric is absent though connections were opened in it, where together that is more
    /// than the tolerance of all. Absent counts zero; but where that makes a total too low, it may as well be a number
    /// that came late, or never.
    fn hole(&self, metric: &str) -> Option<DateTime<Utc>> {
        let opened = |at: &DateTime<Utc>| self.open.opened(*at, self.server.period());
        let absent = |at: &&DateTime<Utc>| self.server.reported(metric, **at).is_none();
        let holes: Vec<(DateTime<Utc>, u64)> = self
            .windows
            .load
            .iter()
            .filter(absent)
            .map(|at| (*at, opened(at)))
            .filter(|(_, n)| *n > 0)
            .collect();
        let all: u64 = self.windows.load.iter().map(opened).sum();
        #[allow(clippy::cast_precision_loss)]
        let lacking = holes.iter().map(|(_, n)| *n).sum::<u64>() as f64 / (all.max(1) as f64);
        holes.first().filter(|_| lacking > TOLERANCE).map(|(at, _)| *at)
    }
}

/// The share of the upgrades that arrived, read of the requests' total.
pub(super) fn arrival(load: &Load<'_>, requests: &Total) -> Option<Arrival> {
    let (share, noise) = requests.measured().filter(|_| requests.client > 0)?;
    #[allow(clippy::cast_precision_loss)]
    let unanswered = unanswered(load.run) as f64 / requests.client as f64;
    let arrival = Arrival { share, noise, unanswered };
    (arrival.is_shown() || load.hole(REQUESTS).is_none()).then_some(arrival)
}

/// NewConnectionCount. Both legs are expected, as with the open connections; but more (reconnects, others) and less
/// down to one a connection are no contradiction. Below that, connections are missing.
pub(super) fn new_connections(load: &Load<'_>) -> Option<Total> {
    /// Of the 95 % noise: three standard errors, since this total alone can make the whole disagree.
    const SURELY: f64 = 3.0 / SIGMAS_95;
    /// More than both legs of every connection.
    const MANY: f64 = 2.0 * (1.0 + TOLERANCE);
    let total = load.counted(NEW_CONNECTIONS, answered(load.run))?;
    let Some((ratio, noise)) = total.measured() else {
        let note = unknown(NEW_CONNECTIONS);
        return Some(total.concluded(Outcome::Inconclusive, Some(note)));
    };
    let opened = plural(total.client, "connection");
    let shown = rounded(total.server.unwrap_or(0.0));
    Some(if noise > 1.0 {
        let note = drowned(NEW_CONNECTIONS);
        total.concluded(Outcome::Inconclusive, Some(note))
    } else if ratio < ARRIVED {
        let note = format!(
            "NewConnectionCount shows {shown} new connections where the clients opened {opened}: at least {} are \
             missing",
            share(1.0 - ratio)
        );
        match load.hole(NEW_CONNECTIONS) {
            Some(hole) => {
                let note = format!("{note}, or the number of {} UTC, which is missing", time(hole));
                total.concluded(Outcome::Inconclusive, Some(note))
            }
            None if ARRIVED - ratio > SURELY * noise => total.concluded(Outcome::Disagrees, Some(note)),
            None => total.concluded(Outcome::Inconclusive, Some(note)),
        }
    } else if ratio > MANY && ratio - MANY > noise {
        let note = format!(
            "NewConnectionCount shows {} x the {opened} that the clients opened, more than both legs: reconnects, \
             other clients, or handshakes that failed",
            factor(ratio)
        );
        total.concluded(Outcome::Disagrees, Some(note))
    } else {
        total.concluded(Outcome::Agrees, None)
    })
}

/// RequestCount. It counts requests for which a node chose a target; that an upgrade is exactly one is not documented.
pub(super) fn requests(load: &Load<'_>) -> Option<Total> {
    let client = answered(load.run).saturating_sub(answered_by_load_balancer(load));
    let total = load.counted(REQUESTS, client)?;
    let upgrades = plural(total.client, "upgrade");
    Some(within_tolerance(total, REQUESTS, 1.0, |total| {
        format!(
            "RequestCount shows {} requests where the clients sent {upgrades}",
            rounded(total.server.unwrap_or(0.0))
        )
    }))
}

/// ProcessedBytes. When a WebSocket's bytes are counted is not documented, and pings drown in a busy ALB's traffic:
/// it is judged only where the load's bytes are three times the spread.
pub(super) fn processed_bytes(load: &Load<'_>) -> Option<Total> {
    /// The least signal, in spreads.
    const STANDS_OUT: f64 = 3.0;
    let client = load.run.levels.iter().map(|level| level.counts).fold(0_u64, |sum, counts| {
        sum.saturating_add(counts.bytes_sent).saturating_add(counts.bytes_received)
    });
    let total = load.counted(PROCESSED_BYTES, client)?;
    let loudest = SIGMAS_95 / STANDS_OUT;
    Some(within_tolerance(total, PROCESSED_BYTES, loudest, |total| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let server = total.server.unwrap_or(0.0).max(0.0) as u64;
        format!(
            "ProcessedBytes shows {} where the clients counted {}",
            show_bytes(server),
            show_bytes(total.client)
        )
    }))
}

/// Agrees within the tolerance, disagrees beyond it and the noise; above `loudest` (noise over signal) neither.
fn within_tolerance(total: Total, metric: &str, loudest: f64, note: impl Fn(&Total) -> String) -> Total {
    let Some((ratio, noise)) = total.measured() else {
        let note = unknown(metric);
        return total.concluded(Outcome::Inconclusive, Some(note));
    };
    let off = (ratio - 1.0).abs();
    if noise > loudest {
        let note = drowned(metric);
        total.concluded(Outcome::Inconclusive, Some(note))
    } else if off <= TOLERANCE {
        total.concluded(Outcome::Agrees, None)
    } else if off > noise {
        let note = note(&total);
        total.concluded(Outcome::Disagrees, Some(note))
    } else {
        let note = format!("{}; other traffic alone explains {}", note(&total), share(noise));
        total.concluded(Outcome::Inconclusive, Some(note))
    }
}

fn drowned(metric: &str) -> String {
    format!("{metric} says nothing: the load's part drowns in the noise of other traffic")
}

fn unknown(metric: &str) -> String {
    format!("{metric} is unknown for a part of the load, so that its total can't be compared")
}

/// Connections that certainly reached the load balancer: those whose upgrade was answered, whatever the answer.
pub(super) fn answered(run: &Run) -> u64 {
    run.opened() + refused_by_status(run, |_| true)
}

/// Upgrades for which the load balancer answered itself, choosing no target: its 4XX, 500 and 503
/// (aws-facts.md §3, failure codes). Its 502 and 504 come after a target was chosen.
fn answered_by_load_balancer(load: &Load<'_>) -> u64 {
    const WITHOUT_TARGET: [(&str, std::ops::RangeInclusive<u16>); 3] = [
        ("HTTPCode_ELB_4XX_Count", 400..=499),
        ("HTTPCode_ELB_500_Count", 500..=500),
        ("HTTPCode_ELB_503_Count", 503..=503),
    ];
    WITHOUT_TARGET
        .into_iter()
        .map(|(metric, statuses)| {
            let risen = load.rise(metric).filter(Rise::is_clear);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let risen = risen.map_or(0, |rise| rise.by.round() as u64);
            risen.min(refused_by_status(load.run, |status| statuses.contains(&status)))
        })
        .sum()
}

/// Upgrades that were given up or cut off without an answer, or without being ready: the load balancer may have chosen a
/// target for each.
fn unanswered(run: &Run) -> u64 {
    run.levels
        .iter()
        .flat_map(|level| &level.failures)
        .map(|((phase, kind, _), group)| match (phase, kind) {
            (Phase::Upgrade, FailureKind::Http(_)) => 0,
            (Phase::Upgrade | Phase::Ready, _) => u64::from(group.count),
            _ => 0,
        })
        .sum()
}

/// Upgrades that were answered with such a status.
pub(super) fn refused_by_status(run: &Run, such: impl Fn(u16) -> bool) -> u64 {
    run.levels
        .iter()
        .flat_map(|level| &level.failures)
        .map(|((phase, kind, _), group)| match (phase, kind) {
            (Phase::Upgrade, FailureKind::Http(status)) if such(*status) => u64::from(group.count),
            _ => 0,
        })
        .sum()
}
