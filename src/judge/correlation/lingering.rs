//! Connections that are ours no more, or never were, and that the load balancer may count for a while: the target's end of
//! a refused upgrade, which it keeps for the next request, and both ends of a connection that died without its being told
//! (aws-facts.md §1). Either is over when the idle timeout has run out (aws-facts.md §3). And handshakes that came to
//! nothing, for as long as they hung. How many there really are nobody says: the most is known.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::rise::Rise;
use super::totals::Load;
use crate::facts::LoadBalancerFacts;
use crate::judge::clock::Clock;
use crate::judge::window::Windows;
use crate::plan::{Period, earlier, later};
use crate::record::{FailureKind, Initiator, LevelRun, Phase};

/// Both ends of a connection of which the load balancer was not told that it is dead.
const BOTH_ENDS: f64 = 2.0;

/// What may be counted beside the open connections, over time.
#[derive(Debug, Default)]
pub(super) struct Lingering {
    /// From when on, by AWS's clock, ascending; and how many have begun until then.
    began: Vec<(DateTime<Utc>, f64)>,
    /// Until when; and how many have ended.
    ended: Vec<(DateTime<Utc>, f64)>,
    /// Handshakes that came to nothing: how many hang from when on, by AWS's clock, ascending.
    hanging: Vec<(DateTime<Utc>, f64)>,
}

impl Lingering {
    /// What a run's failures may have left behind.
    pub(super) fn of(load: &Load<'_>, clock: Clock) -> Lingering {
        let balancer = load.run.load_balancer();
        let at_first = balancer
            .map_or(LoadBalancerFacts::DEFAULT_IDLE_TIMEOUT, LoadBalancerFacts::effective_idle_timeout);
        let left = |level: &LevelRun| -> Vec<(DateTime<Utc>, Duration, f64)> {
            let idle = level.idle_timeout.unwrap_or(at_first);
            let groups = level.failures.iter().map(|((phase, kind, by), group)| {
                let each = match (phase, kind) {
                    (Phase::Upgrade, FailureKind::Http(status)) => share_of_targets(load, *status),
                    (Phase::Hold, kind) if is_silent(*kind, *by) => BOTH_ENDS,
                    _ => 0.0,
                };
                (group, each)
            });
            let groups = groups.filter(|(_, each)| *each > 0.0);
            groups
                .flat_map(|(group, each)| {
                    group.deaths.iter().map(move |death| (clock.by_aws(death.at), idle, each))
                })
                .collect()
        };
        let all: Vec<_> = load.run.levels.iter().flat_map(left).collect();
        let slack = load.server.period().spare();
        Lingering {
            began: summed(all.iter().map(|(at, _, each)| (*at, *each)).collect()),
            ended: summed(
                all.iter().map(|(at, idle, each)| (later(*at, idle.saturating_add(slack)), *each)).collect(),
            ),
            hanging: hanging(&load.run.levels, load.run.header.plan.pace.connect_timeout, clock),
        }
    }

    /// The windows without the pauses between levels in which something may be counted, and without such periods after the
    /// load where there are others.
    pub(super) fn without_what_is_not_quiet(&self, windows: &Windows, period: Period) -> Windows {
        let mut windows = windows.clone();
        let is_quiet = |at: &DateTime<Utc>| self.most(*at, period) == 0.0;
        windows.between.retain(is_quiet);
        if windows.after.iter().any(is_quiet) {
            windows.after.retain(is_quiet);
        }
        windows
    }

    /// The most that can have been counted in the period that starts at `at`.
    pub(super) fn most(&self, at: DateTime<Utc>, period: Period) -> f64 {
        let until = |list: &[(DateTime<Utc>, f64)], time: DateTime<Utc>| {
            list.partition_point(|(when, _)| *when < time).checked_sub(1).map_or(0.0, |last| list[last].1)
        };
        let (from, end) =
            (earlier(at, period.spare()), later(at, period.length().saturating_add(period.spare())));
        let left = (until(&self.began, end) - until(&self.ended, at)).max(0.0);
        left + most_at_once(&self.hanging, from, end)
    }
}

