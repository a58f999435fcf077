//! Every rule of the diagnosis that one machine can bring about: caused for real, and named alone.
//!
//! `upgrades`, `held` and `compared` are tables of cases; `inventory` holds them against the list of rules, and says what
//! is proven elsewhere or nowhere.

mod compared;
mod held;
mod inventory;
mod upgrades;

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::failures::full_listener;
use crate::harness::{Folder, Simulator, binary, finish, json_of};

/// So many at once: each mostly waits, and two processors must do.
const AT_ONCE: usize = 4;

/// What every run has, unless its case says otherwise.
const COMMON: [&str; 4] = ["--levels=20", "--heartbeat=30s", "--connect-timeout=5s", "--threshold=1"];

/// For upgrades: what fails has done so before the hold.
const SHORT: &[&str] = &["--duration=2s"];

/// For held connections: opened over some seconds, so that an instant is no age; held until all have ended.
const LONG: &[&str] = &["--duration=8s", "--rate=8"];

/// For what both sides show together: some whole periods.
const STEADY: &[&str] = &["--duration=4s"];

/// With CloudWatch, whose minute is a second here.
pub(crate) const BOTH_SIDES: [&str; 5] =
    ["--period=1s", "--periods=1", "--baseline=3s", "--settle=30s", "--force=idle_timeout"];

/// Whom to ask.
#[derive(Clone, Copy)]
enum Aws {
    Asked,
    NotAsked,
}

/// A cause that is brought about.
struct Case {
    /// The rule's file in `src/judge/diagnosis`.
    rule: &'static str,
    aws: Aws,
    simulator: &'static [&'static str],
    run: &'static [&'static str],
    /// How its cause begins.
    cause: &'static str,
    /// What its evidence holds.
    evidence: &'static str,
}

const fn case(
    rule: &'static str,
    aws: Aws,
    simulator: &'static [&'static str],
    run: &'static [&'static str],
    cause: &'static str,
    evidence: &'static str,
) -> Case {
    Case { rule, aws, simulator, run, cause, evidence }
}

/// The one diagnosis of a run, which must be this.
pub(crate) fn named_alone(report: &Value, cause: &str, evidence: &str) {
    let found = report["diagnosis"].as_array().unwrap();
    let causes: Vec<&str> = found.iter().map(|diagnosis| diagnosis["cause"].as_str().unwrap()).collect();
    assert!(
        causes.len() == 1 && causes[0].starts_with(cause),
        "{cause}\nfound: {causes:#?}\nfailures: {:#}",
        report["levels"][0]["failures"]
    );
    assert!(found[0]["evidence"].to_string().contains(evidence), "{evidence}: {:#}", found[0]);
    assert!(!found[0]["remedy"].as_str().unwrap().is_empty());
}

fn check(case: &Case, hold: &[&str]) {
    let simulator = Simulator::start(&[case.simulator, &["--period=1s"]].concat());
    let folder = Folder::new();
    let record = folder.file("caused.jsonl");
    let (mut command, both_sides): (_, &[&str]) = match case.aws {
        Aws::Asked => {
            simulator.wait_for_periods(5);
            (simulator.albcap("run"), &BOTH_SIDES)
        }
        Aws::NotAsked => {
            let mut command = binary();
            command.args(["run", "--no-aws"]);
            (command, &[])
        }
    };
    // The last of a flag that comes twice would be refused.
    let named = |flag: &str| flag.split_once('=').map_or(flag, |(name, _)| name).to_owned();
    let common = COMMON.iter().chain(both_sides).chain(hold);
    let common = common.filter(|flag| !case.run.iter().any(|other| named(other) == named(flag)));
    let done = finish(command.arg(simulator.url()).args(common).args(case.run).arg("--record").arg(&record));
    assert!(!matches!(done.code, 2 | 3), "{}: {}", case.cause, done.all());
    named_alone(&json_of(&record), case.cause, case.evidence);
}

fn some_at_once(cases: &[Case], hold: &[&str]) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(case, hold);
                }
            });
        }
    });
}

#[test]
fn what_befalls_upgrades_is_named_alone() {
    some_at_once(upgrades::CASES, SHORT);
}

#[test]
fn what_befalls_held_connections_is_named_alone() {
    some_at_once(held::CASES, LONG);
}

#[test]
fn what_both_sides_show_together_is_named_alone() {
    some_at_once(compared::CASES, STEADY);
}

#[test]
fn who_can_not_be_reached_is_named_alone() {
    let simulator = Simulator::start(&[]);
    let port = simulator.url().rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let nobody = TcpListener::bind("127.7.7.10:0").unwrap().local_addr().unwrap();
    let (queue, full) = full_listener();
    // The system accepts its connections, and nobody reads.
    let mute = TcpListener::bind("127.7.7.12:0").unwrap();
    let tls_unanswered = format!("wss://{}/", mute.local_addr().unwrap());
    let half = format!("--resolve=ws.test:{port}:127.0.0.1,127.7.7.11");
    for (url, flags, cause) in [
        (format!("ws://{nobody}/"), &[][..], "Nobody listens: every connection was refused."),
        (
            format!("ws://ws.test:{port}/"),
            &[half.as_str(), "--duration=1s"],
            "Connections were refused, though others to the same place were accepted.",
        ),
        (format!("ws://{full}/"), &["--connect-timeout=1s"], "TCP connections got no answer within 1 s"),
        (tls_unanswered, &["--connect-timeout=1s"], "TLS handshakes were not answered within 1 s"),
        (
            "ws://no.such.invalid/".to_owned(),
            &["--connect-timeout=30s"],
            "The name no.such.invalid could not be resolved",
        ),
    ] {
        let folder = Folder::new();
        let record = folder.file("unreached.jsonl");
        finish(
            binary()
                .args(["run", &url, "--no-aws", "--levels=10", "--threshold=1"])
                .args(flags)
                .arg("--record")
                .arg(&record),
        );
        named_alone(&json_of(&record), cause, "at level 10");
    }
    drop(queue);
}
