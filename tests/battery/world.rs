//! What is really the case in a made-up run. Times are true ones (AWS's), in seconds since the first level's beginning;
//! this machine's clock is ahead of them by `clock_s`.

use crate::left_behind::{HalfOpen, Refused};

/// Seconds of a CloudWatch period.
pub(crate) const MINUTE: f64 = 60.0;

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) seed: u64,
    /// At which second of a minute the first level begins.
    pub(crate) phase_s: f64,
    pub(crate) levels: Vec<u32>,
    pub(crate) ramp_s: f64,
    pub(crate) hold_s: f64,
    pub(crate) pause_s: f64,
    /// Of the open connections, how many die in a minute of a hold.
    pub(crate) dying: f64,
    /// Legs that the load balancer counts.
    pub(crate) legs: f64,
    /// The share of the clients that never reach it.
    pub(crate) bypass: f64,
    /// The most connections (of ours) that it ever counts.
    pub(crate) cap: Option<f64>,
    pub(crate) requests: bool,
    /// Whether RequestCount counts an upgrade as a request.
    pub(crate) upgrades_are_requests: bool,
    pub(crate) traffic: Traffic,
    pub(crate) extra: Option<Extra>,
    pub(crate) sampling: Sampling,
    pub(crate) nodes: Vec<Node>,
    pub(crate) clock_s: f64,
    pub(crate) clock_known: bool,
    pub(crate) baseline_minutes: u32,
    pub(crate) gap: Gap,
    pub(crate) end: End,
    /// Whether bytes are counted when a connection is closed, and not as they flow.
    pub(crate) bytes_at_close: bool,
    /// Whether connections live on from level to level.
    pub(crate) cumulative: bool,
    pub(crate) refused: Option<Refused>,
    pub(crate) half_open: Option<HalfOpen>,
    /// The load balancer's idle timeout, which the record knows.
    pub(crate) idle_s: f64,
    /// Requests that others send while the load is there, on connections that they had before: as a share of our upgrades.
    pub(crate) requests_beside: f64,
}

/// Everybody else's connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) connections: f64,
    /// Standard deviation from minute to minute.
    pub(crate) noise: f64,
    /// How much of a minute's deviation the next one keeps.
    pub(crate) memory: f64,
    /// By the minute.
    pub(crate) trend: f64,
}

/// Somebody else's test: from when to when, and with how many connections as the load balancer counts them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extra {
    pub(crate) from_s: f64,
    pub(crate) until_s: f64,
    pub(crate) connections: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sampling {
    Snapshot,
    Mean,
    Max,
}

/// A node: its part of the connections, how its clock is off, and when in a minute it looks.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) zone: String,
    pub(crate) share: f64,
    pub(crate) off_s: f64,
    pub(crate) looks_at_s: f64,
}

/// What CloudWatch lacks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Gap {
    None,
    /// Read too early: the last minutes are missing, and the record says that the numbers had not settled.
    Unsettled,
    /// ActiveConnectionCount lacks the last minutes though everything else is there.
    LateTail,
    /// Whole minutes of every metric.
    Minutes(Vec<i64>),
    /// ActiveConnectionCount in all holds of these levels.
    Silent(Vec<usize>),
    /// ActiveConnectionCount alone in these minutes.
    ActiveMinutes(Vec<i64>),
    /// NewConnectionCount and RequestCount in the minutes in which this level was opened.
    Opening(usize),
    /// Nothing was read.
    Unread,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum End {
    Finished,
    /// By a signal, so many seconds into the last hold.
    Interrupted(f64),
    /// Killed then: the record has no end.
    Killed(f64),
}

/// A level's times, seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) started: f64,
    pub(crate) held_from: f64,
    pub(crate) held_until: f64,
    pub(crate) ended: f64,
    pub(crate) complete: bool,
}

