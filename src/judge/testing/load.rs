//! The clients' side of a made-up run.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Fault, Scenario};
use crate::plan::{Period, Secrets};
use crate::record::{
    Event, Failure, Histogram, LevelEnded, LevelStarted, MachineSecond, PeerCount, Phase, Sample,
};

impl Scenario {
    /// Two seconds of opening, the hold of the plan, two seconds of closing.
    pub(super) fn level(&self, ordinal: usize, start: DateTime<Utc>) -> Vec<(DateTime<Utc>, Event)> {
        let level = u32::try_from(ordinal).expect("a few levels");
        let asked = self.levels[ordinal];
        let faults: Vec<&Fault> = self.faults.iter().filter(|f| f.level == ordinal).collect();
        let failed: u32 = faults.iter().map(|f| f.count).sum();
        let in_hold = |f: &&&Fault| f.phase >= Phase::Hold;
        let late: u32 = faults.iter().filter(in_hold).map(|f| f.count).sum();
        let opened = asked - (failed - late);
        let cut = self.cut_last && ordinal + 1 == self.levels.len();

        let held_from = start + TimeDelta::seconds(2);
        let minute = Period::try_from(60).ok();
        let plan = self.header().plan.hold;
        let held_until = if cut { held_from + TimeDelta::seconds(30) } else { plan.until(held_from, minute) };
        let sample = |open| Sample {
            level: Some(level),
            open,
            opened,
            failed,
            heartbeats_sent: 4 * u64::from(opened),
            heartbeats_answered: 4 * u64::from(opened),
            bytes_sent: 400 * u64::from(opened),
            bytes_received: 300 * u64::from(opened),
            messages_received: 0,
            replies_sent: 0,
        };
        let mut events = vec![
            (start, Event::LevelStarted(LevelStarted { level, connections: asked, alive: 0 })),
            (start + TimeDelta::seconds(1), Event::Sample(sample(opened / 2))),
            (held_from, Event::Sample(sample(opened))),
        ];
        events.extend(faults.iter().flat_map(|fault| fault.events(level, start)));
        let fared = |second: &MachineSecond| Event::Machine(MachineSecond { level: Some(level), ..*second });
        // Opening takes two seconds only: what this machine was looked at lies closer together.
        let looks = i32::try_from(self.machine.0.len().max(1)).expect("a few looks");
        let told = |i: i32| start + TimeDelta::seconds(2) * (i + 1) / looks;
        events.extend((0..).map(told).zip(self.machine.0.iter().map(fared)));
        events.push((held_from, Event::HoldStarted { level }));
        let told = |i: i64| held_from + TimeDelta::seconds(i);
        events.extend((1..).map(told).zip(self.machine.1.iter().map(fared)));
        let mut second = held_from + TimeDelta::seconds(1);
        while second < held_until {
            events.push((second, Event::Sample(sample(opened - late))));
            second += TimeDelta::seconds(1);
        }
        if !cut {
            events.push((held_until, Event::HoldEnded { level }));
        }
        events.push((held_until + TimeDelta::seconds(1), Event::Sample(sample(0))));
        let ended = LevelEnded {
            heartbeat_late_us: Histogram::default(),
            rate_behind_ms: None,
            level,
            complete: !cut,
            counts: sample(0),
            held: asked - failed,
            connect_us: latencies(12, opened),
            heartbeat_rtt_us: latencies(5, opened),
            peers: vec![PeerCount { address: "10.0.3.17".into(), opened, failed, passed_over: 0 }],
        };
        if self.how.is_some() || ordinal + 1 < self.levels.len() {
            events.push((held_until + TimeDelta::seconds(2), Event::LevelEnded(Box::new(ended))));
        }
        events.sort_by_key(|(at, _)| *at);
        events
    }
}

impl Fault {
    fn events(&self, level: u32, start: DateTime<Utc>) -> Vec<(DateTime<Utc>, Event)> {
        let after = |seconds: f64| {
            #[allow(clippy::cast_possible_truncation)]
            let ms = (seconds * 1_000.0) as i64;
            start + TimeDelta::milliseconds(ms)
        };
        let failure = |index| {
            let held = self.phase >= Phase::Hold;
            let (at, age, silence) = if held { self.deaths.of(index, self.count) } else { (2.0, 1.0, 0.0) };
            let failure = Failure {
                level,
                phase: self.phase,
                kind: self.kind,
                by: self.by,
                age: Duration::from_secs_f64(age),
                silence: self.silence_s.or(held.then_some(silence)).map(Duration::from_secs_f64),
                peer: "10.0.3.17:443".parse().ok(),
                example: Secrets::default().redact(self.example),
            };
            (after(at), Event::Failure(failure))
        };
        (0..self.count).map(failure).collect()
    }
}

fn latencies(middle_ms: u64, count: u32) -> Histogram {
    let mut histogram = Histogram::default();
    for i in 0..u64::from(count.min(100)) {
        histogram.record(Duration::from_millis(middle_ms + i % 10));
    }
    histogram
}
