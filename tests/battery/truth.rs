//! What is right, from what the world is: which outcomes a judge may come to, and which would be false.

use albcap::judge::Outcome;

use crate::world::{End, Gap, World};

/// Half of the 95 % interval of normal values.
const SIGMAS_95: f64 = 1.96;

/// What the contract lets pass.
const TOLERANCE: f64 = 0.05;

#[derive(Debug, Clone)]
pub(crate) struct Truth {
    /// The outcomes that are right. More than one only where the noise lets no judge know.
    pub(crate) right: Vec<Outcome>,
    pub(crate) why: &'static str,
    /// `agrees` would be false: connections are unaccounted for outside the noise, or nothing could be compared.
    pub(crate) never_agrees: bool,
    /// `disagrees` would be false: all is well.
    pub(crate) never_disagrees: bool,
    /// Whether there is anything to be judged.
    pub(crate) judged: bool,
    /// Whether somebody else's test stands out from the noise, and beside it periods without it.
    pub(crate) others_stand_out: bool,
    /// The first level of those that are clearly above what the load balancer counts.
    pub(crate) saturated_from: Option<u32>,
}

/// A level that can be judged.
struct Level {
    connections: u32,
    /// By how much what the load balancer counts is off, as a share.
    off: f64,
    /// The same without what it counts of connections that are the clients' no more.
    off_alive: f64,
    /// How many of these there may be for all that the clients know, as a share; 0 where minutes without them judge.
    may_linger: f64,
    /// Whether a minute that would judge it is missing, and others have come.
    lacks: bool,
    /// Half the 95 % interval of one minute's other traffic, as a share.
    noise: f64,
    /// Within so much of the tolerance rounding and sampling decide: connections are whole, and there are few nodes.
    edge: f64,
    /// Whether a minute of it is touched by the beginning or the end of somebody else's test.
    blurred: bool,
    minutes: Vec<i64>,
}

pub(crate) fn of(world: &World) -> Truth {
    use Outcome::{Agrees, Disagrees, Inconclusive, NotChecked};
    let levels: Vec<Level> = (0..world.levels.len()).filter_map(|level| judgeable(world, level)).collect();
    let largest = world
        .times()
        .iter()
        .zip(&world.levels)
        .filter(|(times, _)| times.complete)
        .map(|(_, connections)| *connections)
        .max();
    let judged_largest = levels.iter().find(|level| Some(level.connections) == largest);
    let well = world.bypass <= TOLERANCE && world.cap.is_none() && world.extra.is_none();
    // What is left behind is accounted for.
    let surely_off = |level: &Level, by: f64| {
        level.off_alive.abs() >= TOLERANCE + level.edge + by * level.noise && !level.blurred
    };
    let mut truth = Truth {
        right: Vec::new(),
        why: "",
        never_agrees: judged_largest.is_none_or(|level| surely_off(level, 1.0))
            // What moves and stays leaves a small level open and a large one judged (contract): only that one counts.
            || !goes_on(world) && levels.iter().any(|level| surely_off(level, 2.5)),
        never_disagrees: well && levels.iter().all(|level| level.off_alive.abs() <= TOLERANCE - level.edge),
        judged: !levels.is_empty() && !matches!(world.gap, Gap::Unread | Gap::Unsettled),
        others_stand_out: others_stand_out(world, &levels),
        saturated_from: saturated_from(world, &levels),
    };
    let off_clock = !world.clock_known && world.clock_s.abs() > 8.0;
    if off_clock {
        (truth.others_stand_out, truth.saturated_from) = (false, None);
    }
    let mut right = |outcomes: &[Outcome], why: &'static str| {
        truth.right = outcomes.to_vec();
        truth.why = why;
    };
    match () {
        () if world.gap == Gap::Unread => right(&[NotChecked], "nothing was read"),
        () if world.gap == Gap::Unsettled => right(&[Inconclusive], "the numbers had not settled"),
        // NewConnectionCount alone may show that connections are missing.
        () if levels.is_empty() && world.legs * (1.0 - world.bypass) < 1.0 && !well => {
            right(&[Disagrees, Inconclusive], "no period can be judged, but new connections may be missing")
        }
        () if levels.is_empty() => right(&[Inconclusive], "no period can be judged"),
        () if off_clock && well => right(&[Agrees, Inconclusive], "all is well, by another clock"),
        () if off_clock => right(&[Disagrees, Inconclusive], "connections are missing, by another clock"),
        () => {
            let (outcomes, why) = compared(world, &levels, judged_largest, well);
            right(&outcomes, why);
        }
    }
    truth
}

