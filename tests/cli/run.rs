//! The main job.

use std::fs;

use crate::harness::{Folder, Simulator, binary, finish, json_of, wait_for};

/// A run of seconds: periods of one, so that a hold contains several.
const FAST: &str = "--duration=4s --periods=3 --heartbeat=1s --pause=200ms --period=1s \
    --baseline=3s --settle=30s --pong-timeout=2s";

#[test]
fn both_sides_agree_when_nothing_is_wrong() {
    let simulator = Simulator::start(&["--period=1s", "--baseline=10"]);
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    simulator.wait_for_periods(5);
    let done = finish(
        simulator
            .albcap("run")
            .arg(simulator.url())
            .args(FAST.split(' '))
            .args(["--levels=40,80", "--record"])
            .arg(&record)
            .arg("--export")
            .arg(folder.file("run.json")),
    );
    assert_eq!(done.code, 0, "{}", done.all());
    assert!(
        done.stdout.contains("Maximum reliable concurrent connections: 80   (at least: no level failed)"),
        "{}",
        done.stdout
    );
    let report = json_of(&record);
    assert_eq!(report["verdict"]["outcome"], "agrees", "{report:#}");
    assert_eq!(report["capacity"]["max_reliable"], 80);
    assert_eq!(report["capacity"]["at_least"], true);
    assert_eq!(report["capacity"]["safe_limit"], 64);
    for (level, connections) in [(0, 40), (1, 80)] {
        let level = &report["levels"][level];
        assert_eq!(
            (level["opened"].as_u64(), level["held"].as_u64()),
            (Some(connections), Some(connections))
        );
        assert_eq!(level["passed"], true);
        assert!(level["avg_heartbeats"].as_f64().unwrap() >= 3.0, "{level:#}");
        assert_eq!(level["heartbeats_sent"], level["heartbeats_answered"]);
        assert!(level["connect_ms"]["p50"].as_f64().unwrap() > 0.0);
    }
    let correlation = &report["correlation"];
    let factor = correlation["active_connections"]["factor"].as_f64().unwrap();
    assert!((factor - 2.0).abs() < 0.05, "{factor}");
    assert_eq!(
        correlation["active_connections"]["baseline"], 20.0,
        "10 connections of others, two legs each"
    );
    let exported: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.file("run.json")).unwrap()).unwrap();
    for (member, value) in report.as_object().unwrap() {
        assert_eq!(&exported[member], value, "the export of a run is the report of its record, in {member}");
    }
}

#[test]
fn a_heartbeat_that_the_idle_timeout_outruns_is_refused_before_anything_is_opened() {
    let simulator = Simulator::start(&["--period=1s", "--idle-timeout=30s"]);
    let folder = Folder::new();
    for (heartbeat, code) in [("30s", 3), ("31s", 3), ("29s", 0)] {
        let record = folder.file(&format!("{heartbeat}.jsonl"));
        let done = simulator.run(
            &format!("--levels=2 --duration=1s --settle=0 --period=1s --periods=0 --heartbeat {heartbeat}"),
            &record,
        );
        assert_eq!(done.code, code, "{heartbeat}: {}", done.all());
        if code == 3 {
            let (cause, remedy) = done.complaint();
            assert_eq!(
                cause,
                format!(
                    "heartbeat {} is not below the ALB's idle timeout of 30 s",
                    heartbeat.replace('s', " s")
                )
            );
            assert!(remedy.contains("--heartbeat") && remedy.contains("nothing was opened"), "{remedy}");
            assert!(!record.exists(), "a run that was refused leaves no record");
        } else {
            assert!(done.stdout.contains("warn"), "above half of the timeout: {}", done.stdout);
        }
    }
    // Two legs of each; the period in which they were opened must be over.
    let legs = wait_for("the new connections", || {
        Some(simulator.sum("NewConnectionCount")).filter(|sum| *sum > 0.0)
    });
    assert_eq!(legs, 4.0, "only the run that was not refused opened anything");
}

