//! The targets answered upgrades with an error: their own limit.

use std::collections::BTreeSet;

use super::status_source::{Source, concern, is_trouble, metrics, statuses};
use super::{Case, Diagnosis};
use crate::judge::wording::{plural, spoken};

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = concern(case, Some(Source::Target))?;
    let statuses = statuses(&concern);
    let answers = spoken(&statuses.iter().map(u16::to_string).collect::<Vec<_>>());
    let upgrades = plural(u64::from(concern.count), "upgrade");
    let verb = if concern.count == 1 { "was" } else { "were" };
    let counted: BTreeSet<&str> = statuses.into_iter().map(|status| metrics(status).1).collect();
    let counts = counted.into_iter().flat_map(|metric| [case.rose(metric), case.in_target_groups(metric)]);
    Some(Diagnosis {
        cause: format!("The targets refused: {upgrades} {verb} answered {answers} by them."),
        evidence: counts.flatten().chain([concern.evidence()]).collect(),
        remedy: "Raise the target's own connection limit or add targets, then run again.".into(),
        explains: is_trouble,
    })
}
