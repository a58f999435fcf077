//! This machine was the limit, or was not: who is blamed for what.
#![allow(clippy::unwrap_used)]

use super::{usual, with_judged};
use crate::facts::MachineSample;
use crate::judge::testing::{Deaths, Fault, Scenario};
use crate::judge::{Judged, Outcome, judge};
use crate::record::{FailureKind, Initiator, MachineSecond, Phase};

fn seconds(lag_ms: &[f64], cpu_cores: &[f64]) -> Vec<MachineSecond> {
    let second = |(lag_ms, cpu_cores): (&f64, &f64)| MachineSecond {
        level: None,
        lag_ms: Some(*lag_ms),
        sample: MachineSample {
            cpu_cores: Some(*cpu_cores),
            descriptors: Some(510),
            time_wait: Some(28_000),
            ephemeral_ports: Some(28_232),
            ..MachineSample::default()
        },
    };
    lag_ms.iter().zip(cpu_cores).map(second).collect()
}

fn calm() -> Vec<MachineSecond> {
    seconds(&[2.0, 1.0, 40.0, 2.0], &[0.2, 0.4, 1.0, 0.1])
}

fn late() -> Vec<MachineSecond> {
    seconds(&[900.0, 2.0, 1_250.0, 300.0], &[0.2, 0.4, 0.3, 0.1])
}

fn full() -> Vec<MachineSecond> {
    seconds(&[30.0, 90.0, 60.0, 2.0], &[1.98, 1.95, 1.99, 0.3])
}

/// At the end of the seconds of a hold at which `losing` has its deaths.
fn at_last(lately: Vec<MachineSecond>) -> Vec<MachineSecond> {
    let before = DIED_S - lately.len();
    calm().into_iter().cycle().take(before).chain(lately).collect()
}

/// Seconds of the hold after which `losing` has its deaths.
const DIED_S: usize = 28;

/// The second level of 500 loses a fifth that way, in the hold all at once.
fn losing(
    phase: Phase,
    kind: FailureKind,
    opening: Vec<MachineSecond>,
    holding: Vec<MachineSecond>,
) -> Scenario {
    let by = if kind == FailureKind::FdLimit { Initiator::Local } else { Initiator::Network };
    let fault =
        Fault { level: 1, phase, kind, by, count: 100, deaths: Deaths::AtOneInstant, ..Fault::default() };
    Scenario { faults: vec![fault], machine: (opening, holding), ..usual() }
}

fn cause(judged: &Judged<'_>) -> String {
    assert_eq!(judged.diagnosis.len(), 1, "{:?}", judged.diagnosis);
    judged.diagnosis[0].cause.clone()
}

#[test]
fn every_level_that_this_machine_limited_is_told() {
    let fault = |level, by, kind| Fault {
        level,
        by,
        count: 60,
        ..Fault { phase: Phase::Connect, kind, ..Fault::default() }
    };
    let local = |level| fault(level, Initiator::Local, FailureKind::FdLimit);
    with_judged(Scenario { faults: vec![local(0), local(1)], ..usual() }, |judged| {
        assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);
        let reason = &judged.verdict.reasons[0];
        for level in ["at level 200, no file descriptor", "at level 500, no file descriptor"] {
            assert!(judged.levels.iter().all(|l| l.limited_by_machine) && reason.contains(level), "{reason}");
        }
    });
    // The first failed level was not this machine's: the outcome stays, and the other one is told all the same.
    let refused = fault(0, Initiator::Peer, FailureKind::Refused);
    with_judged(Scenario { faults: vec![refused, local(1)], ..usual() }, |judged| {
        assert!(!judged.machine_limited());
        let told =
            judged.verdict.reasons.iter().filter(|reason| reason.contains("at level 500, no file desc"));
        assert_eq!(told.count(), 1, "{:?}", judged.verdict);
    });
}