#[test]
fn a_connection_that_the_server_cuts_is_a_failure_whatever_it_did_before() {
    let simulator = Simulator::start(&["--kill-after=1s"]);
    let folder = Folder::new();
    let record = folder.file("cut.jsonl");
    let done = finish(
        binary()
            .args([
                "run",
                simulator.url(),
                "--no-aws",
                "--levels=30",
                "--duration=3s",
                "--heartbeat=300ms",
                "--record",
            ])
            .arg(&record),
    );
    assert_eq!(done.code, 0, "a failed level alone is 0: {}", done.all());
    let level = &json_of(&record)["levels"][0];
    assert_eq!((level["opened"].as_u64(), level["held"].as_u64()), (Some(30), Some(0)));
    assert_eq!(level["passed"], false);
    let failure = &level["failures"][0];
    assert_eq!((failure["phase"].as_str(), failure["count"].as_u64()), (Some("hold"), Some(30)));
    assert!(level["heartbeats_answered"].as_u64().unwrap() > 0, "they had answered heartbeats: {level:#}");
}

#[test]
fn an_idle_timeout_on_the_path_is_told_from_other_ends() {
    let simulator = Simulator::start(&["--idle-timeout=1s", "--period=1s"]);
    let folder = Folder::new();
    let record = folder.file("idle.jsonl");
    let done = simulator.run(
        "--force=idle_timeout --levels=20 --duration=3s --periods=0 --heartbeat=10s --period=1s \
         --settle=0",
        &record,
    );
    assert_eq!(done.code, 0, "{}", done.all());
    let report = json_of(&record);
    let failure = &report["levels"][0]["failures"][0];
    assert_eq!(
        (failure["kind"].as_str(), failure["initiator"].as_str(), failure["count"].as_u64()),
        (Some("idle_timeout"), Some("peer"), Some(20))
    );
    assert!(report["diagnosis"][0]["cause"].as_str().unwrap().contains("idle timeout"), "{report:#}");
}

#[test]
fn refused_upgrades_are_counted_by_status() {
    let simulator = Simulator::start(&["--reject-rate=25%"]);
    let folder = Folder::new();
    let record = folder.file("503.jsonl");
    let done = finish(
        binary()
            .args(["run", simulator.url(), "--no-aws", "--levels=40,80", "--duration=1s", "--record"])
            .arg(&record),
    );
    assert_eq!(done.code, 0, "{}", done.all());
    let report = json_of(&record);
    assert_eq!(report["levels"].as_array().unwrap().len(), 1, "the schedule stops at the first failed level");
    let failure = &report["levels"][0]["failures"][0];
    assert_eq!(
        (failure["phase"].as_str(), failure["kind"].as_str(), failure["count"].as_u64()),
        (Some("upgrade"), Some("http_503"), Some(10))
    );
    assert_eq!(report["capacity"]["max_reliable"], 0);
    assert_eq!(report["capacity"]["first_failed"], 40);
    assert_eq!(report["capacity"]["limited_by"], "http_503");
    assert_eq!(report["verdict"]["outcome"], "not_checked");
}

#[test]
fn nobody_listens_is_a_level_of_nothing_and_exit_1() {
    let folder = Folder::new();
    let record = folder.file("refused.jsonl");
    // A port that was free a moment ago, on an address of its own.
    let port = std::net::TcpListener::bind("127.7.7.7:0").unwrap().local_addr().unwrap().port();
    let url = format!("ws://127.7.7.7:{port}/");
    let done = finish(
        binary().args(["run", &url, "--no-aws", "--levels=20", "--duration=1s", "--record"]).arg(&record),
    );
    assert_eq!(done.code, 1, "{}", done.all());
    let level = &json_of(&record)["levels"][0];
    assert_eq!((level["opened"].as_u64(), level["success_rate"].as_f64()), (Some(0), Some(0.0)));
    assert_eq!(
        (level["failures"][0]["kind"].as_str(), level["failures"][0]["count"].as_u64()),
        (Some("refused"), Some(20))
    );
}

#[test]
fn require_decides_the_exit_code() {
    let simulator = Simulator::start(&[]);
    for (least, code) in [("16", 0), ("17", 4)] {
        let folder = Folder::new();
        let done = finish(
            binary()
                .args([
                    "run",
                    simulator.url(),
                    "--no-aws",
                    "--levels=20",
                    "--duration=200ms",
                    "--require",
                    least,
                    "--record",
                ])
                .arg(folder.file("r.jsonl")),
        );
        assert_eq!(done.code, code, "{}", done.all());
    }
}

