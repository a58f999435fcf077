//! What is checked before a single connection is opened. Pure: facts and plan in, [`Finding`]s out.
//!
//! A check is one file with a `CHECK` in it, and one line in `CHECKS`, whose order is the order of the output.
//! [`check`] makes all of them; [`refusals`] are those findings that forbid the run: of each, `detail` is the line of
//! cause and `remedy` the line of remedy.

mod capacity_reservation;
mod client_keep_alive;
mod clock;
mod conntrack;
mod cost;
mod file_descriptors;
mod growth;
mod idle_timeout;
mod listener;
mod load_balancer;
mod memory;
mod metrics;
mod ownership;
mod period;
mod permissions;
mod ports;
mod private;
mod source_ip;
mod targets;
mod traffic;
mod url;
mod wording;

pub use clock::clock_was_set;
pub use idle_timeout::idle_timeout_changed;
pub use traffic::{blind_brake, rules_in_force};

use crate::facts::{
    Addresses, Facts, Families, Finding, LoadBalancerAnswer, LoadBalancerFacts, MachineFacts, MetricsAnswer,
    Status, TargetAddresses,
};
use crate::plan::Plan;
use crate::prices::Prices;

/// Every check, in the order in which they are shown.
const CHECKS: [&Check; 20] = [
    &url::CHECK,
    &load_balancer::CHECK,
    &ownership::CHECK,
    &listener::CHECK,
    &targets::CHECK,
    &capacity_reservation::CHECK,
    &growth::CHECK,
    &idle_timeout::CHECK,
    &client_keep_alive::CHECK,
    &permissions::CHECK,
    &metrics::CHECK,
    &traffic::CHECK,
    &file_descriptors::CHECK,
    &memory::CHECK,
    &source_ip::CHECK,
    &ports::CHECK,
    &conntrack::CHECK,
    &clock::CHECK,
    &period::CHECK,
    &cost::CHECK,
];

/// The checks' names, as `--force` takes them.
pub const NAMES: [&str; CHECKS.len()] = {
    let mut names = [""; CHECKS.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = CHECKS[i].name;
        i += 1;
    }
    names
};

/// One check.
struct Check {
    /// Its name, as in [`Finding::check`].
    name: &'static str,
    /// What `--force` can do about its refusal.
    forcing: Forcing,
    /// The check itself.
    look: fn(&Known<'_>) -> Finding,
}

/// What `--force` can do about a check's refusal: nothing gets past a plan that is impossible.
enum Forcing {
    Allowed,
    Never,
    /// Only where something was found that one may disagree with.
    IfFound,
}

/// All that a check may look at.
struct Known<'a> {
    plan: &'a Plan,
    machine: &'a MachineFacts,
    target: Option<TargetAddresses>,
    addresses: Option<&'a Addresses>,
    clock_offset_s: Option<f64>,
    prices: &'a Prices,
    load_balancer: &'a LoadBalancerAnswer,
    metrics: &'a MetricsAnswer,
    beside: BesidePlan,
}

/// What a run does that is no part of its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BesidePlan {
    /// Whether the clients show a certificate (mutual TLS).
    pub client_certificate: bool,
    /// Custom metrics that it publishes.
    pub metrics_published: u64,
}

/// Makes every check.
pub fn check(
    plan: &Plan,
    facts: &Facts,
    load_balancer: &LoadBalancerAnswer,
    metrics: &MetricsAnswer,
    beside: BesidePlan,
) -> Vec<Finding> {
    let known = Known {
        plan,
        machine: &facts.machine,
        target: facts.target,
        addresses: facts.addresses.as_ref(),
        clock_offset_s: facts.clock_offset_s,
        prices: &facts.prices,
        load_balancer,
        metrics,
        beside,
    };
    CHECKS.iter().map(|check| (check.look)(&known)).collect()
}