/// A minute's idle timeout after a stall of eleven seconds: with a heartbeat every 50 s that was enough, and every 30 s not.
#[test]
fn an_idle_timeout_is_ours_where_a_stall_took_what_the_heartbeat_left_of_it() {
    for (every_s, ours) in [(50, true), (30, false)] {
        let stall = at_last(seconds(&[11_000.0], &[0.2]));
        let mut scenario = losing(Phase::Hold, FailureKind::Eof, calm(), stall);
        (scenario.faults[0].silence_s, scenario.faults[0].by) = (Some(60.0), Initiator::Peer);
        let mut run = scenario.run();
        run.header.plan.heartbeat.interval = std::time::Duration::from_secs(every_s);
        let judged = judge(&run);
        assert_eq!(judged.machine_limited(), ours, "{every_s}: {:?}", judged.diagnosis);
    }
}

#[test]
fn silences_are_laid_to_a_slow_machine_and_to_nobody_else() {
    use FailureKind::{PongTimeout, Timeout};
    for (scenario, word, number) in [
        (
            losing(Phase::Upgrade, Timeout, late(), calm()),
            "ran late",
            "up to 1,250 ms late, 250 ms or more in 3 of the opening's 4 s",
        ),
        (
            losing(Phase::Connect, Timeout, full(), calm()),
            "processors were full",
            "up to 1.99 of its 2 cores, 95 % or more in 3 of the opening's 4 s",
        ),
        (
            losing(Phase::Hold, PongTimeout, calm(), at_last([late(), late(), late()].concat())),
            "ran late",
            "9 of the hold's 28 s",
        ),
        (losing(Phase::Hold, PongTimeout, calm(), full()), "processors were full", "of the hold's 4 s"),
    ] {
        with_judged(scenario, |judged| {
            assert!(judged.machine_limited() && judged.levels[1].limited_by_machine);
            assert!(!judged.levels[0].limited_by_machine, "the level that passed is not limited");
            assert_eq!(judged.capacity.limited_by.unwrap().to_string(), "machine");
            assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);
            let reason = &judged.verdict.reasons[0];
            assert!(
                reason.starts_with("this machine was the limit") && reason.contains("at level 500"),
                "{reason}"
            );
            assert!(reason.contains(number), "{number}: {reason}");
            let cause = cause(judged);
            assert!(cause.starts_with("This machine was the limit") && cause.contains(word), "{cause}");
            assert!(
                judged.diagnosis[0].evidence.iter().any(|e| e.contains(number)),
                "{:?}",
                judged.diagnosis
            );
        });
    }
}

#[test]
fn a_healthy_machine_is_not_blamed() {
    use FailureKind::{PongTimeout, Timeout};
    for scenario in [
        losing(Phase::Upgrade, Timeout, calm(), calm()),
        losing(Phase::Hold, PongTimeout, calm(), calm()),
        losing(Phase::Upgrade, Timeout, Vec::new(), Vec::new()),
        // Slow, but not when it would have mattered.
        losing(Phase::Upgrade, Timeout, calm(), late()),
        losing(Phase::Hold, PongTimeout, full(), calm()),
        // Slow, but these were answers.
        losing(Phase::Upgrade, FailureKind::Http(503), late(), full()),
        losing(Phase::Connect, FailureKind::Refused, full(), late()),
        losing(Phase::Hold, FailureKind::Closed(1_001), late(), full()),
    ] {
        with_judged(scenario.clone(), |judged| {
            assert!(!judged.machine_limited(), "{scenario:?}");
            assert_eq!(judged.outcome(), Outcome::Agrees, "{:?}", judged.verdict);
            assert!(!cause(judged).contains("machine"), "{:?}", judged.diagnosis);
        });
    }
    with_judged(Scenario { machine: (late(), full()), ..usual() }, |judged| {
        assert!(!judged.machine_limited() && judged.diagnosis.is_empty(), "slow, and yet all went well");
        assert_eq!(judged.outcome(), Outcome::Agrees, "{:?}", judged.verdict);
    });
}

#[test]
fn one_long_stall_is_enough_and_a_short_one_is_not() {
    for (stall_ms, limited) in [(4_900.0, false), (5_100.0, true)] {
        let holding = at_last(seconds(&[1.0, stall_ms, 1.0], &[0.1, 0.1, 0.1]));
        with_judged(losing(Phase::Hold, FailureKind::PongTimeout, calm(), holding), |judged| {
            assert_eq!(judged.machine_limited(), limited, "{stall_ms}");
        });
    }
}

