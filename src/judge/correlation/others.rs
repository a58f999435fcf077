//! Somebody else's test at the same time: connections that are not ours, and that came or went while ours were there.
//! What was there before and is there after is baseline, and what is too many by the same share everywhere is a matter
//! of the factor; this is neither.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::expectation::{Legs, TOLERANCE, contradicting_sigmas};
use super::level_fit::Pair;
use super::lingering::Lingering;
use super::totals::Load;
use crate::facts::metric::ACTIVE_CONNECTIONS;
use crate::judge::baseline::Baseline;
use crate::judge::robust::{median, student};
use crate::judge::wording::{clock, rounded};
use crate::plan::{earlier, later};

/// Connections of somebody else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Others {
    /// About how many, as ActiveConnectionCount counts them.
    pub connections: f64,
    /// Start of the first period that shows them.
    pub from: DateTime<Utc>,
    /// End of the last period that shows them.
    pub until: DateTime<Utc>,
}

impl Others {
    /// In a sentence with its numbers.
    pub(in crate::judge) fn sentence(&self) -> String {
        format!(
            "about {} connections that are not of this run were counted from {} to {} UTC: somebody else's test, or a \
             burst of other traffic",
            rounded(self.connections),
            clock(self.from),
            clock(self.until)
        )
    }
}

/// By how many periods a clock that was not compared with AWS's may well be off.
const CLOCK_OFF: u32 = 2;

/// The longest stretch of periods with surely more than the clients can account for, where other periods of ours show
/// that it is not always so.
pub(super) fn others(
    load: &Load<'_>,
    lingering: &Lingering,
    clock_is_known: bool,
    pairs: &[Pair],
    baseline: &Baseline,
    legs: Legs,
) -> Option<Others> {
    let Load { server, windows, open, .. } = *load;
    let period = server.period();
    // What no chance makes in any of the periods.
    let sure = student(contradicting_sigmas(windows.load.len()), baseline.degrees()) * baseline.spread;
    let most_within = |at: &DateTime<Utc>, slack: Duration| {
        open.most(earlier(*at, slack), later(*at, period.length().saturating_add(slack)))
    };
    let excess_with = |at: &DateTime<Utc>, slack: Duration| -> Option<f64> {
        let reported = server.reported(ACTIVE_CONNECTIONS, *at)? - baseline.at(*at);
        let most = most_within(at, slack);
        let over = reported - legs.count() * most - lingering.most(*at, period);
        (over > sure + TOLERANCE * legs.count() * most && over >= 1.0).then_some(over)
    };
    let excess = |at: &DateTime<Utc>| excess_with(at, period.spare());
    let mut longest: &[DateTime<Utc>] = &[];
    for stretch in windows.load.split(|at| excess(at).is_none()) {
        if stretch.len() > longest.len() {
            longest = stretch;
        }
    }
    let (first, last) = (longest.first()?, longest.last()?);
    // Of a clock that is off a larger level beside it would look the same.
    let by_clock = |at: &DateTime<Utc>| excess_with(at, period.length() * CLOCK_OFF).is_none();
    if !clock_is_known && longest.len() <= 2 && longest.iter().all(by_clock) {
        return None;
    }
    let connections = median(&mut longest.iter().filter_map(excess).collect::<Vec<_>>())?;
    // In whatever share they would be too many everywhere, some period of ours does not show it.
    let inside: Vec<f64> =
        pairs.iter().filter(|p| longest.contains(&p.at)).map(|p| p.deviation(legs.count())).collect();
    let share = median(&mut inside.clone()).unwrap_or(f64::INFINITY);
    let elsewhere = pairs.iter().filter(|p| !longest.contains(&p.at));
    let uneven = |pair: &Pair| {
        pair.deviation(legs.count()) + sure / (legs.count() * pair.client.mean) + TOLERANCE < share
    };
    // Or they are there while ours are not, by more than that share of ours.
    let beyond = |at: &&DateTime<Utc>| {
        let most = most_within(at, period.spare());
        excess(at).is_some_and(|over| over > sure + 2.0 * share * legs.count() * most)
    };
    let shown = match inside.is_empty() {
        // In ramps and pauses; a single period may be connections of ours that the load balancer let go of late, and a
        // few are nobody's test.
        true => {
            let largest = pairs.iter().map(|pair| pair.client.mean).fold(0.0, f64::max);
            longest.len() > 1 && connections > TOLERANCE * legs.count() * largest
        }
        false => elsewhere.clone().any(uneven) || longest.iter().any(|at| beyond(&at)),
    };
    shown.then_some(Others { connections, from: *first, until: later(*last, period.length()) })
}
