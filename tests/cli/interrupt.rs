//! Ctrl-C, SIGTERM and kill -9 in the middle.

use std::fs;
use std::path::Path;

use crate::harness::{Background, Folder, Simulator, binary, finish, json_of, wait_for, with_credentials};

fn long_run(simulator: &Simulator, record: &Path) -> Background {
    Background::start(
        binary()
            .args([
                "run",
                simulator.url(),
                "--no-aws",
                "--levels=25,50",
                "--duration=60s",
                "--heartbeat=500ms",
                "--record",
            ])
            .arg(record),
    )
}

/// Waits until the first level is held.
fn until_held(record: &Path) {
    wait_for("the hold to begin", || {
        fs::read_to_string(record).ok().filter(|text| text.contains("\"hold_started\"")).map(drop)
    });
}

#[test]
fn the_first_ctrl_c_closes_what_is_open_and_shows_what_there_is() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let simulator = Simulator::start(&[]);
        let folder = Folder::new();
        let record = folder.file("cut.jsonl");
        let run = long_run(&simulator, &record);
        until_held(&record);
        run.signal(signal);
        let done = run.wait();
        assert_eq!(done.code, code, "{}", done.all());
        for limit in ["Maximum reliable concurrent connections: not known", "Safe limit (80%): not known"] {
            assert!(done.stdout.contains(limit), "the partial result: {}", done.stdout);
        }
        assert!(done.stderr.contains("closing · 25 open"), "{}", done.stderr);
        let report = json_of(&record);
        assert_eq!(report["run"]["ended"], "interrupted");
        let capacity = &report["capacity"];
        assert!(capacity["max_reliable"].is_null() && capacity["safe_limit"].is_null(), "{capacity}");
        let level = &report["levels"][0];
        assert_eq!(level["passed"], serde_json::Value::Null, "an interrupted level is neither");
        assert_eq!((level["opened"].as_u64(), level["failures"].as_array().unwrap().len()), (Some(25), 0));
        assert_eq!(report["levels"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_killed_run_leaves_a_record_that_can_be_read() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("killed.jsonl");
    let run = long_run(&simulator, &record);
    until_held(&record);
    wait_for("a sample of the hold", || {
        let text = fs::read_to_string(&record).unwrap();
        text.split("\"hold_started\"").nth(1).filter(|rest| rest.contains("\"sample\"")).map(drop)
    });
    run.signal("KILL");
    assert_eq!(run.wait().code, -9);
    let report = json_of(&record);
    assert_eq!(report["run"]["ended"], "killed");
    let level = &report["levels"][0];
    assert_eq!(
        (level["opened"].as_u64(), level["passed"].is_null(), level["held"].is_null()),
        (Some(25), true, true)
    );
}

#[test]
fn a_ctrl_c_into_the_first_handshakes_is_an_interruption_and_no_failure() {
    // Connections come into being, and no upgrade is ever answered.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", silent.local_addr().unwrap());
    let folder = Folder::new();
    let run = Background::start(
        binary().args(["run", &url, "--no-aws", "--levels=5", "--record"]).arg(folder.file("cut.jsonl")),
    );
    let _asked = silent.accept().unwrap();
    run.signal("INT");
    let done = run.wait();
    assert_eq!(done.code, 130, "{}", done.all());
    assert!(!done.stderr.contains("no connection of the whole run"), "{}", done.stderr);
    assert!(done.stdout.contains("interrupted"), "the partial result: {}", done.stdout);
}

#[test]
fn a_ctrl_c_before_the_load_says_that_nothing_was_opened() {
    // AWS is asked, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let folder = Folder::new();
    let run = Background::start(
        with_credentials()
            .args(["run", "ws://127.0.0.1:1/", "--region=us-east-1", "--endpoint-url", &endpoint])
            .current_dir(folder.path()),
    );
    let _asked = silent.accept().unwrap();
    run.signal("INT");
    let done = run.wait();
    assert_eq!(done.code, 130, "{}", done.all());
    assert!(done.stderr.contains("albcap: interrupted; nothing was opened\n"), "{}", done.stderr);
}

#[test]
fn a_second_signal_leaves_at_once_and_names_the_record() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("left.jsonl");
    let run = Background::start(
        // It would close for longer than anybody waits.
        binary()
            .args(["run", simulator.url(), "--no-aws", "--levels=25", "--close-rate=0.01", "--record"])
            .arg(&record),
    );
    until_held(&record);
    // Two that can't be taken for one, in whichever order they are seen.
    run.signal("INT");
    run.signal("TERM");
    let done = run.wait();
    assert!([130, 143].contains(&done.code), "{}", done.all());
    let said = format!("albcap: interrupted; the record is {}\n", record.display());
    assert!(done.stderr.contains(&said), "{}", done.stderr);
}

