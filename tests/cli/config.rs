//! Defaults < file < environment < command line.

use std::fs;

use crate::harness::{Folder, binary, finish};

fn source_of(text: &str, flag: &str) -> (String, String) {
    let line = text
        .lines()
        .find(|line| line.split_whitespace().next() == Some(flag))
        .unwrap_or_else(|| panic!("{flag} in {text}"));
    let mut words = line.split_whitespace().skip(1);
    (words.next().unwrap().to_owned(), words.collect::<Vec<_>>().join(" "))
}

#[test]
fn each_source_beats_the_one_before() {
    let folder = Folder::new();
    let file = folder.file("albcap.toml");
    fs::write(&file, "levels = \"10,20\"\nduration = 90\nheartbeat = \"25s\"\nkeep-going = true\nheader = [\"X-A: secret-a\", \"X-B: b\"]\n").unwrap();
    let done = finish(
        binary()
            .args(["config", "show", "--heartbeat=15s", "--config"])
            .arg(&file)
            .env("ALBCAP_DURATION", "80s")
            .env("ALBCAP_HEARTBEAT", "20s"),
    );
    assert_eq!(done.code, 0, "{}", done.stderr);
    let source = |flag| source_of(&done.stdout, flag);
    assert_eq!(source("heartbeat"), ("15s".into(), "command line".into()));
    assert_eq!(source("duration"), ("80s".into(), "environment ALBCAP_DURATION".into()));
    assert_eq!(source("levels"), ("10,20".into(), format!("file {}", file.display())));
    assert_eq!(source("keep-going"), ("true".into(), format!("file {}", file.display())));
    assert_eq!(source("pong-timeout"), ("10s".into(), "default".into()));
    assert!(!done.stdout.contains("secret-a"), "a header's value is a secret: {}", done.stdout);
}

#[test]
fn a_file_that_can_not_be_meant_is_refused() {
    let folder = Folder::new();
    let file = folder.file("albcap.toml");
    for (text, cause) in [
        ("level = 5", "unknown key 'level'"),
        ("levels = ", "line 1"),
        ("[load]\nlevels = 5", "unknown key 'load'"),
        ("levels = 2026-11-24", "neither text"),
    ] {
        fs::write(&file, text).unwrap();
        let done = finish(binary().args(["run", "ws://127.0.0.1:1/", "--no-aws", "--config"]).arg(&file));
        assert_eq!(done.code, 2, "{}", done.all());
        assert!(done.complaint().0.contains(cause), "{text}: {}", done.stderr);
    }
    let done = finish(binary().args(["run", "ws://127.0.0.1:1/", "--config=/does/not/exist.toml"]));
    assert_eq!(done.code, 2);
    assert!(done.complaint().0.contains("/does/not/exist.toml"));
}

#[test]
fn a_value_of_the_file_is_checked_like_a_flag() {
    let folder = Folder::new();
    let file = folder.file("albcap.toml");
    fs::write(&file, "levels = \"5m\"\n").unwrap();
    let done = finish(binary().args(["run", "ws://127.0.0.1:1/", "--no-aws", "--config"]).arg(&file));
    assert_eq!(done.code, 2, "{}", done.all());
    assert!(done.complaint().0.contains("could be minutes"), "{}", done.stderr);
}
