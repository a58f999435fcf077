//! Worlds by family and number: the same ones in every run of the battery.

use crate::left_behind::{HalfOpen, Refused};
use crate::world::{End, Extra, Gap, MINUTE, Node, Sampling, Traffic, World};

pub(crate) const FAMILIES: [&str; 22] = [
    "plain",
    "noisy",
    "trending",
    "wandering",
    "bypass",
    "bypass_noisy",
    "others",
    "gaps",
    "clock",
    "clock_bypass",
    "short",
    "interrupted",
    "nodes",
    "saturated",
    "mixed",
    "refused",
    "half_open",
    "cumulative",
    "requests_beside",
    "active_gaps",
    "no_upgrades",
    "hanging",
];

struct Dice(fastrand::Rng);

impl Dice {
    fn of<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.0.usize(..from.len())].clone()
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.f64()
    }

    fn chance(&mut self, of: f64) -> bool {
        self.0.f64() < of
    }
}

pub(crate) fn draw(family: &str, number: u64) -> World {
    let ordinal = FAMILIES.iter().position(|f| *f == family).unwrap() as u64;
    let seed = ordinal * 1_000_003 + number;
    let mut dice = Dice(fastrand::Rng::with_seed(seed));
    let mut world = plain(&mut dice, seed);
    match family {
        "plain" => {}
        "noisy" => noisy(&mut dice, &mut world),
        "trending" => trending(&mut dice, &mut world),
        "wandering" => wandering(&mut dice, &mut world),
        "bypass" => bypass(&mut dice, &mut world),
        "bypass_noisy" => {
            noisy(&mut dice, &mut world);
            bypass(&mut dice, &mut world);
        }
        "others" => others(&mut dice, &mut world),
        "gaps" => gaps(&mut dice, &mut world),
        "clock" | "clock_bypass" => {
            world.clock_s = dice.between(-90.0, 90.0);
            world.clock_known = dice.chance(0.5);
            if family == "clock_bypass" {
                world.bypass = dice.between(0.1, 0.4);
            }
        }
        "short" => {
            world.hold_s = dice.between(5.0, 75.0);
            if dice.chance(0.3) {
                bypass(&mut dice, &mut world);
            }
        }
        "interrupted" => interrupted(&mut dice, &mut world),
        "nodes" => nodes(&mut dice, &mut world),
        "saturated" => saturated(&mut dice, &mut world),
        "mixed" => mixed(&mut dice, &mut world),
        "refused" => refused(&mut dice, &mut world),
        "half_open" => half_open(&mut dice, &mut world),
        "cumulative" => cumulative(&mut dice, &mut world),
        "requests_beside" => requests_beside(&mut dice, &mut world),
        "active_gaps" => active_gaps(&mut dice, &mut world),
        "no_upgrades" => no_upgrades(&mut dice, &mut world),
        "hanging" => hanging(&mut dice, &mut world),
        other => unreachable!("{other}"),
    }
    world
}