fn compared(
    world: &World,
    levels: &[Level],
    largest: Option<&Level>,
    well: bool,
) -> (Vec<Outcome>, &'static str) {
    use Outcome::{Agrees, Disagrees, Inconclusive};
    if let Some(ambiguous) = ambiguous(world, levels) {
        return ambiguous;
    }
    let late = world.gap == Gap::LateTail && world.traffic.connections > 0.0;
    let wanders = world.traffic.memory > 0.0 && largest.is_some_and(|level| level.noise > 0.01);
    let moves = late || goes_on(world) || wanders || quiet_is_spoilt(world);
    let largest_lingers = largest.is_some_and(|level| level.may_linger > 0.0);
    if largest_lingers && let Some(right) = lingering(world, levels, largest, well) {
        return right;
    }
    let levels: Vec<&Level> = levels.iter().filter(|level| level.may_linger == 0.0).collect();
    let bad = levels.iter().any(|l| l.off.abs() >= TOLERANCE + l.edge + 2.5 * l.noise && !l.blurred);
    let maybe_bad = levels.iter().any(|l| l.off.abs() > TOLERANCE - l.edge || l.blurred);
    let Some(largest) = largest else {
        return match (bad, maybe_bad) {
            (true, _) => (vec![Disagrees], "connections are unaccounted for"),
            (false, true) => (vec![Disagrees, Inconclusive], "the largest level can't be judged"),
            (false, false) => (vec![Inconclusive], "the largest level can't be judged"),
        };
    };
    match () {
        () if goes_on(world) && bad && largest.off.abs() < TOLERANCE + largest.noise => (
            vec![Agrees, Disagrees, Inconclusive],
            "others came and stayed, but are few beside the largest level",
        ),
        () if bad && moves => {
            (vec![Disagrees, Inconclusive], "unaccounted for, while the other traffic moves")
        }
        () if bad => (vec![Disagrees], "connections are unaccounted for"),
        () if largest.lacks && maybe_bad => {
            (vec![Disagrees, Inconclusive], "a minute is missing, and connections perhaps")
        }
        () if largest.lacks => (vec![Inconclusive], "a minute of the largest level is missing"),
        () if maybe_bad && well && levels.iter().all(|l| l.noise < 0.002) => {
            (vec![Agrees, Disagrees], "at the very edge")
        }
        () if maybe_bad
            && (largest.blurred || largest.off.abs() < TOLERANCE + largest.edge + largest.noise) =>
        {
            (vec![Agrees, Disagrees, Inconclusive], "unaccounted for, but hardly outside the noise")
        }
        () if maybe_bad => (vec![Disagrees, Inconclusive], "unaccounted for, but hardly outside the noise"),
        () if moves => (vec![Agrees, Inconclusive], "all is well, while the other traffic moves"),
        () if world.traffic.trend != 0.0 && world.traffic.noise > 0.0 && world.baseline_minutes < 15 => {
            (vec![Agrees, Inconclusive], "a trend in the noise of few minutes")
        }
        () if largest.off.abs() + 1.2 * largest.noise <= TOLERANCE => (vec![Agrees], "all is well"),
        () if largest.noise > 1.0 => (vec![Inconclusive], "the noise is larger than the load"),
        () => (vec![Agrees, Inconclusive], "all is well, in much noise"),
    }
}

