//! Both sides have their numbers.
#![allow(clippy::unwrap_used)]

use chrono::Timelike;

use super::{outcome, usual, with_judged};
use crate::facts::metric;
use crate::judge::testing::Scenario;
use crate::judge::{Legs, Outcome, judge};
use crate::record::Run;

#[test]
fn both_legs_agree_with_or_without_other_traffic() {
    for baseline in [0.0, 12.0, 2_500.0] {
        with_judged(Scenario { baseline, ..usual() }, |judged| {
            assert_eq!(judged.outcome(), Outcome::Agrees, "{:?}", judged.verdict);
            let both = judged.correlation.as_ref().unwrap();
            let active = &both.active;
            assert_eq!(active.legs, Some(Legs::Two));
            assert!((active.factor.unwrap() - 2.0).abs() < 0.01);
            assert_eq!(active.baseline.unwrap().median, baseline);
            assert_eq!(active.periods, 4, "two whole minutes in each hold");
            let level = &active.levels[1];
            assert_eq!((level.client, level.server, level.periods.len()), (Some(500.0), Some(1_000.0), 2));
            for total in [&both.new_connections, &both.requests, &both.processed_bytes] {
                assert_eq!(total.as_ref().unwrap().verdict, Outcome::Agrees, "{both:?}");
            }
            assert_eq!(both.new_connections.as_ref().unwrap().ratio, Some(2.0));
        });
    }
}

#[test]
fn the_agreement_names_its_numbers() {
    let (_, reason) = outcome(Scenario { baseline: 12.0, ..usual() });
    assert_eq!(
        reason,
        "ActiveConnectionCount is 2.00 x the open connections (2.00–2.00, over 4 whole periods of 60 s, with 12 of \
         other traffic taken off); 2 x is expected, since an ALB counts both legs of a WebSocket: client to ALB, and \
         ALB to target"
    );
}

#[test]
fn one_leg_agrees_only_with_its_witness() {
    let one = Scenario { legs: 1.0, ..usual() };
    let (found, reason) = outcome(one.clone());
    assert_eq!(found, Outcome::Agrees, "{reason}");
    assert!(reason.contains("100.0 % of the upgrades arrived"), "{reason}");

    let (found, reason) = outcome(Scenario { requests: false, ..one.clone() });
    assert_eq!(found, Outcome::Inconclusive, "{reason}");

    // A factor of one because half of the clients bypass the load balancer.
    let (found, reason) = outcome(Scenario { bypass: 0.5, ..usual() });
    assert_eq!(found, Outcome::Disagrees, "{reason}");
    assert!(reason.contains("50 % of the connections are missing"), "{reason}");

    // The same while somebody sends plain requests beside the load: theirs may stand for the missing upgrades.
    let mut run = Scenario { bypass: 0.5, ..usual() }.run();
    let load = run.load_started_at().unwrap() - chrono::TimeDelta::minutes(1)..run.load_ended_at();
    let requests = run.series.as_mut().unwrap().metrics.get_mut(metric::REQUESTS).unwrap();
    for at in requests.iter_mut().filter(|point| load.contains(&point.at)) {
        at.value += 200.0;
    }
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);

    // RequestCount does not count upgrades at all: so many connections can't have come by none.
    for (legs, right) in [(1.0, Outcome::Inconclusive), (2.0, Outcome::Agrees)] {
        let mut run = Scenario { legs, ..usual() }.run();
        let requests = run.series.as_mut().unwrap().metrics.get_mut(metric::REQUESTS).unwrap();
        requests.iter_mut().for_each(|point| point.value = 100.0);
        let judged = judge(&run);
        assert_eq!(judged.outcome(), right, "{:?}", judged.verdict);
        let said = judged.verdict.reasons[0].contains("does not count upgrades");
        assert_eq!(said, legs < 2.0, "{:?}", judged.verdict);
    }

    // The same without its witness is not told from one leg.
    let (found, reason) = outcome(Scenario { bypass: 0.5, requests: false, ..usual() });
    assert_eq!(found, Outcome::Inconclusive, "{reason}");
    assert!(reason.contains("half of them"), "{reason}");

    // One leg is counted, and a tenth is missing.
    let (found, reason) = outcome(Scenario { bypass: 0.1, ..one });
    assert_eq!(found, Outcome::Disagrees, "{reason}");
    assert!(reason.contains("10 % of the connections are missing"), "{reason}");
}

#[test]
fn missing_connections_disagree_and_are_named() {
    for (bypass, share) in [(0.06, "6 %"), (0.1, "10 %"), (0.3, "30 %"), (-0.2, "20 %")] {
        let (found, reason) = outcome(Scenario { bypass, baseline: 40.0, ..usual() });
        assert_eq!(found, Outcome::Disagrees, "{bypass}: {reason}");
        assert!(reason.starts_with(&format!("at level 200, {share}")), "{reason}");
        assert!(reason.contains("at level 500"), "{reason}");
    }
    let (found, reason) = outcome(Scenario { bypass: 0.04, ..usual() });
    assert_eq!(found, Outcome::Agrees, "{reason}");
}

