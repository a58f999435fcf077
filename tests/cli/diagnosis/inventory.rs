//! Every cause that the diagnosis can name, and where it is proven: a rule without proof fails here.

use std::collections::BTreeSet;

use super::{Case, compared, held, upgrades};

/// The rules, as the judge lists them.
const RULES: &str = include_str!("../../../src/judge/diagnosis/mod.rs");

/// Proven by tests that need more than a simulator with flags: the rule, the file, the test.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("nobody_listens", include_str!("mod.rs"), "who_can_not_be_reached_is_named_alone"),
    ("connect_unanswered", include_str!("mod.rs"), "who_can_not_be_reached_is_named_alone"),
    ("dns", include_str!("mod.rs"), "who_can_not_be_reached_is_named_alone"),
    ("somebody_else", include_str!("compared.rs"), "somebody_elses_test_is_named_alone"),
    (
        "machine",
        include_str!("../machine.rs"),
        "descriptors_that_run_out_are_this_machines_limit_and_not_the_load_balancers",
    ),
    ("uneven_zones", include_str!("../namespaces.rs"), "addresses_with_unequal_parts_are_named_alone"),
    ("machine", include_str!("../namespaces.rs"), "hosts_without_a_way_to_them"),
    ("machine", include_str!("../namespaces.rs"), "ports_that_run_out_are_this_machines_limit"),
    (
        "machine_too_slow",
        include_str!("../machine.rs"),
        "nobody_else_is_blamed_for_connections_that_were_ended_while_this_machine_stood_still",
    ),
];

/// Proven on made-up runs only (`src/judge/diagnosis/tests`): the rule, and why.
const NOWHERE: &[(&str, &str)] = &[(
    "nat_ports",
    "it speaks of multiples of 55,000 connections to one address, which is more than a test may open on one machine",
)];

/// The same of one of several causes that a rule names: the rule, the cause's words, and why.
const PARTS_NOWHERE: &[(&str, &str, &str)] = &[(
    "machine_too_slow",
    "its processors were full",
    "to fill them for seconds, the simulator beside, is more than a test may ask of the machine that it shares",
)];

fn cases() -> impl Iterator<Item = &'static Case> {
    [upgrades::CASES, held::CASES, compared::CASES].into_iter().flatten()
}

/// The names of the rules' files, and of what is said where none speaks.
fn rules() -> BTreeSet<&'static str> {
    let (_, list) = RULES.split_once("const RULES").unwrap();
    let (list, _) = list.split_once("];").unwrap();
    let rules: BTreeSet<&str> = list.lines().filter_map(|line| line.trim().strip_suffix("::rule,")).collect();
    assert!(rules.len() > 30, "they are not where they were: {rules:?}");
    rules.into_iter().chain(["unexplained"]).collect()
}

#[test]
fn every_rule_is_proven_or_said_not_to_be() {
    let proven: BTreeSet<&str> =
        cases().map(|case| case.rule).chain(ELSEWHERE.iter().map(|(rule, ..)| *rule)).collect();
    let unproven: BTreeSet<&str> = NOWHERE.iter().map(|(rule, _)| *rule).collect();
    assert!(proven.is_disjoint(&unproven), "proven after all: {:?}", proven.intersection(&unproven));
    assert_eq!(proven.union(&unproven).copied().collect::<BTreeSet<_>>(), rules());
    for (rule, file, test) in ELSEWHERE {
        assert!(file.contains(&format!("#[test]\nfn {test}()")), "{rule}: {test} is not there");
    }
}

/// A rule's file, each of its strings in one line.
fn code_of(rule: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/judge/diagnosis");
    let code = std::fs::read_to_string(folder.join(rule).with_extension("rs")).unwrap();
    // A string that goes on in the next line begins there with its next word.
    code.split("\\\n").map(str::trim_start).collect()
}

#[test]
fn every_case_is_of_the_rule_that_it_names() {
    for case in cases() {
        let code = code_of(case.rule);
        let words: Vec<&str> = case.cause.split(' ').collect();
        let is_in_code = |run: &[&str]| code.contains(&run.join(" "));
        assert!(words.windows(3).any(is_in_code), "{}: {}", case.rule, case.cause);
    }
    for (rule, words, _) in PARTS_NOWHERE {
        assert!(code_of(rule).contains(words), "{rule}: {words}");
        assert!(!cases().any(|case| case.cause.contains(words)), "proven after all: {words}");
    }
}
