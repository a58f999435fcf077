//! Where the load balancer listens, and to what it forwards.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LoadBalancerFacts;
use crate::plan::aws_name;

/// One of the load balancer's listeners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListenerFacts {
    /// The port that clients connect to.
    pub port: u16,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// Mutual TLS: `off`, `passthrough` or `verify`; `None` where it is not told.
    #[serde(default)]
    pub mutual_tls: Option<String>,
    /// The target groups to which its default action forwards (those with a weight of 0 left out), as in
    /// [`TargetGroupFacts::dimension`]; `None` where it is not told. What its rules do is not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "aws_name::target_group")]
    pub forwards_to: Option<Vec<String>>,
}

impl ListenerFacts {
    /// Whether it speaks TLS with its clients.
    pub fn is_tls(&self) -> bool {
        self.protocol == "HTTPS"
    }

    /// Whether a client without a certificate is turned away.
    pub fn wants_certificate(&self) -> bool {
        self.mutual_tls.as_deref() == Some("verify")
    }
}

/// One of the load balancer's target groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetGroupFacts {
    /// Its name; [`TargetGroupFacts::UNNAMED`] where it is not told.
    #[serde(deserialize_with = "aws_name::elb")]
    pub name: String,
    /// The value of the metrics' `TargetGroup` dimension, `targetgroup/NAME/ID`; `None` where the ARN is not told.
    #[serde(default, deserialize_with = "aws_name::target_group")]
    pub dimension: Option<String>,
    /// `HTTP1`, `HTTP2` or `GRPC`; `None` where it is not told.
    #[serde(default)]
    pub protocol_version: Option<String>,
    /// `instance`, `ip`, `lambda` or `alb`; `None` where it is not told.
    #[serde(default)]
    pub target_type: Option<String>,
    /// Its targets by state; `None` where they could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<BTreeMap<String, u32>>,
}

impl TargetGroupFacts {
    /// In place of a name that is not told.
    pub const UNNAMED: &str = "unnamed";

    /// Whether an upgrade can get through to its targets: it comes in HTTP/1.1 (aws-facts.md §3).
    pub fn takes_websockets(&self) -> bool {
        self.protocol_version.as_deref().is_none_or(|version| version == "HTTP1")
            && self.target_type.as_deref() != Some("lambda")
    }
}

/// How a target group stands to the listener on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarding {
    /// The listener forwards to it by its default action.
    ByDefault,
    /// It may: the default action is not told, or names no group, or no listener's names this one, so that only a rule
    /// can lead there; and rules are not asked for.
    Perhaps,
    /// Other listeners' default actions name it, and this one's names others.
    Elsewhere,
}

impl LoadBalancerFacts {
    /// Whether the listener on `port` forwards to a target group, which is named as in [`TargetGroupFacts::dimension`].
    pub fn forwarding(&self, port: u16, group: &str) -> Forwarding {
        let listeners = self.details.listeners.as_deref().unwrap_or_default();
        let names = |listener: &ListenerFacts| {
            listener.forwards_to.as_ref().is_some_and(|groups| groups.iter().any(|named| named == group))
        };
        let Some(own) = listeners.iter().find(|listener| listener.port == port) else {
            return Forwarding::Perhaps;
        };
        let forwards = own.forwards_to.as_ref().is_some_and(|groups| !groups.is_empty());
        match forwards {
            true if names(own) => Forwarding::ByDefault,
            true if listeners.iter().any(names) => Forwarding::Elsewhere,
            _ => Forwarding::Perhaps,
        }
    }

    /// The target groups to which the listener on `port` forwards, or may.
    pub fn groups_behind(&self, port: u16) -> impl Iterator<Item = &TargetGroupFacts> {
        let groups = self.groups_by_forwarding(port).into_iter();
        groups.filter(|(_, forwarding)| *forwarding != Forwarding::Elsewhere).map(|(group, _)| group)
    }

    /// All target groups, each with whether the listener on `port` forwards to it.
    pub fn groups_by_forwarding(&self, port: u16) -> Vec<(&TargetGroupFacts, Forwarding)> {
        let groups = self.details.target_groups.iter().flatten();
        let forwarding = |group: &TargetGroupFacts| {
            group.dimension.as_deref().map_or(Forwarding::Perhaps, |group| self.forwarding(port, group))
        };
        groups.map(|group| (group, forwarding(group))).collect()
    }

