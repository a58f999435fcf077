//! Something answered, but it speaks no WebSocket there.

use super::status_source::status_of;
use super::{Case, Diagnosis};
use crate::judge::Failures;

/// A 400 may mean anything (a parameter, a header, an expired session): only where its answer speaks of the upgrade is it
/// taken for this.
fn explains(failure: &Failures) -> bool {
    match status_of(failure) {
        Some(400) => speaks_of_upgrades(&failure.example),
        Some(200..=399 | 404 | 405 | 406 | 410 | 421 | 426) => true,
        _ => false,
    }
}

fn speaks_of_upgrades(answer: &str) -> bool {
    let answer = answer.to_ascii_lowercase();
    ["websocket", "upgrade"].iter().any(|word| answer.contains(word))
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    Some(Diagnosis {
        cause: format!(
            "No WebSocket is served there: the upgrade was answered with {}.",
            concern.kinds()
        ),
        evidence: std::iter::once(concern.evidence()).chain(concern.example()).collect(),
        remedy: "Check the URL's path and scheme, the listener rule that it meets, and that the target group speaks \
                 HTTP1."
            .into(),
        explains,
    })
}
