//! What `albcap analyze` costs without the network: a record of a day with eight levels, a sample and a machine event a
//! second and CloudWatch's minutes, read, judged and put into the JSON report.
//!
//! ```sh
//! cargo bench --bench judging
//! ```
//! Every run is a process of its own, so that its peak memory is its own (Linux only). Numbers are printed, never
//! asserted; compare medians of several runs on a quiet machine.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};

const DAY_S: i64 = 86_400;
const LEVELS: i64 = 8;
const RUNS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--one") {
        return one(Path::new(&arguments[at + 1]));
    }
    let record = std::env::temp_dir().join(format!("albcap-judging-{}.jsonl", std::process::id()));
    write(&record);
    println!("record: {} MB", std::fs::metadata(&record).unwrap().len() / 1_000_000);
    println!("{:>10} {:>10} {:>10} {:>10} {:>10}", "read ms", "judge ms", "report ms", "all ms", "peak MiB");
    for _ in 0..RUNS {
        let one = Command::new(std::env::current_exe().unwrap()).arg("--one").arg(&record).output().unwrap();
        print!("{}", String::from_utf8_lossy(&one.stdout));
        assert!(one.status.success(), "{}", String::from_utf8_lossy(&one.stderr));
    }
    std::fs::remove_file(&record).unwrap();
}

fn one(record: &Path) {
    let began = Instant::now();
    let run = albcap::record::read(record).unwrap();
    let read = began.elapsed();
    let judged = albcap::judge::judge(&run);
    let judging = began.elapsed() - read;
    let report = albcap::report::json(&judged);
    let all = began.elapsed();
    let outcome = judged.outcome().name();
    assert!(report.len() > 1_000 && outcome == "agrees", "{outcome}: {:?}", judged.verdict.reasons);
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1_000.0;
    println!(
        "{:>10.1} {:>10.1} {:>10.1} {:>10.1} {:>10.1}",
        ms(read),
        ms(judging),
        ms(all - read - judging),
        ms(all),
        peak_mib()
    );
}

/// The most memory that this process has had (Linux's `VmHWM`).
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1_024.0)
}

