//! The server's number stays where it is while the clients' rises: a bound that the clients don't see.

use super::expectation::{Legs, TOLERANCE};
use super::level_fit::{Measured, Pair};
use crate::judge::baseline::Baseline;
use crate::judge::robust::{SIGMAS_95, median, student};
use crate::judge::wording::{rounded, show_count};

/// From a level on ActiveConnectionCount no longer follows the clients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Saturation {
    /// The first level that it does not follow.
    pub level: u32,
    /// The most connections that the clients had open.
    pub client: f64,
    /// Where ActiveConnectionCount stays, its baseline taken off.
    pub server: f64,
}

impl Saturation {
    /// In a sentence with its numbers.
    pub(in crate::judge) fn sentence(&self) -> String {
        format!(
            "from level {} on ActiveConnectionCount stays at about {} while the clients hold up to {} connections",
            show_count(u64::from(self.level)),
            rounded(self.server),
            rounded(self.client)
        )
    }
}

/// A level in its median numbers.
struct Step {
    level: u32,
    client: f64,
    server: f64,
    /// Half the 95 % interval of the server's number.
    noise: f64,
    short: bool,
}

/// Levels, from some point on all of them too low, whose server numbers are alike while the clients' are not. It takes
/// two such, or one that is no higher than the level below it.
pub(super) fn saturation(levels: &[&Measured], baseline: &Baseline, legs: Legs) -> Option<Saturation> {
    /// The clients' rise that the server's must follow.
    const RISE: f64 = 1.1;
    let mut steps: Vec<Step> = levels
        .iter()
        // What our failures left behind is no part of any number that stays.
        .filter(|level| level.pairs.iter().all(Pair::is_clear))
        .filter_map(|level| {
            let client = level.client()?;
            let server = median(&mut level.pairs.iter().map(|p| p.server).collect::<Vec<_>>())?;
            let noise = student(SIGMAS_95, baseline.degrees()) * baseline.error_of_mean(level.pairs.len());
            let expected = legs.count() * client;
            let short = level.deviation(legs.count())? < -TOLERANCE - noise / expected;
            Some(Step { level: level.connections, client, server, noise, short })
        })
        .collect();
    steps.sort_by(|a, b| a.client.total_cmp(&b.client));
    let first = steps.iter().rposition(|step| !step.short).map_or(0, |last_good| last_good + 1);
    let short = steps.get(first..).filter(|short| !short.is_empty())?;
    // Without a level that fits there is no point from which on it stays: everything is short.
    let fitting = steps[..first].last()?;
    let alike =
        |a: &Step, b: &Step| (a.server - b.server).abs() <= TOLERANCE * b.server.abs() + a.noise.max(b.noise);
    let (lowest, highest) = (short.first()?, short.last()?);
    // A rise that the noise could hide is not missed.
    let seen = |low: &Step, high: &Step| {
        high.client >= RISE * low.client
            && high.noise.max(low.noise) <= legs.count() * (high.client - low.client) / 4.0
    };
    let flat = match short {
        [only] => alike(only, fitting) && seen(fitting, only),
        _ => short.iter().all(|step| alike(step, highest)) && seen(lowest, highest),
    };
    flat.then_some(Saturation { level: lowest.level, client: highest.client, server: highest.server })
}
