//! Every rule of the diagnosis that one machine can bring about: caused for real, and named alone.
//!
//! In `machine.rs` are this machine's own limits. What no machine can bring about alone (a NAT gateway's ports, AWS's
//! protection against attacks, a CloudWatch that says nothing of a hold) is left to the tests beside the rules.

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

/// With CloudWatch, whose minute is a second here.
const BOTH_SIDES: [&str; 5] =
    ["--period=1s", "--periods=1", "--baseline=3s", "--settle=30s", "--force=idle_timeout"];

/// Whom to ask.
#[derive(Clone, Copy)]
enum Aws {
    Asked,
    NotAsked,
}
use Aws::{Asked, NotAsked};

/// A cause that is brought about.
struct Case {
    aws: Aws,
    simulator: &'static [&'static str],
    run: &'static [&'static str],
    /// How its cause begins.
    cause: &'static str,
    /// What its evidence holds.
    evidence: &'static str,
}

const fn case(
    aws: Aws,
    simulator: &'static [&'static str],
    run: &'static [&'static str],
    cause: &'static str,
    evidence: &'static str,
) -> Case {
    Case { aws, simulator, run, cause, evidence }
}

/// What befalls upgrades. Half of them, so that there is a load of which CloudWatch is asked.
const UPGRADES: &[Case] = &[
    case(
        NotAsked,
        &[],
        &["--token-cmd=seq 15"],
        "5 connections had no token and were not attempted",
        "5 of 20 connections, at level 20",
    ),
    case(
        Asked,
        &["--reject-rate=50%", "--healthy-targets=0", "--unhealthy-targets=2"],
        &[],
        "The load balancer itself answered upgrades with 503: it had no healthy target.",
        "UnHealthyHostCount of targetgroup/albcap-sim/fedcba9876543210 was up to 2",
    ),
    case(
        Asked,
        &["--reject-rate=50%"],
        &[],
        "The load balancer itself answered upgrades with 503: it had no registered target that it could use.",
        "HTTPCode_ELB_503_Count rose by 10",
    ),
    case(
        Asked,
        &["--reject-rate=50%", "--reject-status=502", "--reject-for=connection-error"],
        &[],
        "The load balancer itself answered upgrades with 502: targets refused its connections.",
        "TargetConnectionErrorCount rose by 10",
    ),
    case(
        Asked,
        &["--reject-rate=50%", "--reject-status=502", "--reject-for=tls-error"],
        &[],
        "The load balancer itself answered upgrades with 502: TLS with the targets could not be established.",
        "TargetTLSNegotiationErrorCount rose by 10",
    ),
    case(
        Asked,
        &["--reject-rate=50%", "--reject-status=502"],
        &[],
        "The load balancer itself answered upgrades with 502: targets reset or closed the connection",
        "HTTPCode_ELB_502_Count rose by 10",
    ),
    case(
        Asked,
        &["--reject-rate=50%", "--reject-status=504", "--reject-for=connection-error"],
        &[],
        "The load balancer itself answered upgrades with 504: targets did not accept its connections",
        "TargetConnectionErrorCount rose by 10",
    ),
    case(
        Asked,
        &["--reject-rate=50%", "--reject-status=504"],
        &[],
        "The load balancer itself answered upgrades with 504: targets accepted, but did not answer",
        "HTTPCode_ELB_504_Count rose by 10",
    ),
    case(
        Asked,
        &["--reject-rate=50%", "--reject-status=500"],
        &[],
        "The load balancer itself answered upgrades with 500: its web ACL or its identity provider failed.",
        "HTTPCode_ELB_500_Count rose by 10",
    ),
    case(
        Asked,
        &["--reject-rate=50%", "--reject-by=target"],
        &[],
        "The targets refused: 10 upgrades were answered 503 by them.",
        "HTTPCode_Target_5XX_Count rose by 10",
    ),
    case(
        Asked,
        &["--reject-rate=50%", "--reject-by=target", "--reject-status=429"],
        &[],
        "The targets refused: 10 upgrades were answered 429 by them.",
        "HTTPCode_Target_4XX_Count rose by 10",
    ),
    case(
        NotAsked,
        &["--reject-rate=50%"],
        &[],
        "Upgrades were answered with http_503, by the load balancer or by a target.",
        "CloudWatch's numbers, which would tell, are not there",
    ),
    case(
        Asked,
        &["--reject-rate=50%", "--reject-status=403"],
        &[],
        "The load balancer did not let the clients in: upgrades were answered 403 by its web ACL",
        "HTTPCode_ELB_4XX_Count rose by 10",
    ),
    case(
        Asked,
        &["--reject-rate=50%", "--reject-status=401"],
        &[],
        "The load balancer did not let the clients in: upgrades were answered 401.",
        "HTTPCode_ELB_4XX_Count rose by 10",
    ),
    case(
        Asked,
        &["--reject-rate=50%", "--reject-by=target", "--reject-status=403"],
        &[],
        "The server did not let the clients in: upgrades were answered 403.",
        "HTTPCode_Target_4XX_Count rose by 10",
    ),
    case(
        NotAsked,
        &["--reject-rate=50%", "--reject-by=target", "--reject-status=404"],
        &[],
        "No WebSocket is served there: the upgrade was answered with http_404.",
        "10 of 20 connections, at level 20",
    ),
    case(
        Asked,
        &["--max-connections=12"],
        &[],
        "The load balancer rejected connections, since it was at its own maximum.",
        "RejectedConnectionCount rose by 8",
    ),
    case(
        NotAsked,
        &["--upgrade-answer=never"],
        &["--connect-timeout=1s"],
        "Upgrades were not answered within 1 s",
        "20 of 20 connections, at level 20",
    ),
    case(
        NotAsked,
        &["--upgrade-answer=wrong-accept"],
        &[],
        "The server, or something before it, broke the WebSocket protocol in the answer to upgrades.",
        "wrong Sec-WebSocket-Accept",
    ),
    case(
        NotAsked,
        &[],
        &["--ready=^never$", "--connect-timeout=1s"],
        "Upgraded connections were not ready within 1 s",
        "20 of 20 connections, at level 20",
    ),
    case(
        NotAsked,
        &["--tls"],
        &[],
        "TLS could not be established: this side does not accept the certificate",
        "UnknownIssuer",
    ),
    case(
        NotAsked,
        &["--tls", "--http2-only"],
        &["-k"],
        "TLS could not be established.",
        "does not speak HTTP/1.1",
    ),
    case(
        NotAsked,
        &["--kill-after=1s", "--kill-by=close=1008"],
        &["--ready=^never$"],
        "The application itself closed new connections before they were ready, with code 1008",
        "20 of 20 connections, at level 20",
    ),
];

