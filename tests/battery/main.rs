//! The judge against a battery of made-up runs: a small model of clients and of a load balancer writes the record and
//! what CloudWatch would say, and knows the truth; the judge sees the record only. The model shares no code with the
//! judge, and the outcome that is right comes from what the model did, never from what was judged.
//!
//! Every run is made by its family and its number alone, so that each can be looked at on its own:
//! `BATTERY=noisy/17 cargo test --test battery -- --nocapture one_run`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod alb;
mod clients;
mod draw;
mod left_behind;
mod truth;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::OnceLock;

use albcap::judge::{Outcome, judge};

use draw::{FAMILIES, draw};
use truth::Truth;
use world::World;

/// The page that explains the method, and lists what it misses.
const METHOD: &str = include_str!("../../docs/correlation.md");

/// Runs of each family; `BATTERY_RUNS` asks for more than every build needs.
fn runs() -> u64 {
    std::env::var("BATTERY_RUNS").map_or(50, |runs| runs.parse().expect("BATTERY_RUNS is a number"))
}

/// What the judge made of a run, beside what is right.
struct Case {
    name: String,
    world: World,
    truth: Truth,
    outcome: Outcome,
    reasons: String,
}

fn case(family: &str, number: u64) -> Case {
    let world = draw(family, number);
    let run = alb::watched(&world, clients::run(&world));
    let judged = judge(&run);
    let truth = truth::of(&world);
    let reasons = judged.verdict.reasons.join("\n    ");
    Case { name: format!("{family}/{number}"), outcome: judged.outcome(), world, truth, reasons }
}

/// All of them, judged once.
fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| {
        FAMILIES.iter().flat_map(|family| (0..runs()).map(|number| case(family, number))).collect()
    })
}

impl Case {
    fn is_false(&self) -> bool {
        self.outcome == Outcome::Agrees && self.truth.never_agrees
            || self.outcome == Outcome::Disagrees && self.truth.never_disagrees
    }

    fn is_right(&self) -> bool {
        self.truth.right.contains(&self.outcome)
    }

    fn short(&self) -> String {
        let mark = if self.is_false() { "FALSE " } else { "" };
        format!(
            "{mark}{}: {:?}, right is {:?} ({})",
            self.name, self.outcome, self.truth.right, self.truth.why
        )
    }

    fn line(&self) -> String {
        format!("{}\n    {}\n    {:?}", self.short(), self.reasons, self.world)
    }
}

#[test]
fn no_outcome_is_false_and_nearly_all_are_right() {
    let mut told = String::new();
    let (mut names, mut unlisted): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut by_family: BTreeMap<String, (u32, u32, u32)> = BTreeMap::new();
    let (mut all, mut right, mut wrong) = (0_u32, 0_u32, 0_u32);
    // Of those with exactly one right outcome.
    let (mut definite, mut definite_right) = (0_u32, 0_u32);
    for case in cases() {
        let family = case.name.split('/').next().unwrap().to_owned();
        let counts = by_family.entry(family).or_default();
        counts.0 += 1;
        all += 1;
        let is_definite = case.truth.right.len() == 1;
        definite += u32::from(is_definite);
        definite_right += u32::from(is_definite && case.is_right());
        if !case.is_right() || case.is_false() {
            names.push(case.short());
        }
        if case.is_false() {
            wrong += 1;
            counts.2 += 1;
            writeln!(told, "{}", case.line()).unwrap();
        } else if case.is_right() {
            right += 1;
            counts.1 += 1;
        } else {
            writeln!(told, "missed {}", case.line()).unwrap();
            unlisted.extend((!METHOD.contains(&format!("`{}`", case.name))).then(|| case.name.clone()));
        }
    }
    // Names of misses first, and of their worlds not more than fits on a few screens.
    let told: String = told.chars().take(40_000).collect();
    let told = format!("{}\n{told}", names.join("\n"));
    let summary = format!(
        "{all} runs, {right} right, {wrong} false; {definite} with one right outcome, {definite_right} right: {by_family:?}"
    );
    println!("{summary}");
    assert!(all >= 300, "{summary}");
    assert!(definite * 10 >= all * 7, "a battery in which most outcomes do proves little: {summary}");
    assert_eq!(wrong, 0, "{summary}\n{told}");
    assert!(right * 100 >= all * 98, "{summary}\n{told}");
    assert!(definite_right * 100 >= definite * 98, "{summary}\n{told}");
    assert!(unlisted.is_empty(), "docs/correlation.md does not explain {unlisted:?}:\n{told}");
}

#[test]
fn the_battery_holds_every_outcome_and_every_sort_of_world() {
    let mut outcomes: BTreeMap<&str, u32> = BTreeMap::new();
    let mut sorts: BTreeMap<&str, u32> = BTreeMap::new();
    for family in FAMILIES {
        for number in 0..runs() {
            let world = draw(family, number);
            for right in truth::of(&world).right {
                *outcomes.entry(right.name()).or_default() += 1;
            }
            for sort in world.sorts() {
                *sorts.entry(sort).or_default() += 1;
            }
        }
    }
    for outcome in ["agrees", "disagrees", "inconclusive", "not_checked"] {
        assert!(outcomes.get(outcome).is_some_and(|n| *n >= 20), "{outcome}: {outcomes:?}");
    }
    for sort in world::SORTS {
        assert!(sorts.get(sort).is_some_and(|n| *n >= 10), "{sort}: {sorts:?}");
    }
}

#[test]
fn what_was_at_work_is_named() {
    let (mut others, mut named, mut caps, mut capped) = (0, 0, 0, 0);
    let mut told = String::new();
    for case in cases().iter().filter(|case| case.truth.judged) {
        let says = |word: &str| case.reasons.contains(word);
        if case.truth.others_stand_out {
            others += 1;
            named += i32::from(says("not of this run"));
            if !says("not of this run") {
                writeln!(told, "{}", case.name).unwrap();
            }
        } else if case.world.extra.is_none() {
            assert!(!says("not of this run"), "{}", case.line());
        }
        if let Some(level) = case.truth.saturated_from {
            caps += 1;
            let name = match level / 1_000 {
                0 => level.to_string(),
                thousands => format!("{thousands},{:03}", level % 1_000),
            };
            capped += i32::from(says(&format!("from level {name} on")));
        } else {
            assert!(!says("stays at about"), "{}", case.line());
        }
    }
    println!("{named} of {others} tests of others named, {capped} of {caps} saturations");
    assert!(others >= 20 && named * 100 >= others * 95, "{named} of {others}: {told}");
    assert!(caps >= 20 && capped * 100 >= caps * 95, "{capped} of {caps}");
}

/// Prints one run with its world, for whoever looks into it.
#[test]
fn one_run() {
    let wanted = std::env::var("BATTERY").unwrap_or_else(|_| "plain/0".into());
    let (family, number) = wanted.split_once('/').expect("FAMILY/NUMBER");
    let case = case(family, number.parse().expect("FAMILY/NUMBER"));
    println!("{}", case.line());
    assert!(!case.is_false(), "{}", case.line());
}