/// Handshakes that came to nothing: of those that got as far as TLS the load balancer counts the client's end, of upgrades
/// both, from the attempt at the earliest until they were given up. An age counts from the planned instant, of which an
/// attempt may have waited for its place in the window; none takes longer than the connect timeout.
fn hanging(levels: &[LevelRun], connect_timeout: Duration, clock: Clock) -> Vec<(DateTime<Utc>, f64)> {
    let failed = levels.iter().flat_map(|level| &level.failures).flat_map(|((phase, ..), group)| {
        let each = match phase {
            Phase::Tls => 1.0,
            Phase::Upgrade | Phase::Ready => BOTH_ENDS,
            _ => 0.0,
        };
        group.deaths.iter().filter(move |_| each > 0.0).map(move |death| (death, each))
    });
    let steps = failed.flat_map(|(death, each)| {
        let until = clock.by_aws(death.at);
        [(earlier(until, death.age.min(connect_timeout)), each), (until, -each)]
    });
    summed(steps.collect())
}

/// The highest step from `from` to `until`.
fn most_at_once(steps: &[(DateTime<Utc>, f64)], from: DateTime<Utc>, until: DateTime<Utc>) -> f64 {
    let inside = steps.partition_point(|(at, _)| *at <= from);
    let before = inside.checked_sub(1).map_or(0.0, |last| steps[last].1);
    let inside = steps[inside..].iter().take_while(|(at, _)| *at < until);
    inside.fold(before, |most, (_, count)| most.max(*count))
}

/// In order of time, each with the sum so far.
fn summed(mut list: Vec<(DateTime<Utc>, f64)>) -> Vec<(DateTime<Utc>, f64)> {
    list.sort_by_key(|(at, _)| *at);
    let mut sum = 0.0;
    for (_, each) in &mut list {
        sum += *each;
        *each = sum;
    }
    list
}

/// Whether the load balancer need not have learned of such a death: silence, or a reset, which whatever stands between
/// sends to one side alone.
fn is_silent(kind: FailureKind, by: Initiator) -> bool {
    by == Initiator::Network || kind == FailureKind::Reset
}

/// Of the upgrades that were answered with a status, the share for which targets did it, as far as the load balancer's
/// own answers leave room for it: for those it opened no connection to a target, or threw it away.
fn share_of_targets(load: &Load<'_>, status: u16) -> f64 {
    let metric = match status {
        500 => "HTTPCode_ELB_500_Count",
        502 => "HTTPCode_ELB_502_Count",
        503 => "HTTPCode_ELB_503_Count",
        504 => "HTTPCode_ELB_504_Count",
        400..=499 => "HTTPCode_ELB_4XX_Count",
        _ => return 1.0,
    };
    let own = load.rise(metric).filter(Rise::is_clear).map_or(0.0, |rise| rise.by);
    #[allow(clippy::cast_precision_loss)]
    let answered = super::totals::refused_by_status(load.run, |other| other == status) as f64;
    (1.0 - own / answered.max(1.0)).clamp(0.0, 1.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_has_begun_and_not_ended_may_be_counted() {
        let at = |second: i64| DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        let lingering = Lingering {
            began: summed(vec![(at(70), 2.0), (at(5), 1.0), (at(6), 1.0)]),
            ended: summed(vec![(at(65), 1.0), (at(66), 1.0), (at(400), 2.0)]),
            hanging: Vec::new(),
        };
        let minute = Period::try_from(60).unwrap();
        let found: Vec<f64> =
            [-120, -60, 0, 60, 66, 120, 360, 420].map(|start| lingering.most(at(start), minute)).to_vec();
        assert_eq!(found, [0.0, 2.0, 2.0, 4.0, 3.0, 2.0, 2.0, 0.0]);
        assert_eq!(Lingering::default().most(at(0), minute), 0.0);
    }

    #[test]
    fn what_hangs_is_counted_as_often_as_it_hangs_at_once() {
        let at = |second: i64| DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        // One after the other, and at the end two at once.
        let steps =
            [(0, 2.0), (10, -2.0), (10, 2.0), (20, -2.0), (200, 2.0), (201, 1.0), (210, -2.0), (211, -1.0)];
        let hanging = summed(steps.map(|(second, each)| (at(second), each)).to_vec());
        let lingering = Lingering { hanging, ..Lingering::default() };
        let minute = Period::try_from(60).unwrap();
        let found: Vec<f64> = [-120, -60, 0, 30, 31, 120, 180, 221, 240]
            .map(|start| lingering.most(at(start), minute))
            .to_vec();
        assert_eq!(found, [0.0, 2.0, 2.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0]);
    }
}