    /// Targets by state over the target groups that may stand behind the listener on `port` and take WebSockets. `None`
    /// when they could not be read. As an older record has it, where those of a single group are not told, they are
    /// taken over all groups; unless some take no WebSockets: better unknown than those counted in.
    pub fn targets_behind(&self, port: u16) -> Option<BTreeMap<String, u32>> {
        let behind: Vec<&TargetGroupFacts> = self.groups_behind(port).collect();
        let reached = behind.iter().filter(|group| group.takes_websockets());
        let Some(reached) = reached.map(|group| group.targets.as_ref()).collect::<Option<Vec<_>>>() else {
            return self.targets.clone().filter(|_| behind.iter().all(|group| group.takes_websockets()));
        };
        if reached.len() == self.details.target_groups.iter().flatten().count() {
            return self.targets.clone();
        }
        let mut sum = BTreeMap::new();
        for (state, count) in reached.into_iter().flatten() {
            let all: &mut u32 = sum.entry(state.clone()).or_default();
            *all = all.saturating_add(*count);
        }
        Some(sum)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// An ALB with a listener a port, each with the groups that its default action names, and the healthy targets of all
    /// groups.
    fn facts(listeners: &[(u16, Option<&[&str]>)], groups: &[(&str, u32)]) -> LoadBalancerFacts {
        let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/50dc6c495c0c9188";
        let text = format!(
            r#"{{"arn":"{arn}","dns_name":"h","state":"active","scheme":null,"zones":[],"idle_timeout_s":60,
            "client_keep_alive_s":null,"targets":{{"healthy":{}}}}}"#,
            groups.iter().map(|(_, healthy)| healthy).sum::<u32>()
        );
        let mut facts: LoadBalancerFacts = serde_json::from_str(&text).unwrap();
        let listener = |(port, groups): &(u16, Option<&[&str]>)| ListenerFacts {
            port: *port,
            protocol: "HTTP".into(),
            mutual_tls: None,
            forwards_to: groups.map(|groups| groups.iter().map(|group| (*group).to_owned()).collect()),
        };
        let group = |(name, healthy): &(&str, u32)| TargetGroupFacts {
            name: (*name).to_owned(),
            dimension: Some((*name).to_owned()),
            protocol_version: None,
            target_type: None,
            targets: Some([("healthy".to_owned(), *healthy)].into()),
        };
        facts.details.listeners = Some(listeners.iter().map(listener).collect());
        facts.details.target_groups = Some(groups.iter().map(group).collect());
        facts
    }

    #[test]
    fn groups_of_other_listeners_stand_behind_this_one_only_where_nothing_shows_that_they_do_not() {
        use Forwarding::{ByDefault, Elsewhere, Perhaps};
        let two: &[(&str, u32)] = &[("ws", 2), ("api", 5)];
        for (listeners, groups, found, healthy) in [
            (&[(80, Some(&["ws"][..])), (81, Some(&["api"][..]))][..], two, [ByDefault, Elsewhere], 2),
            (&[(80, Some(&["ws", "api"]))], two, [ByDefault, ByDefault], 7),
            // Only a rule can lead there: of whichever listener.
            (&[(80, Some(&["ws"]))], two, [ByDefault, Perhaps], 7),
            // A redirect, or a fixed answer: what is reached is reached by rules.
            (&[(80, Some(&[])), (81, Some(&["api"]))], two, [Perhaps, Perhaps], 7),
            // As an older record has it.
            (&[(80, None), (81, Some(&["api"]))], two, [Perhaps, Perhaps], 7),
            (&[(81, Some(&["api"]))], two, [Perhaps, Perhaps], 7),
            (&[], two, [Perhaps, Perhaps], 7),
        ] {
            let facts = facts(listeners, groups);
            let by_group: Vec<Forwarding> =
                facts.groups_by_forwarding(80).into_iter().map(|(_, how)| how).collect();
            assert_eq!(by_group, found, "{listeners:?}");
            assert_eq!(facts.targets_behind(80).unwrap()["healthy"], healthy, "{listeners:?}");
        }
    }

    #[test]
    fn targets_that_no_upgrade_reaches_are_not_counted() {
        let mut facts = facts(&[(80, Some(&[]))], &[("ws", 0), ("api", 10)]);
        facts.details.target_groups.as_mut().unwrap()[1].protocol_version = Some("GRPC".to_owned());
        assert_eq!(facts.targets_behind(80).unwrap()["healthy"], 0);
        facts.details.target_groups.as_mut().unwrap()[0].target_type = Some("lambda".to_owned());
        assert_eq!(facts.targets_behind(80).unwrap().values().sum::<u32>(), 0);
    }

    #[test]
    fn what_an_older_record_does_not_tell_is_taken_over_all_groups() {
        let listeners: &[(u16, Option<&[&str]>)] = &[(80, Some(&["ws"])), (81, Some(&["api"]))];
        let mut facts = facts(listeners, &[("ws", 2), ("api", 5)]);
        facts.details.target_groups.as_mut().unwrap()[0].targets = None;
        assert_eq!(facts.targets_behind(80).unwrap()["healthy"], 7);
        facts.details.target_groups.as_mut().unwrap()[1].protocol_version = Some("GRPC".to_owned());
        assert_eq!(facts.targets_behind(80).unwrap()["healthy"], 7, "that one is no matter of this listener");
        facts.details.listeners = None;
        assert_eq!(facts.targets_behind(80), None, "the 7 are of both");
        let old: ListenerFacts = serde_json::from_str(r#"{"port":80,"protocol":"HTTP"}"#).unwrap();
        assert_eq!(old.forwards_to, None);
        assert_eq!(
            serde_json::to_string(&old).unwrap(),
            r#"{"port":80,"protocol":"HTTP","mutual_tls":null}"#
        );
    }
}
