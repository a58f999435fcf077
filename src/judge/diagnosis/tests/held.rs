//! Why held connections ended.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{fault, with_targets};
use crate::facts::Point;
use crate::facts::metric::{CONSUMED_LCUS, HEALTHY_HOSTS};
use crate::judge::testing::{Deaths, Fault, Scenario};
use crate::judge::{Kind, judge};
use crate::record::{Event, FailureKind, Phase, Run, Stamped};

#[test]
fn deaths_at_one_instant_are_laid_to_draining_only_where_targets_left() {
    let cut = |kind, deaths| Fault { deaths, ..fault(Phase::Hold, kind, 20) };
    let found = |fault, hosts| {
        let found = with_targets(fault, "RuleEvaluations", hosts);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].0.split([':', ',']).next().unwrap().to_owned()
    };
    let instant = Deaths::AtOneInstant;
    let (steady, left, sick) = ((2.0, 2.0, 0.0), (2.0, 1.0, 0.0), (2.0, 1.0, 1.0));
    assert_eq!(found(cut(FailureKind::Reset, instant), left), "Targets were draining");
    assert_eq!(found(cut(FailureKind::Reset, Deaths::Together), left), "Targets were draining");
    assert_eq!(
        found(cut(FailureKind::Eof, instant), steady),
        "A mass disconnect",
        "it drained before the load"
    );
    assert_eq!(found(cut(FailureKind::Eof, instant), sick), "A mass disconnect", "one fell ill");
    // An ALB sends no close frame.
    assert_eq!(found(cut(FailureKind::Closed(1001), instant), left), "A mass disconnect");
    assert!(found(cut(FailureKind::Eof, Deaths::Scattered), left).starts_with("Connections failed"));
}

#[test]
fn targets_that_left_explain_what_was_cut_within_their_deregistration_delay() {
    let healthy = |run: &Run, fell: &str| {
        let count =
            |at: DateTime<Utc>| if at.format("%H:%M").to_string().as_str() < fell { 3.0 } else { 2.0 };
        let points = run.series.as_ref().unwrap().metrics[CONSUMED_LCUS].iter();
        points.map(|point| Point { value: count(point.at), ..*point }).collect::<Vec<_>>()
    };
    // Cut at 13:00:35 in the first level, and at 13:27:47 in the last.
    for (level, fell, draining) in [
        (0, "13:00", true),
        (0, "13:01", false),
        (9, "13:00", false),
        (9, "13:20", false),
        (9, "13:21", true),
        (9, "13:27", true),
        (9, "13:28", false),
    ] {
        let cut = Fault { level, deaths: Deaths::AtOneInstant, ..fault(Phase::Hold, FailureKind::Eof, 20) };
        let levels = (100..110).collect();
        let mut run = Scenario { levels, faults: vec![cut], ..Scenario::default() }.run();
        let points = healthy(&run, fell);
        let group = [(HEALTHY_HOSTS.to_owned(), points)].into();
        run.series.as_mut().unwrap().target_groups.insert("targetgroup/ws/1".into(), group);
        let found = &judge(&run).diagnosis;
        let died = run.levels[level].failures.values().next().unwrap().span;
        let cause = if draining { "Targets were draining" } else { "A mass disconnect" };
        assert!(found.len() == 1 && found[0].cause.starts_with(cause), "{fell}, {died:?}: {found:?}");
        let left = format!("HealthyHostCount of targetgroup/ws/1 was 2 at {fell} UTC, and 3 before");
        assert_eq!(found[0].evidence.contains(&left), draining, "{found:?}");
    }
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

#[test]
fn a_cut_at_the_age_of_client_keep_alive_is_said_to_fit_it() {
    for (deaths, kind, keep_alive_s, cause) in [
        (Deaths::AtOneAge, FailureKind::Eof, Some(20), "client_keep_alive of 20 s"),
        (Deaths::AtOneAge, FailureKind::Reset, Some(19), "client_keep_alive of 19 s"),
        (Deaths::Together, FailureKind::Eof, Some(30), "client_keep_alive of 30 s"),
        (Deaths::AtOneAge, FailureKind::Eof, Some(25), "The application's own heartbeat"),
        (Deaths::AtOneAge, FailureKind::Eof, None, "The application's own heartbeat"),
        (Deaths::AtOneAge, FailureKind::Closed(1000), Some(20), "The application's own heartbeat"),
        (Deaths::Together, FailureKind::Eof, Some(60), "ended together"),
        (Deaths::AtOneInstant, FailureKind::Eof, Some(28), "A mass disconnect"),
    ] {
        let fault = Fault { deaths, ..fault(Phase::Hold, kind, 20) };
        let mut run = Scenario { levels: vec![100], faults: vec![fault], ..Scenario::default() }.run();
        let balancer = run.facts.as_mut().unwrap().load_balancer.as_mut().unwrap();
        balancer.client_keep_alive = keep_alive_s.map(Duration::from_secs);
        let found = &judge(&run).diagnosis;
        assert!(found.len() == 1 && found[0].cause.contains(cause), "{cause} {keep_alive_s:?}: {found:?}");
    }
}
