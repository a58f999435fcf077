//! A run, as requests: everything in them once, nothing of it twice.
#![allow(clippy::unwrap_used)]

use chrono::{DateTime, TimeDelta, Utc};

use super::wanted::tests::wanted;
use super::*;
use crate::judge::judge;
use crate::judge::testing::example;
use crate::record::{Answer, Event, Receipt, Run, Stamped};

fn destination() -> Destination {
    Destination { region: "eu-west-1".to_owned(), endpoint: None }
}

/// What is left of a run an hour after its end.
fn left(run: &Run, wanted: &Wanted) -> Publication {
    let now = run.load_ended_at() + TimeDelta::hours(1);
    publication(&judge(run), wanted, &destination(), Extent::Whole, false, now).unwrap()
}

fn receive(run: &mut Run, receipt: Receipt) {
    run.apply(&Stamped::new(run.last_at, Event::Receipt(Box::new(receipt))));
}

fn carrying(carrier: Option<Carrier>, logs: bool) -> Wanted {
    let mut wanted = wanted(&[]).unwrap();
    (wanted.metrics, wanted.logs) = (carrier, logs);
    wanted
}

fn items(requests: &[Request]) -> Vec<(String, DateTime<Utc>)> {
    let of = |request: &Request| -> Vec<(String, DateTime<Utc>)> {
        match &request.body {
            Body::Metrics { data, .. } => data.iter().map(|datum| (datum.series(), datum.at)).collect(),
            Body::Logs { events, .. } => {
                events.iter().map(|event| (event.series.clone(), event.at)).collect()
            }
        }
    };
    requests.iter().flat_map(of).collect()
}

#[test]
fn what_was_taken_is_not_sent_again() {
    let mut run = example().run();
    let wanted = wanted(&["Team=core"]).unwrap();
    let whole = left(&run, &wanted);
    assert_eq!(whole, left(&run, &wanted), "the same record gives the same requests");
    assert_eq!(whole.requests.len(), 2);
    assert_eq!(items(&whole.requests).len(), whole.data + whole.events);
    assert!(whole.metrics > 10 && whole.events > run.samples.len());

    let before = (run.last_at, run.load_ended_at());
    receive(&mut run, whole.requests[0].answered(Answer::Accepted));
    assert_eq!((run.last_at, run.load_ended_at()), before, "a receipt is no part of the run's own time");
    let rest = left(&run, &wanted);
    assert_eq!(rest.requests, whole.requests[1..]);
    assert_eq!((rest.taken_before, rest.data), (whole.data, 0));
    receive(&mut run, whole.requests[1].answered(Answer::Accepted));
    let nothing = left(&run, &wanted);
    assert_eq!((nothing.requests.len(), nothing.taken_before), (0, whole.data + whole.events));

    let now = run.load_ended_at() + TimeDelta::hours(1);
    let again = publication(&judge(&run), &wanted, &destination(), Extent::Whole, true, now).unwrap();
    assert_eq!(again.requests, whole.requests);
}

#[test]
fn another_place_has_none_of_it() {
    let mut run = example().run();
    let here = wanted(&["Team=core"]).unwrap();
    let whole = left(&run, &here);
    whole.requests.iter().for_each(|request| receive(&mut run, request.answered(Answer::Accepted)));
    assert_eq!(left(&run, &wanted(&["Team=other"]).unwrap()).data, whole.data);
    let mut elsewhere = here;
    elsewhere.log_group = "/other".parse().unwrap();
    let there = left(&run, &elsewhere);
    assert_eq!((there.data, there.events), (0, whole.events));
}