/// The findings that forbid the run, `forced` ones left out where forcing is possible.
pub fn refusals<'a>(findings: &'a [Finding], forced: &[String]) -> Vec<&'a Finding> {
    let forbids = |finding: &&Finding| {
        finding.status == Status::Refuse && !(forced.contains(&finding.check) && can_be_forced(finding))
    };
    findings.iter().filter(forbids).collect()
}

/// The refusals that `forced` goes past.
pub fn passed_by_force<'a>(findings: &'a [Finding], forced: &[String]) -> Vec<&'a Finding> {
    let stands = refusals(findings, forced);
    let refused = findings.iter().filter(|finding| finding.status == Status::Refuse);
    refused.filter(|finding| !stands.contains(finding)).collect()
}

fn can_be_forced(finding: &Finding) -> bool {
    match CHECKS.iter().find(|check| check.name == finding.check) {
        None => false,
        Some(check) => match check.forcing {
            Forcing::Allowed => true,
            Forcing::Never => false,
            Forcing::IfFound => !finding.found.is_empty(),
        },
    }
}

impl Known<'_> {
    /// The load balancer's facts, or why a check that needs them is left out.
    fn load_balancer_or_skip(&self, check: &'static str) -> Result<&LoadBalancerFacts, Finding> {
        match self.load_balancer {
            LoadBalancerAnswer::Found(facts) => Ok(facts),
            LoadBalancerAnswer::NotAsked => Err(wording::skip(check, "not asked for: --no-aws")),
            LoadBalancerAnswer::Unavailable(_) => Err(wording::skip(check, "the load balancer is not known")),
        }
    }

    /// The families of addresses in which this machine has a way to the target; both, where that was not looked at.
    fn families(&self) -> Families {
        self.machine.families.unwrap_or(Families::BOTH)
    }

    /// Why what an elbv2 operation tells is not known.
    fn unread(&self, operation: &str) -> String {
        let facts = self.load_balancer.facts();
        let unread = facts.and_then(|facts| {
            facts.details.unread.iter().find(|unread| unread.action.ends_with(&format!(":{operation}")))
        });
        let action = format!("elasticloadbalancing:{operation}");
        unread.map_or_else(|| format!("{action} was not asked"), |unread| unread.why.cause.clone())
    }
}

#[cfg(test)]
mod examples;

#[cfg(test)]
mod tests {
    use super::examples::{Case, answer, case, denied, machine, plan, quiet, target};
    use super::*;

    /// Every check, where CloudWatch can be read.
    fn check(
        plan: &Plan,
        machine: &MachineFacts,
        target: Option<TargetAddresses>,
        load_balancer: &LoadBalancerAnswer,
    ) -> Vec<Finding> {
        let facts = Facts {
            load_balancer: load_balancer.facts().cloned(),
            machine: machine.clone(),
            target,
            addresses: case().addresses,
            // AWS's answers tell the time.
            clock_offset_s: load_balancer.facts().map(|_| 0.0),
            ..Facts::default()
        };
        super::check(plan, &facts, load_balancer, &quiet(), BesidePlan::default())
    }

    #[test]
    fn every_check_finds_under_its_own_name_in_order() {
        for answer in
            [LoadBalancerAnswer::NotAsked, LoadBalancerAnswer::Unavailable(denied()), answer(|_| {})]
        {
            let findings = check(&plan(|_| {}), &machine(), target(), &answer);
            let names: Vec<&str> = findings.iter().map(|f| f.check.as_str()).collect();
            assert_eq!(names, NAMES);
        }
    }

    #[test]
    fn a_sound_plan_is_not_refused() {
        let findings = check(&plan(|_| {}), &machine(), target(), &answer(|_| {}));
        assert!(findings.iter().all(|f| f.status < Status::Skip), "{findings:#?}");
        assert!(refusals(&findings, &[]).is_empty());
    }

