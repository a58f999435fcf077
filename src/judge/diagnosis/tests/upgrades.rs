//! Why connections did not come about: who refused them, and why.

use super::{causes, fault, with_targets};
use crate::facts::metric::HEALTHY_HOSTS;
use crate::judge::testing::Scenario;
use crate::judge::{Diagnosis, judge};
use crate::record::{FailureKind, Phase};

#[test]
fn no_healthy_target_is_told_from_none_registered() {
    let refused = || fault(Phase::Upgrade, FailureKind::Http(503), 20);
    let found = with_targets(refused(), "HTTPCode_ELB_503_Count", (2.0, 0.0, 2.0));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "The load balancer itself answered upgrades with 503: it had no healthy target.");
    assert!(
        found[0].1.contains("HealthyHostCount of targetgroup/ws/1 was 0 at 13:00 UTC, and 2 at first"),
        "{found:?}"
    );
    assert!(found[0].1.contains("UnHealthyHostCount of targetgroup/ws/1 was up to 2"), "{found:?}");
    let found = with_targets(refused(), "HTTPCode_ELB_503_Count", (2.0, 2.0, 0.0));
    assert!(found.len() == 1 && found[0].0.contains("no registered target that it could use"), "{found:?}");
}

#[test]
fn target_groups_of_other_listeners_explain_nothing() {
    let run = |own: &str, others: &str| {
        let mut run = Scenario {
            levels: vec![100],
            faults: vec![fault(Phase::Upgrade, FailureKind::Http(503), 20)],
            rises: vec![("HTTPCode_ELB_503_Count", 20.0)],
            hosts: Some((2.0, 2.0, 0.0)),
            ..Scenario::default()
        }
        .run();
        let groups = &mut run.series.as_mut().unwrap().target_groups;
        let mut dead = groups["targetgroup/ws/1"].clone();
        dead.get_mut(HEALTHY_HOSTS).unwrap().iter_mut().for_each(|point| point.value = 0.0);
        groups.insert("targetgroup/api/2".into(), dead);
        let balancer = run.facts.as_mut().unwrap().load_balancer.as_mut().unwrap();
        let listeners = format!(
            r#"[{{"port":443,"protocol":"HTTPS","forwards_to":["{own}"]}},{{"port":80,"protocol":"HTTP","forwards_to":["{others}"]}}]"#
        );
        balancer.details.listeners = serde_json::from_str(&listeners).unwrap();
        let found =
            judge(&run).diagnosis.into_iter().map(|d| format!("{} {}", d.cause, d.evidence.join("; ")));
        found.collect::<Vec<_>>()
    };
    let (ws, api) = ("targetgroup/ws/1", "targetgroup/api/2");
    for (own, others, no_healthy, says) in [
        (ws, api, false, None),
        (api, ws, true, Some("HealthyHostCount of targetgroup/api/2 was 0")),
        // Whether a rule of this listener leads there is not known.
        (
            ws,
            ws,
            true,
            Some("HealthyHostCount of targetgroup/api/2 (to which only a rule may forward) was 0"),
        ),
    ] {
        let found = run(own, others);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].contains("it had no healthy target"), no_healthy, "{own} {others}: {found:?}");
        assert_eq!(found[0].contains(api), says.is_some(), "{own} {others}: {found:?}");
        assert!(says.is_none_or(|says| found[0].contains(says)), "{own} {others}: {found:?}");
    }
}

#[test]
fn a_nat_gateway_is_suspected_at_its_number_of_ports_only() {
    for (level, unanswered, nat) in [
        (60_000, 5_100, true),
        (120_000, 9_900, true),
        (60_000, 15_000, false),
        (2_000, 200, false),
        (90_000, 10_000, false),
    ] {
        let run = Scenario {
            levels: vec![level],
            faults: vec![fault(Phase::Connect, FailureKind::Timeout, unanswered)],
            ..Scenario::default()
        }
        .run();
        let found = &judge(&run).diagnosis;
        assert_eq!(found.len(), 1, "{level}: {found:?}");
        assert_eq!(found[0].cause.contains("NAT gateway"), nat, "{level}: {found:?}");
    }
}