#[test]
fn what_goes_on_is_sent_bit_by_bit_and_adds_up() {
    let whole_run = example().run();
    let wanted = wanted(&[]).unwrap();
    let whole = left(&whole_run, &wanted);
    let mut run = whole_run.clone();
    let mut sent = Vec::new();
    let begins = whole_run.samples[0].0;
    for minutes in 1..=3 {
        // Of the run as it was then.
        let until = begins + TimeDelta::minutes(minutes);
        let mut so_far = whole_run.clone();
        so_far.samples.retain(|(at, _)| *at <= until);
        so_far.last_at = until;
        so_far.ended = None;
        so_far.levels.retain(|level| level.started_at <= until);
        for level in so_far.levels.iter_mut().filter(|level| level.ended_at.is_some_and(|at| at > until)) {
            level.ended_at = None;
        }
        so_far.receipts.clone_from(&run.receipts);
        let judged = judge(&so_far);
        let due = publication(&judged, &wanted, &destination(), Extent::SoFar, false, until).unwrap();
        sent.extend(items(&due.requests));
        due.requests.iter().for_each(|request| receive(&mut run, request.answered(Answer::Accepted)));
    }
    assert!(!sent.is_empty());
    sent.extend(items(&left(&run, &wanted).requests));
    sent.sort();
    let mut all = items(&whole.requests);
    all.sort();
    assert_eq!(sent, all);
}

#[test]
fn metrics_come_one_way_only() {
    for (first, second) in [(Carrier::Put, Carrier::Embedded), (Carrier::Embedded, Carrier::Put)] {
        let mut run = example().run();
        let sent = left(&run, &carrying(Some(first), false));
        assert!(sent.data > 0);
        sent.requests.iter().for_each(|request| receive(&mut run, request.answered(Answer::Accepted)));
        let rest = left(&run, &carrying(Some(second), false));
        assert_eq!((rest.requests.len(), rest.taken_before), (0, sent.data), "{first:?}");
    }
    let mut run = example().run();
    let sent = left(&run, &carrying(Some(Carrier::Embedded), false));
    sent.requests.iter().for_each(|request| receive(&mut run, request.answered(Answer::Accepted)));
    let mut elsewhere = carrying(Some(Carrier::Embedded), false);
    elsewhere.namespace = "Other".parse().unwrap();
    assert_eq!(left(&run, &elsewhere).events, sent.events, "another namespace has none of it");
    let run = example().run();
    let embedded = left(&run, &carrying(Some(Carrier::Embedded), true));
    assert!(embedded.requests.iter().all(|request| matches!(request.body, Body::Logs { .. })));
    assert!(embedded.events > left(&run, &carrying(None, true)).events);
}

#[test]
fn what_was_lost_is_sent_again_and_told() {
    let mut run = example().run();
    let wanted = carrying(Some(Carrier::Put), false);
    let whole = left(&run, &wanted);
    assert_eq!(whole.in_doubt, 0);
    let lost = whole.requests[0].answered(Answer::Awaited);
    receive(&mut run, lost);
    let again = left(&run, &wanted);
    assert_eq!((&again.requests, again.in_doubt), (&whole.requests, whole.data));
    receive(&mut run, whole.requests[0].answered(Answer::Accepted));
    let nothing = left(&run, &wanted);
    assert_eq!((nothing.requests.len(), nothing.in_doubt), (0, 0));
}

#[test]
fn what_cloudwatch_would_drop_is_not_sent() {
    let run = example().run();
    let wanted = wanted(&[]).unwrap();
    let judged = judge(&run);
    let at = |now| publication(&judged, &wanted, &destination(), Extent::Whole, false, now);
    let ended = run.load_ended_at();
    let begins = run.samples[0].0;
    assert_eq!(at(ended + TimeDelta::days(15)), Err(PublishError::TooOld(ended)));
    assert_eq!(at(begins - TimeDelta::hours(3)), Err(PublishError::Ahead(ended)));
    let partly = at(begins + (ended - begins) / 2 + TimeDelta::days(14)).unwrap();
    assert!(partly.out_of_range > 0 && partly.events > 0 && partly.slow);
    assert!(!at(ended).unwrap().slow);
}

#[test]
fn a_run_that_was_killed_is_published_and_one_that_never_began_is_not() {
    let mut run = example().run();
    run.ended = None;
    run.levels.iter_mut().for_each(|level| level.ended_at = None);
    assert!(left(&run, &wanted(&[]).unwrap()).events > run.samples.len());
    run.samples.clear();
    let nothing = publication(
        &judge(&run),
        &wanted(&[]).unwrap(),
        &destination(),
        Extent::Whole,
        false,
        run.load_ended_at(),
    );
    assert_eq!(nothing, Err(PublishError::Nothing));
}