/// A record as if its run had been killed right behind the first event of that type.
fn killed_after(record: &Path, kind: &str) -> std::path::PathBuf {
    let text = fs::read_to_string(record).unwrap();
    let mark = format!("\"type\":\"{kind}\"");
    let last = text.lines().position(|line| line.contains(&mark)).unwrap();
    let kept: Vec<&str> = text.lines().take(last + 1).collect();
    let cut = record.with_extension(format!("{kind}.jsonl"));
    fs::write(&cut, kept.join("\n") + "\n").unwrap();
    cut
}

#[test]
fn a_run_that_is_killed_as_it_starts_says_what_is_known() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("killed.jsonl");
    let run = long_run(&simulator, &record);
    // Level and first sample are synced as soon as they are there, not with the next second.
    wait_for("the first sample", || {
        let text = fs::read_to_string(&record).unwrap_or_default();
        text.contains("\"sample\"").then_some(())
    });
    run.signal("KILL");
    assert_eq!(run.wait().code, -9);
    let at = |kind: &str| -> chrono::DateTime<chrono::Utc> {
        crate::harness::events(&record, kind)[0]["at"].as_str().unwrap().parse().unwrap()
    };
    // A tenth of a second is meant.
    assert!(at("sample") - at("level_started") < chrono::TimeDelta::milliseconds(400));

    let analyze = |record: &Path| finish(binary().args(["analyze", "--no-aws"]).arg(record));
    let before_the_sample = killed_after(&record, "level_started");
    let done = analyze(&before_the_sample);
    assert_eq!(done.code, 6, "{}", done.all());
    assert!(done.stdout.contains("before the first sample of level 25"), "{}", done.stdout);
    assert!(!done.all().contains("no connection"), "{}", done.all());
    assert_eq!(json_of(&before_the_sample)["run"]["ended"], "killed");

    // Once every attempt has failed it is known that none could be opened.
    let refused = folder.file("refused.jsonl");
    let done = finish(
        binary()
            .args(["run", "ws://127.0.0.1:1/", "--no-aws", "--levels=2", "--duration=0", "--record"])
            .arg(&refused),
    );
    assert_eq!(done.code, 1, "{}", done.all());
    assert_eq!(analyze(&killed_after(&refused, "hold_started")).code, 1);
    assert_eq!(analyze(&killed_after(&refused, "level_started")).code, 6);
}

#[test]
fn a_ctrl_c_ends_a_read_that_blocks() {
    let folder = Folder::new();
    let pipe = folder.file("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let header = format!("@{}", pipe.display());
    for words in [
        &["run", "ws://127.0.0.1:1/", "--no-aws", "-H", &header],
        &["analyze", &pipe.display().to_string()][..],
    ] {
        let command = Background::start(binary().args(words).current_dir(folder.path()));
        // To open the other end waits until the command reads; it writes nothing.
        let _writer = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        command.signal("INT");
        assert_eq!(command.wait().code, -2, "{words:?}: by the signal itself");
    }
}
