//! Why it went as it did: a file a rule, each `fn(&Case) -> Option<Diagnosis>`, and one line in [`RULES`].
//!
//! [`Case`] is what a rule may look at; `matter` decides which failures are worth a word. What no rule explains is
//! said to be unexplained.

mod authentication;
mod case;
mod closed_by_application;
mod connect_unanswered;
mod dns;
mod http_from_load_balancer;
mod http_from_target;
mod http_of_unknown_source;
mod idle_timeout;
mod machine;
mod machine_too_slow;
mod matter;
mod metrics_missing;
mod nobody_listens;
mod not_a_websocket;
mod not_ready;
mod pong_timeout;
mod rejected_by_load_balancer;
mod saturation;
mod somebody_else;
mod status_source;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;
mod uneven_zones;
mod unexplained;
mod upgrade_unanswered;

pub(super) use case::Case;

use super::Failures;

/// A cause, with what speaks for it and what to do about it.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// A whole sentence.
    pub cause: String,
    /// Facts with their numbers, from both sides where both have one.
    pub evidence: Vec<String>,
    /// What to do; a whole sentence.
    pub remedy: String,
    /// The failures that it explains.
    explains: fn(&Failures) -> bool,
}

type Rule = fn(&Case<'_>) -> Option<Diagnosis>;

/// All rules, in the order in which they are told: what invalidates a run comes first.
const RULES: [Rule; 22] = [
    machine::rule,
    machine_too_slow::rule,
    tokens::rule,
    dns::rule,
    nobody_listens::rule,
    connect_unanswered::rule,
    tls::rule,
    rejected_by_load_balancer::rule,
    authentication::rule,
    not_a_websocket::rule,
    http_from_load_balancer::rule,
    http_from_target::rule,
    http_of_unknown_source::rule,
    upgrade_unanswered::rule,
    not_ready::rule,
    idle_timeout::rule,
    pong_timeout::rule,
    closed_by_application::rule,
    metrics_missing::rule,
    saturation::rule,
    somebody_else::rule,
    uneven_zones::rule,
];

/// Lets every rule look at the case.
pub(super) fn diagnose(case: &Case<'_>) -> Vec<Diagnosis> {
    let mut found: Vec<Diagnosis> = RULES.iter().filter_map(|rule| rule(case)).collect();
    let explained = |failure: &Failures| found.iter().any(|d| (d.explains)(failure));
    let unexplained = unexplained::rest(case, explained);
    found.extend(unexplained);
    found
}

/// For a rule that explains no failures.
fn no_failures(_: &Failures) -> bool {
    false
}
