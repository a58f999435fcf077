//! Servers that send more than anybody wants to keep: the client's memory stays small, and every connection gets its turn.
#![cfg(target_os = "linux")]

use crate::harness::{Background, Folder, Simulator, binary, events, json_of, wait_for};

/// Far more than the client needs for three connections, and far less than what is sent to it.
const MOST_KIB: u64 = 96 * 1024;
const ENOUGH: u64 = 200 * 1024 * 1024;

/// The most memory that the process ever had, KiB.
fn high_water_mark(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Holds three connections for a while under a flood; gives the most memory used and the level of the report.
fn flooded(doom: &str, tls: bool) -> (u64, serde_json::Value) {
    let mut faults = vec!["--kill-after=1ms".to_owned(), format!("--kill-by={doom}")];
    faults.extend(tls.then(|| "--tls".to_owned()));
    let simulator = Simulator::start(&faults.iter().map(String::as_str).collect::<Vec<_>>());
    let folder = Folder::new();
    let record = folder.file("flood.jsonl");
    let run = Background::start(
        binary()
            .args(["run", simulator.url(), "-k", "--no-aws", "--levels=3", "--duration=5m"])
            .args(["--heartbeat=500ms", "--pong-timeout=1m", "--record"])
            .arg(&record),
    );
    let received = || events(&record, "sample").last().and_then(|sample| sample["bytes_received"].as_u64());
    wait_for("the flood", || received().filter(|bytes| *bytes > ENOUGH));
    let most = high_water_mark(run.id()).unwrap();
    run.signal("INT");
    run.wait();
    (most, json_of(&record)["levels"][0].clone())
}

#[test]
fn a_text_without_end_is_neither_kept_nor_in_the_way() {
    for tls in [false, true] {
        let (most, level) = flooded("endless-text", tls);
        assert!(most < MOST_KIB, "{most} KiB");
        assert_eq!(level["messages_received"], 0);
        assert_eq!(level["failures"].as_array().unwrap().len(), 0, "{level:#}");
        assert!(level["heartbeats_answered"].as_u64().unwrap() > 0, "pongs come between: {level:#}");
    }
}

#[test]
fn a_message_of_a_gibibyte_is_not_kept() {
    let (most, level) = flooded("long-message", false);
    assert!(most < MOST_KIB, "{most} KiB");
    assert_eq!(level["failures"].as_array().unwrap().len(), 0, "{level:#}");
}
