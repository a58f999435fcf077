//! The clients' side: the record's events, stamped by this machine's clock.

use std::time::Duration;

use albcap::plan::Secrets;
use albcap::record::{
    Ended, Event, Failure, FailureKind, Header, Histogram, HowEnded, Initiator, LevelEnded, LevelStarted,
    PeerCount, Phase, Run, Sample, Stamped,
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
    let all = world.times();
    for (i, times) in all.iter().enumerate() {
        let level = u32::try_from(i).unwrap();
        let (asked, had) = (world.levels[i], world.had_by(i) as u32);
        let alive = world.alive_before(i) as u32;
        tell(times.started, Event::LevelStarted(LevelStarted { level, connections: asked, alive }));
        for (at, failure) in failures(world, i) {
            tell(at, Event::Failure(failure));
        }
        let sample = |at: f64| {
            let opened = if at < times.held_from { world.open(at) as u32 } else { had };
            let bytes = (f64::from(had) * BYTES_A_SECOND * (at - times.started)) as u64;
            Sample {
                level: Some(level),
                open: world.open(at) as u32,
                opened,
                failed: if at < times.held_from { 0 } else { asked - had },
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
        let lives_on = world.cumulative && i + 1 < all.len();
        let ended = LevelEnded {
            level,
            complete: times.complete,
            counts: Sample { open: if lives_on { left } else { 0 }, ..sample(times.ended) },
            held: left,
            connect_us: Histogram::default(),
            heartbeat_rtt_us: Histogram::default(),
            heartbeat_late_us: Histogram::default(),
            rate_behind_ms: None,
            peers: vec![PeerCount {
                address: "10.0.3.17".into(),
                opened: had - alive,
                failed: asked - had,
                passed_over: 0,
            }],
        };
        tell(times.ended, Event::LevelEnded(Box::new(ended)));
        while lives_on && at < all[i + 1].started {
            tell(at, Event::Sample(Sample { level: None, ..sample(at) }));
            at += 1.0;
        }
    }
    let how = if world.end == End::Finished { HowEnded::Finished } else { HowEnded::Interrupted };
    tell(world.load_ends(), Event::Ended(Ended { how }));
    run
}

/// A level's failures as they are recorded, each with its true time: refused upgrades all along the ramp, and the dead.
fn failures(world: &World, level: usize) -> Vec<(f64, Failure)> {
    let started = world.times()[level].started;
    let failure = |at: f64, phase, kind, by, silence: Option<f64>| {
        let failure = Failure {
            level: u32::try_from(level).unwrap(),
            phase,
            kind,
            by,
            age: Duration::from_secs_f64(at - started),
            silence: silence.map(Duration::from_secs_f64),
            peer: None,
            example: Secrets::default().redact(""),
        };
        (at, failure)
    };
    let refused = world.refused_in(level);
    let first = if world.given_up_by(world.ramp_s / 3.0) > 0.0 { 0.0 } else { world.ramp_s / 3.0 };
    let along = |index: u32| started + first + (world.ramp_s - first) * (f64::from(index) + 0.5) / refused;
    let hang_s = world.refused.and_then(|refused| refused.hang_s);
    let refused = (0..refused as u32).map(|index| {
        let at = along(index);
        let Some(hang_s) = hang_s else {
            return failure(at, Phase::Upgrade, FailureKind::Http(503), Initiator::Peer, None);
        };
        let (at, failed) = failure(at, Phase::Upgrade, FailureKind::Timeout, Initiator::Network, None);
        (at, Failure { age: failed.age.min(Duration::from_secs_f64(hang_s)), ..failed })
    });
    let dead = world.half_open.filter(|dead| dead.level == level);
    let dead = dead.into_iter().flat_map(|dead| (0..world.half_open() as u32).map(move |_| dead.at_s));
    let dead =
        dead.map(|at| failure(at, Phase::Hold, FailureKind::PongTimeout, Initiator::Network, Some(10.0)));
    refused.chain(dead).collect()
}

fn header(world: &World) -> Header {
    let text = format!(
        r#"{{"schema":1,"run_id":"battery","tool_version":"0.1.0","host":{{"name":null,"platform":"linux x86_64"}},
        "plan":{{"url":"ws://h/","load_balancer":null,"schedule":{{"levels":{:?}}},"mode":"{}","hold":{{"duration_s":120,"periods":2}},
        "heartbeat":{{"interval_s":30,"pong_timeout_s":10}},"pace":{{"window":256,"connect_timeout_s":10,"pause_s":5}},
        "rule":{{"threshold":0.5,"safety":0.8,"keep_going":true,"require":null}},
        "cloudwatch":{{"period_s":60,"baseline_s":{},"settle_s":600}}}}}}"#,
        world.levels,
        if world.cumulative { "cumulative" } else { "fresh" },
        world.baseline_minutes * 60
    );
    serde_json::from_str(&text).unwrap()
}

fn facts(world: &World) -> albcap::facts::Facts {
    let machine = r#""machine":{"os":"linux","cores":2,"descriptors":65536,"descriptors_used":12}"#;
    let clock =
        if world.clock_known { format!(r#","clock_offset_s":{}"#, world.clock_s) } else { String::new() };
    let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/1";
    let balancer = format!(
        r#"{{"arn":"{arn}","dns_name":"h","state":"active","scheme":null,"zones":[],"idle_timeout_s":{},
        "client_keep_alive_s":3600,"targets":null}}"#,
        world.idle_s
    );
    serde_json::from_str(&format!(r#"{{"load_balancer":{balancer},{machine}{clock}}}"#)).unwrap()
}
