//! The load balancer's side: nodes that count what reaches them, and what CloudWatch would say of it.

use std::collections::BTreeMap;

use albcap::facts::{Period, Point, Series, SeriesStatus};
use albcap::record::{Event, Run, Stamped};
use chrono::TimeDelta;

use crate::clients::{BYTES_A_SECOND, date};
use crate::world::{Gap, MINUTE, Node, Sampling, World};

const ACTIVE: &str = "ActiveConnectionCount";
const NEW: &str = "NewConnectionCount";
const REQUESTS: &str = "RequestCount";
const BYTES: &str = "ProcessedBytes";
const ALWAYS: &str = "ConsumedLCUs";

/// Minutes read after the load: what `albcap` asks for.
const MINUTES_AFTER: i64 = 4;

/// The run with what was read of CloudWatch.
pub(crate) fn watched(world: &World, mut run: Run) -> Run {
    if world.gap == Gap::Unread {
        return run;
    }
    // The window is asked for by AWS's clock where that is known, else by ours.
    let off = if world.clock_known { 0.0 } else { world.clock_s };
    let first = world.minute_of(off) - i64::from(world.baseline_minutes) - 1;
    let end = world.minute_of(world.load_ends() + off) + MINUTES_AFTER;
    let all = said(world, first, end);
    let at = |minute: i64| date(world, world.minute_begins(minute));
    let named = |values: &BTreeMap<&'static str, BTreeMap<i64, f64>>| -> BTreeMap<String, Vec<Point>> {
        values
            .iter()
            .map(|(name, minutes)| {
                let points = minutes.iter().map(|(minute, value)| Point { at: at(*minute), value: *value });
                ((*name).to_owned(), points.collect())
            })
            .collect()
    };
    let series = Series {
        load_balancer: "app/a/1".into(),
        period: Period::MINUTE,
        from: at(first),
        until: at(end),
        read_at: at(end) + TimeDelta::minutes(2),
        status: if world.gap == Gap::Unsettled { SeriesStatus::Provisional } else { SeriesStatus::Final },
        metrics: named(&all.whole),
        zones: all.zones.iter().map(|(zone, values)| (zone.clone(), named(values))).collect(),
        target_groups: BTreeMap::new(),
    };
    run.apply(&Stamped { at: series.read_at, event: Event::ServerSeries(Box::new(series)) });
    run
}

type Values = BTreeMap<&'static str, BTreeMap<i64, f64>>;

struct Said {
    whole: Values,
    zones: BTreeMap<String, Values>,
}

fn said(world: &World, first: i64, end: i64) -> Said {
    let traffic = traffic(world, first, end);
    let mut said = Said { whole: Values::new(), zones: BTreeMap::new() };
    for name in [ACTIVE, NEW, BYTES, ALWAYS] {
        said.whole.insert(name, BTreeMap::new());
    }
    if world.requests {
        said.whole.insert(REQUESTS, BTreeMap::new());
    }
    let lacks = lacking(world, end);
    for minute in first..end {
        let others = traffic[&minute];
        for node in &world.nodes {
            let mut put = |name: &'static str, value: f64| {
                // Absent when zero.
                if value > 0.0 && !lacks(name, minute) {
                    *said.whole.get_mut(name).unwrap().entry(minute).or_default() += value;
                    let zone = said.zones.entry(node.zone.clone()).or_default();
                    *zone.entry(name).or_default().entry(minute).or_default() += value;
                }
            };
            put(ACTIVE, ((sampled(world, node, minute) + others.active) * node.share).round());
            let opened = opened(world, node, minute) * (1.0 - world.bypass);
            put(NEW, ((opened * world.legs + others.new) * node.share).round());
            if world.requests {
                let upgrades = if world.upgrades_are_requests { opened } else { 0.0 };
                let requests = upgrades + others.requests + requests_beside(world, minute);
                put(REQUESTS, (requests * node.share).round());
            }
            put(BYTES, ((bytes(world, minute) * (1.0 - world.bypass) + others.bytes) * node.share).round());
        }
        if !lacks(ALWAYS, minute) {
            said.whole.get_mut(ALWAYS).unwrap().insert(minute, 0.1);
        }
    }
    said
}

/// What a node makes of a minute: how AWS samples is not documented, so that there are three ways.
fn sampled(world: &World, node: &Node, minute: i64) -> f64 {
    let begins = world.minute_begins(minute) + node.off_s;
    let at = |at: f64| world.counted(at) + world.extra_at(at) + world.left_behind(at) + world.hanging(at);
    let seconds = (0..60).map(|second| at(begins + f64::from(second)));
    match world.sampling {
        Sampling::Snapshot => at(begins + node.looks_at_s),
        Sampling::Mean => seconds.sum::<f64>() / MINUTE,
        Sampling::Max => seconds.fold(0.0, f64::max),
    }
}