    #[test]
    fn without_aws_nothing_of_it_is_checked_or_refused() {
        let plan = plan(|plan| plan.cloudwatch = None);
        let findings = check(&plan, &machine(), target(), &LoadBalancerAnswer::NotAsked);
        let skipped: Vec<&str> =
            findings.iter().filter(|f| f.status == Status::Skip).map(|f| f.check.as_str()).collect();
        assert_eq!(
            skipped,
            [
                "load_balancer",
                "listener",
                "targets",
                "capacity_reservation",
                "growth",
                "idle_timeout",
                "client_keep_alive",
                "permissions",
                "metrics",
                "traffic",
                "clock",
                "period",
                "cost"
            ]
        );
        assert!(refusals(&findings, &[]).is_empty());
    }

    #[test]
    fn an_unknown_load_balancer_refuses_once_and_cannot_be_forced() {
        let answer = LoadBalancerAnswer::Unavailable(denied());
        let findings = check(&plan(|_| {}), &machine(), target(), &answer);
        let names = NAMES.map(str::to_owned);
        for forced in [&names[..], &[]] {
            let refused = refusals(&findings, forced);
            assert_eq!(refused.len(), 1, "{refused:?}");
            assert_eq!(refused[0].check, "load_balancer");
        }
    }

    #[test]
    fn what_can_be_forced_and_what_not() {
        let forcing = |check: &str, findings: &[Finding]| {
            refusals(findings, &[check.to_owned()]).iter().any(|finding| finding.check == check)
        };
        let slow = plan(|plan| plan.heartbeat.interval = std::time::Duration::from_secs(60));
        let findings = check(&slow, &machine(), target(), &answer(|_| {}));
        assert_eq!(refusals(&findings, &[]).len(), 1);
        assert!(!forcing("idle_timeout", &findings));

        let building = answer(|lb| lb.state = "provisioning".to_owned());
        assert!(!forcing("load_balancer", &check(&plan(|_| {}), &machine(), target(), &building)));

        let small = MachineFacts { descriptors: Some(100), ..machine() };
        let findings = check(&plan(|_| {}), &small, target(), &answer(|_| {}));
        assert!(forcing("file_descriptors", &findings));
    }

    #[test]
    fn what_force_goes_past_is_told() {
        let slow = plan(|plan| plan.heartbeat.interval = std::time::Duration::from_secs(60));
        let small = MachineFacts { descriptors: Some(100), ..machine() };
        let findings = check(&slow, &small, target(), &answer(|_| {}));
        let forced = ["idle_timeout", "file_descriptors", "url"].map(str::to_owned);
        let passed: Vec<&str> =
            passed_by_force(&findings, &forced).iter().map(|finding| finding.check.as_str()).collect();
        assert_eq!(passed, ["idle_timeout"], "the impossible is not passed, and what passes needs no force");
        assert!(passed_by_force(&findings, &[]).is_empty());
    }

    #[test]
    fn a_refusal_of_a_check_that_is_not_known_stands() {
        let newer = wording::refuse("moon_phase", "full", "it is full", "wait");
        assert_eq!(refusals(std::slice::from_ref(&newer), &["moon_phase".to_owned()]), [&newer]);
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        let hopeless = Case {
            plan: plan(|plan| plan.heartbeat.interval = std::time::Duration::from_secs(90)),
            machine: MachineFacts { descriptors: Some(10), ..machine() },
            target: target(),
            load_balancer: answer(|lb| lb.state = "failed".to_owned()),
            metrics: MetricsAnswer::Denied(denied()),
            ..case()
        };
        let known = hopeless.known();
        let findings: Vec<Finding> = CHECKS.iter().map(|check| (check.look)(&known)).collect();
        let refused = refusals(&findings, &[]);
        assert_eq!(refused.len(), 4, "{refused:#?}");
        for finding in refused {
            assert!(!finding.detail.is_empty(), "{finding:?}");
            assert!(finding.remedy.ends_with("; nothing was opened"), "{finding:?}");
        }
    }
}
