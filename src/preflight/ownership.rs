//! Whether what is loaded is what is measured, and the user's own: asked where nobody else has shown it.

use std::net::IpAddr;

use super::private::is_private;
use super::wording::{info, pass, refuse, skip, warn};
use super::{Check, Forcing, Known};
use crate::facts::{Addresses, Finding, LoadBalancerAnswer, LoadBalancerFacts, same_dns_name};

const NAME: &str = "ownership";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

/// So many connections hurt nobody, whoever he is.
const HARMLESS: u32 = 50;

fn look(known: &Known<'_>) -> Finding {
    let facts = match known.load_balancer {
        LoadBalancerAnswer::Unavailable(_) => return skip(NAME, "the load balancer is not known"),
        LoadBalancerAnswer::Found(_) if known.plan.load_balancer.is_none() => {
            return pass(NAME, "found from the URL's host", "");
        }
        LoadBalancerAnswer::Found(facts) => Some(facts),
        LoadBalancerAnswer::NotAsked => None,
    };
    match (facts, known.addresses) {
        (Some(facts), _) if same_dns_name(&facts.dns_name, &known.plan.destination().host()) => {
            pass(NAME, "the ALB's own name", "")
        }
        (facts, None) => uncompared(known, facts.is_none(), "the target's addresses are not known"),
        (Some(facts), Some(addresses)) => compared(known, facts, addresses),
        (None, Some(addresses)) => alone(known, addresses),
    }
}

/// The load balancer was named: do its name and the target's lead to the same place?
fn compared(known: &Known<'_>, facts: &LoadBalancerFacts, addresses: &Addresses) -> Finding {
    let Addresses { target, load_balancer } = addresses;
    if load_balancer.is_empty() {
        let why = format!("the ALB's own name {} could not be resolved", facts.dns_name);
        return uncompared(known, false, &why);
    }
    if let Some(shared) = target.iter().find(|address| load_balancer.contains(address)) {
        return pass(NAME, format!("{shared} is the ALB's"), "");
    }
    let host = known.plan.destination().host();
    let found = "no address in common";
    let detail =
        format!("{host} shares no address with {}: what is loaded is not what is measured", facts.dns_name);
    let remedy = format!(
        "use the URL that leads to {name}, or --connect-to ::{name}:PORT; where a CDN or an accelerator of yours \
         stands in front of it, use --force {NAME}",
        name = facts.dns_name
    );
    if known.plan.schedule.largest() > HARMLESS {
        refuse(NAME, found, detail, remedy)
    } else {
        warn(NAME, found, detail, remedy)
    }
}

/// Nothing could be compared: no more than a few connections are opened to whom nobody knows.
fn uncompared(known: &Known<'_>, without_aws: bool, why: &str) -> Finding {
    if known.plan.schedule.largest() <= HARMLESS {
        return skip(NAME, why);
    }
    let unknown = match without_aws {
        true => "without AWS nothing shows that the target is yours",
        false => "nothing shows that what is loaded is what is measured",
    };
    refuse(
        NAME,
        "",
        format!("{why}, and {unknown}: more than {HARMLESS} connections are not opened to it"),
        format!(
            "try again when the name can be resolved, let the largest level be {HARMLESS}, or use --force {NAME} if it \
             is yours to load"
        ),
    )
}

