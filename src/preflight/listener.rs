//! Whether the load balancer listens where the URL leads.

use super::wording::{listed, pass, refuse, skip};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, ListenerFacts};
use crate::plan::TargetUrl;

const NAME: &str = "listener";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

fn look(known: &Known<'_>) -> Finding {
    let facts = match known.load_balancer_or_skip(NAME) {
        Ok(facts) => facts,
        Err(skipped) => return skipped,
    };
    let Some(listeners) = &facts.details.listeners else {
        return skip(NAME, known.unread("DescribeListeners"));
    };
    let Ok(url) = known.plan.url.as_str().parse::<TargetUrl>() else {
        return skip(NAME, "the URL can't be read back");
    };
    let port = known.plan.destination().port();
    let (scheme, wanted) = if url.is_tls() { ("wss", "HTTPS") } else { ("ws", "HTTP") };
    let Some(listener) = listener_of(known) else {
        let there = listed(listeners.iter().map(shown));
        return refuse(
            NAME,
            there.clone(),
            format!("the ALB has no listener on port {port}: {there}"),
            "give the URL the port of a listener, or add one",
        );
    };
    let found = shown(listener);
    if listener.is_tls() != url.is_tls() {
        let other = if url.is_tls() { "ws" } else { "wss" };
        return refuse(
            NAME,
            found,
            format!("{scheme}:// needs an {wanted} listener, and port {port} speaks {}", listener.protocol),
            format!("use {other}://, or the port of an {wanted} listener"),
        );
    }
    if listener.wants_certificate() && !known.beside.client_certificate {
        return refuse(
            NAME,
            format!("{found}, mutual TLS"),
            format!("the listener on port {port} turns away clients that show no certificate (mutual TLS)"),
            "give the client's certificate with --cert and --key",
        );
    }
    let mutual = if listener.wants_certificate() { ", mutual TLS" } else { "" };
    pass(NAME, format!("{found}{mutual}"), "")
}

/// The listener on the port that is connected to, where it is known.
pub(super) fn listener_of<'a>(known: &Known<'a>) -> Option<&'a ListenerFacts> {
    let port = known.plan.destination().port();
    let facts = known.load_balancer.facts()?;
    facts.details.listeners.as_ref()?.iter().find(|listener| listener.port == port)
}

fn shown(listener: &ListenerFacts) -> String {
    format!("{}, port {}", listener.protocol, listener.port)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::BesidePlan;
    use super::super::examples::{Case, answer, case, plan, unread};
    use super::*;
    use crate::facts::{LoadBalancerAnswer, Status};

    fn listener(port: u16, protocol: &str, mutual_tls: Option<&str>) -> ListenerFacts {
        let mutual_tls = mutual_tls.map(str::to_owned);
        ListenerFacts { port, protocol: protocol.to_owned(), mutual_tls, forwards_to: None }
    }

    fn look_at(url: &str, listeners: Vec<ListenerFacts>, client_certificate: bool) -> Finding {
        let shown = url.parse::<TargetUrl>().unwrap().shown();
        let case = Case {
            plan: plan(|plan| plan.url = shown),
            load_balancer: answer(|lb| lb.details.listeners = Some(listeners)),
            beside: BesidePlan { client_certificate, ..BesidePlan::default() },
            ..case()
        };
        look(&case.known())
    }

    #[test]
    fn port_scheme_and_certificate() {
        let both = || vec![listener(80, "HTTP", None), listener(443, "HTTPS", Some("off"))];
        let mutual = |mode| vec![listener(443, "HTTPS", Some(mode))];
        for (url, listeners, certificate, status, found) in [
            ("wss://h/", both(), false, Status::Pass, "HTTPS, port 443"),
            ("ws://h/", both(), false, Status::Pass, "HTTP, port 80"),
            ("ws://h:443/", both(), false, Status::Refuse, "HTTPS, port 443"),
            ("wss://h:80/", both(), false, Status::Refuse, "HTTP, port 80"),
            ("wss://h:8443/", both(), false, Status::Refuse, "HTTP, port 80; HTTPS, port 443"),
            ("wss://h/", vec![], false, Status::Refuse, "none"),
            ("wss://h/", mutual("verify"), false, Status::Refuse, "HTTPS, port 443, mutual TLS"),
            ("wss://h/", mutual("verify"), true, Status::Pass, "HTTPS, port 443, mutual TLS"),
            ("wss://h/", mutual("passthrough"), false, Status::Pass, "HTTPS, port 443"),
        ] {
            let finding = look_at(url, listeners, certificate);
            assert_eq!((finding.status, finding.found.as_str()), (status, found), "{url}");
        }
    }

    #[test]
    fn the_port_is_the_one_that_is_connected_to() {
        let rerouted = Case {
            plan: plan(|plan| plan.route.connect_to = vec!["::new-alb:8443".parse().unwrap()]),
            load_balancer: answer(|lb| lb.details.listeners = Some(vec![listener(8_443, "HTTPS", None)])),
            ..case()
        };
        assert_eq!(look(&rerouted.known()).status, Status::Pass);
    }

    #[test]
    fn what_could_not_be_read_is_skipped_with_the_reason() {
        let unreadable = answer(|lb| {
            lb.details.listeners = None;
            lb.details.unread = vec![unread("elasticloadbalancing:DescribeListeners", true)];
        });
        let finding = look(&Case { load_balancer: unreadable, ..case() }.known());
        assert_eq!(finding.status, Status::Skip);
        assert!(finding.detail.contains("DescribeListeners"), "{finding:?}");
        let without = Case { load_balancer: LoadBalancerAnswer::NotAsked, ..case() };
        assert_eq!(look(&without.known()).status, Status::Skip);
    }
}
