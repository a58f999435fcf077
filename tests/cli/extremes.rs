//! Every number, duration, rate and date at its ends: whatever is accepted, and whatever a record claims, nothing panics.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::harness::{Done, Folder, Simulator, binary, finish, with_credentials};

/// The smallest rate that can be typed.
const TINY: &str = "0.0000000000000000000000000000000000000000000000000000000000000001";

/// A panic is exit 101, or a line that says so where a task ends in one.
fn no_panic(done: &Done, what: &str) {
    let known = [0, 1, 2, 3, 4, 5, 6, 130];
    assert!(known.contains(&done.code) && !done.stderr.contains("panicked"), "{what}: {}", done.all());
}

/// Works on all items, two at a time.
fn on_all<T: Send>(items: Vec<T>, work: impl Fn(T) + Sync) {
    let left = Mutex::new(items);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let item = left.lock().unwrap().pop();
                    let Some(item) = item else { break };
                    work(item);
                }
            });
        }
    });
}

/// Flags of `run` and `preflight`, and values at the ends of what they accept or just beyond them.
const FLAGS: &[(&str, &[&str])] = &[
    ("--levels", &["4294967295", "1,4294967295"]),
    ("--search", &["1", "4294967295"]),
    ("--duration", &["0", "1ms", "366d"]),
    ("--periods", &["0", "4294967295"]),
    ("--rate", &[TINY, "0.0000000001", "4294967295"]),
    ("--close-rate", &[TINY, "0.0000000001", "4294967295"]),
    ("--window", &["0", "1", "4294967295"]),
    ("--pause", &["0", "366d"]),
    ("--connect-timeout", &["0", "1ms", "366d"]),
    ("--threshold", &[TINY, "100%"]),
    ("--safety", &[TINY, "100%"]),
    ("--heartbeat", &["0", "1ms", "366d"]),
    ("--pong-timeout", &["0", "1ms", "366d"]),
    ("--dns-ttl", &["0", "1ms", "366d"]),
    ("--token-timeout", &["0", "1ms", "366d"]),
    ("--jwt-expires", &["0", "1ms", "366d"]),
    ("--baseline", &["0", "366d"]),
    ("--settle", &["0", "366d"]),
    ("--period", &["1s", "86400"]),
    ("--require", &["0", "4294967295"]),
    ("--abort-if", &["client.failed_rate > 0", "TargetResponseTime > 1e308"]),
];

/// A key for tokens that are signed here: they expire after what everything else takes.
fn key(folder: &Folder) -> String {
    let key = folder.file("key");
    std::fs::write(&key, "k").unwrap();
    key.display().to_string()
}

#[test]
fn flags_at_their_ends_are_planned_with() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let key = key(&folder);
    let cases = FLAGS.iter().flat_map(|(flag, values)| values.iter().map(move |value| (*flag, *value)));
    let modes = cases.flat_map(|case| [(case, "fresh"), (case, "cumulative")]);
    on_all(modes.collect(), |((flag, value), mode)| {
        let mut command = simulator.albcap("preflight");
        command.args([simulator.url(), "--load-balancer=albcap-sim", "--jwt-key", &key, "--mode", mode]);
        let done = finish(command.arg(format!("{flag}={value}")));
        no_panic(&done, &format!("{flag}={value} --mode {mode}"));
    });
}

#[test]
fn a_rate_that_takes_longer_than_a_year_is_a_usage_error() {
    let folder = Folder::new();
    let key = key(&folder);
    for flag in ["--rate", "--close-rate"] {
        let mut command = binary();
        command.args(["run", "ws://127.0.0.1:1/", "--no-aws", "--levels=5k", "--jwt-key", &key]);
        let done = finish(command.args([flag, "0.0000000001"]).current_dir(folder.path()));
        assert_eq!(done.code, 2, "{}", done.all());
        assert!(done.complaint().0.ends_with("5,000 connections take longer than a year"), "{}", done.stderr);
    }
}

/// Runs where nothing listens: they are over at once, whatever their flags say of holds.
#[test]
fn flags_at_their_ends_are_run_with() {
    let folder = Folder::new();
    let key = key(&folder);
    let cases = FLAGS.iter().filter(|(flag, _)| !["--levels", "--search", "--window"].contains(flag));
    let cases = cases.flat_map(|(flag, values)| values.iter().map(move |value| (*flag, *value)));
    on_all(cases.collect(), |(flag, value)| {
        let mut command = binary();
        command.args(["run", "ws://127.0.0.1:1/", "--no-aws", "--levels=1", "--jwt-key", &key, "--record=-"]);
        no_panic(&finish(command.arg(format!("{flag}={value}"))), &format!("{flag}={value}"));
    });
}

