//! What a misfit looks like is named: a bound, somebody else, uneven zones, a clock that is off.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::usual;
use crate::facts::metric::{ACTIVE_CONNECTIONS, NEW_CONNECTIONS};
use crate::facts::{Point, Series};
use crate::judge::testing::Scenario;
use crate::judge::{Judged, Outcome, judge};
use crate::record::{PeerCount, Run};

fn points<'a>(run: &'a mut Run, metric: &str) -> &'a mut Vec<Point> {
    run.series.as_mut().unwrap().metrics.get_mut(metric).unwrap()
}

fn causes<'a>(judged: &'a Judged<'_>) -> Vec<&'a str> {
    judged.diagnosis.iter().map(|d| d.cause.as_str()).collect()
}

#[test]
fn a_bound_is_named_with_its_level() {
    let mut run = Scenario { levels: vec![200, 500, 1_000, 2_000], ..Scenario::default() }.run();
    for point in points(&mut run, ACTIVE_CONNECTIONS) {
        point.value = point.value.min(1_200.0);
    }
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::Disagrees, "{:?}", judged.verdict);
    let said = "from level 1,000 on ActiveConnectionCount stays at about 1,200 while the clients hold up to 2,000 \
                connections";
    assert!(judged.verdict.reasons.iter().any(|reason| reason == said), "{:?}", judged.verdict);
    assert_eq!(causes(&judged).len(), 1, "{:?}", causes(&judged));
    assert!(causes(&judged)[0].starts_with("The load balancer's count stays flat"));

    // The same share missing everywhere is no bound.
    let run = Scenario { bypass: 0.3, levels: vec![200, 500, 1_000], ..Scenario::default() }.run();
    assert!(judge(&run).diagnosis.is_empty());
}

#[test]
fn a_clock_that_was_set_in_a_hold_leaves_nothing_to_compare() {
    let mut run = Scenario { bypass: 0.3, ..usual() }.run();
    assert_eq!(judge(&run).outcome(), Outcome::Disagrees);
    run.levels[1].clock_set = Some("180.0 s forward".into());
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);
    let why = "this machine's clock was set (180.0 s forward) while level 500 was held";
    assert!(judged.verdict.reasons[0].starts_with(why), "{:?}", judged.verdict);
}

#[test]
fn others_that_leave_in_mid_run_are_not_our_connections_missing() {
    let mut run = Scenario { levels: vec![10], ..Scenario::default() }.run();
    let hold = run.levels[0].held_from.unwrap()..run.levels[0].held_until.unwrap();
    for point in points(&mut run, ACTIVE_CONNECTIONS).iter_mut().filter(|point| hold.contains(&point.at)) {
        // Twenty for ours, and five-and-twenty of others' fewer.
        point.value -= 25.0;
    }
    let judged = judge(&run);
    let active = &judged.correlation.as_ref().unwrap().active;
    assert_eq!(active.factor, Some(-0.5));
    assert_eq!(judged.outcome(), Outcome::Inconclusive, "{:?}", judged.verdict);
    assert!(
        judged.verdict.reasons.iter().any(|r| r.contains("more than all can't be missing")),
        "{:?}",
        judged.verdict
    );
}

#[test]
fn somebody_elses_test_is_named_with_its_time() {
    let mut run = Scenario { levels: vec![200, 500, 1_000], ..Scenario::default() }.run();
    let hold = run.levels[1].held_from.unwrap() - TimeDelta::seconds(60)..run.levels[1].held_until.unwrap();
    for point in points(&mut run, ACTIVE_CONNECTIONS).iter_mut().filter(|point| hold.contains(&point.at)) {
        point.value += 300.0;
    }
    let judged = judge(&run);
    assert_eq!(judged.outcome(), Outcome::Disagrees, "{:?}", judged.verdict);
    assert!(judged.verdict.reasons[0].contains("at level 500, 30 % of the connections are too many"));
    let others = judged.correlation.as_ref().unwrap().active.others.unwrap();
    assert_eq!(others.connections, 300.0);
    assert!(hold.contains(&others.from) && others.until > hold.end, "{others:?}");
    assert!(causes(&judged)[0].starts_with("Somebody else's connections"), "{:?}", causes(&judged));

    // Too many by the same share everywhere is nobody's test.
    let run = Scenario { bypass: -0.2, levels: vec![200, 500, 1_000], ..Scenario::default() }.run();
    assert!(judge(&run).diagnosis.is_empty());
}

/// Splits the series over zones by these shares.
fn in_zones(series: &mut Series, shares: &[(&str, f64)]) {
    for (zone, share) in shares {
        let part = |metric: &str| -> Vec<Point> {
            let points = series.metrics[metric].iter();
            points.map(|point| Point { value: point.value * share, ..*point }).collect()
        };
        let metrics = [ACTIVE_CONNECTIONS, NEW_CONNECTIONS].map(|metric| (metric.to_owned(), part(metric)));
        series.zones.insert((*zone).to_owned(), BTreeMap::from(metrics));
    }
}

