//! The clients' side: the record's events, stamped by this machine's clock.

use albcap::record::{
    Ended, Event, Header, Histogram, HowEnded, LevelEnded, LevelStarted, PeerCount, Run, Sample, Stamped,
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::world::{End, World};

/// The true time at which the minute of the first level begins.
fn origin() -> DateTime<Utc> {
    "2026-11-24T13:00:00Z".parse().unwrap()
}

/// A true time of the world as a date.
pub(crate) fn date(world: &World, at: f64) -> DateTime<Utc> {
    origin() + TimeDelta::milliseconds(((world.phase_s + at) * 1_000.0).round() as i64)
}

/// Bytes of a connection in a second, one way.
pub(crate) const BYTES_A_SECOND: f64 = 12.0;

/// The run as it is recorded, without anything of CloudWatch.
pub(crate) fn run(world: &World) -> Run {
    let local = |at: f64| date(world, at + world.clock_s);
    let mut run = Run::new(local(-20.0), header(world));
    let mut tell = |at: f64, event: Event| run.apply(&Stamped { at: local(at), event });
    tell(-10.0, Event::Facts(Box::new(facts(world))));
    for (i, times) in world.times().iter().enumerate() {
        let level = u32::try_from(i).unwrap();
        let asked = world.levels[i];
        tell(times.started, Event::LevelStarted(LevelStarted { level, connections: asked, alive: 0 }));
        let sample = |at: f64| {
            let opened = if at < times.held_from { world.open(at) as u32 } else { asked };
            let bytes = (f64::from(asked) * BYTES_A_SECOND * (at - times.started)) as u64;
            Sample {
                level: Some(level),
                open: world.open(at) as u32,
                opened,
                bytes_sent: bytes,
                bytes_received: bytes,
                ..Sample::default()
            }
        };
        let (mut at, mut held, mut over) = (times.started, false, false);
        while at < times.ended {
            if !held && at >= times.held_from {
                held = true;
                tell(times.held_from, Event::HoldStarted { level });
            }
            if !over && times.complete && at >= times.held_until {
                over = true;
                tell(times.held_until, Event::HoldEnded { level });
            }
            if matches!(world.end, End::Killed(_)) && !times.complete && at >= times.held_until {
                return run;
            }
            tell(at, Event::Sample(sample(at)));
            at += 1.0;
        }
        let left = world.open(times.held_until - 0.001) as u32;
        let ended = LevelEnded {
            level,
            complete: times.complete,
            counts: Sample { open: 0, ..sample(times.ended) },
            held: left,
            connect_us: Histogram::default(),
            heartbeat_rtt_us: Histogram::default(),
            heartbeat_late_us: Histogram::default(),
            rate_behind_ms: None,
            peers: vec![PeerCount { address: "10.0.3.17".into(), opened: asked, failed: 0, passed_over: 0 }],
        };
        tell(times.ended, Event::LevelEnded(Box::new(ended)));
    }
    let how = if world.end == End::Finished { HowEnded::Finished } else { HowEnded::Interrupted };
    tell(world.load_ends(), Event::Ended(Ended { how }));
    run
}

fn header(world: &World) -> Header {
    let text = format!(
        r#"{{"schema":1,"run_id":"battery","tool_version":"0.1.0","host":{{"name":null,"platform":"linux x86_64"}},
        "plan":{{"url":"ws://h/","load_balancer":null,"schedule":{{"levels":{:?}}},"hold":{{"duration_s":120,"periods":2}},
        "heartbeat":{{"interval_s":30,"pong_timeout_s":10}},"pace":{{"window":256,"connect_timeout_s":10,"pause_s":5}},
        "rule":{{"threshold":0.5,"safety":0.8,"keep_going":true,"require":null}},
        "cloudwatch":{{"period_s":60,"baseline_s":{},"settle_s":600}}}}}}"#,
        world.levels,
        world.baseline_minutes * 60
    );
    serde_json::from_str(&text).unwrap()
}

fn facts(world: &World) -> albcap::facts::Facts {
    let machine = r#""machine":{"os":"linux","cores":2,"descriptors":65536,"descriptors_used":12}"#;
    let clock =
        if world.clock_known { format!(r#","clock_offset_s":{}"#, world.clock_s) } else { String::new() };
    serde_json::from_str(&format!(r#"{{"load_balancer":null,{machine}{clock}}}"#)).unwrap()
}