/// All is well: steady traffic of others from none to five times the largest level.
fn plain(dice: &mut Dice, seed: u64) -> World {
    let top: f64 = dice.of(&[100.0, 500.0, 1_000.0, 5_000.0, 20_000.0]);
    let parts = dice.of(&[vec![1.0], vec![2.0, 1.0], vec![4.0, 2.0, 1.0], vec![8.0, 4.0, 2.0, 1.0]]);
    let baseline: f64 = dice.of(&[0.0, 0.0, 0.02, 0.2, 0.5, 1.0, 2.0, 5.0]);
    World {
        seed,
        phase_s: dice.between(0.0, 60.0),
        levels: parts.iter().map(|part| (top / part) as u32).collect(),
        ramp_s: dice.between(1.0, 45.0),
        hold_s: dice.between(200.0, 420.0),
        pause_s: dice.of(&[5.0, 5.0, 30.0, 240.0]),
        dying: dice.of(&[0.0, 0.0, 0.0, 0.002, 0.01]),
        legs: dice.of(&[1.0, 2.0, 2.0]),
        bypass: 0.0,
        cap: None,
        requests: dice.chance(0.6),
        upgrades_are_requests: true,
        traffic: Traffic { connections: (baseline * top).round(), noise: 0.0, memory: 0.0, trend: 0.0 },
        extra: None,
        sampling: dice.of(&[Sampling::Snapshot, Sampling::Mean, Sampling::Max]),
        nodes: vec![node("a", 1.0, 0.0, dice.between(0.0, 60.0))],
        clock_s: dice.between(-2.0, 2.0),
        clock_known: dice.chance(0.5),
        baseline_minutes: dice.of(&[5, 15, 15, 30]),
        gap: Gap::None,
        end: End::Finished,
        bytes_at_close: dice.chance(0.5),
        cumulative: false,
        refused: None,
        half_open: None,
        idle_s: MINUTE,
        requests_beside: 0.0,
    }
}

fn node(zone: &str, share: f64, off_s: f64, looks_at_s: f64) -> Node {
    Node { zone: format!("us-east-1{zone}"), share, off_s, looks_at_s }
}

fn top(world: &World) -> f64 {
    f64::from(*world.levels.iter().max().unwrap())
}

fn noisy(dice: &mut Dice, world: &mut World) {
    let connections = (top(world) * dice.of(&[0.1, 0.5, 1.0, 2.0, 5.0])).round();
    let relative = dice.of(&[0.002, 0.005, 0.01, 0.02, 0.05, 0.15, 0.5]);
    world.traffic = Traffic { connections, noise: connections * relative, memory: 0.0, trend: 0.0 };
}

fn trending(dice: &mut Dice, world: &mut World) {
    let connections = (top(world) * dice.of(&[1.0, 2.0, 5.0])).round();
    // Up to a fifth of the other traffic in ten minutes.
    let trend = connections * dice.between(-0.02, 0.02);
    let trend = if trend < 0.0 { trend * 0.3 } else { trend };
    let noise = connections * dice.of(&[0.0, 0.0, 0.002]);
    world.traffic = Traffic { connections, noise, memory: 0.0, trend };
}

fn wandering(dice: &mut Dice, world: &mut World) {
    noisy(dice, world);
    world.traffic.noise = world.traffic.connections * dice.of(&[0.005, 0.02, 0.05]);
    world.traffic.memory = dice.of(&[0.5, 0.8, 0.9]);
    world.bypass = dice.of(&[0.0, 0.0, 0.0, 0.2]);
}

fn bypass(dice: &mut Dice, world: &mut World) {
    world.bypass = match dice.chance(0.25) {
        true => dice.between(0.01, 0.05),
        false => dice.between(0.05, 0.5),
    };
    if dice.chance(0.1) {
        world.bypass = 0.5;
    }
}

/// Somebody else's test that begins inside ours; it ends inside ours as well, or goes on.
fn others(dice: &mut Dice, world: &mut World) {
    if world.levels.len() == 1 {
        world.levels = vec![world.levels[0] / 2, world.levels[0]];
    }
    let times = world.times();
    let hit = dice.0.usize(..times.len());
    let from_s = match dice.of(&[0, 0, 1]) {
        0 => times[hit].started - 25.0,
        _ => times[hit].held_from + dice.between(30.0, world.hold_s / 2.0),
    };
    let until_s = match dice.of(&[0, 0, 0, 1, 2]) {
        0 => times[hit].ended + dice.between(0.0, 20.0),
        1 => times[hit].held_until - dice.between(0.0, 60.0),
        _ => 1e9,
    };
    let size = dice.of(&[0.1, 0.2, 0.3, 0.5, 0.8, 1.5]);
    let connections = (size * world.legs * f64::from(world.levels[hit])).round();
    world.extra = Some(Extra { from_s, until_s, connections });
    if dice.chance(0.3) {
        world.traffic.noise = 0.003 * top(world);
        world.traffic.connections = world.traffic.connections.max(0.3 * top(world));
    }
}

