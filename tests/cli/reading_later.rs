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

#[test]
fn what_cloudwatch_no_longer_keeps_is_not_asked_for() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("old.jsonl");
    let run = ["--no-aws", "--levels=3", "--duration=200ms", "--record"];
    let done = finish(simulator.albcap("run").arg(simulator.url()).args(run).arg(&record));
    assert_eq!(done.code, 0, "{}", done.all());
    for (days, by, kept) in [(16, "60s", "60 s for 15 days only"), (1, "1s", "1 s for 3 hours only")] {
        // The same run, so many days ago.
        let old: String = std::fs::read_to_string(&record)
            .unwrap()
            .lines()
            .map(|line| {
                let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
                let at: DateTime<Utc> = event["at"].as_str().unwrap().parse().unwrap();
                event["at"] = (at - chrono::TimeDelta::days(days)).to_rfc3339().into();
                format!("{event}\n")
            })
            .collect();
        let aged = folder.file(&format!("{days}.jsonl"));
        std::fs::write(&aged, old).unwrap();
        let done = finish(simulator.albcap("analyze").arg(&aged).args(["--period", by]));
        assert_eq!(done.code, 1, "{}", done.all());
        let (cause, remedy) = done.complaint();
        assert!(cause.contains(kept) && remedy.contains("--no-aws"), "{cause}\n{remedy}");
        let done = finish(simulator.albcap("analyze").arg(&aged).arg("--no-aws"));
        assert_eq!(done.code, 0, "{}", done.all());
    }
}
