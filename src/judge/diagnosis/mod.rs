//! Why it went as it did: a file a rule, each `fn(&Case) -> Option<Diagnosis>`, and one line in [`RULES`].
//!
//! [`Case`] is what a rule may look at; `matter` decides which failures are worth a word. What no rule explains is
//! said to be unexplained.

mod against_protocol;
mod application_heartbeat;
mod authentication;
mod case;
mod client_keep_alive;
mod closed_by_application;
mod connect_unanswered;
mod dns;
mod draining;
mod ended_together;
mod held;
mod hosts;
mod http_from_load_balancer;
mod http_from_target;
mod http_of_unknown_source;
mod idle_elsewhere;
mod idle_timeout;
mod load_balancers_answer;
mod machine;
mod machine_too_slow;
mod mass_disconnect;
mod matter;
mod metrics_missing;
mod nat_ports;
mod no_usable_target;
mod nobody_listens;
mod not_a_websocket;
mod not_ready;
mod pong_timeout;
mod rejected_by_load_balancer;
mod saturation;
mod somebody_else;
mod status_source;
mod target_refused;
mod target_slow;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;
mod uneven_zones;
mod unexplained;
mod upgrade_unanswered;
mod web_acl;

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
const RULES: &[Rule] = &[
    machine::rule,
    machine_too_slow::rule,
    tokens::rule,
    dns::rule,
    nobody_listens::rule,
    nat_ports::rule,
    connect_unanswered::rule,
    tls::rule,
    rejected_by_load_balancer::rule,
    web_acl::rule,
    authentication::rule,
    not_a_websocket::rule,
    no_usable_target::rule,
    target_refused::rule,
    target_slow::rule,
    http_from_load_balancer::rule,
    http_from_target::rule,
    http_of_unknown_source::rule,
    upgrade_unanswered::rule,
    not_ready::rule,
    against_protocol::rule,
    idle_timeout::rule,
    idle_elsewhere::rule,
    pong_timeout::rule,
    draining::rule,
    mass_disconnect::rule,
    client_keep_alive::rule,
    application_heartbeat::rule,
    ended_together::rule,
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