/// The run of a scenario in whose last level connections die in every minute, and come again: `left` tells how many of
/// `open` are there in a second of it.
fn dying(levels: Vec<u32>, left: impl Fn(u32, u32) -> u32) -> Run {
    let mut run = Scenario { levels, ..Scenario::default() }.run();
    let hold = run.levels.last().unwrap().held_from.unwrap()..run.levels.last().unwrap().held_until.unwrap();
    for step in run.open.iter_mut().filter(|step| hold.contains(&step.at)) {
        step.open = left(step.open, step.at.second());
    }
    run
}

#[test]
fn periods_in_which_connections_die_judge_nothing() {
    // At every middle of a minute, when the made-up ALB looked, all were there: anything fits between 0 and 500.
    let to_nothing = |open, second| if second <= 30 { open } else { 0 };
    let run = dying(vec![500], to_nothing);
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);
    assert!(judged.verdict.reasons[0].contains("connections died throughout"), "{:?}", judged.verdict);
    let active = &judged.correlation.as_ref().unwrap().active;
    assert_eq!((active.factor, active.interval, active.periods), (None, None, 0));
    let level = &active.levels[0];
    assert_eq!((level.client, level.ratio, level.deviation), (None, None, None));
    assert_eq!((level.verdict, level.missing), (Outcome::Inconclusive, 0));

    // A steady level beside it is judged as ever, and the largest one keeps the whole open.
    let run = dying(vec![200, 500], to_nothing);
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);
    let active = &judged.correlation.as_ref().unwrap().active;
    assert_eq!((active.factor, active.periods), (Some(2.0), 2));
    assert_eq!(active.levels[0].verdict, Outcome::Agrees);

    // What dies within the tolerance is judged.
    let run = dying(vec![500], |open, second| open - second / 3);
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::Agrees, "{:?}", judged.verdict);
}

#[test]
fn a_hold_that_ended_since_nothing_was_left_says_so() {
    let mut run = Scenario { levels: vec![500], ..Scenario::default() }.run();
    let level = &mut run.levels[0];
    level.held_until = level.held_from.map(|from| from + chrono::TimeDelta::seconds(20));
    level.held = Some(0);
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::Inconclusive);
    assert!(judged.verdict.reasons[0].contains("connections died throughout"), "{:?}", judged.verdict);
}

#[test]
fn noise_larger_than_the_signal_is_inconclusive() {
    let (found, reason) = outcome(Scenario { baseline: 5_000.0, noise: 1_500.0, ..usual() });
    assert_eq!(found, Outcome::Inconclusive, "{reason}");
    assert!(reason.contains("other traffic varies by"), "{reason}");
}

#[test]
fn a_small_level_in_the_noise_does_not_spoil_a_large_one() {
    let scenario = Scenario { levels: vec![10, 2_000], baseline: 500.0, noise: 30.0, ..Scenario::default() };
    with_judged(scenario, |judged| {
        assert_eq!(judged.outcome(), Outcome::Agrees, "{:?}", judged.verdict);
        assert_eq!(judged.fit(0).unwrap().verdict, Outcome::Inconclusive);
        assert_eq!(judged.fit(1).unwrap().verdict, Outcome::Agrees);
    });
}

#[test]
fn a_moving_baseline_is_inconclusive_and_not_wrong() {
    let (found, reason) = outcome(Scenario { baseline: 100.0, moved: 400.0, ..usual() });
    assert_eq!(found, Outcome::Inconclusive, "{reason}");
    assert!(reason.contains("other traffic moved by 400"), "{reason}");
}

#[test]
fn new_connections_below_the_opened_ones_disagree_and_above_do_not() {
    let scale = |factor: f64| {
        let mut run = usual().run();
        let series = run.series.as_mut().unwrap();
        for point in series.metrics.get_mut("NewConnectionCount").unwrap() {
            point.value *= factor;
        }
        let judged = judge(&run);
        (judged.outcome(), judged.verdict.reasons.join("; "))
    };
    let (found, reason) = scale(0.4);
    assert_eq!(found, Outcome::Disagrees, "{reason}");
    assert!(reason.starts_with("NewConnectionCount shows 560"), "{reason}");
    let (found, reason) = scale(1.6);
    assert_eq!(found, Outcome::Agrees, "{reason}");
    assert!(reason.contains("3.20 x"), "{reason}");
}

#[test]
fn no_outcome_is_false_in_whatever_traffic() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut pick = |from: &[f64]| from[random.usize(..from.len())];
    let mut told = 0;
    for _ in 0..150 {
        let top = pick(&[200.0, 1_000.0, 5_000.0]);
        let baseline = top * pick(&[0.0, 0.1, 1.0, 5.0]);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let scenario = Scenario {
            levels: [4.0, 2.0, 1.0].map(|part| (top / part) as u32).to_vec(),
            baseline,
            noise: baseline * pick(&[0.0, 0.01, 0.05, 0.2]),
            bypass: pick(&[0.0, 0.0, 0.06, 0.1, 0.25, 0.5]),
            legs: pick(&[1.0, 2.0]),
            requests: pick(&[0.0, 1.0]) > 0.0,
            ..Scenario::default()
        };
        let all_there = scenario.bypass == 0.0;
        let (found, reason) = outcome(scenario.clone());
        let false_one = if all_there { Outcome::Disagrees } else { Outcome::Agrees };
        assert_ne!(found, false_one, "{scenario:?}: {reason}");
        told += usize::from(found != Outcome::Inconclusive);
    }
    assert!(told > 80, "most of it can be told: {told}");
}
