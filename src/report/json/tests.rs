//! The document as programs read it.
#![allow(clippy::unwrap_used)]

use serde_json::Value;

use super::json;
use crate::judge::judge;
use crate::judge::testing::{Fault, Scenario, example, hostile};
use crate::record::{FailureKind, HowEnded, Phase};

fn parsed(scenario: &Scenario) -> Value {
    let run = scenario.run();
    serde_json::from_str(&json(&judge(&run))).unwrap()
}

#[test]
fn a_small_run_whole() {
    let scenario = Scenario {
        levels: vec![100],
        faults: vec![Fault { count: 3, ..Fault::default() }],
        ..Scenario::default()
    };
    let mut run = scenario.run();
    // A few minutes of three metrics show the shape of all.
    let series = run.series.as_mut().unwrap();
    series.from = "2026-11-24T12:57:00Z".parse().unwrap();
    let from = series.from;
    series.metrics.retain(|name, points| {
        points.retain(|point| point.at >= from);
        ["ActiveConnectionCount", "RejectedConnectionCount", "ConsumedLCUs"].contains(&name.as_str())
    });
    insta::assert_snapshot!(json(&judge(&run)));
}

#[test]
fn members_stand_in_the_order_of_the_documentation() {
    let run = example().run();
    let text = json(&judge(&run));
    let order = [
        "\"schema\"",
        "\"run\"",
        "\"plan\"",
        "\"preflight\"",
        "\"levels\": [\n    {",
        "\"capacity\"",
        "\"server\"",
        "\"correlation\"",
        "\"diagnosis\"",
        "\"verdict\": {\n",
    ];
    let places: Vec<usize> = order.iter().map(|name| text.find(name).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn the_members_of_the_contract() {
    let value = parsed(&example());
    assert_eq!(value["schema"], 1);
    assert_eq!(value["run"]["started_at"], "2026-11-24T13:00:00.000Z");
    assert_eq!(value["run"]["ended"], "finished");
    let level = &value["levels"][5];
    assert_eq!(level["passed"], false);
    assert_eq!(level["success_rate"], 0.9055);
    assert_eq!(level["failures"][0]["kind"], "http_503");
    assert_eq!(level["failures"][1]["kind"], "idle_timeout");
    assert_eq!(value["capacity"]["max_reliable"], 1_000);
    assert_eq!(value["capacity"]["limited_by"], "http_503");
    assert_eq!(value["server"]["status"], "final");
    let active = &value["correlation"]["active_connections"];
    assert_eq!(active["verdict"], "agrees");
    assert_eq!(active["levels"][4]["connections"], 1_000);
    assert_eq!(active["levels"][4]["periods"], 2);
    assert_eq!(value["correlation"]["new_connections"]["client"], 3_850);
    assert_eq!(value["verdict"]["outcome"], "agrees");
    for (part, names) in [
        (
            "levels",
            vec![
                "connections",
                "opened",
                "held",
                "success_rate",
                "success_rate_low95",
                "passed",
                "heartbeats_sent",
                "heartbeats_answered",
                "avg_heartbeats",
                "connect_ms",
                "heartbeat_rtt_ms",
                "heartbeat_late_ms",
                "bytes_sent",
                "bytes_received",
                "messages_received",
                "replies_sent",
                "failures",
                "machine",
                "peers",
                "started_at",
                "held_from",
                "held_until",
                "ended_at",
                "duration_s",
                "tokens",
            ],
        ),
        ("preflight", vec!["check", "status", "found", "detail", "remedy"]),
        ("diagnosis", vec!["cause", "evidence", "remedy"]),
    ] {
        let first = value[part][0].as_object().unwrap();
        for name in names {
            assert!(first.contains_key(name), "{part}.{name}");
        }
    }
}

#[test]
fn the_unknown_is_null_and_never_zero() {
    let value = parsed(&Scenario {
        levels: vec![50],
        faults: vec![Fault {
            phase: Phase::Connect,
            kind: FailureKind::Refused,
            count: 50,
            ..Fault::default()
        }],
        aws: false,
        series: None,
        ..Scenario::default()
    });
    let level = &value["levels"][0];
    assert_eq!((&level["held"], &level["success_rate"]), (&0.into(), &0.0.into()));
    let machine = level["machine"].as_object().unwrap();
    assert_eq!(machine.len(), 6);
    assert!(machine.iter().all(|(name, value)| if name == "limited" {
        *value == false
    } else {
        value.is_null()
    }));
    for unknown in
        [&level["tokens"], &level["avg_heartbeats"], &level["connect_ms"], &level["heartbeat_rtt_ms"]]
    {
        assert!(unknown.is_null(), "{level}");
    }
    assert_eq!(value["server"]["status"], "none");
    assert!(value["server"]["load_balancer"].is_null() && value["server"]["period_s"].is_null());
    let members = value["correlation"].as_object().unwrap();
    assert_eq!(members.len(), 7);
    assert!(members.values().all(Value::is_null), "{members:?}");

    let cut = parsed(&Scenario { cut_last: true, how: None, series: None, ..Scenario::default() });
    assert_eq!(cut["run"]["ended"], "killed");
    assert!(cut["run"]["ended_at"].is_null());
    let level = &cut["levels"][1];
    for name in ["held", "passed", "success_rate", "held_until", "ended_at", "duration_s"] {
        assert!(level[name].is_null(), "{name}: {level}");
    }
    let interrupted = parsed(&Scenario { how: Some(HowEnded::Interrupted), ..Scenario::default() });
    assert_eq!(interrupted["run"]["ended"], "interrupted");
}

#[test]
fn hostile_text_is_kept_and_does_nothing() {
    let run = hostile().run();
    let text = json(&judge(&run));
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{9b}']));
    let value: Value = serde_json::from_str(&text).unwrap();
    let example = value["levels"][0]["failures"][0]["example"].as_str().unwrap();
    assert!(example.starts_with("\u{1b}]0;owned"), "{example:?}");
}