#[test]
fn a_simulator_with_flags_at_their_ends_starts_and_ends() {
    let flags = [
        ("--idle-timeout", &["1ms", "366d"][..]),
        ("--client-keep-alive", &["1ms", "366d"]),
        ("--nodes", &["1", "4294967295"]),
        ("--baseline", &["0", "4294967295"]),
        ("--max-connections", &["0", "4294967295"]),
        ("--reject-rate", &["0", "100%"]),
        ("--kill-after", &["0", "366d"]),
        ("--drain-after", &["0", "366d"]),
        ("--deregistration-delay", &["0", "366d"]),
        ("--publish-delay", &["0", "366d"]),
        ("--clock-ahead", &["0", "366d"]),
        ("--healthy-targets", &["0", "4294967295"]),
        ("--reserved-lcus", &["0", "4294967295"]),
        ("--idle-timeout-then", &["0=1", "4294967295=4000"]),
    ];
    let cases = flags.iter().flat_map(|(flag, values)| values.iter().map(move |value| (*flag, *value)));
    on_all(cases.collect(), |(flag, value)| {
        let mut command = binary();
        command.args(["simulate", "--until-stdin-closes"]).arg(format!("{flag}={value}"));
        no_panic(&finish(&mut command), &format!("{flag}={value}"));
    });
}

/// The record of a short run, its events as JSON.
fn recorded(folder: &Folder) -> Vec<Value> {
    let simulator = Simulator::start(&["--period=1s"]);
    let record = folder.file("run.jsonl");
    let flags = "--levels=2,3 --duration=1s --heartbeat=1s --periods=0 --period=1s --baseline=3s --settle=1s --no-abort \
                 --pause=0 --force=traffic";
    let mut run = simulator.albcap("run");
    let done = finish(run.arg(simulator.url()).args(flags.split_whitespace()).arg("--record").arg(&record));
    assert!([0, 5, 6].contains(&done.code), "{}", done.all());
    let text = std::fs::read_to_string(record).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Puts a value into the place of every number, or every date, below `value`.
fn replace(value: &mut Value, by: &Value) {
    let is_date = |text: &str| text.len() > 18 && text.ends_with('Z') && text.as_bytes()[4] == b'-';
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, by)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, by)),
        Value::Number(_) if by.is_number() => *value = by.clone(),
        Value::String(text) if by.is_string() && is_date(text) => *value = by.clone(),
        _ => {}
    }
}

/// Every command that works from a record, without a network.
fn read_by_all(record: &Path, what: &str) {
    for words in [
        "report",
        "report --format json",
        "report --format html",
        "analyze --no-aws",
        "recommend",
        "recommend --emit cloudformation",
        "publish --dry-run --region us-east-1",
    ] {
        let mut words = words.split(' ');
        let mut command: Command = with_credentials();
        command.arg(words.next().unwrap()).arg(record).args(words);
        no_panic(&finish(&mut command), &format!("{what}: {command:?}"));
    }
}

#[test]
fn records_with_extreme_dates_and_numbers_are_read_or_refused() {
    let folder = Folder::new();
    let events = recorded(&folder);
    let dates = [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "+262142-12-31T23:59:59Z",
        "-262143-01-01T00:00:00Z",
    ];
    let numbers = [json!(0), json!(1e308), json!(u64::MAX), json!(-1), json!(u32::MAX)];
    let extremes: Vec<Value> = dates.iter().map(|date| json!(date)).chain(numbers).collect();
    let kinds =
        ["header", "facts", "level_started", "sample", "machine", "level_ended", "server_series", "ended"];
    let cases = kinds.iter().flat_map(|kind| extremes.iter().map(move |by| (*kind, by)));
    on_all(cases.collect(), |(kind, by)| {
        let mut changed = events.clone();
        for event in changed.iter_mut().filter(|event| event["type"] == kind) {
            replace(event, by);
        }
        let lines: Vec<String> = changed.iter().map(ToString::to_string).collect();
        let record = folder.file(&format!("{kind}-{}.jsonl", by.to_string().replace('"', "")));
        std::fs::write(&record, lines.join("\n") + "\n").unwrap();
        read_by_all(&record, &format!("{kind} with {by}"));
    });
}
