//! The one outcome that is drawn from the whole comparison.

use super::correlation::{Correlation, Legs};
use super::wording::show_count;
use crate::facts::SeriesStatus;
use crate::record::{HowEnded, Run};

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Both sides tell the same story.
    Agrees,
    /// They do not, and no noise explains it.
    Disagrees,
    /// The data do not tell.
    Inconclusive,
    /// There are no data.
    NotChecked,
}

impl Outcome {
    /// As it is written in every output.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Agrees => "agrees",
            Outcome::Disagrees => "disagrees",
            Outcome::Inconclusive => "inconclusive",
            Outcome::NotChecked => "not_checked",
        }
    }
}

/// The outcome of a run, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// Whole sentences with their numbers, the decisive ones first.
    pub reasons: Vec<String>,
}

/// Draws the outcome: the first that holds, in the order of the contract's last word on it. `machine` is why this
/// machine was the limit, where it was.
pub(super) fn verdict(run: &Run, correlation: Option<&Correlation>, machine: Option<&str>) -> Verdict {
    let (outcome, mut reasons) = match correlation {
        None => (Outcome::NotChecked, vec![why_not_checked(run)]),
        Some(both) => compared(run, both, machine),
    };
    if let Some(both) = correlation.filter(|_| outcome != Outcome::NotChecked) {
        reasons.extend(notes(both).filter(|note| !reasons.contains(note)).collect::<Vec<_>>());
    }
    if outcome == Outcome::NotChecked {
        reasons.extend(machine.map(str::to_owned));
    }
    Verdict { outcome, reasons }
}

fn compared(run: &Run, both: &Correlation, machine: Option<&str>) -> (Outcome, Vec<String>) {
    let active = &both.active;
    let of_levels = |outcome| {
        active.levels.iter().filter(move |level| level.verdict == outcome).map(|level| level.reason.clone())
    };
    let fit = || active.sentence().into_iter();
    let held = run.levels.iter().any(|level| level.held_until.is_some());
    let read = |level: &super::LevelFit| level.verdict != Outcome::NotChecked;
    if held && !active.levels.iter().any(read) {
        return (Outcome::NotChecked, vec!["what was read from CloudWatch covers no hold".into()]);
    }
    if run.series.as_ref().map(|s| s.status) == Some(SeriesStatus::Provisional) {
        let why =
            "CloudWatch's numbers had not settled when they were read; `albcap analyze` reads them again";
        return (Outcome::Inconclusive, std::iter::once(why.into()).chain(fit()).collect());
    }
    if let Some(why) = clock_set(run) {
        return (Outcome::Inconclusive, std::iter::once(why).chain(fit()).collect());
    }
    if let Some(machine) = machine {
        return (Outcome::Inconclusive, std::iter::once(machine.to_owned()).chain(fit()).collect());
    }
    if let Some(ahead) = both.clock_in_doubt_s {
        let levels = of_levels(Outcome::Disagrees);
        return (Outcome::Inconclusive, std::iter::once(doubt(ahead)).chain(levels).collect());
    }
    if active.legs == Some(Legs::Unclear) {
        return (Outcome::Inconclusive, fit().collect());
    }
    if both.contradicts() {
        let levels = of_levels(Outcome::Disagrees);
        let missing = both.connections_missing().map(str::to_owned);
        return (Outcome::Disagrees, levels.chain(missing).chain(fit()).collect());
    }
    if active.verdict == Outcome::Agrees {
        return (Outcome::Agrees, fit().collect());
    }
    if active.is_unwitnessed() {
        return (Outcome::Inconclusive, fit().collect());
    }
    let mut reasons: Vec<String> = of_levels(Outcome::Inconclusive).collect();
    if reasons.is_empty() {
        reasons.push("no level was held to its end, so that no period can be judged".into());
    }
    (Outcome::Inconclusive, reasons.into_iter().chain(fit()).collect())
}

/// Why nothing can be compared where this machine's clock was set in mid-run.
fn clock_set(run: &Run) -> Option<String> {
    let (level, by) = run.levels.iter().find_map(|level| Some((level, level.clock_set.as_ref()?)))?;
    Some(format!(
        "this machine's clock was set ({by}) while level {} was held, so that its times are no longer CloudWatch's",
        show_count(level.connections.into())
    ))
}

/// Why a contradiction is none, where another clock would explain it.
fn doubt(ahead_s: i64) -> String {
    let (by, way) = (ahead_s.abs(), if ahead_s > 0 { "ahead of" } else { "behind" });
    format!(
        "this machine's clock was not compared with AWS's, and if it was about {by} s {way} it, both sides agree; let \
         the clock be kept by NTP, and run again"
    )
}

/// What is remarkable beside the outcome, with its numbers, and never the outcome: what a misfit looks like, and the
/// totals.
fn notes(both: &Correlation) -> impl Iterator<Item = String> {
    let totals = [&both.new_connections, &both.requests, &both.processed_bytes];
    let totals = totals.into_iter().filter_map(|total| total.as_ref()?.note.clone());
    let active = &both.active;
    let shapes = [
        active.saturation.map(|saturation| saturation.sentence()),
        active.others.map(|others| others.sentence()),
    ];
    shapes.into_iter().flatten().chain(totals)
}

fn why_not_checked(run: &Run) -> String {
    match (&run.header.plan.cloudwatch, run.ended) {
        (None, _) => "CloudWatch was not asked (--no-aws)".into(),
        // Of a killed run it is not known.
        (_, Some(_)) if run.opened() == 0 => {
            "no connection was opened, so there is nothing to compare".into()
        }
        (_, None) => "the run was killed before CloudWatch was read; `albcap analyze` can still do it".into(),
        (_, Some((_, HowEnded::Interrupted))) => {
            "the run was interrupted before CloudWatch was read; `albcap analyze` can still do it".into()
        }
        (Some(plan), _) if plan.settle.is_zero() => {
            "CloudWatch was not waited for (--settle 0); `albcap analyze` reads it later".into()
        }
        (Some(_), _) => "CloudWatch could not be read after the load; `albcap analyze` asks again".into(),
    }
}