/// Where connections that are the clients' no more may be counted in every minute of the largest level.
fn lingering(
    world: &World,
    levels: &[Level],
    largest: Option<&Level>,
    well: bool,
) -> Option<(Vec<Outcome>, &'static str)> {
    use Outcome::{Agrees, Disagrees, Inconclusive};
    let largest = largest?;
    let others_bad = levels
        .iter()
        .any(|l| l.may_linger == 0.0 && l.off.abs() >= TOLERANCE + l.edge + 2.5 * l.noise && !l.blurred);
    let shown = matches!(witness(world), Witness::Clear);
    Some(match () {
        () if others_bad => return None,
        () if !well && world.bypass > 0.0 => {
            (vec![Disagrees, Inconclusive], "connections are missing, and as many may have been left behind")
        }
        () if well && largest.off >= TOLERANCE + largest.edge => {
            (vec![Inconclusive], "what was left behind is counted")
        }
        () if well && largest.off <= TOLERANCE - largest.edge && shown && !quiet_is_spoilt(world) => {
            (vec![Agrees], "all is well, and all arrived")
        }
        () => (vec![Agrees, Inconclusive], "some may have been left behind"),
    })
}

/// Whether the minutes that show the other traffic are not as quiet as they seem: connections of ours are still counted
/// in them, or too many lack ActiveConnectionCount.
fn quiet_is_spoilt(world: &World) -> bool {
    let largest = f64::from(*world.levels.iter().max().unwrap());
    // All minutes after the load are touched, and one at least by something.
    let last = world.minute_of(world.load_ends());
    let after = last + 2..last + 4;
    let after = after.clone().all(|minute| world.could_be_left_behind(minute) > 0.0)
        && after
            .into_iter()
            .any(|minute| world.left_behind(world.minute_begins(minute)) > 0.02 * world.legs * largest);
    let lacking = match &world.gap {
        Gap::ActiveMinutes(minutes) if world.traffic.connections > 0.0 => {
            let end = world.minute_of(world.load_ends());
            let quiet = |minute: &&i64| **minute < 0 || **minute > end;
            let all = f64::from(world.baseline_minutes) + 3.0;
            minutes.iter().filter(quiet).count() as f64 > 0.2 * all
        }
        _ => false,
    };
    after || lacking
}

/// Where the factor is 1 and nothing tells one leg from half of the connections.
fn ambiguous(world: &World, levels: &[Level]) -> Option<(Vec<Outcome>, &'static str)> {
    use Outcome::{Agrees, Disagrees, Inconclusive};
    let one = |level: &Level, slack: f64| {
        let factor = world.legs * (1.0 + level.off);
        (factor - 1.0).abs() <= TOLERANCE + slack
    };
    let all_one = levels.iter().all(|level| one(level, -level.edge) && level.noise < 0.5);
    // The clearest level decides: small ones in the noise could be anything.
    let clearest = levels.iter().min_by(|a, b| a.noise.total_cmp(&b.noise));
    let some_one = clearest.is_some_and(|level| one(level, 0.02 + 2.0 * world.legs * level.noise))
        || levels.iter().any(|level| one(level, 0.02) && level.noise < 0.02);
    match (world.legs == 1.0, witness(world)) {
        (_, Witness::None) if all_one => Some((vec![Inconclusive], "a factor of 1 without its witness")),
        (one_leg, Witness::None) if some_one || one_leg => {
            let bad = levels.iter().any(|l| l.off.abs() > TOLERANCE - l.edge || l.blurred);
            let right = if bad { vec![Disagrees, Inconclusive] } else { vec![Inconclusive] };
            Some((right, "nearly a factor of 1, without its witness"))
        }
        (true, Witness::Unclear) => {
            let bad = levels.iter().any(|level| level.off.abs() > TOLERANCE || level.blurred);
            let right = if bad { vec![Disagrees, Inconclusive] } else { vec![Agrees, Inconclusive] };
            Some((right, "a factor of 1 with a noisy witness"))
        }
        (false, Witness::Unclear) if some_one => {
            Some((vec![Disagrees, Inconclusive], "a factor of nearly 1 with a noisy witness"))
        }
        _ => None,
    }
}

/// Whether somebody else's test outlasts ours.
fn goes_on(world: &World) -> bool {
    world.extra.is_some_and(|extra| extra.until_s > world.load_ends() + 60.0)
}

enum Witness {
    Clear,
    Unclear,
    None,
}