/// Connections of ours that were tried in a minute, whether they reached the load balancer or not.
fn opened(world: &World, node: &Node, minute: i64) -> f64 {
    let (from, until) =
        (world.minute_begins(minute) + node.off_s, world.minute_begins(minute + 1) + node.off_s);
    let begun = |at: f64| -> f64 {
        let tried = |(level, times): (usize, crate::world::Times)| {
            let anew = f64::from(world.levels[level]) - world.alive_before(level);
            anew * ((at - times.started) / world.ramp_s).clamp(0.0, 1.0)
        };
        world.times().into_iter().enumerate().map(tried).sum()
    };
    let extra =
        world.extra.filter(|extra| (from..until).contains(&extra.from_s)).map_or(0.0, |e| e.connections);
    begun(until) - begun(from) + extra / world.legs
}

/// Others' requests in a minute of the load, evenly.
fn requests_beside(world: &World, minute: i64) -> f64 {
    let last = world.minute_of(world.load_ends());
    let ours: u32 = world.levels.iter().sum();
    let each = world.requests_beside * f64::from(ours) / (last + 1) as f64;
    if (0..=last).contains(&minute) { each } else { 0.0 }
}

fn bytes(world: &World, minute: i64) -> f64 {
    let (from, until) = (world.minute_begins(minute), world.minute_begins(minute + 1));
    world
        .times()
        .into_iter()
        .enumerate()
        .map(|(level, times)| {
            let rate = 2.0 * world.had_by(level) * BYTES_A_SECOND;
            if world.bytes_at_close {
                let closed = (from..until).contains(&times.ended);
                return if closed { rate * (times.ended - times.started) } else { 0.0 };
            }
            rate * (until.min(times.ended) - from.max(times.started)).max(0.0)
        })
        .sum()
}

#[derive(Clone, Copy)]
struct Others {
    active: f64,
    new: f64,
    requests: f64,
    bytes: f64,
}

/// Everybody else, minute by minute.
fn traffic(world: &World, first: i64, end: i64) -> BTreeMap<i64, Others> {
    let mut random = fastrand::Rng::with_seed(world.seed ^ 0x5eed);
    let mut normal = move || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
    let traffic = world.traffic;
    let fresh = (1.0 - traffic.memory * traffic.memory).sqrt();
    let mut kept = normal() * traffic.noise;
    let relative = if traffic.connections > 0.0 { traffic.noise / traffic.connections } else { 0.0 };
    (first..end)
        .map(|minute| {
            kept = traffic.memory * kept + fresh * traffic.noise * normal();
            let level = traffic.connections + traffic.trend * minute as f64;
            // A tenth of the connections is new each minute, and each sends some requests.
            let mut part = |of: f64| (level * of * (1.0 + relative * normal())).max(0.0);
            let (new, requests, bytes) = (part(0.1), part(0.1), part(60.0 * BYTES_A_SECOND));
            (minute, Others { active: (level + kept).max(0.0), new, requests, bytes })
        })
        .collect()
}

/// Whether CloudWatch lacks a metric's minute.
fn lacking(world: &World, end: i64) -> impl Fn(&str, i64) -> bool + '_ {
    let times = world.times();
    let in_hold = move |level: usize, minute: i64| {
        let (from, until) =
            (world.minute_of(times[level].held_from), world.minute_of(times[level].held_until));
        (from..=until).contains(&minute)
    };
    let times = world.times();
    let in_opening = move |level: usize, minute: i64| {
        let (from, until) = (world.minute_of(times[level].started), world.minute_of(times[level].held_from));
        (from - 1..=until + 1).contains(&minute)
    };
    move |name, minute| match &world.gap {
        Gap::None | Gap::Unread => false,
        Gap::Unsettled => minute >= end - 3,
        Gap::LateTail => name == ACTIVE && minute >= end - 2,
        Gap::Minutes(minutes) => minutes.contains(&minute),
        Gap::ActiveMinutes(minutes) => name == ACTIVE && minutes.contains(&minute),
        Gap::Silent(levels) => name == ACTIVE && levels.iter().any(|level| in_hold(*level, minute)),
        Gap::Opening(level) => matches!(name, NEW | REQUESTS) && in_opening(*level, minute),
    }
}
