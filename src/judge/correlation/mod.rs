//! Do CloudWatch and the clients tell the same story? (contract, "What the verdict means"; the method for users is
//! docs/correlation.md.)
//!
//! [`active`] compares ActiveConnectionCount with the open connections, level by level in [`level_fit`] and
//! [`level_verdict`]; [`lingering`] says what our failures may have left behind beside them; [`saturation`] and [`others`] name what a misfit looks like, [`zones`] shows how the load was spread. [`totals`] compares what was
//! opened, asked and sent over the whole load; [`rise`] says by how much any other metric rose. The outcome of all
//! this is drawn in `verdict.rs`.

mod active;
mod expectation;
mod level_fit;
mod level_verdict;
mod lingering;
mod others;
mod rise;
mod saturation;
mod totals;
mod zones;

use std::time::Duration;

use chrono::TimeDelta;

pub use active::ActiveConnections;
pub use expectation::{Arrival, Legs};
pub use level_fit::LevelFit;
pub use others::Others;
pub(super) use rise::{Rise, known_rise};
pub use saturation::Saturation;
pub use totals::Total;
pub use zones::{AddressShare, Spread, ZoneShare};

use super::alignment::OpenOverTime;
use super::clock::Clock;
use super::server::Server;
use super::verdict::Outcome;
use super::window::Windows;
use crate::facts::Series;
use crate::record::Run;
use lingering::Lingering;
use totals::Load;

/// The two sides, compared. `None` where a metric was absent from the whole window, or could not be read.
#[derive(Debug, Clone)]
pub struct Correlation {
    /// ActiveConnectionCount against the connections open.
    pub active: ActiveConnections,
    /// NewConnectionCount against the connections opened.
    pub new_connections: Option<Total>,
    /// RequestCount against the upgrades that reached a target.
    pub requests: Option<Total>,
    /// ProcessedBytes against the bytes on the wire above TLS.
    pub processed_bytes: Option<Total>,
    /// How the load was spread over the load balancer's zones, and over its addresses.
    pub spread: Spread,
    /// By how many seconds this machine's clock would have to be ahead of AWS's for both sides to agree; only where they
    /// contradict each other, and the clocks were not compared.
    pub clock_in_doubt_s: Option<i64>,
}

/// Compares both sides of a run.
pub(super) fn correlate(run: &Run, series: &Series, server: &Server<'_>, windows: &Windows) -> Correlation {
    let found = compare(run, server, windows, Clock::of(run));
    let clock_in_doubt_s = match run.clock_ahead() {
        None if found.contradicts() => clock_that_explains(run, series, server, &found),
        _ => None,
    };
    Correlation { clock_in_doubt_s, ..found }
}

fn compare(run: &Run, server: &Server<'_>, windows: &Windows, clock: Clock) -> Correlation {
    let open = OpenOverTime::of(run, clock);
    let lingering = Lingering::of(&Load { run, server, windows, open: &open }, clock);
    let windows = &lingering.without_what_is_not_quiet(windows, server.period());
    let load = Load { run, server, windows, open: &open };
    let requests = totals::requests(&load);
    let arrived = requests.as_ref().and_then(|requests| totals::arrival(&load, requests));
    let active = active::active(&load, clock, &lingering, arrived);
    Correlation {
        spread: zones::spread(&load, &active),
        active,
        new_connections: totals::new_connections(&load),
        requests,
        processed_bytes: totals::processed_bytes(&load),
        clock_in_doubt_s: None,
    }
}

/// The smallest difference of the clocks with which every level that was told would agree, over as many periods but one
/// of each level. Where connections are missing no clock explains it: they are missing in the middle of a hold as well.
fn clock_that_explains(run: &Run, series: &Series, server: &Server<'_>, found: &Correlation) -> Option<i64> {
    const STEP_S: i64 = 10;
    let most = i64::from(series.period.seconds()).saturating_mul(2).min(MOST.as_secs().cast_signed());
    let candidates = (1..=most / STEP_S).flat_map(|step| [step * STEP_S, -step * STEP_S]);
    candidates.into_iter().find(|ahead| {
        let clock = Clock::ahead_by(TimeDelta::seconds(*ahead));
        let shifted = compare(run, server, &Windows::of(run, clock, series), clock);
        let mut levels = found.active.levels.iter().zip(&shifted.active.levels);
        let told = |fit: &LevelFit| matches!(fit.verdict, Outcome::Agrees | Outcome::Disagrees);
        let new_agree = shifted.new_connections.as_ref().is_some_and(|new| new.verdict == Outcome::Agrees);
        !shifted.contradicts()
            && (found.connections_missing().is_none() || new_agree)
            && shifted.active.verdict == Outcome::Agrees
            && levels.all(|(before, now)| !told(before) || now.verdict == Outcome::Agrees)
            && shifted.active.periods + run.levels.len() >= found.active.periods
    })
}

/// A clock that is kept by nobody is minutes off at most.
const MOST: Duration = Duration::from_secs(120);

impl Correlation {
    /// Whether the two sides contradict each other.
    pub(super) fn contradicts(&self) -> bool {
        self.active.verdict == Outcome::Disagrees || self.connections_missing().is_some()
    }

    /// Why NewConnectionCount contradicts, where it does.
    pub(super) fn connections_missing(&self) -> Option<&str> {
        let new = self.new_connections.as_ref().filter(|new| new.verdict == Outcome::Disagrees)?;
        new.note.as_deref().filter(|_| new.ratio.is_some_and(|ratio| ratio < 1.0))
    }
}
