//! Something answered, but it speaks no WebSocket there.

use super::status_source::status_of;
use super::{Case, Diagnosis};
use crate::judge::Failures;

fn explains(failure: &Failures) -> bool {
    matches!(status_of(failure), Some(200..=399 | 400 | 404 | 405 | 406 | 410 | 421 | 426))
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    Some(Diagnosis {
        cause: format!(
            "No WebSocket is served there: the upgrade was answered with {}.",
            concern.kinds()
        ),
        evidence: vec![concern.evidence()],
        remedy: "Check the URL's path and scheme, the listener rule that it meets, and that the target group speaks \
                 HTTP1."
            .into(),
        explains,
    })
}