/// Every sort of world that the battery must hold.
pub(crate) const SORTS: [&str; 36] = [
    "factor 1",
    "factor 2",
    "with RequestCount",
    "without RequestCount",
    "RequestCount without upgrades",
    "no baseline",
    "baseline up to the level",
    "baseline up to five levels",
    "steady",
    "noisy",
    "trending",
    "wandering",
    "late",
    "missing minutes",
    "silent hold",
    "missing opening",
    "missing minutes of ActiveConnectionCount alone",
    "refused, and none pooled",
    "refused and pooled",
    "hanging",
    "half-open",
    "idle timeout beyond a minute",
    "cumulative",
    "others' requests beside",
    "bypass up to 5 %",
    "bypass up to 50 %",
    "somebody else's test",
    "clock off and known",
    "clock off and unknown",
    "snapshot",
    "mean",
    "max",
    "short hold",
    "interrupted",
    "several nodes",
    "saturated",
];

impl World {
    /// When each level was what.
    pub(crate) fn times(&self) -> Vec<Times> {
        const CLOSING_S: f64 = 3.0;
        let mut now = 0.0;
        let last = self.levels.len() - 1;
        (0..self.levels.len())
            .map(|i| {
                let held_from = now + self.ramp_s;
                let cut = match self.end {
                    End::Interrupted(after) | End::Killed(after) if i == last => {
                        Some(after.min(self.hold_s - 1.0))
                    }
                    _ => None,
                };
                let held_until = held_from + cut.unwrap_or(self.hold_s);
                let times = Times {
                    started: now,
                    held_from,
                    held_until,
                    ended: held_until + CLOSING_S,
                    complete: cut.is_none(),
                };
                now = times.ended + self.pause_s;
                times
            })
            .collect()
    }

    /// Connections open at a true time.
    pub(crate) fn open(&self, at: f64) -> f64 {
        let all = self.times();
        for (level, times) in all.iter().enumerate() {
            // Between two levels they live on, or nothing is open.
            let next = all.get(level + 1).filter(|_| self.cumulative).map(|next| next.started);
            if at < times.started || at >= next.unwrap_or(times.ended) {
                continue;
            }
            return if at < times.held_from {
                let before = self.alive_before(level);
                let along = self.opened_by(at - times.started);
                (before + (self.had_by(level) - before) * along).floor()
            } else if at < times.held_until || next.is_some() {
                self.left(level, *times, at.min(times.held_until - 0.001))
            } else {
                let left = self.left(level, *times, times.held_until - 0.001);
                (left * (times.ended - at) / (times.ended - times.held_until)).floor()
            };
        }
        0.0
    }

    /// Connections that a level has had open when its last attempt has settled, those that lived on among them.
    pub(crate) fn had_by(&self, level: usize) -> f64 {
        f64::from(self.levels[level]) - self.refused_in(level)
    }

    /// Those among them that the level before had left alive.
    pub(crate) fn alive_before(&self, level: usize) -> f64 {
        match level.checked_sub(1).filter(|_| self.cumulative) {
            Some(before) => {
                let times = self.times()[before];
                self.left(before, times, times.held_until - 0.001)
            }
            None => 0.0,
        }
    }

    /// What is left of a level in its hold.
    fn left(&self, level: usize, times: Times, at: f64) -> f64 {
        let had = self.had_by(level) * (1.0 - self.dying * (at - times.held_from).max(0.0) / MINUTE);
        let dead = self.half_open.filter(|dead| dead.level == level && at >= dead.at_s);
        (had * (1.0 - dead.map_or(0.0, |dead| dead.share))).max(0.0).floor()
    }

    /// Of them, what the load balancer counts.
    pub(crate) fn counted(&self, at: f64) -> f64 {
        let all = self.open(at) * (1.0 - self.bypass) * self.legs;
        self.cap.map_or(all, |cap| all.min(cap))
    }

    /// Somebody else's test at a true time.
    pub(crate) fn extra_at(&self, at: f64) -> f64 {
        self.extra
            .filter(|extra| (extra.from_s..extra.until_s).contains(&at))
            .map_or(0.0, |extra| extra.connections)
    }

