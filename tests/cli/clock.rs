//! Runs on a machine whose clock is not AWS's.

use chrono::{DateTime, TimeDelta, Utc};

use crate::harness::{Background, Folder, Simulator, json_of};

#[test]
fn every_hold_contains_its_periods_by_the_clock_of_aws() {
    const PERIOD_MS: i64 = 5_000;
    const SPARE_MS: i64 = 300;
    // Neither is a multiple of the period: a hold that were extended by our clock would miss its period, but by chance.
    let runs = [4, 34].map(|ahead_s| {
        let simulator = Simulator::start(&[&format!("--clock-ahead={ahead_s}s"), "--period=5s"]);
        let folder = Folder::new();
        let record = folder.file("run.jsonl");
        let run = Background::start(
            simulator
                .albcap("run")
                .arg(simulator.url())
                .args(["--levels=1,2", "--duration=1s", "--periods=1", "--period=5s", "--pause=0"])
                .args(["--settle=0", "--record"])
                .arg(&record),
        );
        (ahead_s, simulator, folder, record, run)
    });
    for (ahead_s, _simulator, _folder, record, run) in runs {
        let done = run.wait();
        assert_eq!(done.code, 0, "{}", done.all());
        let report = json_of(&record);
        for level in report["levels"].as_array().unwrap() {
            let by_aws = |name: &str| {
                let at: DateTime<Utc> = level[name].as_str().unwrap().parse().unwrap();
                (at + TimeDelta::seconds(ahead_s)).timestamp_millis()
            };
            let (from, until) = (by_aws("held_from") + SPARE_MS, by_aws("held_until") - SPARE_MS);
            let first = from.div_euclid(PERIOD_MS) + 1;
            assert!((first + 1) * PERIOD_MS <= until, "{ahead_s} s ahead, no whole period: {level:#}");
        }
    }
}