#[test]
fn rejections_explain_no_more_than_they_count() {
    let up = |kind, count| fault(Phase::Upgrade, kind, count);
    let told = |faults, rejected| {
        let rises = vec![("RejectedConnectionCount", rejected)];
        let run = Scenario { levels: vec![100], faults, rises, ..Scenario::default() }.run();
        let found = judge(&run).diagnosis;
        let brief = |d: Diagnosis| format!("{} [{}]", d.cause, d.evidence.join("; "));
        found.into_iter().map(brief).collect::<Vec<_>>()
    };
    let (rejected, unanswered) = ("The load balancer rejected connections", "Upgrades were not answered");
    let found = told(vec![up(FailureKind::Timeout, 90)], 3.0);
    assert!(found.len() == 1 && found[0].starts_with(unanswered), "{found:?}");
    assert!(found[0].contains("RejectedConnectionCount rose by 3"), "{found:?}");
    let found = told(vec![up(FailureKind::Timeout, 20), up(FailureKind::Reset, 20)], 20.0);
    assert!(found.len() == 1 && found[0].starts_with(rejected), "half of them: {found:?}");
    // Rather those who were turned away than those whom nobody answered.
    let found = told(vec![up(FailureKind::Timeout, 60), up(FailureKind::Reset, 20)], 20.0);
    assert!(
        found.len() == 2 && found[0].starts_with(rejected) && found[1].starts_with(unanswered),
        "{found:?}"
    );
    assert!(found[0].contains("20 of 100 connections, at level 100 (reset)"), "{found:?}");
    let found = told(vec![up(FailureKind::Reset, 20)], 3.0);
    assert!(found.len() == 1 && found[0].contains("do not show (reset)"), "{found:?}");
    assert!(found[0].contains("RejectedConnectionCount rose by 3"), "{found:?}");
}

#[test]
fn a_minute_that_is_not_there_yet_hides_nothing_and_is_no_minute_without_answers() {
    let told = |rises: &[(&'static str, f64)]| {
        let faults = vec![fault(Phase::Upgrade, FailureKind::Http(503), 20)];
        let rises = rises.to_vec();
        let mut run = Scenario { levels: vec![100], faults, rises, ..Scenario::default() }.run();
        let until = run.load_ended_at();
        let series = run.series.as_mut().unwrap();
        series.metrics.values_mut().for_each(|points| points.retain(|point| point.at < until));
        let found = judge(&run).diagnosis;
        assert_eq!(found.len(), 1, "{found:?}");
        format!("{} [{}]", found[0].cause, found[0].evidence.join("; "))
    };
    let found = told(&[("HTTPCode_ELB_503_Count", 20.0)]);
    assert!(found.contains("The load balancer itself answered upgrades with 503"), "{found}");
    assert!(found.contains("HTTPCode_ELB_503_Count rose by 20 (13:00 to 13:01 UTC)"), "{found}");
    let found = told(&[]);
    assert!(found.contains("by the load balancer or by a target"), "{found}");
    for metric in ["HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count"] {
        assert!(found.contains(&format!("{metric} is not known for 2 periods of the load")), "{found}");
    }
    assert!(!found.contains("neither"), "{found}");
}

#[test]
fn several_statuses_are_laid_to_who_gave_each() {
    let up = |status, count| fault(Phase::Upgrade, FailureKind::Http(status), count);
    let rises = [
        ("HTTPCode_ELB_5XX_Count", 20.0),
        ("HTTPCode_ELB_504_Count", 20.0),
        ("HTTPCode_Target_5XX_Count", 30.0),
    ];
    let found = causes(vec![up(504, 20), up(503, 30)], &rises, true);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("answered upgrades with 504: targets accepted"), "{found:?}");
    assert!(found[1].starts_with("The targets refused: 30 upgrades were answered 503"), "{found:?}");
}

#[test]
fn nobody_listens_when_nothing_was_opened() {
    let all = fault(Phase::Connect, FailureKind::Refused, 100);
    let found = causes(vec![all], &[], true);
    assert_eq!(found, ["Nobody listens: every connection was refused."]);
}

#[test]
fn without_cloudwatch_nobody_is_blamed_for_a_status() {
    let found = causes(vec![fault(Phase::Upgrade, FailureKind::Http(502), 20)], &[], false);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("Upgrades were answered with http_502"), "{found:?}");
}

#[test]
fn evidence_joins_both_sides() {
    let run = Scenario {
        levels: vec![100],
        faults: vec![fault(Phase::Upgrade, FailureKind::Http(503), 20)],
        rises: vec![("HTTPCode_Target_5XX_Count", 20.0)],
        ..Scenario::default()
    }
    .run();
    let judged = judge(&run);
    assert_eq!(
        judged.diagnosis[0].evidence,
        ["HTTPCode_Target_5XX_Count rose by 20 (13:00 to 13:01 UTC)", "20 of 100 connections, at level 100"]
    );
}

