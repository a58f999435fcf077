//! ministack, an AWS emulator: the real SDK speaks to it over HTTP, in elbv2's XML and CloudWatch's CBOR.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use chrono::{DateTime, DurationRound, SubsecRound, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::{Folder, finish, json_of, wait_for, with_credentials};
use crate::python;

struct Ministack {
    process: Child,
    url: String,
}

impl Ministack {
    fn start() -> Ministack {
        // A port that was free a moment ago: the emulator can't be told to choose one.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(python::program("ministack"))
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            // Otherwise it opens further ports, some to everybody.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stack = Ministack { process, url: format!("http://127.0.0.1:{port}") };
        wait_for("ministack's health", || {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
            write!(stream, "GET /_ministack/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            answer.starts_with("HTTP/1.1 200").then_some(())
        });
        stack
    }

    /// Makes an ALB; its ARN and DNS name.
    fn load_balancer(&self, name: &str, idle_timeout: &str) -> (String, String) {
        let done =
            finish(python::script("ministack_account.py").args([&self.url, "create", name, idle_timeout]));
        assert_eq!(done.code, 0, "{}", done.all());
        let made: Value = serde_json::from_str(&done.stdout).unwrap();
        (made["arn"].as_str().unwrap().to_owned(), made["dns_name"].as_str().unwrap().to_owned())
    }

    fn put(&self, points: &[Value]) {
        let mut process = python::script("ministack_account.py")
            .args([&self.url, "put"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        process.stdin.take().unwrap().write_all(json!(points).to_string().as_bytes()).unwrap();
        assert!(process.wait().unwrap().success());
    }

    fn albcap(&self, command: &str) -> Command {
        let mut albcap = with_credentials();
        albcap.arg(command).args(["--region=us-east-1", "--endpoint-url", &self.url]);
        albcap
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_idle_timeout_is_read_and_a_slower_heartbeat_refused() {
    let stack = Ministack::start();
    let (arn, dns_name) = stack.load_balancer("prod-ws", "45");
    let by_host = |heartbeat: &str| {
        finish(stack.albcap("preflight").args([&format!("ws://{dns_name}/"), "--heartbeat", heartbeat]))
    };
    let done = by_host("45s");
    assert_eq!(done.code, 3, "{}", done.all());
    assert_eq!(done.complaint().0, "heartbeat 45 s is not below the ALB's idle timeout of 45 s");
    let done = by_host("20s");
    assert_eq!(done.code, 0, "{}", done.all());
    assert!(done.stdout.contains("45 s, heartbeat 20 s"), "{}", done.stdout);
    for named in ["prod-ws", &arn] {
        let done = finish(stack.albcap("preflight").args([
            "ws://127.0.0.1/",
            "--levels=50",
            "--heartbeat=20s",
            "--load-balancer",
            named,
        ]));
        assert_eq!(done.code, 0, "{named}: {}", done.all());
        assert!(done.stdout.contains("HTTP, port 80"), "its listener is read: {}", done.stdout);
    }
    let done = finish(stack.albcap("preflight").args(["ws://127.0.0.1:1/", "--load-balancer=nobody"]));
    assert_eq!(done.code, 3, "{}", done.all());
    assert!(done.complaint().0.contains("nobody"), "{}", done.stderr);
}

#[test]
fn metrics_of_others_are_read_back_and_judged() {
    let stack = Ministack::start();
    let (arn, _) = stack.load_balancer("prod-ws", "60");
    let dimension = arn.split_once(":loadbalancer/").unwrap().1;
    for (share, code, outcome) in [(1.0, 0, "agrees"), (0.7, 5, "disagrees")] {
        let folder = Folder::new();
        let record = folder.file("run.jsonl");
        // Each case in a time of its own, since points that were put can't be taken back.
        let ago = if code == 0 { TimeDelta::minutes(60) } else { TimeDelta::minutes(180) };
        let load = moved_to(ago, &record);
        stack.put(&series_of(&load, dimension, share));
        let done =
            finish(stack.albcap("analyze").arg(&record).args(["--load-balancer=prod-ws", "--settle=0"]));
        assert_eq!(done.code, code, "{}", done.all());
        let report = json_of(&record);
        assert_eq!(report["verdict"]["outcome"], outcome, "{report:#}");
        let factor = report["correlation"]["active_connections"]["factor"].as_f64().unwrap();
        assert!((factor - 2.0 * share).abs() < 0.02, "{factor}");
        assert_eq!(report["correlation"]["active_connections"]["baseline"], 30.0);
        assert_eq!(report["server"]["load_balancer"], dimension);
    }
}

#[test]
fn what_is_published_is_read_back_number_by_number() {
    let stack = Ministack::start();
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    moved_to(TimeDelta::minutes(30), &record);
    let flags = ["--dimension=Team=core", "--log-group=/load/tests"];
    let dry = finish(stack.albcap("publish").arg(&record).args(flags).arg("--dry-run"));
    assert_eq!(dry.code, 0, "{}", dry.all());
    let done = finish(stack.albcap("publish").arg(&record).args(flags));
    assert_eq!(done.code, 0, "{}", done.all());
    let again = finish(stack.albcap("publish").arg(&record).args(flags));
    assert!(again.stdout.contains("nothing: all of it was published before"), "{}", again.all());

    let report = folder.file("report.json");
    std::fs::write(&report, json_of(&record).to_string()).unwrap();
    let mut check = python::script("publish_check.py")
        .arg(&stack.url)
        .args([&record, &report])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(dry.stdout.as_bytes()).unwrap();
    let checked = check.wait_with_output().unwrap();
    assert!(checked.status.success(), "see above");
    let compared: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert!(
        compared["metrics"].as_u64().unwrap() > 5
            && compared["measured"].as_u64().unwrap() >= 12
            && compared["events"].as_u64().unwrap() > 100,
        "{compared}"
    );
}

#[test]
fn what_is_recommended_is_applied_once_and_taken_away() {
    let stack = Ministack::start();
    let (arn, _) = stack.load_balancer("prod-ws", "60");
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let load = moved_to(TimeDelta::minutes(60), &record);
    stack.put(&series_of(&load, arn.split_once(":loadbalancer/").unwrap().1, 1.0));
    let done = finish(stack.albcap("analyze").arg(&record).args(["--load-balancer=prod-ws", "--settle=0"]));
    assert_eq!(done.code, 0, "{}", done.all());
    let recommend = |flag: &str| {
        let done = finish(stack.albcap("recommend").arg(&record).arg(flag));
        assert_eq!(done.code, 0, "{flag}: {}", done.all());
        done.stdout
    };
    let lines =
        |text: &str, word: &str| text.lines().filter(|line| line.starts_with(&format!("  {word} "))).count();
    let first = recommend("--apply");
    assert!(
        lines(&first, "create") >= 6 && first.contains("dashboard albcap-prod-ws-websockets-us-east-1"),
        "{first}"
    );
    // It keeps of an alarm all but its `Metrics`: each is found again, and that this is missing.
    let again = recommend("--apply");
    let lacking = again.lines().filter(|line| line.ends_with(": what it watches")).count();
    assert_eq!(lacking + lines(&again, "unchanged"), lines(&first, "create"), "{again}");
    assert_eq!(lines(&again, "unchanged"), 1, "the dashboard: {again}");
    let removed = recommend("--remove");
    assert_eq!(lines(&removed, "remove"), lines(&first, "create"), "{removed}");
    assert!(recommend("--remove").starts_with("Nothing that --apply made"));
}

/// When the load of a record began, was held, and ended.
struct Load {
    started: DateTime<Utc>,
    held_from: DateTime<Utc>,
    held_until: DateTime<Utc>,
    ended: DateTime<Utc>,
}

/// Writes the example of a good run as if it had begun so long ago.
fn moved_to(ago: TimeDelta, to: &Path) -> Load {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/records/good.jsonl");
    let lines: Vec<Value> = std::fs::read_to_string(fixture)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let at = |line: &Value| line["at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    // By whole minutes, so that the hold lies on the grid as it did.
    let minute = TimeDelta::minutes(1);
    let shift =
        (Utc::now() - ago).duration_trunc(minute).unwrap() - at(&lines[0]).duration_trunc(minute).unwrap();
    let moved: Vec<Value> = lines
        .iter()
        .map(|line| {
            let mut line = line.clone();
            line["at"] = json!((at(&line) + shift).trunc_subsecs(3));
            line
        })
        .collect();
    let text: String = moved.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(to, text).unwrap();
    let of = |event: &str| at(moved.iter().find(|line| line["type"] == event).unwrap());
    Load {
        started: of("level_started"),
        held_from: of("hold_started"),
        held_until: of("hold_ended"),
        ended: of("ended"),
    }
}

/// What an ALB would have published: 30 connections of others, and `share` of both legs of our 100.
fn series_of(load: &Load, load_balancer: &str, share: f64) -> Vec<Value> {
    let minute = TimeDelta::minutes(1);
    let (from, until) = (load.started - minute * 17, load.ended + minute * 6);
    let mut points = Vec::new();
    let mut at = from.duration_trunc(minute).unwrap();
    while at < until {
        let held = load.held_from < at + minute && at < load.held_until;
        let opened = load.started >= at && load.started < at + minute;
        let ours = if held { 200.0 * share } else { 0.0 };
        let new = if opened { 200.0 } else { 0.0 };
        let of_minute = [
            ("ActiveConnectionCount", 30.0 + ours),
            ("NewConnectionCount", new),
            ("RequestCount", new / 2.0),
            ("ConsumedLCUs", 0.1),
        ];
        for (metric, value) in of_minute {
            if value > 0.0 || metric == "RequestCount" {
                points.push(json!({"metric": metric, "load_balancer": load_balancer, "at": at.to_rfc3339(), "value": value}));
            }
        }
        at += minute;
    }
    points
}
