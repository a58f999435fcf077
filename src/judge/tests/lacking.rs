//! Something is not there: metrics, levels, the whole of CloudWatch, or sense.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::{outcome, usual, with_judged};
use crate::facts::{Point, SeriesStatus, metric};
use crate::judge::testing::{Fault, Scenario};
use crate::judge::{Outcome, judge};
use crate::record::{FailureKind, HowEnded, Initiator, Phase, Run};

#[test]
fn absent_during_a_hold_is_unknown() {
    with_judged(Scenario { silent_holds: true, ..usual() }, |judged| {
        assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);
        assert!(judged.verdict.reasons[0].contains("unknown, not zero"), "{:?}", judged.verdict);
        let active = &judged.correlation.as_ref().unwrap().active;
        assert_eq!((active.factor, active.levels[1].missing), (None, 2));
        assert!(judged.diagnosis[0].cause.contains("no ActiveConnectionCount"));
    });
    // What could not be read is not laid to the load balancer.
    let mut run = usual().run();
    run.series.as_mut().unwrap().metrics.remove(metric::ACTIVE_CONNECTIONS);
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);
    assert!(judged.diagnosis[0].cause.contains("could not be read"), "{:?}", judged.diagnosis);
    assert!(judged.diagnosis[0].remedy.contains("albcap analyze"), "{:?}", judged.diagnosis);
}

#[test]
fn a_hold_that_cloudwatch_no_longer_keeps_is_not_checked_and_laid_to_nobody() {
    let mut run = usual().run();
    let kept_from = run.levels[0].held_until.unwrap() + chrono::TimeDelta::seconds(30);
    let series = run.series.as_mut().unwrap();
    series.read_at = kept_from + series.period.kept();
    for points in series.metrics.values_mut() {
        points.retain(|point| point.at >= kept_from);
    }
    let judged = judge(&run);
    let gone = judged.fit(0).unwrap();
    assert_eq!((gone.verdict, gone.missing), (Outcome::NotChecked, 0));
    assert!(gone.reason.contains("kept nothing of the hold of level 200"), "{}", gone.reason);
    assert_ne!(judged.fit(1).unwrap().verdict, Outcome::NotChecked);
    assert!(judged.diagnosis.is_empty(), "{:?}", judged.diagnosis);
}

#[test]
fn a_hold_of_which_a_part_is_absent_does_not_agree() {
    let mut run = usual().run();
    assert_eq!(judge(&run).outcome(), Outcome::Agrees);
    let lost = judge(&run).fit(1).unwrap().periods[0];
    let without = |run: &mut Run, name: &str| {
        run.series.as_mut().unwrap().metrics.get_mut(name).unwrap().retain(|point| point.at != lost);
    };
    without(&mut run, metric::ACTIVE_CONNECTIONS);
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);
    assert!(judged.verdict.reasons[0].contains("1 period of the hold of level 500"), "{:?}", judged.verdict);
    // Where nothing at all came for that minute, it was not the hold that went unreported.
    without(&mut run, metric::CONSUMED_LCUS);
    assert_eq!(judge(&run).outcome(), Outcome::Agrees);
}

#[test]
fn provisional_numbers_are_inconclusive_whatever_they_say() {
    for bypass in [0.0, 0.3] {
        let (found, reason) =
            outcome(Scenario { series: Some(SeriesStatus::Provisional), bypass, ..usual() });
        assert_eq!(found, Outcome::Inconclusive, "{reason}");
        assert!(reason.contains("had not settled"), "{reason}");
    }
}

#[test]
fn without_a_series_nothing_is_checked_and_the_reason_is_told() {
    let none = Scenario { series: None, ..usual() };
    for (scenario, told) in [
        (Scenario { aws: false, ..none.clone() }, "--no-aws"),
        (Scenario { settle_s: 0, ..none.clone() }, "--settle 0"),
        (Scenario { how: None, ..none.clone() }, "killed"),
        (Scenario { how: Some(HowEnded::Interrupted), ..none.clone() }, "interrupted"),
        (none, "could not be read"),
    ] {
        let (found, reason) = outcome(scenario);
        assert_eq!(found, Outcome::NotChecked);
        assert!(reason.contains(told), "{told}: {reason}");
    }
    let faults =
        vec![Fault { phase: Phase::Connect, kind: FailureKind::Refused, count: 200, ..Fault::default() }];
    let (found, reason) =
        outcome(Scenario { levels: vec![200], faults, series: None, ..Scenario::default() });
    assert_eq!(found, Outcome::NotChecked);
    assert!(reason.contains("no connection was opened"), "{reason}");

    let mut run = usual().run();
    let series = run.series.as_mut().unwrap();
    series.from = "2026-11-24T10:00:00Z".parse().unwrap();
    series.until = "2026-11-24T11:00:00Z".parse().unwrap();
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::NotChecked, "{:?}", judged.verdict);
}

