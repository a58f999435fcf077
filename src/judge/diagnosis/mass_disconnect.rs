//! Held connections of every age ended at one instant: a deploy, or a node that went.

use super::held::{addresses, at_one_instant, instant, stretch};
use super::{Case, Diagnosis, draining};
use crate::judge::wording::{plural, span};

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(|failure| at_one_instant(failure) && !draining::explains_in(case, failure))?;
    let stretch = stretch(&concern)?;
    let count = plural(u64::from(concern.count), "held connection");
    Some(Diagnosis {
        cause: format!("A mass disconnect: {count} ended at one instant ({}).", concern.kinds()),
        evidence: [concern.evidence(), instant(stretch), format!("at ages of {}", span(stretch.ages))]
            .into_iter()
            .chain(addresses(&concern, case.levels))
            .chain(concern.example())
            .collect(),
        remedy: "Look what happened at that time: a deploy or restart of the targets, a target that crashed or was \
                 scaled in, or a node of the load balancer that went; and let clients come back with a random delay."
            .into(),
        explains: at_one_instant,
    })
}