fn gaps(dice: &mut Dice, world: &mut World) {
    let levels = world.levels.len();
    let end = world.minute_of(world.load_ends());
    world.gap = match dice.of(&[0, 1, 2, 2, 3, 3, 4, 4, 5]) {
        0 => Gap::Unsettled,
        1 => Gap::LateTail,
        2 => {
            let minutes = (-i64::from(world.baseline_minutes)..end + 4).filter(|_| dice.chance(0.15));
            Gap::Minutes(minutes.collect())
        }
        3 => Gap::Silent((0..levels).filter(|_| dice.chance(0.6)).collect()),
        4 => Gap::Opening(dice.0.usize(..levels)),
        _ => Gap::Unread,
    };
    if dice.chance(0.25) {
        bypass(dice, world);
    }
}

fn interrupted(dice: &mut Dice, world: &mut World) {
    let after = dice.between(5.0, world.hold_s - 5.0);
    world.end = if dice.chance(0.5) { End::Interrupted(after) } else { End::Killed(after) };
    if dice.chance(0.4) {
        world.gap = Gap::Unread;
    }
    if dice.chance(0.25) {
        bypass(dice, world);
    }
}

fn nodes(dice: &mut Dice, world: &mut World) {
    let count = dice.of(&[2, 3, 6]);
    let weights: Vec<f64> = (0..count).map(|_| dice.between(0.5, 1.5)).collect();
    let all: f64 = weights.iter().sum();
    world.nodes = weights
        .iter()
        .enumerate()
        .map(|(i, weight)| {
            let zone = ["a", "b", "c"][i % 3];
            node(zone, weight / all, dice.between(-5.0, 5.0), dice.between(0.0, 60.0))
        })
        .collect();
    // So few on so many nodes would be a matter of rounding.
    world.levels = world.levels.iter().map(|level| (*level).max(100)).collect();
    world.levels.dedup();
    world.dying = dice.of(&[0.0, 0.01, 0.02]);
    if dice.chance(0.3) {
        bypass(dice, world);
    }
}

fn saturated(dice: &mut Dice, world: &mut World) {
    let top = top(world).max(800.0);
    world.levels = [8.0, 4.0, 2.0, 1.0].map(|part| (top / part) as u32).to_vec();
    let last_good = dice.of(&[0_usize, 1, 2]);
    let room = if last_good == 2 { 1.0 } else { dice.between(1.0, 1.6) };
    world.cap = Some((world.legs * f64::from(world.levels[last_good]) * room).round());
    world.requests = true;
}

/// Targets refuse a part of the largest level, or of all; the load balancer keeps their connections, some of them or none.
fn refused(dice: &mut Dice, world: &mut World) {
    world.levels = world.levels.iter().map(|level| (*level).max(100)).collect();
    world.levels.dedup();
    let from = if dice.chance(0.6) { world.levels.len() - 1 } else { 0 };
    let share = dice.between(0.03, 0.6);
    world.refused = Some(Refused { from, share, pooled: dice.of(&[0.0, 0.3, 1.0, 1.0]), hang_s: None });
    world.idle_s = dice.of(&[60.0, 60.0, 120.0, 350.0]);
    if dice.chance(0.3) {
        bypass(dice, world);
    }
}

/// A part of the upgrades of the largest level, or of all, hangs until the clients give them up, in a ramp of minutes.
fn hanging(dice: &mut Dice, world: &mut World) {
    refused(dice, world);
    world.ramp_s = dice.between(60.0, 240.0);
    let hang_s = Some(dice.between(3.0, 10.0));
    world.refused = world.refused.map(|refused| Refused { pooled: 0.0, hang_s, ..refused });
    if dice.chance(0.3) {
        world.traffic.noise = 0.003 * top(world);
        world.traffic.connections = world.traffic.connections.max(0.3 * top(world));
    }
}

