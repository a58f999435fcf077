//! Which failures are worth a word.

use std::time::Duration;

use crate::judge::wording::{plural, show_count, spoken};
use crate::judge::{Failures, JudgedLevel};

/// Failures below this share of a level are chance, unless they made up much of what failed it.
const WORTH_A_WORD: f64 = 0.01;

/// The share of a failed level's failures from which on a cause is among the reasons.
const MUCH_OF_A_FAILED_LEVEL: f64 = 0.25;

/// Failures of one sort that matter, over all levels in which they do.
pub(super) struct Concern<'a> {
    /// How many.
    pub(super) count: u32,
    /// Connections asked for in those levels.
    pub(super) asked: u64,
    /// Those levels.
    levels: Vec<u32>,
    /// Their groups.
    pub(super) groups: Vec<&'a Failures>,
}

/// The failures of such a sort, among those `of` the levels, in the levels where together they matter: at least 1 % of a
/// level, or a quarter of the failures of a level that failed.
pub(super) fn concern<'a>(
    levels: &'a [JudgedLevel<'a>],
    of: impl Fn(&'a JudgedLevel<'a>) -> &'a [Failures],
    such: impl Fn(&Failures) -> bool,
) -> Option<Concern<'a>> {
    let mut concern = Concern { count: 0, asked: 0, levels: Vec::new(), groups: Vec::new() };
    for level in levels {
        let groups: Vec<&Failures> = of(level).iter().filter(|f| such(f)).collect();
        let count: u32 = groups.iter().map(|f| f.count).sum();
        let share = f64::from(count) / f64::from(level.connections().max(1));
        let of_failures = f64::from(count) / f64::from(level.run.failed().max(1));
        let failed = level.passed == Some(false);
        if count > 0 && (share >= WORTH_A_WORD || failed && of_failures >= MUCH_OF_A_FAILED_LEVEL) {
            concern.count = concern.count.saturating_add(count);
            concern.asked += u64::from(level.connections());
            concern.levels.push(level.connections());
            concern.groups.extend(groups);
        }
    }
    (concern.count > 0).then_some(concern)
}

impl Concern<'_> {
    /// `187 of 2,000 connections, at level 2,000`: the clients' side of the evidence.
    pub(super) fn evidence(&self) -> String {
        let count = show_count(u64::from(self.count));
        let levels: Vec<String> = self.levels.iter().map(|level| show_count(u64::from(*level))).collect();
        let noun = if levels.len() == 1 { "level" } else { "levels" };
        format!("{count} of {}, at {noun} {}", plural(self.asked, "connection"), spoken(&levels))
    }

    /// The kinds that occur, each once: `http_503 and http_502`.
    pub(super) fn kinds(&self) -> String {
        let mut kinds: Vec<String> = Vec::new();
        for group in &self.groups {
            let kind = group.kind.to_string();
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        spoken(&kinds)
    }

    /// What was said, of the most frequent group that has an example.
    pub(super) fn example(&self) -> Option<String> {
        self.groups
            .iter()
            .filter(|group| !group.example.is_empty())
            .max_by_key(|group| group.count)
            .map(|group| format!("for example: {}", group.example))
    }

    /// Least and longest silence before death.
    pub(super) fn silence(&self) -> Option<(Duration, Duration)> {
        let all = || self.groups.iter().filter_map(|group| group.silence);
        all().map(|(low, _)| low).min().zip(all().map(|(_, high)| high).max())
    }
}
