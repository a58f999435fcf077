//! Is it me? What this machine does to a run is seen, and laid to it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Background, Folder, Simulator, binary, events, finish, json_of, wait_for};
use crate::talker::Talker;

fn wait_for_hold(record: &Path, level: u32) {
    wait_for("the hold", || {
        events(record, "hold_started").iter().find(|hold| hold["level"] == level).map(drop)
    });
}

#[test]
fn a_level_that_can_not_fit_is_refused() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("small.jsonl");
    let mut bash = Command::new("bash");
    bash.args(["-c", "ulimit -n 200 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_albcap")])
        .args(["run", simulator.url(), "--no-aws", "--levels=150", "--duration=1s", "--record"])
        .arg(&record);
    let done = finish(&mut bash);
    assert_eq!(done.code, 3, "{}", done.all());
    let (cause, remedy) = done.complaint();
    assert!(cause.contains("150 connections need") && cause.contains("may have 200"), "{cause}");
    assert!(remedy.contains("ulimit -n"), "{remedy}");
    assert!(!record.exists(), "nothing was opened");
}

#[cfg(target_os = "linux")]
#[test]
fn descriptors_that_run_out_are_this_machines_limit_and_not_the_load_balancers() {
    /// Enough for what the process itself has open and some connections, and not for a level of 200.
    const LEFT: u64 = 100;
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("out.jsonl");
    let run = Background::start(
        binary()
            .args([
                "run",
                simulator.url(),
                "--no-aws",
                "--levels=10,200",
                "--duration=2s",
                "--pause=1s",
                "--record",
            ])
            .arg(&record),
    );
    // The largest level fitted when preflight looked; then somebody takes the descriptors away.
    wait_for_hold(&record, 0);
    let pid = run.id().try_into().unwrap();
    rlimit::prlimit(pid, rlimit::Resource::NOFILE, Some((LEFT, LEFT)), None).unwrap();
    let done = run.wait();
    assert_eq!(done.code, 6, "{}", done.all());
    assert!(done.stdout.contains("This machine was the limit, not the load balancer"), "{}", done.stdout);
    assert!(done.stdout.contains("ulimit -n"), "{}", done.stdout);
    let report = json_of(&record);
    let (first, second) = (&report["levels"][0], &report["levels"][1]);
    assert_eq!((first["passed"].as_bool(), first["machine"]["limited"].as_bool()), (Some(true), Some(false)));
    assert_eq!(
        (second["passed"].as_bool(), second["machine"]["limited"].as_bool()),
        (Some(false), Some(true))
    );
    let failure = &second["failures"][0];
    assert_eq!(
        (failure["phase"].as_str(), failure["kind"].as_str(), failure["initiator"].as_str()),
        (Some("connect"), Some("fd_limit"), Some("local"))
    );
    assert!(failure["count"].as_u64().unwrap() >= 200 - LEFT, "{failure}");
    let peer = simulator.url().split('/').nth(2).unwrap();
    for failure in events(&record, "failure") {
        assert_eq!([&failure["kind"], &failure["peer"]], ["fd_limit", peer], "{failure}");
        assert!(failure["silence_s"].is_null() && failure["age_s"].is_number(), "{failure}");
    }
    assert_eq!(report["capacity"]["limited_by"], "machine");
    assert_eq!(report["verdict"]["outcome"], "not_checked");
    let reasons = report["verdict"]["reasons"].to_string();
    assert!(reasons.contains("at level 200, no file descriptor was left for"), "{reasons}");
    assert_eq!(report["diagnosis"].as_array().unwrap().len(), 1, "{report:#}");
    // What is read is read without a descriptor to spare.
    let of_level = |event: &serde_json::Value| event["level"] == 1 && event["cpu_cores"].is_number();
    let last = events(&record, "machine").into_iter().rfind(of_level).unwrap();
    assert!(last["time_wait"].is_number(), "{last}");
}