/// What RequestCount is worth.
fn witness(world: &World) -> Witness {
    let end = world.minute_of(world.load_ends());
    let touches_load = |minutes: &Vec<i64>| minutes.iter().any(|m| (-1..=end + 2).contains(m));
    match &world.gap {
        _ if !world.requests || !world.upgrades_are_requests || world.requests_beside > 0.0 => Witness::None,
        // Requests of upgrades that hang stand for such as never arrived; unless all of them together are too few.
        _ if requests_of_answered(world).is_some_and(|(least, most)| least < 0.93 && most >= 0.9) => {
            Witness::None
        }
        _ if unanswered(world) > 0.8 * TOLERANCE => Witness::Unclear,
        Gap::Minutes(minutes) if touches_load(minutes) => Witness::None,
        Gap::Opening(level) => {
            let all: u32 = world.levels.iter().sum();
            let lacks = f64::from(world.levels[*level]) / f64::from(all);
            if lacks > TOLERANCE { Witness::None } else { Witness::Unclear }
        }
        _ => {
            let anew = |level: usize| f64::from(world.levels[level]) - world.alive_before(level);
            let opened: f64 = (0..world.levels.len()).map(anew).sum();
            let minutes = (end + 4) as f64;
            let quiet = f64::from(world.baseline_minutes);
            // Others' requests, and the rounding of each node's number where they change at all.
            let changes = world.traffic.noise > 0.0 || world.traffic.trend != 0.0;
            let rounding = if changes { 0.3 * (world.nodes.len() as f64).sqrt() } else { 0.0 };
            let each = (0.1 * world.traffic.noise).hypot(rounding);
            let deviation = each * (minutes + 1.6 * minutes * minutes / quiet).sqrt();
            let trend = 0.1 * world.traffic.trend.abs() * minutes * 5.0;
            let noise = (SIGMAS_95 * deviation + trend) / opened;
            if noise < 0.02 { Witness::Clear } else { Witness::Unclear }
        }
    }
}

/// Where upgrades hang: between which shares of the answered ones the requests lie, for all that the clients know.
fn requests_of_answered(world: &World) -> Option<(f64, f64)> {
    let unanswered = unanswered(world);
    let requests = (1.0 + unanswered) * (1.0 - world.bypass);
    (unanswered > 0.0).then_some((requests - unanswered, requests))
}

/// Upgrades that hang, as a share of those that were answered.
fn unanswered(world: &World) -> f64 {
    let hangs = world.refused.is_some_and(|refused| refused.hang_s.is_some());
    let sum = |of: &dyn Fn(usize) -> f64| (0..world.levels.len()).map(of).sum::<f64>();
    if hangs { sum(&|level| world.refused_in(level)) / sum(&|level| world.had_by(level)) } else { 0.0 }
}