#[test]
fn the_targets_own_metrics_name_a_cause_only_where_they_counted_enough() {
    let (connection, tls) = ("TargetConnectionErrorCount", "TargetTLSNegotiationErrorCount");
    for (status, counted, cause) in [
        (504, vec![(connection, 1.0)], "targets accepted, but did not answer"),
        (504, vec![(connection, 10.0)], "targets did not accept its connections within 10 s"),
        (502, vec![(tls, 1.0)], "targets reset or closed the connection"),
        (502, vec![(connection, 1.0)], "targets reset or closed the connection"),
        (502, vec![(connection, 19.0), (tls, 1.0)], "targets refused its connections"),
        (502, vec![(connection, 10.0), (tls, 10.0)], "targets refused its connections"),
        (502, vec![(connection, 10.0), (tls, 15.0)], "TLS with the targets"),
    ] {
        let rises = [&counted[..], &[("HTTPCode_ELB_5XX_Count", 20.0)]].concat();
        let found = causes(vec![fault(Phase::Upgrade, FailureKind::Http(status), 20)], &rises, true);
        assert!(found.len() == 1 && found[0].contains(cause), "{status} {counted:?}: {found:?}");
    }
}

#[test]
fn one_denied_request_is_not_why_many_were_refused() {
    let refused = || vec![fault(Phase::Upgrade, FailureKind::Http(403), 20)];
    let denied = ("LowReputationRequestsDenied", 1.0);
    let found = causes(refused(), &[denied, ("HTTPCode_ELB_4XX_Count", 20.0)], true);
    assert!(found.len() == 1 && found[0].contains("by its web ACL"), "{found:?}");
    let found = causes(refused(), &[denied, ("HTTPCode_Target_4XX_Count", 20.0)], true);
    assert!(found.len() == 1 && found[0].starts_with("The server did not let"), "{found:?}");
}

#[test]
fn a_4xx_is_laid_to_who_gave_it_whatever_else_the_families_counted() {
    let up = |kind, count| fault(Phase::Upgrade, kind, count);
    let http = |status, count| up(FailureKind::Http(status), count);
    let families = |elb, target| vec![("HTTPCode_ELB_4XX_Count", elb), ("HTTPCode_Target_4XX_Count", target)];
    let (acl, server) = ("by its web ACL", "The server did not let the clients in: upgrades were answered");
    let either = "The load balancer or a target did not let the clients in";
    for (faults, rises, cause) in [
        // A load balancer counts a client that gave up as a 460.
        (vec![http(403, 20), up(FailureKind::Timeout, 25)], families(25.0, 20.0), server),
        (vec![http(401, 20), up(FailureKind::Timeout, 25)], families(25.0, 0.0), either),
        (vec![http(403, 20)], families(40.0, 18.0), server),
        (vec![http(403, 20)], families(20.0, 17.0), acl),
        // What the targets counted was another status.
        (vec![http(403, 20), http(404, 20)], families(20.0, 20.0), acl),
        (vec![http(403, 20), http(464, 20)], families(20.0, 12.0), server),
        (vec![http(403, 20)], families(0.0, 0.0), either),
    ] {
        let found = causes(faults.clone(), &rises, true);
        assert!(found.iter().any(|found| found.contains(cause)), "{cause} {faults:?} {rises:?}: {found:?}");
    }
}

#[test]
fn no_status_is_told_in_anothers_place() {
    let up = |status, count| fault(Phase::Upgrade, FailureKind::Http(status), count);
    let rises = [("HTTPCode_ELB_5XX_Count", 20.0), ("HTTPCode_ELB_4XX_Count", 18.0)];
    let found = causes(vec![up(500, 20), up(464, 18)], &rises, true);
    let both = "The load balancer itself answered upgrades with 500: its web ACL or its identity provider failed; and with \
                464: the target group's protocol version does not fit HTTP/1.1.";
    assert_eq!(found, [both]);
    let rises = [("HTTPCode_Target_5XX_Count", 38.0)];
    let found = causes(vec![up(500, 20), up(503, 18)], &rises, true);
    assert_eq!(found, ["The targets refused: 38 upgrades were answered 500 and 503 by them."]);
}
