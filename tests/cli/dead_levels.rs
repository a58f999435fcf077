//! Levels of which nothing is left: they are over at once, have failed, and prove nothing about the load balancer.

use std::time::{Duration, Instant};

use crate::harness::{Folder, Simulator, binary, finish, json_of};

/// Less than the holds below, and far more than a machine needs that is busy with other tests.
const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_hold_ends_when_all_its_connections_have_died() {
    let simulator = Simulator::start(&["--kill-after=1s"]);
    let folder = Folder::new();
    let record = folder.file("dead.jsonl");
    let began = Instant::now();
    let done = finish(
        binary()
            .args(["run", simulator.url(), "--no-aws", "--levels=20,40", "--duration=5m", "--record"])
            .arg(&record),
    );
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(done.code, 0, "a failed level alone is 0: {}", done.all());
    let report = json_of(&record);
    assert_eq!(report["levels"].as_array().unwrap().len(), 1);
    let level = &report["levels"][0];
    assert_eq!((level["opened"].as_u64(), level["held"].as_u64()), (Some(20), Some(0)));
    assert_eq!(level["passed"], false, "complete, and failed: {level:#}");
    assert!(level["held_until"].is_string(), "{level:#}");
}

#[test]
fn nobody_listens_is_told_at_once_and_cloudwatch_is_not_waited_for() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("refused.jsonl");
    // A port that was free a moment ago, on an address of its own.
    let port = std::net::TcpListener::bind("127.7.7.8:0").unwrap().local_addr().unwrap().port();
    let began = Instant::now();
    let done = finish(
        simulator
            .albcap("run")
            .arg(format!("ws://127.7.7.8:{port}/"))
            .args([
                "--load-balancer=albcap-sim",
                "--force=listener",
                "--levels=20,40",
                "--settle=10m",
                "--record",
            ])
            .arg(&record),
    );
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(done.code, 1, "{}", done.all());
    let report = json_of(&record);
    assert_eq!(report["run"]["ended"], "finished");
    let level = &report["levels"][0];
    assert_eq!((level["opened"].as_u64(), level["passed"].as_bool()), (Some(0), Some(false)));
    assert_eq!(report["verdict"]["outcome"], "not_checked");
    let reason = report["verdict"]["reasons"][0].as_str().unwrap();
    assert!(reason.contains("no connection was opened"), "{reason}");
}

#[test]
fn what_dies_while_it_is_held_shows_no_factor() {
    let simulator = Simulator::start(&["--period=1s", "--kill-after=1300ms"]);
    let folder = Folder::new();
    let record = folder.file("dying.jsonl");
    simulator.wait_for_periods(5);
    let done = simulator.run(
        "--levels=20,40 --duration=4s --periods=2 --heartbeat=1s --pong-timeout=2s --period=1s \
         --baseline=4s --settle=30s",
        &record,
    );
    let report = json_of(&record);
    let outcome = report["verdict"]["outcome"].as_str().unwrap();
    let active = &report["correlation"]["active_connections"];
    match active["factor"].as_f64() {
        None => {
            assert_eq!((done.code, outcome), (6, "inconclusive"), "{}", done.all());
            let reason = report["verdict"]["reasons"][0].as_str().unwrap();
            assert!(reason.contains("connections died throughout the hold of level 20"), "{reason}");
            assert!(active["levels"][0]["ratio"].is_null(), "{active:#}");
        }
        // On a busy machine a sample may come late, and then shows one whole period before the deaths.
        Some(factor) => assert!((factor - 2.0).abs() < 0.1, "{factor}: {active:#}"),
    }
}