fn judgeable(world: &World, level: usize) -> Option<Level> {
    let lacks = |minute: &i64| match &world.gap {
        Gap::Minutes(minutes) => minutes.contains(minute),
        Gap::Silent(levels) => levels.contains(&level),
        Gap::ActiveMinutes(minutes) => minutes.contains(minute),
        _ => false,
    };
    // In which many die none is judged (contract).
    let steady = |minute: &i64| {
        let begins = world.minute_begins(*minute);
        let gone = world.half_open.filter(|dead| (begins..begins + 60.0).contains(&dead.at_s));
        gone.is_none_or(|dead| dead.share <= TOLERANCE)
    };
    let all: Vec<i64> = world.judged_minutes(level).into_iter().filter(steady).collect();
    let mut minutes: Vec<i64> = all.iter().copied().filter(|m| !lacks(m)).collect();
    let is_lacking = matches!(world.gap, Gap::ActiveMinutes(_)) && minutes.len() < all.len();
    let share_left = |minute: &i64| {
        let open = world.open(world.minute_begins(*minute) + 30.0);
        world.could_be_left_behind(*minute) / open.max(1.0)
    };
    let clear: Vec<i64> = minutes.iter().copied().filter(|m| share_left(m) <= TOLERANCE).collect();
    let may_linger = if clear.is_empty() { minutes.iter().map(share_left).fold(0.0, f64::max) } else { 0.0 };
    if !clear.is_empty() {
        minutes = clear;
    }
    let deviation = |minute: &i64| -> (f64, f64, bool) {
        let begins = world.minute_begins(*minute);
        let seconds = || (0..60).map(|s| begins + f64::from(s) + 0.5);
        let expected = seconds().map(|at| world.legs * world.open(at)).sum::<f64>() / 60.0;
        let ours = seconds().map(|at| world.counted(at)).sum::<f64>() / 60.0;
        // What lies between the fewest and the most of a minute fits (contract).
        let least = world.legs * seconds().map(|at| world.open(at)).fold(f64::INFINITY, f64::min);
        let most = world.legs * seconds().map(|at| world.open(at)).fold(0.0, f64::max);
        let extra: Vec<f64> =
            seconds().chain([begins - 10.0, begins + 70.0]).map(|at| world.extra_at(at)).collect();
        let blurred = extra.iter().any(|e| *e != extra[0]);
        let alive = ours + extra[30];
        let counted = alive + seconds().map(|at| world.left_behind(at)).sum::<f64>() / 60.0;
        let off = |counted: f64| (counted - counted.clamp(least, most)) / expected;
        (off(counted), off(alive), blurred)
    };
    let found: Vec<(f64, f64, bool)> = minutes.iter().map(deviation).collect();
    let middle = |of: fn(&(f64, f64, bool)) -> f64| -> Option<(f64, f64)> {
        let mut offs: Vec<f64> = found.iter().map(of).collect();
        offs.sort_by(f64::total_cmp);
        let middle = offs.len().checked_sub(1)? / 2;
        Some((f64::midpoint(offs[middle], offs[offs.len() / 2]), offs[offs.len() - 1] - offs[0]))
    };
    let (off, spread) = middle(|(off, _, _)| *off)?;
    let (off_alive, _) = middle(|(_, alive, _)| *alive)?;
    let open = world.open(world.minute_begins(minutes[0]) + 30.0);
    // Of a test that touches some minutes and not others the median is anybody's guess.
    let differ = spread > 0.03 && may_linger == 0.0;
    Some(Level {
        connections: world.levels[level],
        off,
        off_alive,
        may_linger,
        lacks: is_lacking,
        noise: SIGMAS_95 * world.traffic.noise / (world.legs * open),
        edge: 0.004 + 0.5 * (world.nodes.len() as f64 + 2.0) / (world.legs * open),
        blurred: differ || found.iter().any(|(_, _, blurred)| *blurred),
        minutes,
    })
}

fn others_stand_out(world: &World, levels: &[Level]) -> bool {
    let Some(extra) = world.extra else { return false };
    let covered = |minute: &i64| {
        world.minute_begins(*minute) - 10.0 >= extra.from_s
            && world.minute_begins(*minute + 1) + 10.0 <= extra.until_s
    };
    let free = |minute: &i64| {
        world.minute_begins(*minute + 1) + 10.0 <= extra.from_s
            || world.minute_begins(*minute) - 10.0 >= extra.until_s
    };
    let shows = |level: &&Level| {
        let of_level = extra.connections / (world.legs * f64::from(level.connections));
        level.minutes.iter().any(covered) && of_level >= 0.15 + 5.0 * level.noise
    };
    let clean = |level: &&Level| level.minutes.iter().any(free) && level.noise < 0.02;
    world.bypass == 0.0
        && world.traffic.memory == 0.0
        && matches!(world.gap, Gap::None)
        && world.end == End::Finished
        && levels.iter().any(|level| shows(&level))
        && levels.iter().any(|level| clean(&level))
}

fn saturated_from(world: &World, levels: &[Level]) -> Option<u32> {
    let cap = world.cap?;
    let clear = |level: &Level| level.noise < 0.01 && (level.off.abs() < 0.04 || level.off < -0.08);
    let first = levels.iter().position(|level| level.off < -0.08)?;
    let above = levels.len() - first;
    let fitting = first.checked_sub(1).map(|i| world.legs * f64::from(levels[i].connections))?;
    // A single level above it shows that the count is flat only where the level below it was at the bound already.
    let flat = above > 1 || cap <= 1.02 * fitting;
    (levels.iter().all(clear) && flat).then(|| levels[first].connections)
}
