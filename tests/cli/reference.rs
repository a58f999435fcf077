//! What is made from the definitions of flags and formats.

use serde_json::Value;

use crate::harness::{binary, finish};

fn printed(words: &[&str]) -> String {
    let done = finish(binary().args(words));
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{words:?}: {}", done.stderr);
    done.stdout
}

#[test]
fn help_groups_flags_as_the_contract_does() {
    let help = printed(&["run", "--help"]);
    for heading in [
        "Target and network:",
        "Load:",
        "Heartbeat and application protocol:",
        "Tokens:",
        "Safety:",
        "AWS:",
        "Results:",
    ] {
        assert!(help.contains(heading), "{heading}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 100), "help is at most 100 columns wide");
    assert!(printed(&["--version"]).starts_with("albcap "));
    assert_eq!(printed(&["help", "--help"]), printed(&["help"]));
    assert_eq!(printed(&["help", "run", "-h"]), printed(&["help", "run"]));
}

#[test]
fn help_is_coloured_as_it_was_asked_for() {
    for words in [&["--help"][..], &["run", "--help"]] {
        let help = |color: &str| printed(&[words, &["--color", color]].concat());
        assert!(help("always").contains('\u{1b}') && !help("never").contains('\u{1b}'), "{words:?}");
    }
}

#[test]
fn every_shell_has_completions_and_the_man_page_knows_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(printed(&["completions", shell]).contains("keep-going"), "{shell}");
    }
    let man = printed(&["man"]);
    for word in ["RUN", "DEMO", "ANALYZE", "SIMULATE", "keep\\-going"] {
        assert!(man.contains(word), "{word}");
    }
}

#[test]
fn the_schemas_are_json_schemas_of_what_is_written() {
    let report: Value = serde_json::from_str(&printed(&["schema", "report"])).unwrap();
    for member in [
        "schema",
        "run",
        "plan",
        "preflight",
        "levels",
        "capacity",
        "server",
        "correlation",
        "diagnosis",
        "verdict",
    ] {
        assert!(report["properties"][member].is_object(), "{member}");
    }
    let record = printed(&["schema", "record"]);
    for event in [
        "header",
        "facts",
        "finding",
        "tokens",
        "level_started",
        "sample",
        "failure",
        "brake",
        "level_ended",
        "server_series",
        "ended",
    ] {
        assert!(record.contains(&format!("\"{event}\"")), "{event}");
    }
}

#[test]
fn without_a_command_the_help_is_shown_and_it_is_an_error() {
    let done = finish(&mut binary());
    assert_eq!(done.code, 2);
    assert!(done.all().contains("Usage: albcap"));
}