#[test]
fn what_was_over_long_before_a_death_did_not_bring_it_about() {
    let stall = || seconds(&[5_100.0], &[0.1]);
    let early =
        |seconds: Vec<MachineSecond>| seconds.into_iter().chain(at_last(calm())).take(DIED_S).collect();
    let some_late = || seconds(&[260.0, 260.0, 260.0], &[0.1, 0.1, 0.1]);
    for holding in [early(late()), early(some_late()), early(stall())] {
        with_judged(losing(Phase::Hold, FailureKind::PongTimeout, calm(), holding), |judged| {
            assert!(!judged.machine_limited());
            assert_eq!(judged.outcome(), Outcome::Agrees, "{:?}", judged.verdict);
            assert!(cause(judged).starts_with("Heartbeats were not answered"), "{:?}", judged.diagnosis);
        });
    }
    // One stall, and two deaths of which it can have brought about one.
    let mut scenario = losing(Phase::Hold, FailureKind::PongTimeout, calm(), at_last(stall()));
    scenario.faults.push(Fault { deaths: Deaths::Late, count: 50, ..scenario.faults[0].clone() });
    with_judged(scenario, |judged| {
        assert_eq!(judged.diagnosis.len(), 2, "{:?}", judged.diagnosis);
        for (found, counted) in judged.diagnosis.iter().zip(["100 of 500", "50 of 500"]) {
            assert!(found.evidence[0].starts_with(counted), "{found:?}");
        }
        assert_eq!(judged.levels[1].failures.len(), 1, "the report's groups are whole");
    });
}

#[test]
fn an_end_is_laid_to_a_stall_that_made_the_silence_before_and_to_no_lesser_one() {
    let ended = |silence_s, stall_ms| {
        let holding = at_last(seconds(&[stall_ms], &[0.1]));
        let mut scenario = losing(Phase::Hold, FailureKind::Closed(1_001), calm(), holding);
        scenario.faults[0].silence_s = Some(silence_s);
        with_judged(scenario, |judged| judged.machine_limited())
    };
    assert!(ended(5.0, 4_000.0));
    assert!(!ended(9.0, 4_000.0));
    assert!(!ended(0.4, 300.0), "a feed that is never silent, and the flood of its closes");
}

#[test]
fn a_slow_machine_that_made_the_smaller_part_of_the_failures_did_not_decide() {
    let mut scenario = losing(Phase::Upgrade, FailureKind::Timeout, late(), calm());
    scenario.faults[0].count = 20;
    scenario.faults.push(Fault { level: 1, count: 60, ..Fault::default() });
    scenario.rises = vec![("HTTPCode_Target_5XX_Count", 60.0)];
    with_judged(scenario, |judged| {
        assert!(!judged.machine_limited());
        assert_eq!(judged.capacity.limited_by.unwrap().to_string(), "http_503");
        let causes: Vec<&str> = judged.diagnosis.iter().map(|d| d.cause.as_str()).collect();
        assert_eq!(causes.len(), 2, "{causes:?}");
        assert!(
            causes[0].starts_with("This machine") && causes[1].starts_with("The targets refused"),
            "{causes:?}"
        );
    });
}

#[test]
fn what_ran_out_is_told_with_its_numbers() {
    with_judged(losing(Phase::Connect, FailureKind::FdLimit, calm(), calm()), |judged| {
        assert!(cause(judged).contains("no file descriptor left"));
        assert_eq!(
            judged.diagnosis[0].evidence[1],
            "at most 510 descriptors were seen open, of 65,536 at the start"
        );
        assert!(
            judged.verdict.reasons[0]
                .ends_with("at level 500, no file descriptor was left for 100 connections")
        );
    });
    let mut ports = losing(Phase::Connect, FailureKind::PortExhausted, calm(), calm());
    ports.faults[0].by = Initiator::Local;
    with_judged(ports, |judged| {
        assert!(cause(judged).contains("no local port left"));
        assert_eq!(
            judged.diagnosis[0].evidence[1],
            "the system gives out 28,232 ports to one destination, and up to 28,000 sockets were in TIME_WAIT"
        );
    });
}
