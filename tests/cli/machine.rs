//! Is it me? What this machine does to a run is seen, and laid to it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Background, Folder, Simulator, binary, events, finish, json_of, wait_for};

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
    let last = events(&record, "machine").into_iter().rfind(|event| event["level"] == 1).unwrap();
    assert!(last["cpu_cores"].is_number() && last["time_wait"].is_number(), "{last}");
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
    assert_eq!(stalls.len(), 1, "one stall is told once: {stalls:?}");
    let report = json_of(&record);
    let level = &report["levels"][0];
    assert_eq!(level["passed"], true, "{level:#}");
    let machine = &level["machine"];
    assert_eq!(machine["limited"], false);
    assert_eq!(machine["lag_ms_max"].as_f64(), Some(stalls[0]));
    assert!(done.stdout.contains("This machine"), "{}", done.stdout);
    if cfg!(target_os = "linux") {
        assert!(machine["descriptors_max"].as_u64().unwrap() > 20, "{machine}");
        assert!(machine["cpu_cores_max"].is_number() && machine["retransmitted"].is_number(), "{machine}");
        assert!(machine["listen_drops"].is_number(), "{machine}");
    }
}
