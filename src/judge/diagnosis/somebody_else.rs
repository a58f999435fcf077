//! Somebody else's connections came or went while ours were counted.

use super::{Case, Diagnosis, no_failures};

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let others = case.correlation?.active.others?;
    Some(Diagnosis {
        cause: "Somebody else's connections came or went during the run: a test at the same time, or a burst of other \
                traffic."
            .into(),
        evidence: vec![others.sentence()],
        remedy: "Agree on a time with whoever else tests this load balancer, and run again; the levels in between say \
                 nothing about the load balancer's count."
            .into(),
        explains: no_failures,
    })
}
