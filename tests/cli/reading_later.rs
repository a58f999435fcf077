//! A run that did not wait for CloudWatch, and the time from which it can be analyzed.

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::harness::{Folder, Simulator, finish, json_of, wait_for};

/// The time in `CloudWatch was not read; from TIME on it can be: …`.
fn printed_time(stdout: &str) -> DateTime<Utc> {
    let line = stdout.lines().find(|line| line.starts_with("CloudWatch was not read; from ")).unwrap();
    let text = line.split(" from ").nth(1).unwrap().split(" UTC").next().unwrap();
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap().and_utc()
}

#[test]
fn from_the_printed_time_on_a_single_read_is_final() {
    let simulator = Simulator::start(&["--period=1s", "--baseline=10"]);
    let folder = Folder::new();
    let record = folder.file("later.jsonl");
    simulator.wait_for_periods(5);
    let done = finish(
        simulator
            .albcap("run")
            .arg(simulator.url())
            .args(["--levels=30", "--duration=3s", "--periods=2", "--heartbeat=1s", "--pong-timeout=2s"])
            .args(["--period=1s", "--baseline=4s", "--settle=0", "--record"])
            .arg(&record),
    );
    assert_eq!(done.code, 0, "{}", done.all());
    let from = printed_time(&done.stdout);

    // Read once, at once: what came is shown, and not believed.
    let early = finish(simulator.albcap("analyze").arg(&record).arg("--settle=0"));
    assert_eq!(early.code, 6, "{}", early.all());
    assert_eq!(json_of(&record)["server"]["status"], "provisional");

    wait_for("the printed time", || (Utc::now() >= from).then_some(()));
    let late = finish(simulator.albcap("analyze").arg(&record).arg("--settle=0"));
    assert_eq!(late.code, 0, "{}", late.all());
    let report = json_of(&record);
    assert_eq!(
        (report["verdict"]["outcome"].as_str(), report["server"]["status"].as_str()),
        (Some("agrees"), Some("final")),
        "{report:#}"
    );
}
