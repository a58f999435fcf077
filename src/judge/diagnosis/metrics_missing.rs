//! CloudWatch says nothing about a hold: aws-facts.md §0.7; or it was in trouble, and did not complete what it was asked.

use super::{Case, Diagnosis, no_failures};
use crate::facts::metric::ACTIVE_CONNECTIONS;
use crate::judge::wording::{plural, show_count, spoken};

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let levels = &case.correlation?.active.levels;
    let silent: Vec<_> = levels.iter().filter(|level| level.missing > 0).collect();
    if silent.is_empty() {
        return None;
    }
    let missing: usize = silent.iter().map(|level| level.missing).sum();
    let periods: usize = silent.iter().map(|level| level.missing + level.periods.len()).sum();
    let names: Vec<String> = silent.iter().map(|level| show_count(u64::from(level.connections))).collect();
    let noun = if names.len() == 1 { "level" } else { "levels" };
    let evidence = vec![format!(
        "{missing} of {} missing in the hold of {noun} {}",
        plural(periods as u64, "whole period"),
        spoken(&names)
    )];
    // A metric that had no point is there, empty; one that could not be read is not there.
    if case.run.series.as_ref().is_some_and(|series| !series.metrics.contains_key(ACTIVE_CONNECTIONS)) {
        return Some(Diagnosis {
            cause: "CloudWatch answered, but without ActiveConnectionCount, which could not be read.".into(),
            evidence,
            remedy: "CloudWatch itself was in trouble: let `albcap analyze` read it again later.".into(),
            explains: no_failures,
        });
    }
    Some(Diagnosis {
        cause: "CloudWatch has no ActiveConnectionCount for a time in which connections were held; that is unknown, \
                not zero."
            .into(),
        evidence,
        remedy: "An ALB sends its metrics while requests flow, and heartbeats may not count as such: let a plain HTTP \
                 request every few seconds run beside the hold, and measure again."
            .into(),
        explains: no_failures,
    })
}
