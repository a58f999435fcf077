//! Opening and closing at a rate: never faster than the absolute schedule says.

use std::net::TcpListener;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::harness::{Folder, Simulator, binary, finish, json_of};

fn seconds_between(level: &Value, from: &str, until: &str) -> f64 {
    let at = |member: &str| level[member].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    (at(until) - at(from)).as_seconds_f64()
}

#[test]
fn connections_are_opened_and_closed_no_faster_than_asked() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let run = |name: &str, flags: &[&str]| {
        let record = folder.file(name);
        let mut command = binary();
        command.args(["run", simulator.url(), "--no-aws", "--levels=61", "--duration=300ms"]).args(flags);
        let done = finish(command.arg("--record").arg(&record));
        assert_eq!(done.code, 0, "{}", done.all());
        let level = json_of(&record)["levels"][0].clone();
        assert_eq!(level["held"], 61);
        (
            seconds_between(&level, "started_at", "held_from"),
            seconds_between(&level, "held_until", "ended_at"),
        )
    };
    // 61 of them are spread over 60 intervals.
    let (opening, closing) = run("both.jsonl", &["--rate=50/s"]);
    assert!(opening >= 1.2 && closing >= 1.19, "closing follows the rate of opening: {opening} {closing}");
    let (opening, closing) = run("close.jsonl", &["--rate=1k", "--close-rate=40"]);
    assert!(opening < 1.2 && closing >= 1.49, "closing has a rate of its own: {opening} {closing}");
}

#[test]
fn a_rate_that_was_not_kept_is_said() {
    // Accepts connections, as the kernel does, and never answers an upgrade.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = Folder::new();
    let record = folder.file("behind.jsonl");
    let url = format!("ws://{}/", mute.local_addr().unwrap());
    let mut command = binary();
    // Four rounds of two, each of a second, where eight are due within a tenth of one.
    command.args(["run", &url, "--no-aws", "--levels=8", "--duration=0", "--connect-timeout=1s"]).args([
        "--rate=100",
        "--window=2",
        "--record",
    ]);
    let done = finish(command.arg(&record));
    assert!(done.stdout.contains("--rate 100 was not kept"), "{}", done.all());
    assert!(done.stdout.contains("with --window 2"), "{}", done.all());
    let level = json_of(&record)["levels"][0].clone();
    assert!(level["rate_behind_s"].as_f64().unwrap() >= 2.5, "{level}");
}