/// Without AWS nothing shows whose the target is.
fn alone(known: &Known<'_>, addresses: &Addresses) -> Finding {
    let public: Vec<IpAddr> = addresses.target.iter().copied().filter(|a| !is_private(*a)).collect();
    let Some(first) = public.first() else { return pass(NAME, "a private address", "") };
    let largest = known.plan.schedule.largest();
    if largest <= HARMLESS {
        return info(NAME, format!("{first}, public"), "without AWS nothing shows that it is yours", "");
    }
    refuse(
        NAME,
        format!("{first}, public"),
        format!(
            "{first} is a public address, and without AWS nothing shows that it is yours: more than {HARMLESS} \
             connections are not opened to it"
        ),
        format!(
            "leave out --no-aws, let the largest level be {HARMLESS}, or use --force {NAME} if it is yours to load"
        ),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::examples::{Case, answer, case, denied, plan};
    use super::*;
    use crate::facts::Status;
    use crate::plan::{Plan, Schedule, TargetUrl};

    fn addresses(target: &[&str], load_balancer: &[&str]) -> Option<Addresses> {
        let parsed = |list: &[&str]| list.iter().map(|a| a.parse().unwrap()).collect();
        Some(Addresses { target: parsed(target), load_balancer: parsed(load_balancer) })
    }

    fn planned(host: &str, largest: u32, named: bool) -> Plan {
        let url: TargetUrl = format!("wss://{host}/").parse().unwrap();
        plan(|plan| {
            plan.url = url.shown();
            plan.schedule = Schedule::Levels(vec![largest].try_into().unwrap());
            plan.load_balancer = named.then(|| "prod-ws".parse().unwrap());
        })
    }

    #[test]
    fn a_named_load_balancer_and_the_target_must_meet() {
        let name = "dualstack.PROD-ws-1.us-east-1.elb.amazonaws.com.";
        let elsewhere = addresses(&["203.0.113.9"], &["203.0.113.1", "203.0.113.2"]);
        let nearby = addresses(&["203.0.113.2", "203.0.113.9"], &["203.0.113.1", "203.0.113.2"]);
        let unresolved = addresses(&["203.0.113.9"], &[]);
        for (host, largest, addresses, status, found) in [
            (name, 5_000, elsewhere.clone(), Status::Pass, "the ALB's own name"),
            (name, 5_000, None, Status::Pass, "the ALB's own name"),
            ("ws.example.com", 5_000, nearby, Status::Pass, "203.0.113.2 is the ALB's"),
            ("ws.example.com", 51, elsewhere.clone(), Status::Refuse, "no address in common"),
            ("ws.example.com", 50, elsewhere, Status::Warn, "no address in common"),
            ("ws.example.com", 51, unresolved.clone(), Status::Refuse, ""),
            ("ws.example.com", 50, unresolved, Status::Skip, ""),
            ("ws.example.com", 51, None, Status::Refuse, ""),
            ("ws.example.com", 50, None, Status::Skip, ""),
        ] {
            let case = Case { plan: planned(host, largest, true), addresses, ..case() };
            let finding = look(&case.known());
            assert_eq!((finding.status, finding.found.as_str()), (status, found), "{host} {largest}");
        }
    }

    #[test]
    fn one_that_was_found_by_the_host_is_the_hosts() {
        let elsewhere = addresses(&["203.0.113.9"], &[]);
        let case = Case { plan: planned("ws.example.com", 5_000, false), addresses: elsewhere, ..case() };
        assert_eq!(look(&case.known()).status, Status::Pass);
    }

    #[test]
    fn without_aws_strangers_are_spared() {
        for (target, largest, status) in [
            (&["127.0.0.1", "10.1.1.1", "fd00::1"][..], 1_000_000, Status::Pass),
            (&["10.1.1.1", "203.0.113.9"], 51, Status::Refuse),
            (&["2001:db8::1"], 51, Status::Refuse),
            (&["203.0.113.9"], 50, Status::Info),
        ] {
            let case = Case {
                plan: planned("ws.example.com", largest, true),
                addresses: addresses(target, &[]),
                load_balancer: LoadBalancerAnswer::NotAsked,
                ..case()
            };
            assert_eq!(look(&case.known()).status, status, "{target:?}");
        }
    }

    #[test]
    fn what_is_not_known_can_not_be_compared() {
        let unknown = LoadBalancerAnswer::Unavailable(denied());
        assert_eq!(look(&Case { load_balancer: unknown, ..case() }.known()).status, Status::Skip);
        for (largest, status) in [(50, Status::Skip), (51, Status::Refuse)] {
            let unresolved = Case {
                plan: planned("ws.example.com", largest, false),
                load_balancer: LoadBalancerAnswer::NotAsked,
                addresses: None,
                ..case()
            };
            let finding = look(&unresolved.known());
            assert_eq!(finding.status, status);
            assert!(status == Status::Skip || finding.remedy.contains("--force ownership"), "{finding:?}");
        }
    }

    #[test]
    fn a_refusal_names_both_sides_and_the_ways_out() {
        let case = Case {
            plan: planned("cdn.example.com", 1_000, true),
            addresses: addresses(&["203.0.113.9"], &["203.0.113.1"]),
            load_balancer: answer(|_| {}),
            ..case()
        };
        let finding = look(&case.known());
        assert_eq!(
            finding.detail,
            "cdn.example.com shares no address with prod-ws-1.us-east-1.elb.amazonaws.com: what is loaded is not what \
             is measured"
        );
        for part in ["--connect-to ::prod-ws-1", "--force ownership"] {
            assert!(finding.remedy.contains(part), "{finding:?}");
        }
    }
}
