//! Targets left, and what was still open on them was cut when their deregistration delay ended (aws-facts.md §3).

use super::held::{addresses, at_one_instant, cut, instant, stretch, together};
use super::{Case, Diagnosis, hosts};
use crate::judge::Failures;
use crate::judge::wording::{plural, spoken};

fn explains(failure: &Failures) -> bool {
    cut(failure) && (at_one_instant(failure) || together(failure))
}

/// What shows that targets were leaving: elbv2's states before the load, or fewer healthy ones in mid-run with no more
/// unhealthy ones, as only deregistering makes (aws-facts.md §1).
fn leaving(case: &Case<'_>) -> Vec<String> {
    let facts = case.run.load_balancer();
    let states = facts.and_then(|balancer| balancer.targets_behind(case.port()));
    let draining = states.into_iter().flatten().filter(|(state, _)| state.ends_with("draining"));
    let draining: u32 = draining.map(|(_, count)| count).sum();
    let before =
        (draining > 0).then(|| format!("{} draining before the load", plural(u64::from(draining), "target")));
    let left: Vec<String> = hosts::of(case)
        .iter()
        .filter(|group| group.fewest_healthy < group.first_healthy && group.most_unhealthy == 0.0)
        .map(hosts::Hosts::healthy)
        .collect();
    let left = (!left.is_empty()).then(|| spoken(&left));
    before.into_iter().chain(left).collect()
}

/// Whether this rule explains such failures of the run.
pub(super) fn explains_in(case: &Case<'_>, failure: &Failures) -> bool {
    explains(failure) && !leaving(case).is_empty()
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(explains)?;
    let leaving = leaving(case);
    if leaving.is_empty() {
        return None;
    }
    let stretch = stretch(&concern)?;
    let count = plural(u64::from(concern.count), "connection");
    Some(Diagnosis {
        cause: format!("Targets were draining, and {count} still open on them were cut at one instant."),
        evidence: leaving
            .into_iter()
            .chain([concern.evidence(), instant(stretch)])
            .chain(addresses(&concern, case.levels))
            .collect(),
        remedy: "Let no deploy and no scaling in happen during a run, or raise deregistration_delay.timeout_seconds of \
                 the target group; an application that is told to leave should close its connections little by little."
            .into(),
        explains,
    })
}