#[test]
fn a_cut_level_is_neither_judged_nor_in_the_way() {
    with_judged(Scenario { cut_last: true, ..usual() }, |judged| {
        assert_eq!(judged.outcome(), Outcome::Agrees, "{:?}", judged.verdict);
        assert_eq!(judged.fit(1).unwrap().verdict, Outcome::NotChecked);
        assert_eq!((judged.levels[1].passed, judged.levels[1].held), (None, None));
        assert_eq!(judged.capacity.max_reliable, Some(200));
    });
    let (found, reason) = outcome(Scenario { levels: vec![200], cut_last: true, ..usual() });
    assert_eq!(found, Outcome::Inconclusive, "{reason}");
    assert!(reason.contains("no level was held to its end"), "{reason}");
}

#[test]
fn a_machine_at_its_limit_blames_nobody() {
    let scenario = Scenario {
        bypass: 0.3,
        faults: vec![Fault {
            level: 1,
            phase: Phase::Connect,
            kind: FailureKind::PortExhausted,
            by: Initiator::Local,
            count: 100,
            ..Fault::default()
        }],
        ..usual()
    };
    with_judged(scenario.clone(), |judged| {
        assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);
        assert!(judged.machine_limited() && judged.any_opened());
    });
    let (found, reason) = outcome(Scenario { aws: false, series: None, ..scenario });
    assert_eq!(found, Outcome::NotChecked);
    assert!(reason.contains("this machine was the limit"), "{reason}");
}

#[test]
fn a_metric_absent_from_the_whole_window_is_not_compared() {
    let mut run = usual().run();
    let series = run.series.as_mut().unwrap();
    series.metrics.insert("ProcessedBytes".into(), Vec::new());
    series.metrics.remove("NewConnectionCount");
    let judged = judge(&run);
    let both = judged.correlation.as_ref().unwrap();
    assert!(both.processed_bytes.is_none() && both.new_connections.is_none());
    assert_eq!(judged.outcome(), Outcome::Agrees);
}

#[test]
fn a_refused_run_is_told_to_be_inconclusive() {
    let faults =
        vec![Fault { phase: Phase::Connect, kind: FailureKind::Refused, count: 200, ..Fault::default() }];
    let scenario = Scenario { levels: vec![200], faults, ..usual() };
    with_judged(scenario, |judged| {
        assert!(!judged.any_opened());
        assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);
        assert_eq!(judged.levels[0].avg_heartbeats, None);
    });
}

#[test]
fn a_run_of_nothing_is_judged_too() {
    let mut run = usual().run();
    run.levels.clear();
    run.open.clear();
    run.facts = None;
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::Inconclusive);
    assert_eq!((judged.capacity.max_reliable, judged.capacity.at_least), (None, false));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_a_record_says_there_is_a_judgement(
        points in prop::collection::vec((0_usize..6, -4_000_i64..4_000, prop::num::f64::ANY), 0..60),
        times in prop::collection::vec(any::<i64>(), 8),
        held in any::<u32>(),
        open in any::<u32>(),
    ) {
        let mut run = usual().run();
        let any_time = |i: usize| {
            let seconds = times[i] % 8_000_000_000_000;
            chrono::DateTime::from_timestamp(seconds, 0).unwrap_or(chrono::DateTime::<chrono::Utc>::MAX_UTC)
        };
        run.levels[0].held = Some(held);
        run.levels[0].counts.opened = open;
        run.levels[1].held_from = Some(any_time(0));
        run.levels[1].held_until = Some(any_time(1));
        run.levels[1].ended_at = Some(any_time(2));
        run.open[3].at = any_time(3);
        run.open[4].open = open;
        if times[4] % 3 == 0 {
            run.ended = Some((any_time(5), HowEnded::Aborted));
        }
        let series = run.series.as_mut().unwrap();
        if times[4] % 2 == 0 {
            series.from = any_time(6);
            series.until = any_time(7);
        }
        let base = series.from;
        for (metric, second, value) in points {
            let name = crate::facts::metric::ALL[metric];
            let at = base.checked_add_signed(chrono::TimeDelta::seconds(second)).unwrap_or(base);
            series.metrics.entry(name.to_owned()).or_default().push(Point { at, value });
        }
        let judged = judge(&run);
        prop_assert!(!judged.verdict.reasons.is_empty());
    }
}