#[test]
fn zones_are_shown_and_uneven_ones_named() {
    let spread = |shares: &[(&str, f64)]| {
        let mut run = Scenario { baseline: 90.0, ..usual() }.run();
        in_zones(run.series.as_mut().unwrap(), shares);
        let judged = judge(&run);
        assert_eq!(judged.outcome(), Outcome::Agrees, "{:?}", judged.verdict);
        let zones = judged.correlation.as_ref().unwrap().spread.zones.clone();
        let causes: Vec<String> = causes(&judged).iter().map(|cause| (*cause).to_owned()).collect();
        (zones, causes, judged.diagnosis.first().map(|d| d.evidence.clone()))
    };
    let (zones, causes, _) = spread(&[("us-east-1a", 0.52), ("us-east-1b", 0.48)]);
    assert_eq!(zones.len(), 2);
    assert!((zones[0].share - 0.52).abs() < 1e-6 && (zones[0].server - 364.0).abs() < 1e-6, "{zones:?}");
    assert!(causes.is_empty(), "{causes:?}");

    let (_, causes, evidence) = spread(&[("us-east-1a", 0.7), ("us-east-1b", 0.3)]);
    assert!(causes[0].contains("the load balancer's zones carried unequal parts"), "{causes:?}");
    assert!(evidence.unwrap()[0].contains("us-east-1a 70.0 % and us-east-1b 30.0 %"));
    assert!(spread(&[]).0.is_empty());

    // A zone that never reports has no part, and not one below nothing.
    let mut run = usual().run();
    in_zones(run.series.as_mut().unwrap(), &[("us-east-1a", 1.0)]);
    let silent = BTreeMap::from([(ACTIVE_CONNECTIONS.to_owned(), Vec::new())]);
    run.series.as_mut().unwrap().zones.insert("us-east-1b".into(), silent);
    let judged = judge(&run);
    let zones = &judged.correlation.as_ref().unwrap().spread.zones;
    assert_eq!((zones[1].share, zones[1].share.is_sign_positive()), (0.0, true), "{zones:?}");
}

/// Lets a zone say these numbers of connections in the holds of the levels, one a level; 0 is not said at all.
fn zone_says(run: &mut Run, zone: &str, of_levels: &[f64]) {
    let held: Vec<_> = run.levels.iter().map(|l| (l.held_from.unwrap(), l.held_until.unwrap())).collect();
    let series = run.series.as_mut().unwrap();
    let starts = series.period.starts(series.from, series.until);
    let points = starts.filter_map(|at| {
        let level = held.iter().position(|(from, until)| at >= *from && at < *until)?;
        Some(Point { at, value: of_levels[level] }).filter(|point| point.value > 0.0)
    });
    let metrics = BTreeMap::from([(ACTIVE_CONNECTIONS.to_owned(), points.collect())]);
    series.zones.insert(zone.into(), metrics);
}

#[test]
fn all_zones_are_averaged_over_the_same_periods() {
    let mut run = Scenario { levels: vec![100, 200, 1_000], ..Scenario::default() }.run();
    zone_says(&mut run, "us-east-1a", &[200.0, 400.0, 1_000.0]);
    zone_says(&mut run, "us-east-1b", &[0.0, 0.0, 1_000.0]);
    let judged = judge(&run);
    let zones = &judged.correlation.as_ref().unwrap().spread.zones;
    assert!((zones[0].server - 1_600.0 / 3.0).abs() < 1e-6, "{zones:?}");
    assert!((zones[1].server - 1_000.0 / 3.0).abs() < 1e-6, "{zones:?}");
    assert!(causes(&judged)[0].contains("zones carried unequal parts"), "{:?}", causes(&judged));
}

#[test]
fn no_zones_are_uneven_by_other_traffic_alone() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut normal = || (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        // Drowned in it as a whole; and standing out, where only one zone's traffic is wild.
        for (level, noise) in [(50, [100.0, 100.0]), (2_000, [2.0, 1_500.0])] {
            let mut run = Scenario { levels: vec![level], ..Scenario::default() }.run();
            let series = run.series.as_mut().unwrap();
            let load = series.metrics[ACTIVE_CONNECTIONS].clone();
            let starts: Vec<_> = series.period.starts(series.from, series.until).collect();
            let of_load = |at| load.iter().find(|point| point.at == at).map_or(0.0, |point| point.value);
            let mut whole: Vec<Point> = starts.iter().map(|at| Point { at: *at, value: 0.0 }).collect();
            for (zone, noise) in ["us-east-1a", "us-east-1b"].into_iter().zip(noise) {
                let points: Vec<Point> = starts
                    .iter()
                    .map(|at| Point { at: *at, value: 5_000.0 + of_load(*at) / 2.0 + noise * normal() })
                    .collect();
                whole.iter_mut().zip(&points).for_each(|(sum, point)| sum.value += point.value);
                series.zones.insert(zone.into(), [(ACTIVE_CONNECTIONS.to_owned(), points)].into());
            }
            series.metrics.insert(ACTIVE_CONNECTIONS.into(), whole);
            let judged = judge(&run);
            let spread = &judged.correlation.as_ref().unwrap().spread;
            assert_eq!(spread.uneven_zones(), None, "{seed} {level}: {:?}", spread.zones);
            assert!(level > 50 || spread.zones.is_empty(), "{seed}: {:?}", spread.zones);
        }
    }
}

