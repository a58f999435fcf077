//! Records whose file another program takes away while the run goes on.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Background, Done, Folder, Simulator, binary, events, finish, json_of, wait_for};

/// What another program does to a record.
type Lose = fn(&Path);

/// A run of some seconds with a failure in it, and a record in a folder of its own.
fn run(simulator: &Simulator, folder: &Folder) -> (Background, PathBuf) {
    let record = folder.file("runs/a.jsonl");
    let run = Background::start(
        binary()
            .args(["run", simulator.url(), "--no-aws", "--levels=20,30", "--duration=3s", "--pause=0"])
            .args(["--heartbeat=500ms", "--threshold=50%", "--record"])
            .arg(&record)
            .arg("--export")
            .arg(folder.file("live.json")),
    );
    wait_for("the first hold", || (!events(&record, "hold_started").is_empty()).then_some(()));
    wait_for("a sample of it", || (events(&record, "sample").len() > 2).then_some(()));
    (run, record)
}

/// Numbers of a report that do not depend on the clock.
fn totals(report: &Value) -> Vec<Value> {
    let levels = report["levels"].as_array().unwrap().iter();
    let of_level = |level: &Value| {
        let failures: Vec<Value> = level["failures"]
            .as_array()
            .unwrap()
            .iter()
            .map(|failure| ["phase", "kind", "by", "count"].map(|key| failure[key].clone()).to_vec().into())
            .collect();
        let counts = ["connections", "opened", "held", "passed", "heartbeats_sent", "heartbeats_answered"];
        serde_json::json!([counts.map(|key| level[key].clone()), failures])
    };
    levels.map(of_level).chain([report["capacity"].clone(), report["run"]["ended"].clone()]).collect()
}

/// What the run exported at its end, from memory.
fn live(folder: &Folder) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.file("live.json")).unwrap()).unwrap()
}

/// What the run says, which names the file where the record is.
fn told(done: &Done, lost: &Path, how: &str, recovered: &Path) {
    let line = format!(
        "the record {} {how} during the run; it continues in {}",
        lost.display(),
        recovered.display()
    );
    assert_eq!(done.stderr.matches(&line).count(), 1, "{line}\n{}", done.stderr);
    let live = done.stderr.split(&line).nth(1).unwrap();
    assert!(live.contains("level 2 of 2"), "in mid-run: {}", done.stderr);
    let footer = format!("\nrecord  {0}\nreport  albcap report {0} --format html\n", recovered.display());
    assert!(done.stdout.contains(&footer), "{}", done.stdout);
}

#[test]
fn a_record_that_is_removed_or_replaced_continues_in_a_copy() {
    let simulator = Simulator::start(&["--max-connections=25"]);
    let removed = |record: &Path| fs::remove_dir_all(record.parent().unwrap()).unwrap();
    let replaced = |record: &Path| {
        let other = record.with_extension("other");
        fs::write(&other, "of another program\n").unwrap();
        fs::rename(other, record).unwrap();
    };
    let cases: [(Lose, &str); 2] = [(removed, "was removed"), (replaced, "was replaced by another file")];
    for (lose, how) in cases {
        let folder = Folder::new();
        let (run, record) = run(&simulator, &folder);
        lose(&record);
        let recovered = folder.file("runs/a.recovered.jsonl");
        wait_for("a copy", || recovered.exists().then_some(()));
        let done = run.wait();
        assert_eq!(done.code, 0, "{}", done.all());
        told(&done, &record, how, &recovered);
        let report = json_of(&recovered);
        assert_eq!(report, live(&folder));
        assert!(report["run"]["incomplete"].is_null() && report["run"]["ended"] == "finished", "{report:#}");
        assert_eq!(report["levels"].as_array().unwrap().len(), 2);
        assert!(!record.exists() || fs::read_to_string(&record).unwrap() == "of another program\n");
    }
}

#[test]
fn a_record_that_is_truncated_begins_anew_from_memory() {
    let simulator = Simulator::start(&["--max-connections=25"]);
    let folder = Folder::new();
    let (run, record) = run(&simulator, &folder);
    // More than what follows, so that all that is known of the first level comes from memory.
    wait_for("the second level", || (events(&record, "failure").len() >= 3).then_some(()));
    fs::File::create(&record).unwrap();
    let recovered = folder.file("runs/a.recovered.jsonl");
    wait_for("a record that begins anew", || (!events(&recovered, "recovered").is_empty()).then_some(()));
    // That one too.
    fs::remove_file(&recovered).unwrap();
    let second = folder.file("runs/a.recovered-2.jsonl");
    let export = folder.file("x.html");
    let done = run.wait();
    assert_eq!(done.code, 0, "{}", done.all());
    for (lost, how, to) in [(&record, "was truncated", &recovered), (&recovered, "was removed", &second)] {
        let line =
            format!("the record {} {how} during the run; it continues in {}", lost.display(), to.display());
        assert_eq!(done.stderr.matches(&line).count(), 1, "{line}\n{}", done.stderr);
    }
    let footer = format!("\nrecord  {}\n", second.display());
    assert!(done.stdout.contains(&footer), "{}", done.stdout);

    let report = json_of(&second);
    assert!(report["run"]["incomplete"].as_str().unwrap().contains("truncated"), "{report:#}");
    let levels = report["levels"].as_array().unwrap();
    assert_eq!(levels[0]["held"], 20);
    assert_eq!((levels[1]["opened"].as_u64(), levels[1]["held"].as_u64()), (Some(25), Some(25)));
    // A reset comes before the connection is there or after it.
    let failures = levels[1]["failures"].as_array().unwrap();
    let failed: u64 = failures.iter().map(|group| group["count"].as_u64().unwrap()).sum();
    assert_eq!(failed, 5, "{report:#}");
    for (command, says) in [("report", "Incomplete"), ("analyze", "Incomplete")] {
        let mut command = if command == "report" {
            let mut command = binary();
            command.arg("report").arg(&second);
            command
        } else {
            let mut command = binary();
            command.args(["analyze", "--no-aws", "--export"]).arg(&export).arg(&second);
            command
        };
        let done = finish(&mut command);
        assert_eq!(done.code, 0, "{}", done.all());
        assert!(done.stdout.contains(says), "{}", done.stdout);
        // What the run itself showed is what the record gives.
        assert!(done.stdout.contains("Maximum reliable concurrent connections: 30"), "{}", done.stdout);
    }
    assert!(fs::read_to_string(&export).unwrap().contains("Incomplete: the record"));
    assert_eq!(totals(&report), totals(&live(&folder)));
}

#[test]
fn a_second_signal_names_the_file_where_the_record_is() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("a.jsonl");
    let run = Background::start(
        // It would close for longer than the test waits.
        binary()
            .args(["run", simulator.url(), "--no-aws", "--levels=25", "--close-rate=0.01", "--record"])
            .arg(&record),
    );
    wait_for("the hold", || (!events(&record, "hold_started").is_empty()).then_some(()));
    let samples = events(&record, "sample").len();
    fs::remove_file(&record).unwrap();
    let recovered = folder.file("a.recovered.jsonl");
    // More than could be copied: the file is written to.
    wait_for("more samples", || (events(&recovered, "sample").len() > samples + 3).then_some(()));
    run.signal("INT");
    run.signal("TERM");
    let done = run.wait();
    let said = format!("interrupted; the record is {}\n", recovered.display());
    assert!(done.stderr.contains(&said), "{}", done.stderr);
}