/// What befalls held connections.
const HELD: &[Case] = &[
    case(
        Asked,
        &["--idle-timeout=2s"],
        &["--heartbeat=1m"],
        "The load balancer's idle timeout of 2 s closed 20 silent connections.",
        "a heartbeat every 60 s",
    ),
    case(
        Asked,
        &["--idle-timeout=2s", "--idle-timeout-then=0=60"],
        &[],
        "Another idle timeout on the path closed 20 connections that had been silent for about 2 s (eof).",
        "the load balancer's own idle timeout is 60 s",
    ),
    case(
        Asked,
        &["--kill-after=4s", "--kill-by=close"],
        &["--heartbeat=900ms"],
        "The application's own heartbeat went unanswered: 20 held connections ended at the same age (closed_1005).",
        "whenever they were opened",
    ),
    case(
        NotAsked,
        &["--kill-after=4s", "--kill-by=hang-up", "--greeting=ping"],
        &["--heartbeat=900ms"],
        "The application's own heartbeat went unanswered: 20 held connections ended at the same age (eof).",
        "the server sent 20 messages, to which 0 were sent in reply",
    ),
    case(
        Asked,
        &["--kill-after=5s", "--kill-together", "--kill-by=close=1001"],
        &["--heartbeat=900ms"],
        "A mass disconnect: 20 held connections ended at one instant (closed_1001).",
        "most of them within",
    ),
    case(
        Asked,
        &["--kill-after=5s", "--kill-together", "--kill-by=reset"],
        &[],
        "A mass disconnect: 20 held connections ended at one instant (reset).",
        "at ages of",
    ),
    case(
        Asked,
        &["--kill-after=5s", "--kill-together", "--kill-by=hang-up", "--draining-targets=1"],
        &[],
        "Targets were draining, and 20 connections still open on them were cut at one instant.",
        "1 target draining before the load",
    ),
    case(
        NotAsked,
        &["--kill-after=2s", "--kill-by=reset"],
        &["--rate=1000", "--heartbeat=900ms"],
        "20 held connections ended together (reset), at one instant that was also one age",
        "after a silence of",
    ),
    case(
        Asked,
        &["--kill-after=1s", "--kill-by=mute"],
        &["--heartbeat=1s", "--pong-timeout=1s"],
        "Heartbeats were not answered within 1 s: the connections stood, but nobody was at the other end.",
        "20 of 20 connections, at level 20",
    ),
    case(
        NotAsked,
        &["--kill-after=1s", "--kill-by=reserved-bit"],
        &[],
        "The server, or something before it, broke the WebSocket protocol in frames of open connections.",
        "reserved bits",
    ),
    // Too few to have anything in common.
    case(
        NotAsked,
        &["--kill-after=1s", "--kill-by=close=1011"],
        &["--levels=4"],
        "The application itself closed held connections, with code 1011 (internal error).",
        "4 of 4 connections, at level 4",
    ),
    case(
        NotAsked,
        &["--kill-after=1s", "--kill-by=reset"],
        &["--levels=4"],
        "Connections failed for a reason that the numbers do not show (reset).",
        "4 x hold reset",
    ),
];

/// The one diagnosis of a run, which must be this.
fn named_alone(report: &Value, cause: &str, evidence: &str) {
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
    let mut command = match case.aws {
        Asked => {
            simulator.wait_for_periods(5);
            let mut command = simulator.albcap("run");
            command.args(BOTH_SIDES);
            command
        }
        NotAsked => {
            let mut command = binary();
            command.args(["run", "--no-aws"]);
            command
        }
    };
    // The last of a flag that comes twice would be refused.
    let named = |flag: &str| flag.split_once('=').map_or(flag, |(name, _)| name).to_owned();
    let common =
        COMMON.iter().chain(hold).filter(|flag| !case.run.iter().any(|other| named(other) == named(flag)));
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
    some_at_once(UPGRADES, SHORT);
}

#[test]
fn what_befalls_held_connections_is_named_alone() {
    some_at_once(HELD, LONG);
}

#[test]
fn who_can_not_be_reached_is_named_alone() {
    let simulator = Simulator::start(&[]);
    let port = simulator.url().rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let nobody = TcpListener::bind("127.7.7.10:0").unwrap().local_addr().unwrap();
    let (queue, full) = full_listener();
    let half = format!("--resolve=ws.test:{port}:127.0.0.1,127.7.7.11");
    for (url, flags, cause) in [
        (format!("ws://{nobody}/"), &[][..], "Nobody listens: every connection was refused."),
        (
            format!("ws://ws.test:{port}/"),
            &[half.as_str(), "--duration=1s"],
            "Connections were refused, though others to the same place were accepted.",
        ),
        (format!("ws://{full}/"), &["--connect-timeout=1s"], "TCP connections got no answer within 1 s"),
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
