//! Rebuilds a record's events from the run in memory, for a record that was truncated. They fold into the same totals,
//! samples, histograms and failure groups. Memory does not keep examples and addresses of single failures (a group's
//! are attached to its first failures), nor most of this machine's readings (their maxima and sums stay).

use std::io;
use std::net::{IpAddr, SocketAddr};

use chrono::{DateTime, Utc};

use super::{
    Ended, Event, Failure, FailureGroup, FailureKind, Initiator, LevelEnded, LevelRun, LevelStarted,
    MachineSecond, Phase, Run, Sample, Stamped,
};
use crate::facts::Finding;
use crate::plan::Redacted;

/// Where events go, one after the other.
type Each<'a> = &'a mut dyn FnMut(&Stamped) -> io::Result<()>;

/// All events of a run but its receipts, in an order in which they fold; `second` stands behind the header.
pub(crate) fn events(run: &Run, second: &Stamped, each: Each<'_>) -> io::Result<()> {
    let start = run.started_at;
    tell(each, start, Event::Header(Box::new(run.header.clone())))?;
    each(second)?;
    if let Some(facts) = &run.facts {
        tell(each, start, Event::Facts(Box::new(facts.clone())))?;
    }
    let clock_of_a_level = |finding: &&Finding| {
        let set = |level: &LevelRun| level.clock_set.as_ref() == Some(&finding.found);
        finding.check == Finding::CLOCK && run.levels.iter().any(set)
    };
    let (of_levels, before): (Vec<&Finding>, Vec<&Finding>) = run.findings.iter().partition(clock_of_a_level);
    for finding in before {
        tell(each, start, Event::Finding(finding.clone()))?;
    }
    let mut samples = run.samples.as_slice();
    told_samples(&mut samples, None, each)?;
    let mut idle_timeout = None;
    for (ordinal, level) in run.levels.iter().enumerate() {
        let ordinal = u32::try_from(ordinal).unwrap_or(u32::MAX);
        if let Some(tokens) = level.tokens {
            tell(each, level.started_at, Event::Tokens(tokens))?;
        }
        let (connections, alive) = (level.connections, level.alive);
        let started = LevelStarted { level: ordinal, connections, alive };
        tell(each, level.started_at, Event::LevelStarted(started))?;
        if let Some(timeout) = level.idle_timeout.filter(|timeout| idle_timeout != Some(*timeout)) {
            tell(each, level.started_at, Event::IdleTimeout { timeout_s: timeout.as_secs_f64() })?;
            idle_timeout = Some(timeout);
        }
        parts(ordinal, level, &of_levels, each)?;
        for (key, group) in &level.failures {
            failures(ordinal, *key, group, each)?;
        }
        told_samples(&mut samples, Some(ordinal), each)?;
        if let Some((at, ended)) = ended(ordinal, level) {
            tell(each, at, Event::LevelEnded(Box::new(ended)))?;
        }
        told_samples(&mut samples, None, each)?;
    }
    last(run, each)
}

/// The samples at the front that belong to a level, or to none.
fn told_samples(
    samples: &mut &[(DateTime<Utc>, Sample)],
    level: Option<u32>,
    each: Each<'_>,
) -> io::Result<()> {
    while let [(at, sample), rest @ ..] = samples
        && sample.level == level
    {
        tell(each, *at, Event::Sample(*sample))?;
        *samples = rest;
    }
    Ok(())
}

/// A level's opening, hold and closing, with this machine's readings in each.
fn parts(level: u32, run: &LevelRun, clock: &[&Finding], each: Each<'_>) -> io::Result<()> {
    let machine = &run.machine;
    for (at, second) in machine.opening.readings(level, run.started_at) {
        tell(each, at, Event::Machine(second))?;
    }
    if let Some(from) = run.held_from {
        tell(each, from, Event::HoldStarted { level })?;
        for (at, second) in machine.holding.readings(level, from) {
            tell(each, at, Event::Machine(second))?;
        }
        let found = clock.iter().rev().find(|finding| run.clock_set.as_ref() == Some(&finding.found));
        if let Some(finding) = found {
            tell(each, from, Event::Finding(Finding::clone(finding)))?;
        }
    }
    if let Some(until) = run.held_until {
        tell(each, until, Event::HoldEnded { level })?;
    }
    let at = run.held_until.or(run.held_from).unwrap_or(run.started_at);
    tell(each, at, Event::Machine(machine.totals(level, run.held_until.is_some())))
}

/// Attaches the group's example and addresses to its first failures: memory does not keep which failure had them.
fn failures(
    level: u32,
    (phase, kind, by): (Phase, FailureKind, Initiator),
    group: &FailureGroup,
    each: Each<'_>,
) -> io::Result<()> {
    let peers = group.peers.iter().flat_map(|(address, count)| {
        let address = address.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 0));
        std::iter::repeat_n(address, usize::try_from(*count).unwrap_or(usize::MAX))
    });
    let peers = peers.chain(std::iter::repeat(None));
    let examples = std::iter::once(group.example.clone()).chain(std::iter::repeat_with(Redacted::default));
    for ((death, peer), example) in group.deaths.iter().zip(peers).zip(examples) {
        let (age, silence) = (death.age, death.silence);
        let failure = Failure { level, phase, kind, by, age, silence, peer, example };
        tell(each, death.at, Event::Failure(failure))?;
    }
    Ok(())
}

fn ended(level: u32, run: &LevelRun) -> Option<(DateTime<Utc>, LevelEnded)> {
    let ended = LevelEnded {
        level,
        complete: run.complete,
        counts: run.counts,
        held: run.held?,
        connect_us: run.connect_us.clone(),
        heartbeat_rtt_us: run.heartbeat_rtt_us.clone(),
        heartbeat_late_us: run.heartbeat_late_us.clone(),
        rate_behind_ms: run.rate_behind.map(|behind| u64::try_from(behind.as_millis()).unwrap_or(u64::MAX)),
        peers: run.peers.clone(),
    };
    Some((run.ended_at?, ended))
}

/// What belongs to no level.
fn last(run: &Run, each: Each<'_>) -> io::Result<()> {
    if let Some(tokens) = run.tokens {
        tell(each, run.last_at, Event::Tokens(tokens))?;
    }
    if let Some((at, braked)) = &run.braked {
        tell(each, *at, Event::Brake(braked.clone()))?;
    }
    if let Some((at, how)) = run.ended {
        tell(each, at, Event::Ended(Ended { how }))?;
    }
    if let Some(series) = &run.series {
        tell(each, series.read_at, Event::ServerSeries(Box::new(series.clone())))?;
    }
    // A reading of nothing: the run's last sign of life keeps its time.
    tell(each, run.last_at, Event::Machine(MachineSecond::default()))
}

fn tell(each: Each<'_>, at: DateTime<Utc>, event: Event) -> io::Result<()> {
    each(&Stamped::new(at, event))
}