/// A part of a level dies at one instant of its hold, and the load balancer learns nothing of it.
fn half_open(dice: &mut Dice, world: &mut World) {
    world.levels = world.levels.iter().map(|level| (*level).max(100)).collect();
    world.levels.dedup();
    world.dying = 0.0;
    let level = dice.0.usize(..world.levels.len());
    let times = world.times()[level];
    let mut at_s = dice.between(times.held_from + 20.0, times.held_until - 20.0).floor() + 0.5;
    // Well inside a minute, so that it is that minute in which they go, whatever the clocks are off by.
    let into = (at_s + world.phase_s).rem_euclid(MINUTE);
    at_s += 6.0_f64.max(into).min(54.0) - into;
    world.half_open = Some(HalfOpen { level, at_s, share: dice.of(&[0.02, 0.1, 0.15, 0.25, 0.4]) });
    world.idle_s = dice.of(&[60.0, 60.0, 120.0, 350.0]);
    if dice.chance(0.25) {
        bypass(dice, world);
    }
}

/// Connections live on from level to level.
fn cumulative(dice: &mut Dice, world: &mut World) {
    if world.levels.len() == 1 {
        world.levels = vec![world.levels[0] / 2, world.levels[0]];
    }
    world.cumulative = true;
    if dice.chance(0.3) {
        let connections = (top(world) * dice.of(&[0.1, 0.5, 1.0, 2.0])).round();
        let noise = connections * dice.of(&[0.002, 0.01]);
        world.traffic = Traffic { connections, noise, memory: 0.0, trend: 0.0 };
    }
    if dice.chance(0.35) {
        bypass(dice, world);
    }
}

/// Others send requests while the load is there, more than upgrades of ours are missing: RequestCount is no witness.
fn requests_beside(dice: &mut Dice, world: &mut World) {
    world.requests = true;
    match dice.of(&[0, 0, 1, 2]) {
        0 => {}
        1 => world.bypass = 0.5,
        _ => bypass(dice, world),
    }
    world.requests_beside = world.bypass + dice.between(0.15, 2.0);
}

/// CloudWatch lacks minutes of ActiveConnectionCount, and has everything else.
fn active_gaps(dice: &mut Dice, world: &mut World) {
    let end = world.minute_of(world.load_ends());
    let often = dice.of(&[0.05, 0.15, 0.3]);
    let minutes = (-i64::from(world.baseline_minutes)..end + 4).filter(|_| dice.chance(often));
    world.gap = Gap::ActiveMinutes(minutes.collect());
    if dice.chance(0.25) {
        bypass(dice, world);
    }
}

/// RequestCount counts others' requests and no upgrade.
fn no_upgrades(dice: &mut Dice, world: &mut World) {
    world.requests = true;
    world.upgrades_are_requests = false;
    world.legs = dice.of(&[1.0, 2.0]);
    match dice.of(&[0, 0, 1, 2]) {
        0 => {}
        1 => noisy(dice, world),
        _ => bypass(dice, world),
    }
}

fn mixed(dice: &mut Dice, world: &mut World) {
    if dice.chance(0.5) {
        noisy(dice, world);
        world.traffic.noise = world.traffic.connections * dice.of(&[0.002, 0.01, 0.05]);
    }
    if dice.chance(0.3) {
        world.traffic.trend = world.traffic.connections * dice.between(0.0, 0.01);
    }
    if dice.chance(0.4) {
        bypass(dice, world);
    }
    if dice.chance(0.3) {
        nodes(dice, world);
    }
    if dice.chance(0.4) {
        world.clock_s = dice.between(-90.0, 90.0);
        world.clock_known = true;
    }
    if dice.chance(0.2) {
        gaps(dice, world);
    }
    if dice.chance(0.1) {
        world.end = End::Interrupted(dice.between(5.0, MINUTE));
    }
}