#[test]
fn uneven_addresses_are_named() {
    let mut run = usual().run();
    let peer =
        |address: &str, opened| PeerCount { address: address.into(), opened, failed: 0, passed_over: 0 };
    run.levels[1].peers = vec![peer("10.0.3.17", 400), peer("10.0.4.80", 100)];
    let judged = judge(&run);
    assert!(causes(&judged)[0].starts_with("The load was spread unevenly"), "{:?}", causes(&judged));
    assert!(judged.diagnosis[0].evidence[0].contains("400 at 10.0.3.17 and 100 at 10.0.4.80"));
    let opened: Vec<u64> =
        judged.correlation.as_ref().unwrap().spread.addresses.iter().map(|share| share.opened).collect();
    assert_eq!(opened, [600, 100], "over all levels");
    run.levels[1].peers = vec![peer("10.0.3.17", 260), peer("10.0.4.80", 240)];
    assert!(judge(&run).diagnosis.is_empty());
}

/// The run, had this machine's clock been ahead by so much.
fn by_clock(mut run: Run, ahead: TimeDelta, known: bool) -> Run {
    for level in &mut run.levels {
        level.started_at += ahead;
        for at in [&mut level.held_from, &mut level.held_until, &mut level.ended_at].into_iter().flatten() {
            *at += ahead;
        }
    }
    run.open.iter_mut().for_each(|step| step.at += ahead);
    run.ended = run.ended.map(|(at, how)| (at + ahead, how));
    run.last_at += ahead;
    #[allow(clippy::cast_precision_loss)]
    let offset = ahead.num_seconds() as f64;
    run.facts.as_mut().unwrap().clock_offset_s = known.then_some(offset);
    run
}

#[test]
fn a_known_clock_is_corrected_and_an_unknown_one_blames_nobody() {
    let mut doubted = 0;
    for ahead in [-90, -40, 40, 90] {
        let ahead = TimeDelta::seconds(ahead);
        let run = by_clock(usual().run(), ahead, true);
        assert_eq!(judge(&run).outcome(), Outcome::Agrees, "{:?}", judge(&run).verdict);

        // Unknown, it may do no harm; where it does, it is doubted before anybody is blamed.
        let run = by_clock(usual().run(), ahead, false);
        let judged = judge(&run);
        assert_ne!(judged.outcome(), Outcome::Disagrees, "{ahead}: {:?}", judged.verdict);
        doubted += i32::from(judged.verdict.reasons[0].contains("clock was not compared with AWS's"));

        // Where connections are missing, no clock explains it.
        let missing = Scenario { bypass: 0.2, ..usual() };
        let run = by_clock(missing.run(), ahead, false);
        assert_ne!(judge(&run).outcome(), Outcome::Agrees);
        let run = by_clock(missing.run(), ahead, true);
        assert_eq!(judge(&run).outcome(), Outcome::Disagrees);
    }
    assert!(doubted >= 2, "{doubted}");
}

#[test]
fn a_number_that_is_missing_where_connections_were_opened_refutes_nothing() {
    for (metric, legs) in [(NEW_CONNECTIONS, 2.0), ("RequestCount", 1.0)] {
        let mut run = Scenario { legs, ..usual() }.run();
        let opened = run.levels[1].started_at - TimeDelta::seconds(60)..run.levels[1].held_from.unwrap();
        points(&mut run, metric).retain(|point| !opened.contains(&point.at));
        let judged = judge(&run);
        assert_ne!(judged.outcome(), Outcome::Disagrees, "{metric}: {:?}", judged.verdict);
    }
}

#[test]
fn where_all_are_missing_other_traffic_that_fell_by_a_hair_is_no_excuse() {
    for fell in [0.0, 0.001, 4.0] {
        let mut run = Scenario { levels: vec![50], bypass: 1.0, baseline: 20.0, ..Scenario::default() }.run();
        let series = run.series.as_mut().unwrap();
        let (from, until) = (run.levels[0].held_from.unwrap(), run.levels[0].held_until.unwrap());
        for point in series.metrics.get_mut(ACTIVE_CONNECTIONS).unwrap() {
            if point.at >= from && point.at < until {
                point.value -= fell;
            }
        }
        let judged = judge(&run);
        assert_eq!(judged.outcome(), Outcome::Disagrees);
        let reason = &judged.verdict.reasons[0];
        assert!(reason.starts_with("at level 50, ") && reason.contains("are missing"), "{reason}");
    }
}
