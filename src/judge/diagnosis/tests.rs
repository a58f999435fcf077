//! Each rule names its cause, and names it alone.
#![allow(clippy::unwrap_used)]

use super::Diagnosis;
use crate::facts::metric::HEALTHY_HOSTS;
use crate::judge::testing::{Deaths, Fault, Scenario};
use crate::judge::{Kind, judge};
use crate::record::{Event, FailureKind, Initiator, Phase, Stamped};

/// The causes of a level of 100 of which some failed.
fn causes(faults: Vec<Fault>, rises: &[(&'static str, f64)], aws: bool) -> Vec<String> {
    let run = Scenario {
        levels: vec![100],
        faults,
        rises: rises.to_vec(),
        aws,
        series: aws.then_some(crate::judge::SeriesStatus::Final),
        ..Scenario::default()
    }
    .run();
    judge(&run)
        .diagnosis
        .iter()
        .map(|d| {
            assert!(!d.evidence.is_empty() && !d.remedy.is_empty(), "{d:?}");
            d.cause.clone()
        })
        .collect()
}

fn fault(phase: Phase, kind: FailureKind, count: u32) -> Fault {
    Fault { phase, kind, count, ..Fault::default() }
}

#[test]
fn every_cause_is_named_alone() {
    use FailureKind as K;
    let local = Fault { by: Initiator::Local, ..fault(Phase::Connect, K::FdLimit, 20) };
    let distrusted = Fault { by: Initiator::Client, ..fault(Phase::Tls, K::Tls, 20) };
    let idle = Fault { silence_s: Some(60.2), ..fault(Phase::Hold, K::Eof, 20) };
    let deaths = |kind, deaths| Fault { deaths, ..fault(Phase::Hold, kind, 20) };
    let together = |kind| deaths(kind, Deaths::Together);
    let up = |kind| fault(Phase::Upgrade, kind, 20);
    let connect = |kind| fault(Phase::Connect, kind, 20);
    let rejected = ("RejectedConnectionCount", 20.0);
    let elb = ("HTTPCode_ELB_5XX_Count", 20.0);
    let target = ("HTTPCode_Target_5XX_Count", 20.0);
    let waf = ("HTTPCode_ELB_4XX_Count", 20.0);
    for (fault, rises, starts) in [
        (local, vec![], "This machine was the limit"),
        (idle, vec![], "The load balancer's idle timeout of 60 s closed 20 silent connections"),
        (
            Fault { by: Initiator::Client, ..fault(Phase::Token, K::Token, 20) },
            vec![],
            "20 connections had no token and were not attempted",
        ),
        (fault(Phase::Dns, K::Dns, 20), vec![], "The name ws.example.com could not be resolved"),
        (connect(K::Refused), vec![], "Connections were refused, though others"),
        (connect(K::Refused), vec![rejected], "The load balancer rejected connections"),
        (up(K::Reset), vec![rejected], "The load balancer rejected connections"),
        (connect(K::Timeout), vec![], "TCP connections got no answer within 10 s"),
        (fault(Phase::Tls, K::Tls, 20), vec![], "TLS could not be established."),
        (distrusted, vec![], "TLS could not be established: this side does not accept the certificate"),
        (up(K::Http(401)), vec![], "The server did not let the clients in"),
        (
            up(K::Http(403)),
            vec![waf],
            "The load balancer did not let the clients in: upgrades were answered 403 by its web ACL",
        ),
        (
            up(K::Http(403)),
            vec![waf, ("LowReputationRequestsDenied", 20.0)],
            "The load balancer did not let the clients in: upgrades were answered 403 since AWS's protection",
        ),
        (
            up(K::Http(403)),
            vec![("HTTPCode_Target_4XX_Count", 20.0)],
            "The server did not let the clients in",
        ),
        (
            up(K::Http(401)),
            vec![waf],
            "The load balancer did not let the clients in: upgrades were answered 401.",
        ),
        (up(K::Http(404)), vec![], "No WebSocket is served there"),
        (up(K::Http(400)), vec![], "Connections failed for a reason that the numbers do not show (http_400)"),
        (
            Fault { example: "400 Bad Request Can \"Upgrade\" only to \"WebSocket\".", ..up(K::Http(400)) },
            vec![],
            "No WebSocket is served there: the upgrade was answered with http_400",
        ),
        (
            up(K::Http(503)),
            vec![elb],
            "The load balancer itself answered upgrades with 503: it had no registered",
        ),
        (up(K::Http(502)), vec![elb], "The load balancer itself answered upgrades with 502: targets reset"),
        (
            up(K::Http(502)),
            vec![elb, ("TargetConnectionErrorCount", 20.0)],
            "The load balancer itself answered upgrades with 502: targets refused its connections",
        ),
        (
            up(K::Http(502)),
            vec![elb, ("TargetTLSNegotiationErrorCount", 20.0)],
            "The load balancer itself answered upgrades with 502: TLS with the targets",
        ),
        (
            up(K::Http(504)),
            vec![elb, ("TargetConnectionErrorCount", 20.0)],
            "The load balancer itself answered upgrades with 504: targets did not accept",
        ),
        (
            up(K::Http(504)),
            vec![elb, ("TargetResponseTime", 61.0)],
            "The load balancer itself answered upgrades with 504: targets accepted, but did not answer",
        ),
        (up(K::Http(500)), vec![elb], "The load balancer itself answered upgrades with 500: its web ACL"),
        (up(K::Http(429)), vec![("HTTPCode_Target_4XX_Count", 20.0)], "The targets refused: 20 upgrades"),
        (up(K::Http(503)), vec![target], "The targets refused: 20 upgrades were answered 503"),
        (
            up(K::Http(503)),
            vec![],
            "Upgrades were answered with http_503, by the load balancer or by a target",
        ),
        (
            up(K::Timeout),
            vec![],
            "Upgrades were not answered within 10 s, though TCP connections came about.",
        ),
        (fault(Phase::Ready, K::NotReady, 20), vec![], "Upgraded connections were not ready within 10 s"),
        (
            fault(Phase::Ready, K::Closed(4401), 20),
            vec![],
            "The application itself closed new connections before they were ready, with code 4401",
        ),
        (fault(Phase::Hold, K::PongTimeout, 20), vec![], "Heartbeats were not answered within 10 s"),
        (
            fault(Phase::Hold, K::Closed(1001), 20),
            vec![],
            "The application itself closed held connections, with code 1001",
        ),
        (together(K::Closed(1001)), vec![], "A mass disconnect: 20 held connections ended at one instant"),
        (
            together(K::Reset),
            vec![],
            "20 held connections ended together (reset), at one instant that was also",
        ),
        (
            deaths(K::Reset, Deaths::AtOneInstant),
            vec![],
            "A mass disconnect: 20 held connections ended at one instant (reset).",
        ),
        (
            deaths(K::Closed(4000), Deaths::AtOneAge),
            vec![],
            "The application's own heartbeat went unanswered: 20 held connections ended at the same age (closed_4000)",
        ),
        (
            Fault { silence_s: Some(25.2), ..fault(Phase::Hold, K::Eof, 20) },
            vec![],
            "Another idle timeout on the path closed 20 connections that had been silent for about 25 s (eof).",
        ),
        (
            Fault { silence_s: Some(25.2), ..fault(Phase::Hold, K::Closed(1000), 20) },
            vec![],
            "The target's own idle timeout closed 20 connections",
        ),
        (
            fault(Phase::Hold, K::Protocol, 20),
            vec![],
            "The server, or something before it, broke the WebSocket protocol in frames",
        ),
        (
            up(K::Protocol),
            vec![],
            "The server, or something before it, broke the WebSocket protocol in the answer",
        ),
        (
            fault(Phase::Hold, K::Eof, 20),
            vec![],
            "Connections failed for a reason that the numbers do not show (eof)",
        ),
    ] {
        let found = causes(vec![fault], &rises, true);
        assert_eq!(found.len(), 1, "{starts}: {found:?}");
        assert!(found[0].starts_with(starts), "{starts}: {found:?}");
    }
}

/// The diagnosis of a level of 100 of which some failed, where targets are told of.
fn with_targets(
    fault: Fault,
    elb: &'static str,
    hosts: (f64, f64, f64),
    draining: u32,
) -> Vec<(String, String)> {
    let run = Scenario {
        levels: vec![100],
        faults: vec![fault],
        rises: vec![(elb, 20.0)],
        hosts: Some(hosts),
        targets: Some([("healthy".to_owned(), 2), ("draining".to_owned(), draining)].into()),
        ..Scenario::default()
    }
    .run();
    judge(&run).diagnosis.iter().map(|d| (d.cause.clone(), d.evidence.join("; "))).collect()
}

#[test]
fn no_healthy_target_is_told_from_none_registered() {
    let refused = || fault(Phase::Upgrade, FailureKind::Http(503), 20);
    let found = with_targets(refused(), "HTTPCode_ELB_503_Count", (2.0, 0.0, 2.0), 0);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "The load balancer itself answered upgrades with 503: it had no healthy target.");
    assert!(
        found[0].1.contains("HealthyHostCount of targetgroup/ws/1 was 0 at 13:00 UTC, and 2 at first"),
        "{found:?}"
    );
    assert!(found[0].1.contains("UnHealthyHostCount of targetgroup/ws/1 was up to 2"), "{found:?}");
    let found = with_targets(refused(), "HTTPCode_ELB_503_Count", (2.0, 2.0, 0.0), 0);
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
fn deaths_at_one_instant_are_laid_to_draining_only_where_targets_left() {
    let cut = |kind, deaths| Fault { deaths, ..fault(Phase::Hold, kind, 20) };
    let found = |fault, hosts, draining| {
        let found = with_targets(fault, "RuleEvaluations", hosts, draining);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].0.split([':', ',']).next().unwrap().to_owned()
    };
    let instant = Deaths::AtOneInstant;
    let (steady, left, sick) = ((2.0, 2.0, 0.0), (2.0, 1.0, 0.0), (2.0, 1.0, 1.0));
    assert_eq!(found(cut(FailureKind::Eof, instant), steady, 1), "Targets were draining");
    assert_eq!(found(cut(FailureKind::Reset, instant), left, 0), "Targets were draining");
    assert_eq!(found(cut(FailureKind::Reset, Deaths::Together), left, 0), "Targets were draining");
    assert_eq!(found(cut(FailureKind::Eof, instant), steady, 0), "A mass disconnect");
    assert_eq!(found(cut(FailureKind::Eof, instant), sick, 0), "A mass disconnect", "one fell ill");
    // An ALB sends no close frame.
    assert_eq!(found(cut(FailureKind::Closed(1001), instant), left, 1), "A mass disconnect");
    assert!(found(cut(FailureKind::Eof, Deaths::Scattered), left, 1).starts_with("Connections failed"));
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
fn what_this_machine_refused_is_laid_to_nobody_else() {
    use FailureKind as K;
    for (phase, kind) in [
        (Phase::Connect, K::Unreachable),
        (Phase::Connect, K::Timeout),
        (Phase::Dns, K::Dns),
        (Phase::Tls, K::Io),
        (Phase::Hold, K::Io),
    ] {
        let found = causes(vec![Fault { by: Initiator::Local, ..fault(phase, kind, 20) }], &[], true);
        assert_eq!(
            found,
            ["This machine was the limit, not the load balancer: the operating system refused."],
            "{phase:?} {kind:?}"
        );
    }
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
fn chance_is_worth_no_word() {
    // Two of 100 in a level that failed by something else: no. Half a per cent of a level that passed: no.
    let main = fault(Phase::Upgrade, FailureKind::Http(404), 96);
    let found = causes(vec![main.clone()], &[], true);
    assert_eq!(found.len(), 1);
    let run = Scenario {
        levels: vec![1_000],
        faults: vec![Fault { count: 200, ..main }, fault(Phase::Hold, FailureKind::Eof, 5)],
        ..Scenario::default()
    }
    .run();
    assert_eq!(judge(&run).diagnosis.len(), 1);
    let run = Scenario {
        levels: vec![1_000],
        faults: vec![fault(Phase::Hold, FailureKind::Eof, 5)],
        ..Scenario::default()
    }
    .run();
    assert!(judge(&run).diagnosis.is_empty());
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
fn a_cut_is_laid_to_the_idle_timeout_that_was_in_force() {
    let cut = |level| Fault { level, silence_s: Some(20.2), ..fault(Phase::Hold, FailureKind::Eof, 20) };
    let scenario = Scenario { levels: vec![100, 200], faults: vec![cut(0), cut(1)], ..Scenario::default() };
    let mut run = scenario.run();
    // As it is told after the second level has begun.
    run.apply(&Stamped { at: run.last_at, event: Event::IdleTimeout { timeout_s: 20.0 } });
    let judged = judge(&run);
    let kinds: Vec<&Kind> = judged.levels.iter().map(|level| &level.failures[0].kind).collect();
    assert_eq!(kinds, [&Kind::Seen(FailureKind::Eof), &Kind::IdleTimeout]);
    let idle = judged.diagnosis.iter().find(|found| found.cause.contains("idle timeout of 20 s")).unwrap();
    let changed = "it was changed from 60 s to 20 s in mid-run, by level 200";
    assert!(idle.evidence.iter().any(|said| said == changed), "{:?}", idle.evidence);
}

#[test]
fn an_idle_timeout_that_was_assumed_is_said_to_be() {
    let cut = Fault { silence_s: Some(60.2), ..fault(Phase::Hold, FailureKind::Eof, 20) };
    let mut run = Scenario { levels: vec![100], faults: vec![cut], ..Scenario::default() }.run();
    run.facts.as_mut().unwrap().load_balancer.as_mut().unwrap().idle_timeout = None;
    let judged = judge(&run);
    assert!(judged.diagnosis[0].evidence.iter().any(|said| said.starts_with("60 s are assumed")));
}
