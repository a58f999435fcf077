//! What the load balancer counts of connections that are not the clients': target connections of refused upgrades, which it
//! keeps for the next request, and connections that died without its being told, both until its idle timeout has run out;
//! and upgrades that hang until the clients give them up.

use crate::world::{MINUTE, World};

/// Targets refuse a share of the upgrades, and keep some of the connections open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    /// From this level on.
    pub(crate) from: usize,
    pub(crate) share: f64,
    /// The share of the refused ones whose target connection is kept.
    pub(crate) pooled: f64,
    /// They are not refused but hang for so long, seconds, and nothing of them is kept.
    pub(crate) hang_s: Option<f64>,
}

/// Connections that die at one instant, and of which the load balancer learns nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HalfOpen {
    pub(crate) level: usize,
    /// When the clients give them up.
    pub(crate) at_s: f64,
    pub(crate) share: f64,
}

/// The clients notice after so many seconds of silence, which the idle timeout has had by then.
const NOTICED_S: f64 = 10.0;

impl World {
    /// Upgrades of a level that targets refuse.
    pub(crate) fn refused_in(&self, level: usize) -> f64 {
        let asked = f64::from(self.levels[level]);
        let share = self.refused.filter(|refused| level >= refused.from).map_or(0.0, |refused| refused.share);
        asked - (asked * (1.0 - share)).floor()
    }

    /// Connections that die half-open.
    pub(crate) fn half_open(&self) -> f64 {
        self.half_open.map_or(0.0, |dead| self.open(dead.at_s - 0.5) - self.open(dead.at_s + 0.5))
    }

    /// Upgrades that were refused from `from` to `until`.
    fn refused_between(&self, from: f64, until: f64) -> f64 {
        let hang = self.refused.is_some_and(|refused| refused.hang_s.is_some());
        if hang { 0.0 } else { self.given_up_between(from, until) }
    }

    /// Of the upgrades of a level that come about, the share that has so far into its ramp: all along it, or, where others
    /// hang, in its first third.
    pub(crate) fn opened_by(&self, into_s: f64) -> f64 {
        let hang = self.refused.is_some_and(|refused| refused.hang_s.is_some());
        (into_s / if hang { self.ramp_s / 3.0 } else { self.ramp_s }).clamp(0.0, 1.0)
    }

    /// The same of those that come to nothing: what hangs holds up the rest of the ramp.
    pub(crate) fn given_up_by(&self, into_s: f64) -> f64 {
        let hang = self.refused.is_some_and(|refused| refused.hang_s.is_some());
        let from = if hang { self.ramp_s / 3.0 } else { 0.0 };
        ((into_s - from) / (self.ramp_s - from)).clamp(0.0, 1.0)
    }

    /// Upgrades that came to nothing from `from` to `until`.
    fn given_up_between(&self, from: f64, until: f64) -> f64 {
        let of_level = |(level, times): (usize, crate::world::Times)| {
            let along = |at: f64| self.given_up_by(at - times.started);
            self.refused_in(level) * (along(until) - along(from))
        };
        self.times().into_iter().enumerate().map(of_level).sum()
    }

    /// What is counted at a true time of upgrades that hang.
    pub(crate) fn hanging(&self, at: f64) -> f64 {
        let Some(hang_s) = self.refused.and_then(|refused| refused.hang_s) else { return 0.0 };
        let begun = self.times().iter().any(|times| (times.started..times.held_from).contains(&at));
        let hang = if begun { self.given_up_between(at, at + hang_s) } else { 0.0 };
        hang * self.legs * (1.0 - self.bypass)
    }

    /// What is counted at a true time of connections that are the clients' no more.
    pub(crate) fn left_behind(&self, at: f64) -> f64 {
        // Of one leg only the clients' is counted, and a pooled connection is a target's.
        let pooled = match self.refused {
            Some(refused) if self.legs > 1.0 => refused.pooled * self.refused_between(at - self.idle_s, at),
            _ => 0.0,
        };
        let dead =
            self.half_open.filter(|dead| (dead.at_s..dead.at_s + self.idle_s - NOTICED_S).contains(&at));
        let dead = dead.map_or(0.0, |_| self.legs * self.half_open());
        (pooled + dead) * (1.0 - self.bypass)
    }

    /// As many as that can be in a minute for all that the clients know: each refused upgrade may have left one
    /// connection, each silent death two.
    pub(crate) fn could_be_left_behind(&self, minute: i64) -> f64 {
        let begins = self.minute_begins(minute);
        let since = begins - self.idle_s - 12.0;
        let dead = self.half_open.filter(|dead| (since..begins + MINUTE + 12.0).contains(&dead.at_s));
        let dead = dead.map_or(0.0, |_| 2.0 * self.half_open());
        self.refused_between(since, begins + MINUTE + 12.0) + dead
    }
}
