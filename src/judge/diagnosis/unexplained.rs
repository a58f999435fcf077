//! What no rule explains is said to be unexplained.

use std::collections::BTreeMap;

use super::{Case, Diagnosis, rejected_by_load_balancer};
use crate::judge::Failures;

/// The failures that matter and that nothing explains.
pub(super) fn rest(case: &Case<'_>, explained: impl Fn(&Failures) -> bool) -> Option<Diagnosis> {
    let concern = case.concern(|failure| !explained(failure))?;
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for group in &concern.groups {
        *counts.entry(format!("{:?} {}", group.phase, group.kind).to_lowercase()).or_default() += group.count;
    }
    let mut sorts: Vec<(String, u32)> = counts.into_iter().collect();
    sorts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let sorts: Vec<String> = sorts.into_iter().map(|(sort, count)| format!("{count} x {sort}")).collect();
    Some(Diagnosis {
        cause: format!("Connections failed for a reason that the numbers do not show ({}).", concern.kinds()),
        evidence: [concern.evidence(), sorts.join(", ")]
            .into_iter()
            .chain(concern.example())
            .chain(rejected_by_load_balancer::evidence(case, &concern))
            .collect(),
        remedy: "Compare the times in the record with the logs of the load balancer and of the targets."
            .into(),
        explains: |_| true,
    })
}
