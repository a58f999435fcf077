//! Connections that got no token.

use super::{Case, Diagnosis};
use crate::judge::Failures;
use crate::judge::wording::plural;
use crate::record::Phase;

fn explains(failure: &Failures) -> bool {
    failure.phase == Phase::Token
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    Some(Diagnosis {
        cause: format!(
            "{} had no token and {} not attempted: this says nothing about the load balancer.",
            plural(u64::from(concern.count), "connection"),
            if concern.count == 1 { "was" } else { "were" },
        ),
        evidence: std::iter::once(concern.evidence()).chain(concern.example()).collect(),
        remedy: "Try the source of the tokens by hand for as many as a level has connections; --token-timeout gives it \
                 more time."
            .into(),
        explains,
    })
}
