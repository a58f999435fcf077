//! The targets answered upgrades with an error: their own limit.

use super::status_source::{Source, concern, is_trouble, metrics, status_of};
use super::{Case, Diagnosis};
use crate::judge::wording::plural;

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = concern(case, Some(Source::Target))?;
    let commonest = concern.groups.iter().max_by_key(|f| f.count)?;
    let status = status_of(commonest)?;
    let upgrades = plural(u64::from(concern.count), "upgrade");
    let verb = if concern.count == 1 { "was" } else { "were" };
    let metric = metrics(status).1;
    Some(Diagnosis {
        cause: format!("The targets refused: {upgrades} {verb} answered {status} by them."),
        evidence: case
            .rose(metric)
            .into_iter()
            .chain(case.in_target_groups(metric))
            .chain([concern.evidence()])
            .collect(),
        remedy: "Raise the target's own connection limit or add targets, then run again.".into(),
        explains: is_trouble,
    })
}