#[test]
fn nobody_else_is_blamed_for_connections_that_were_ended_while_this_machine_stood_still() {
    const STOPPED: Duration = Duration::from_secs(4);
    let simulator = Simulator::start(&["--idle-timeout=2s"]);
    let folder = Folder::new();
    let record = folder.file("still.jsonl");
    let run = Background::start(
        binary()
            .args(["run", simulator.url(), "--no-aws", "--levels=20", "--duration=10s", "--heartbeat=1s"])
            .args(["--pong-timeout=3s", "--record"])
            .arg(&record),
    );
    wait_for_hold(&record, 0);
    // Some heartbeats, so that it was not the start that failed.
    wait_for("samples", || (events(&record, "sample").len() > 4).then_some(()));
    run.signal("STOP");
    std::thread::sleep(STOPPED);
    run.signal("CONT");
    let done = run.wait();
    let report = json_of(&record);
    let causes = report["diagnosis"].as_array().unwrap();
    assert_eq!(causes.len(), 1, "{causes:#?} {:#}", report["levels"][0]);
    let cause = causes[0]["cause"].as_str().unwrap();
    assert_eq!(
        cause,
        "This machine was the limit, not the load balancer: it ran late, though not by its own work."
    );
    assert_eq!((report["levels"][0]["machine"]["limited"].as_bool(), done.code), (Some(true), 6));
}

#[test]
fn answers_that_lay_unread_while_this_machine_stood_still_are_answers() {
    const ANSWERED_AFTER: Duration = Duration::from_millis(600);
    const STOPPED: Duration = Duration::from_secs(4);
    let server = Talker::start(|socket| {
        // A ping's answer goes out with the next read.
        while socket.read().is_ok() {
            std::thread::sleep(ANSWERED_AFTER);
        }
    });
    let folder = Folder::new();
    let record = folder.file("unread.jsonl");
    let run = Background::start(
        binary()
            .args(["run", &server.url(), "--no-aws", "--levels=20", "--duration=9s", "--heartbeat=1s"])
            .args(["--pong-timeout=2s", "--record"])
            .arg(&record),
    );
    wait_for_hold(&record, 0);
    // By then most connections wait for an answer.
    wait_for("heartbeats", || {
        let sent = |event: &serde_json::Value| event["heartbeats_sent"].as_u64() >= Some(20);
        events(&record, "sample").iter().any(sent).then_some(())
    });
    run.signal("STOP");
    std::thread::sleep(STOPPED);
    run.signal("CONT");
    let done = run.wait();
    let level = json_of(&record)["levels"][0].clone();
    assert_eq!((level["held"].as_u64(), done.code), (Some(20), 0), "{}", done.all());
}

#[test]
fn a_process_that_was_stopped_says_so() {
    const STOPPED: Duration = Duration::from_secs(2);
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("stopped.jsonl");
    let run = Background::start(
        binary()
            .args([
                "run",
                simulator.url(),
                "--no-aws",
                "--levels=20",
                "--duration=5s",
                "--heartbeat=1s",
                "--record",
            ])
            .arg(&record),
    );
    wait_for_hold(&record, 0);
    run.signal("STOP");
    std::thread::sleep(STOPPED);
    run.signal("CONT");
    let done = run.wait();
    assert_eq!(done.code, 0, "a short stall in a run that went well is no limit: {}", done.all());
    let stalls: Vec<f64> = events(&record, "machine")
        .iter()
        .filter_map(|event| event["lag_ms"].as_f64())
        .filter(|ms| *ms > 1_500.0)
        .collect();
    // The runtime's timers and the threads that hold connections may be asked at different moments.
    assert!(matches!(stalls.len(), 1 | 2), "one stall is told once: {stalls:?}");
    let report = json_of(&record);
    let level = &report["levels"][0];
    assert_eq!(level["passed"], true, "{level:#}");
    let machine = &level["machine"];
    assert_eq!(machine["limited"], false);
    assert_eq!(machine["lag_ms_max"].as_f64(), stalls.iter().copied().reduce(f64::max));
    assert!(done.stdout.contains("This machine"), "{}", done.stdout);
    if cfg!(target_os = "linux") {
        assert!(machine["descriptors_max"].as_u64().unwrap() > 20, "{machine}");
        assert!(machine["cpu_cores_max"].is_number() && machine["retransmitted"].is_number(), "{machine}");
        assert!(machine["listen_drops"].is_number(), "{machine}");
    }
}
