//! Held connections ended together, and had been opened together: at one instant or at one age, who knows.

use super::held::{addresses, instant, stretch, together};
use super::{Case, Diagnosis, client_keep_alive, draining};
use crate::judge::Failures;
use crate::judge::wording::{plural, span};

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let is_told = |failure: &Failures| {
        draining::explains_in(case, failure) || client_keep_alive::explains_in(case, failure)
    };
    let concern = case.concern(|failure| together(failure) && !is_told(failure))?;
    let stretch = stretch(&concern)?;
    let count = plural(u64::from(concern.count), "held connection");
    Some(Diagnosis {
        cause: format!(
            "{count} ended together ({}), at one instant that was also one age, since they had been opened together.",
            concern.kinds()
        ),
        evidence: [
            concern.evidence(),
            instant(stretch),
            format!("at ages of {}, after a silence of {}", span(stretch.ages), span(stretch.silences)),
        ]
        .into_iter()
        .chain(addresses(&concern, case.levels))
        .chain(concern.example())
        .collect(),
        remedy: "Open them over some seconds with --rate, which tells: at one age it is the application that misses its \
                 own heartbeat (--protocol, --reply) or a timeout (--heartbeat), at one instant a deploy or a node \
                 that went."
            .into(),
        explains: together,
    })
}
