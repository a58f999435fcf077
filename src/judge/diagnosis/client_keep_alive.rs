//! Held connections were cut at the age of the load balancer's client_keep_alive. Whether that ends upgraded connections
//! is not documented (aws-facts.md §3): it is said to fit, and how to find out.

use std::time::Duration;

use super::held::{at_one_age, cut, stretch, together};
use super::{Case, Diagnosis, draining};
use crate::judge::Failures;
use crate::judge::wording::{plural, show_duration, span};

/// How far from it the age may lie: ours counts from the attempt, the load balancer's from the TCP connection, and how
/// promptly it looks is not documented. For short ones a tenth.
const TOLERANCE: Duration = Duration::from_secs(5);

/// A load balancer sends no close frame.
fn may_be(failure: &Failures) -> bool {
    cut(failure) && (at_one_age(failure) || together(failure))
}

/// The load balancer's client_keep_alive, where such failures of the run fit it.
fn fits(case: &Case<'_>, failure: &Failures) -> Option<Duration> {
    let keep_alive = case.run.load_balancer()?.client_keep_alive?;
    let (least, greatest) = failure.pattern.stretch()?.ages;
    let tolerance = TOLERANCE.min(keep_alive / 10);
    let near = |age: Duration| age.abs_diff(keep_alive) <= tolerance;
    (may_be(failure) && near(least) && near(greatest)).then_some(keep_alive)
}

/// Whether this rule explains such failures of the run: that targets left is measured, and not only fitting.
pub(super) fn explains_in(case: &Case<'_>, failure: &Failures) -> bool {
    fits(case, failure).is_some() && !draining::explains_in(case, failure)
}

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern(|failure| explains_in(case, failure))?;
    let keep_alive = show_duration(concern.groups.iter().find_map(|group| fits(case, group))?);
    let ages = span(stretch(&concern)?.ages);
    let count = plural(u64::from(concern.count), "held connection");
    Some(Diagnosis {
        cause: format!(
            "{count} ended at the age of the load balancer's client_keep_alive of {keep_alive} ({}), which may have \
             cut them.",
            concern.kinds()
        ),
        evidence: vec![
            concern.evidence(),
            format!("at ages of {ages}, and without a close frame, as a load balancer would"),
            "whether client_keep_alive ends upgraded connections is not documented".to_owned(),
        ],
        remedy: "Change client_keep_alive.seconds of the load balancer and run again: if they live as long as that, it \
                 was this, and clients must come back by themselves; if not, the application has a maximum age, or \
                 misses its own heartbeat (--protocol, --reply)."
            .into(),
        explains: may_be,
    })
}