/// A day in eight levels; other traffic of 300, both legs counted.
fn write(record: &Path) {
    let mut out = BufWriter::new(std::fs::File::create(record).unwrap());
    let origin: DateTime<Utc> = "2026-11-24T00:00:20Z".parse().unwrap();
    let stamp = |second: i64, millis: i64| {
        let at = origin + TimeDelta::seconds(second) + TimeDelta::milliseconds(millis);
        at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    };
    let mut line = |at: String, rest: &str| writeln!(out, r#"{{"at":"{at}",{rest}}}"#).unwrap();
    let connections = |level: i64| 1_000 * (level + 1);
    let levels: Vec<String> = (0..LEVELS).map(|level| connections(level).to_string()).collect();
    line(
        stamp(-2, 0),
        &format!(
            r#""type":"header","schema":1,"run_id":"day","tool_version":"0.1.0","host":{{"name":null,"platform":"linux x86_64"}},"plan":{{"url":"ws://h/","load_balancer":null,"schedule":{{"levels":[{}]}},"hold":{{"duration_s":10700,"periods":2}},"heartbeat":{{"interval_s":30,"pong_timeout_s":10}},"pace":{{"window":256,"connect_timeout_s":10,"pause_s":5}},"rule":{{"threshold":0.95,"safety":0.8,"keep_going":false,"require":null}},"cloudwatch":{{"period_s":60,"baseline_s":900,"settle_s":600}}}}"#,
            levels.join(",")
        ),
    );
    let (each, opening) = (DAY_S / LEVELS, 20);
    let histogram = serde_json::to_string(&albcap::record::Histogram::default()).unwrap();
    for level in 0..LEVELS {
        let from = level * each;
        let asked = connections(level);
        line(stamp(from, 0), &format!(r#""type":"level_started","level":{level},"connections":{asked}"#));
        for second in 0..each - 10 {
            let opened = (asked * (second + 1) / opening).min(asked);
            let beats = opened * second / 30;
            let counts = format!(
                r#""level":{level},"open":{opened},"opened":{opened},"failed":0,"heartbeats_sent":{beats},"heartbeats_answered":{beats},"bytes_sent":{},"bytes_received":{},"messages_received":0"#,
                600 * opened + 10 * beats,
                400 * opened + 6 * beats
            );
            if second == opening {
                line(stamp(from + second, 0), &format!(r#""type":"hold_started","level":{level}"#));
            }
            line(stamp(from + second, 120), &format!(r#""type":"sample",{counts}"#));
            line(
                stamp(from + second, 130),
                &format!(
                    r#""type":"machine","level":{level},"lag_ms":0.{},"cpu_cores":0.12{},"descriptors":{},"time_wait":14,"ephemeral_ports":28232,"segments_sent":{},"retransmitted":0,"listen_drops":0,"listen_overflows":0"#,
                    second % 10,
                    second % 7,
                    opened + 20,
                    opened / 30 + second % 13
                ),
            );
            if second == each - 11 {
                line(stamp(from + second, 500), &format!(r#""type":"hold_ended","level":{level}"#));
                line(
                    stamp(from + each - 8, 0),
                    &format!(
                        r#""type":"level_ended","level":{level},"complete":true,"counts":{{{}}},"held":{asked},"connect_us":{histogram},"heartbeat_rtt_us":{histogram},"peers":[{{"address":"10.0.3.17","opened":{asked},"failed":0}}]"#,
                        counts.replacen(&format!(r#""open":{opened}"#), r#""open":0"#, 1)
                    ),
                );
            }
        }
    }
    line(stamp(DAY_S, 0), r#""type":"ended","how":"finished""#);
    line(stamp(DAY_S + 600, 0), &format!(r#""type":"server_series",{}"#, series(connections)));
    out.flush().unwrap();
}

/// CloudWatch's minutes of the day, a quarter of an hour before it and a few after it, of all metrics and three zones.
fn series(connections: impl Fn(i64) -> i64) -> String {
    let minute = |index: i64| {
        let at: DateTime<Utc> = "2026-11-24T00:00:00Z".parse().unwrap();
        (at + TimeDelta::minutes(index)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    };
    let (first, end) = (-16, DAY_S / 60 + 4);
    let points = |value: &dyn Fn(i64) -> i64| -> String {
        let points =
            (first..end).map(|index| format!(r#"{{"at":"{}","value":{}.0}}"#, minute(index), value(index)));
        points.collect::<Vec<_>>().join(",")
    };
    let level = |index: i64| (index * 60 - 20).div_euclid(DAY_S / LEVELS);
    let active = |index: i64| {
        let inside = (0..DAY_S / 60).contains(&index);
        300 + if inside { 2 * connections(level(index).clamp(0, LEVELS - 1)) } else { 0 }
    };
    let opened = |index: i64| {
        let begins = (0..LEVELS).any(|level| (level * DAY_S / LEVELS + 25).div_euclid(60) == index);
        30 + if begins { 2 * connections(level(index + 1)) } else { 0 }
    };
    let metrics = albcap::judge::metric::ALL.map(|name| {
        let list = match name {
            "ActiveConnectionCount" => points(&active),
            "NewConnectionCount" => points(&opened),
            "ConsumedLCUs" => points(&|_| 1),
            _ => points(&|index| 100 + index % 7),
        };
        format!(r#""{name}":[{list}]"#)
    });
    let zones = ["a", "b", "c"].map(|zone| {
        let third = points(&|index| active(index) / 3);
        format!(r#""us-east-1{zone}":{{"ActiveConnectionCount":[{third}]}}"#)
    });
    format!(
        r#""load_balancer":"app/a/1","period_s":60,"from":"{}","until":"{}","read_at":"2026-11-25T00:10:00Z","status":"final","metrics":{{{}}},"zones":{{{}}}"#,
        minute(first),
        minute(end),
        metrics.join(","),
        zones.join(",")
    )
}