#[test]
fn tls_is_spoken_and_a_certificate_nobody_vouches_for_is_not_believed() {
    let simulator = Simulator::start(&["--tls"]);
    let folder = Folder::new();
    let ca = simulator.announcement["ca_file"].as_str().unwrap();
    let run = |name: &str, flags: &[&str]| {
        let record = folder.file(name);
        let done = finish(
            binary()
                .args(["run", simulator.url(), "--no-aws", "--levels=10", "--duration=300ms", "--record"])
                .arg(&record)
                .args(flags),
        );
        (done, json_of(&record))
    };
    let (done, report) = run("trusted.jsonl", &["--cacert", ca]);
    assert_eq!((done.code, report["levels"][0]["held"].as_u64()), (0, Some(10)), "{}", done.all());
    let (done, report) = run("insecure.jsonl", &["-k"]);
    assert_eq!((done.code, report["levels"][0]["held"].as_u64()), (0, Some(10)), "{}", done.all());
    let (done, report) = run("unknown.jsonl", &[]);
    assert_eq!(done.code, 1, "{}", done.all());
    let failure = &report["levels"][0]["failures"][0];
    assert_eq!(
        (failure["phase"].as_str(), failure["kind"].as_str(), failure["count"].as_u64()),
        (Some("tls"), Some("tls"), Some(10))
    );
    assert_eq!(failure["initiator"], "client", "{failure:#}");
    let cause = report["diagnosis"][0]["cause"].as_str().unwrap();
    assert!(cause.contains("this side does not accept"), "{cause}");
}

#[test]
fn the_record_may_be_streamed_and_the_table_then_goes_to_stderr() {
    let simulator = Simulator::start(&[]);
    let done = finish(binary().args([
        "run",
        simulator.url(),
        "--no-aws",
        "--levels=5",
        "--duration=200ms",
        "--record=-",
    ]));
    assert_eq!(done.code, 0, "{}", done.all());
    let types: Vec<String> = done
        .stdout
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!((types.first().unwrap().as_str(), types.last().unwrap().as_str()), ("header", "ended"));
    assert!(done.stderr.contains("Safe limit"), "{}", done.stderr);
}

#[test]
fn settle_0_says_from_when_analyze_will_work_and_analyze_then_agrees() {
    let simulator = Simulator::start(&["--period=1s"]);
    let folder = Folder::new();
    let record = folder.file("later.jsonl");
    simulator.wait_for_periods(5);
    let done = simulator.run(&format!("{FAST} --settle=0 --levels=30"), &record);
    assert_eq!(done.code, 0, "{}", done.all());
    assert!(done.stdout.contains(&format!("albcap analyze {}", record.display())), "{}", done.stdout);
    assert_eq!(json_of(&record)["verdict"]["outcome"], "not_checked");
    let done = finish(simulator.albcap("analyze").arg(&record).arg("--settle=30s"));
    assert_eq!(done.code, 0, "{}", done.all());
    let report = json_of(&record);
    assert_eq!(
        (report["verdict"]["outcome"].as_str(), report["server"]["status"].as_str()),
        (Some("agrees"), Some("final"))
    );
}

#[test]
fn one_leg_counted_agrees_since_requestcount_shows_that_all_arrived() {
    let simulator = Simulator::start(&["--period=1s", "--legs=1"]);
    let folder = Folder::new();
    let record = folder.file("one.jsonl");
    simulator.wait_for_periods(5);
    let done = simulator.run(&format!("{FAST} --levels=50"), &record);
    let report = json_of(&record);
    assert_eq!((done.code, report["verdict"]["outcome"].as_str()), (0, Some("agrees")), "{report:#}");
    let factor = report["correlation"]["active_connections"]["factor"].as_f64().unwrap();
    assert!((factor - 1.0).abs() < 0.05, "{factor}");
}

#[test]
fn connections_that_never_reach_the_measured_load_balancer_contradict() {
    // The clients load one ALB, and another one's metrics are read: its others' traffic is there, ours is not.
    let measured = Simulator::start(&["--period=1s", "--baseline=10"]);
    let loaded = Simulator::start(&["--period=1s"]);
    let folder = Folder::new();
    let record = folder.file("elsewhere.jsonl");
    measured.wait_for_periods(5);
    let name = measured.announcement["load_balancer"].as_str().unwrap().split('/').nth(1).unwrap();
    let done = finish(
        measured
            .albcap("run")
            .arg(loaded.url())
            .args(FAST.split(' '))
            .args(["--levels=50", "--force=listener", "--load-balancer", name, "--record"])
            .arg(&record),
    );
    let report = json_of(&record);
    assert_eq!((done.code, report["verdict"]["outcome"].as_str()), (5, Some("disagrees")), "{}", done.all());
    let reason = report["verdict"]["reasons"][0].as_str().unwrap();
    assert!(reason.contains("50") && reason.contains("100 %"), "the level and the missing share: {reason}");
}
