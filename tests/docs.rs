//! What the README shows is what the program does, and what CI runs is what the README says.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const README: &str = include_str!("../README.md");

/// The lines of the fenced blocks of a language.
fn fenced(language: &str) -> Vec<&str> {
    let mut inside = None;
    let mut lines = Vec::new();
    for line in README.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(opened), None) => inside = Some(opened),
            (Some(_), Some(_)) => inside = None,
            (None, Some(opened)) if opened == language => lines.push(line),
            (None, _) => {}
        }
    }
    lines
}

/// The words of a command line as a shell gives them to the program: without quotes, comment and redirection.
fn words(line: &str) -> Vec<&str> {
    let words = line.split_whitespace().take_while(|word| !word.starts_with(['#', '>', '|']));
    words.map(|word| word.trim_matches('\'')).collect()
}

/// Whether the binary understands a command line, which it is not let to carry out.
fn parse(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_albcap")).args(words).arg("--help").output().unwrap()
}

#[test]
fn every_command_line_of_the_readme_is_understood() {
    let lines: Vec<&str> = fenced("sh").into_iter().filter(|line| line.starts_with("albcap ")).collect();
    assert!(lines.len() >= 6, "{lines:?}");
    for line in lines {
        let done = parse(&words(line)[1..]);
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    }
    // Neither an unknown flag nor a wrong value hides behind --help.
    for wrong in [&["run", "ws://h/", "--level", "5"][..], &["run", "ws://h/", "--levels", "5m"], &["runs"]] {
        assert!(!parse(wrong).status.success(), "{wrong:?}");
    }
}

#[test]
fn the_readme_holds_no_placeholder_and_shows_the_demo() {
    for line in README.lines() {
        let bare = line.trim_matches(|c: char| "{}<>[]* ".contains(c));
        let placeholder = bare.len() > 3 && bare.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        assert!(!placeholder, "a placeholder: {line}");
        for word in ["TODO", "TBD", "FIXME"] {
            assert!(!line.contains(word), "{line}");
        }
    }
    let demo = fenced("text");
    for part in
        ["Preflight", "Plan ", "CloudWatch       agrees", "Maximum reliable concurrent connections: 150"]
    {
        assert!(demo.iter().any(|line| line.starts_with(part)), "{part}: {demo:#?}");
    }
    for line in demo {
        assert!(line.chars().count() <= 100, "wider than 100 columns: {line}");
    }
}

/// CI with a `cargo` and a `tests/run` that only say that they were called.
#[cfg(unix)]
#[test]
fn ci_tests_first_then_shows_the_demo_and_ends_with_the_count() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let script = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let ci = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run")).unwrap();
    script("target/release/albcap", "echo \"the $1\"");
    script("bin/cargo", "echo building");
    let run = |tests: &str| {
        script("tests/run", tests);
        fs::create_dir_all(folder.path().join(".ci")).unwrap();
        fs::write(folder.path().join(".ci/run"), &ci).unwrap();
        let path = format!("{}:{}", folder.path().join("bin").display(), std::env::var("PATH").unwrap());
        let done =
            Command::new("bash").arg(folder.path().join(".ci/run")).env("PATH", path).output().unwrap();
        let said = String::from_utf8(done.stdout).unwrap();
        (
            done.status.code(),
            said.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>(),
        )
    };
    let count = "3 passed, 0 failed";
    assert_eq!(
        run(&format!("echo testing; echo '{count}'")),
        (Some(0), ["testing", count, "building", "the demo", count].map(str::to_owned).to_vec())
    );
    let count = "2 passed, 1 failed";
    assert_eq!(run(&format!("echo '{count}'; exit 101")), (Some(101), vec![count.to_owned()]));
}
