//! What no rule explains is said to be unexplained.

use super::{Case, Diagnosis};
use crate::judge::Failures;

/// The failures that matter and that nothing explains.
pub(super) fn rest(case: &Case<'_>, explained: impl Fn(&Failures) -> bool) -> Option<Diagnosis> {
    let concern = case.concern(|failure| !explained(failure))?;
    let sorts: Vec<String> = concern
        .groups
        .iter()
        .map(|group| format!("{} x {:?} {}", group.count, group.phase, group.kind).to_lowercase())
        .collect();
    Some(Diagnosis {
        cause: format!("Connections failed for a reason that the numbers do not show ({}).", concern.kinds()),
        evidence: [concern.evidence(), sorts.join(", ")].into_iter().chain(concern.example()).collect(),
        remedy: "Compare the times in the record with the logs of the load balancer and of the targets."
            .into(),
        explains: |_| true,
    })
}