    /// The last close.
    pub(crate) fn load_ends(&self) -> f64 {
        let last = *self.times().last().unwrap();
        match self.end {
            End::Killed(_) => last.held_until,
            _ => last.ended,
        }
    }

    /// The minute (counted from the one in which the first level begins) in which a true time lies.
    pub(crate) fn minute_of(&self, at: f64) -> i64 {
        ((at + self.phase_s) / MINUTE).floor() as i64
    }

    /// When a minute begins.
    pub(crate) fn minute_begins(&self, minute: i64) -> f64 {
        minute as f64 * MINUTE - self.phase_s
    }

    /// The minutes that judge a level: whole ones inside its hold, with ten seconds to spare.
    pub(crate) fn judged_minutes(&self, level: usize) -> Vec<i64> {
        let times = self.times()[level];
        if !times.complete {
            return Vec::new();
        }
        let (from, until) = (times.held_from + 10.0, times.held_until - 10.0);
        let minutes = self.minute_of(times.held_from)..=self.minute_of(times.held_until);
        minutes.filter(|m| self.minute_begins(*m) >= from && self.minute_begins(*m + 1) <= until).collect()
    }

    /// Which sorts of world this is one of.
    pub(crate) fn sorts(&self) -> Vec<&'static str> {
        let largest = f64::from(*self.levels.iter().max().unwrap());
        let traffic = self.traffic;
        let off = self.clock_s.abs() > 8.0;
        let all = [
            ("factor 1", self.legs == 1.0),
            ("factor 2", self.legs == 2.0),
            ("with RequestCount", self.requests),
            ("without RequestCount", !self.requests),
            ("RequestCount without upgrades", self.requests && !self.upgrades_are_requests),
            ("no baseline", traffic.connections == 0.0),
            ("baseline up to the level", traffic.connections > 0.0 && traffic.connections <= largest),
            ("baseline up to five levels", traffic.connections > largest),
            ("steady", traffic.noise == 0.0 && traffic.trend == 0.0 && traffic.connections > 0.0),
            ("noisy", traffic.noise > 0.0 && traffic.memory == 0.0),
            ("trending", traffic.trend != 0.0),
            ("wandering", traffic.memory > 0.0),
            ("late", matches!(self.gap, Gap::Unsettled | Gap::LateTail)),
            ("missing minutes", matches!(self.gap, Gap::Minutes(_))),
            ("silent hold", matches!(self.gap, Gap::Silent(_))),
            ("missing opening", matches!(self.gap, Gap::Opening(_))),
            ("missing minutes of ActiveConnectionCount alone", matches!(self.gap, Gap::ActiveMinutes(_))),
            ("hanging", self.refused.is_some_and(|refused| refused.hang_s.is_some())),
            (
                "refused, and none pooled",
                self.refused.is_some_and(|refused| refused.pooled == 0.0 && refused.hang_s.is_none()),
            ),
            ("refused and pooled", self.refused.is_some_and(|refused| refused.pooled > 0.0)),
            ("half-open", self.half_open.is_some()),
            ("idle timeout beyond a minute", self.idle_s > MINUTE),
            ("cumulative", self.cumulative),
            ("others' requests beside", self.requests_beside > 0.0),
            ("bypass up to 5 %", self.bypass > 0.0 && self.bypass <= 0.05),
            ("bypass up to 50 %", self.bypass > 0.05),
            ("somebody else's test", self.extra.is_some()),
            ("clock off and known", off && self.clock_known),
            ("clock off and unknown", off && !self.clock_known),
            ("snapshot", self.sampling == Sampling::Snapshot),
            ("mean", self.sampling == Sampling::Mean),
            ("max", self.sampling == Sampling::Max),
            ("short hold", self.hold_s < 80.0),
            ("interrupted", self.end != End::Finished),
            ("several nodes", self.nodes.len() > 1),
            ("saturated", self.cap.is_some()),
        ];
        all.into_iter().filter(|(_, is)| *is).map(|(sort, _)| sort).collect()
    }
}
