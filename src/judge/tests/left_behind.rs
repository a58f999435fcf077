//! What our own failures leave behind at the load balancer is no contradiction, and hides none.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use crate::facts::metric;
use crate::judge::testing::{Fault, Scenario};
use crate::judge::{Judged, Outcome, judge};
use crate::record::{FailureKind, Initiator, Phase, Run};

/// A level of 1,000 of which targets refuse 400.
fn refused() -> Scenario {
    let fault = Fault { phase: Phase::Upgrade, kind: FailureKind::Http(503), count: 400, ..Fault::default() };
    Scenario { levels: vec![1_000], faults: vec![fault], ..Scenario::default() }
}

/// With so many more counted in the minutes of the load from `from_s` seconds after its beginning until `until_s`.
fn counted_beside(run: &mut Run, more: f64, from_s: i64, until_s: i64) {
    let started = run.load_started_at().unwrap();
    let during = started + chrono::TimeDelta::seconds(from_s)..started + chrono::TimeDelta::seconds(until_s);
    let points = run.series.as_mut().unwrap().metrics.get_mut(metric::ACTIVE_CONNECTIONS).unwrap();
    points.iter_mut().filter(|point| during.contains(&point.at)).for_each(|point| point.value += more);
}

fn with_idle_timeout(run: &mut Run, seconds: u64) {
    let facts = run.facts.as_mut().unwrap();
    facts.load_balancer.as_mut().unwrap().idle_timeout = Some(Duration::from_secs(seconds));
}

fn reason<'a>(judged: &'a Judged<'_>) -> &'a str {
    judged.verdict.reasons.iter().find(|reason| reason.contains("level 1,000")).map_or("", String::as_str)
}

#[test]
fn a_later_minute_judges_where_the_idle_timeout_is_over() {
    let mut run = refused().run();
    // The first whole minute of the hold begins 55 s after the upgrades.
    counted_beside(&mut run, 400.0, -60, 60);
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::Agrees, "{:?}", judged.verdict);
    assert_eq!(judged.correlation.as_ref().unwrap().active.periods, 1);
    // What it can't explain still contradicts.
    counted_beside(&mut run, 400.0, 60, 200);
    assert_eq!(judge(&run).outcome(), Outcome::Disagrees);
}

#[test]
fn without_such_a_minute_it_contradicts_no_more_than_it_can_explain() {
    for (more, outcome) in
        [(0.0, Outcome::Agrees), (400.0, Outcome::Inconclusive), (900.0, Outcome::Disagrees)]
    {
        let mut run = refused().run();
        with_idle_timeout(&mut run, 350);
        counted_beside(&mut run, more, -60, 200);
        let judged = judge(&run);
        assert_eq!(judged.outcome(), outcome, "{more}: {:?}", judged.verdict);
        let said = reason(&judged).contains("it may still count 400 that refused upgrades");
        assert_eq!(said, outcome == Outcome::Inconclusive, "{more}: {:?}", judged.verdict);
        assert!(judged.correlation.as_ref().unwrap().active.others.is_none() || more > 400.0);
    }
}

#[test]
fn it_hides_nothing_that_is_missing() {
    // A third never arrives, and what is left behind makes up for it.
    for requests in [true, false] {
        let mut run = Scenario { bypass: 1.0 / 3.0, requests, ..refused() }.run();
        with_idle_timeout(&mut run, 350);
        counted_beside(&mut run, 400.0, -60, 200);
        let judged = judge(&run);
        assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);
        assert!(reason(&judged).contains("RequestCount does not show"), "{:?}", judged.verdict);
    }
    // Missing is missing.
    let mut run = Scenario { bypass: 1.0 / 3.0, ..refused() }.run();
    with_idle_timeout(&mut run, 350);
    assert_eq!(judge(&run).outcome(), Outcome::Disagrees);
}

#[test]
fn what_the_load_balancer_answered_itself_leaves_nothing_behind() {
    let mut run = Scenario { rises: vec![("HTTPCode_ELB_503_Count", 400.0)], ..refused() }.run();
    with_idle_timeout(&mut run, 350);
    counted_beside(&mut run, 400.0, -60, 200);
    assert_eq!(judge(&run).outcome(), Outcome::Disagrees);
}

#[test]
fn silent_deaths_are_counted_on_until_the_idle_timeout() {
    for (by, kind, outcome) in [
        (Initiator::Network, FailureKind::PongTimeout, Outcome::Inconclusive),
        (Initiator::Peer, FailureKind::Reset, Outcome::Inconclusive),
        (Initiator::Peer, FailureKind::Closed(1001), Outcome::Disagrees),
    ] {
        let fault = Fault { phase: Phase::Hold, kind, by, count: 300, ..Fault::default() };
        let scenario = Scenario { levels: vec![1_000], faults: vec![fault], ..Scenario::default() };
        let mut run = scenario.run();
        with_idle_timeout(&mut run, 350);
        counted_beside(&mut run, 600.0, -60, 200);
        let judged = judge(&run);
        assert_eq!(judged.outcome(), outcome, "{kind:?}: {:?}", judged.verdict);
    }
}
