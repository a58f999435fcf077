//! The targets answered upgrades with an error: their own limit.

use super::status_source::{Source, is_trouble, metrics, source, status_of};
use super::{Case, Diagnosis};
use crate::judge::wording::plural;

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(is_trouble)?;
    let commonest = concern.groups.iter().max_by_key(|f| f.count)?;
    let status = status_of(commonest)?;
    if source(case, status, concern.count) != Some(Source::Target) {
        return None;
    }
    let upgrades = plural(u64::from(concern.count), "upgrade");
    let verb = if concern.count == 1 { "was" } else { "were" };
    Some(Diagnosis {
        cause: format!("The targets refused: {upgrades} {verb} answered {status} by them."),
        evidence: case
            .rose(metrics(status).1)
            .into_iter()
            .chain(std::iter::once(concern.evidence()))
            .collect(),
        remedy: "Raise the target's own connection limit or add targets, then run again.".into(),
        explains: is_trouble,
    })
}
