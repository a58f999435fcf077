//! What holding connections costs: memory a connection, opening, CPU a handshake and a heartbeat.
//!
//! ```sh
//! cargo bench --bench engine                                    # ws and wss at 1,000 and 5,000, against `albcap simulate`
//! cargo bench --bench engine -- --connections 15000 --url ws://127.0.0.1:9001/   # against a server of your own
//! ```
//! It runs the release binary as a user does and reads `/proc` from outside (Linux only), so that everything counts:
//! runtime, record, histograms. Numbers are printed, never asserted; compare medians of several runs on a quiet machine.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::Value;

const HEARTBEAT: Duration = Duration::from_secs(5);
const SETTLED: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(10);

struct Options {
    connections: Vec<u32>,
    url: Option<String>,
    runs: u32,
}

/// One run's figures.
struct Figures {
    opened_per_second: f64,
    cpu_ms_per_handshake: f64,
    pss_bytes: f64,
    cpu_us_per_heartbeat: f64,
    late_p99_ms: f64,
}

fn main() {
    let options = options();
    println!(
        "{:>6} {:>12} {:>10} {:>13} {:>11} {:>13} {:>12}",
        "", "connections", "opened/s", "CPU ms/opened", "PSS B/conn", "CPU µs/beat", "late p99 ms"
    );
    for tls in [false, true] {
        if options.url.as_ref().is_some_and(|url| url.starts_with("wss") != tls) {
            continue;
        }
        for &connections in &options.connections {
            let runs: Vec<Figures> =
                (0..options.runs).map(|_| one_run(connections, tls, options.url.as_deref())).collect();
            let median = |of: fn(&Figures) -> f64| {
                let mut values: Vec<f64> = runs.iter().map(of).collect();
                values.sort_by(f64::total_cmp);
                values[values.len() / 2]
            };
            println!(
                "{:>6} {connections:>12} {:>10.0} {:>13.4} {:>11.0} {:>13.1} {:>12.2}",
                if tls { "wss" } else { "ws" },
                median(|f| f.opened_per_second),
                median(|f| f.cpu_ms_per_handshake),
                median(|f| f.pss_bytes),
                median(|f| f.cpu_us_per_heartbeat),
                median(|f| f.late_p99_ms),
            );
        }
    }
}

fn options() -> Options {
    let mut options = Options { connections: Vec::new(), url: None, runs: 3 };
    // `cargo bench` adds --bench.
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{word} wants a value"));
        match word.as_str() {
            "--connections" => options.connections.push(value().parse().unwrap()),
            "--url" => options.url = Some(value()),
            "--runs" => options.runs = value().parse().unwrap(),
            other => panic!("{other}: --connections N, --url URL and --runs N are known"),
        }
    }
    if options.connections.is_empty() {
        options.connections = vec![1_000, 5_000];
    }
    options
}

fn one_run(connections: u32, tls: bool, url: Option<&str>) -> Figures {
    let simulator = url.is_none().then(|| Simulator::start(tls));
    let url = url.map_or_else(|| simulator.as_ref().unwrap().url.clone(), str::to_owned);
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("run.jsonl");
    let hold = SETTLED + MEASURED + SETTLED;
    let mut run = Command::new(env!("CARGO_BIN_EXE_albcap"))
        .args(["run", &url, "-k", "-q", "--no-aws", "--window=512", "--levels", &connections.to_string()])
        .args([
            "--heartbeat",
            &format!("{}s", HEARTBEAT.as_secs()),
            "--duration",
            &format!("{}s", hold.as_secs()),
        ])
        .arg("--record")
        .arg(&record)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until_held(&record);
    let opening_cpu = cpu(run.id());
    std::thread::sleep(SETTLED);
    let (pss, cpu_before, began) = (pss(run.id()), cpu(run.id()), Instant::now());
    std::thread::sleep(MEASURED);
    let (cpu_during, measured) = (cpu(run.id()) - cpu_before, began.elapsed());
    assert!(run.wait().unwrap().success());
    let events: Vec<Value> = std::fs::read_to_string(&record)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |event: &str| events.iter().find(|line| line["type"] == event).unwrap();
    let at = |event: &str| of(event)["at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let held = of("level_ended")["held"].as_u64().unwrap();
    assert_eq!(held, u64::from(connections), "not all were held");
    let heartbeats = f64::from(connections) * measured.as_secs_f64() / HEARTBEAT.as_secs_f64();
    let count = f64::from(connections);
    Figures {
        opened_per_second: count / (at("hold_started") - at("level_started")).as_seconds_f64(),
        cpu_ms_per_handshake: opening_cpu * 1_000.0 / count,
        pss_bytes: pss / count,
        cpu_us_per_heartbeat: cpu_during * 1e6 / heartbeats,
        late_p99_ms: late_p99_ms(&of("level_ended")["heartbeat_late_us"]),
    }
}

fn late_p99_ms(histogram: &Value) -> f64 {
    let histogram: albcap::record::Histogram = serde_json::from_value(histogram.clone()).unwrap();
    histogram.summary().map_or(0.0, |summary| summary.p99)
}

fn until_held(record: &Path) {
    let until = Instant::now() + Duration::from_secs(120);
    while !std::fs::read_to_string(record).is_ok_and(|text| text.contains("\"hold_started\"")) {
        assert!(Instant::now() < until, "the hold never began");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Proportional set size, bytes.
fn pss(process: u32) -> f64 {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap();
    let line = rollup.lines().find(|line| line.starts_with("Pss:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1_024.0
}

/// User and system time so far, seconds.
fn cpu(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // Fields 14 and 15 of proc(5), in ticks of a hundredth of a second.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

struct Simulator {
    process: Child,
    url: String,
}

impl Simulator {
    fn start(tls: bool) -> Simulator {
        let mut command = Command::new(env!("CARGO_BIN_EXE_albcap"));
        command.arg("simulate").stdout(Stdio::piped());
        if tls {
            command.arg("--tls");
        }
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announcement: Value = serde_json::from_str(&line).unwrap();
        Simulator { process, url: announcement["url"].as_str().unwrap().to_owned() }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
