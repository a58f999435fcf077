//! Whether the load balancer is known, and ready to take connections.

use super::wording::{pass, refuse, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, LoadBalancerAnswer, LoadBalancerFacts};

const NAME: &str = "load_balancer";

pub(super) const CHECK: Check = Check {
    name: NAME,
    // Without facts there is no dimension to ask CloudWatch for.
    forcing: Forcing::IfFound,
    look,
};

fn look(known: &Known<'_>) -> Finding {
    match known.load_balancer {
        LoadBalancerAnswer::NotAsked => skip(NAME, "not asked for: --no-aws"),
        LoadBalancerAnswer::Unavailable(why) => refuse(NAME, "", &why.cause, &why.remedy),
        LoadBalancerAnswer::Found(facts) => by_state(facts),
    }
}

/// The states of aws-facts.md §5.
fn by_state(facts: &LoadBalancerFacts) -> Finding {
    let state = facts.state.as_str();
    let found = match facts.zones.len() {
        1 => format!("application, {state}, 1 zone"),
        zones => format!("application, {state}, {zones} zones"),
    };
    let name = facts.arn.dimension();
    match state {
        "active" => pass(NAME, found, name),
        "active_impaired" => warn(
            NAME,
            found,
            format!("{name} serves, but lacks the resources that it needs to scale"),
            "free addresses in its subnets (8 a subnet at least), or expect a lower limit than it could have",
        ),
        "provisioning" => refuse(
            NAME,
            found,
            format!("{name} is still being provisioned"),
            "wait until its state is active",
        ),
        "failed" => refuse(
            NAME,
            found,
            format!("{name} could not be set up: its state is failed"),
            "create it anew, or name another with --load-balancer",
        ),
        _ => warn(
            NAME,
            found,
            format!("{name} is in a state that albcap does not know"),
            "see what the AWS console says about it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Case, answer, case, denied};
    use super::*;
    use crate::facts::Status;

    fn look_at(load_balancer: LoadBalancerAnswer) -> Finding {
        look(&Case { load_balancer, ..case() }.known())
    }

    #[test]
    fn states_and_what_they_mean() {
        for (state, status) in [
            ("active", Status::Pass),
            ("active_impaired", Status::Warn),
            ("provisioning", Status::Refuse),
            ("failed", Status::Refuse),
            ("dreaming", Status::Warn),
        ] {
            let finding = look_at(answer(|lb| lb.state = state.to_owned()));
            assert_eq!(finding.status, status, "{state}");
            assert_eq!(finding.found, format!("application, {state}, 3 zones"));
            assert!(finding.detail.contains("app/prod-ws/50dc6c495c0c9188"));
        }
        let one = look_at(answer(|lb| lb.zones.truncate(1)));
        assert_eq!(one.found, "application, active, 1 zone");
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_cause() {
        let finding = look_at(LoadBalancerAnswer::Unavailable(denied()));
        assert_eq!(finding.status, Status::Refuse);
        assert_eq!(finding.detail, denied().cause);
        assert!(finding.remedy.contains("--no-aws"));
        assert_eq!(finding.found, "");
        assert_eq!(look_at(LoadBalancerAnswer::NotAsked).status, Status::Skip);
    }
}
