//! What shows only where CloudWatch's numbers lie beside the clients': no connection fails.

use super::Aws::Asked;
use super::{BOTH_SIDES, Case, case, named_alone};
use crate::harness::{Background, Folder, Simulator, binary, events, finish, json_of, wait_for};

/// What both sides show together.
pub(super) const CASES: &[Case] = &[
    // The upgrades are requests, heartbeats are none.
    case(
        "metrics_missing",
        Asked,
        &["--silent-without-requests"],
        &["--heartbeat=1s"],
        "CloudWatch has no ActiveConnectionCount for a time in which connections were held",
        "missing in the hold of level 20",
    ),
    // It is waited for until the end of the wait.
    case(
        "metrics_missing",
        Asked,
        &["--owe=ActiveConnectionCount"],
        &["--settle=8s"],
        "CloudWatch answered, but without ActiveConnectionCount, which could not be read.",
        "missing in the hold of level 20",
    ),
    case(
        "saturation",
        Asked,
        &["--count-at-most=40"],
        &["--levels=20,40,80", "--pause=1s"],
        "The load balancer's count stays flat while the clients' rises",
        "from level 80 on ActiveConnectionCount stays at about 80 while the clients hold up to 80 connections",
    ),
    // The URL leads to one node, and so to one zone.
    case(
        "uneven_zones",
        Asked,
        &["--nodes=2"],
        &[],
        "All of the load came in by one address, and the load balancer's zones carried unequal parts.",
        "of ActiveConnectionCount the zones have us-east-1a 100.0 % and us-east-1b 0.0 %",
    ),
];

#[test]
fn a_zone_with_twice_the_nodes_is_named_alone() {
    let simulator = Simulator::start(&["--nodes=4", "--period=1s"]);
    simulator.wait_for_periods(5);
    let port = simulator.url().rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let nodes = format!("--resolve=ws.test:{port}:127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4");
    let folder = Folder::new();
    let record = folder.file("uneven.jsonl");
    let mut run = simulator.albcap("run");
    run.arg(format!("ws://ws.test:{port}/")).arg(nodes).args(BOTH_SIDES);
    let done = finish(run.args(["--levels=200", "--duration=4s", "--record"]).arg(&record));
    assert_eq!(done.code, 0, "{}", done.all());
    named_alone(
        &json_of(&record),
        "The load balancer's zones carried unequal parts, though its addresses were used evenly.",
        "us-east-1a 50.0 %, us-east-1b 25.0 % and us-east-1c 25.0 %",
    );
}

#[test]
fn somebody_elses_test_is_named_alone() {
    let simulator = Simulator::start(&["--period=1s"]);
    simulator.wait_for_periods(5);
    let folder = Folder::new();
    let record = folder.file("ours.jsonl");
    let mut ours = simulator.albcap("run");
    ours.arg(simulator.url()).args(BOTH_SIDES);
    ours.args(["--levels=20,30,40", "--duration=6s", "--pause=0", "--record"]).arg(&record);
    let ours = Background::start(&mut ours);
    // They are there while our second level is held.
    let ended = |levels: usize| {
        wait_for("the level's end", || events(&record, "level_ended").into_iter().nth(levels - 1))
    };
    ended(1);
    let theirs = Background::start(
        binary()
            .args(["run", simulator.url(), "--no-aws", "--levels=40", "--duration=1m", "--record"])
            .arg(folder.file("theirs.jsonl")),
    );
    ended(2);
    theirs.signal("INT");
    assert_eq!(theirs.wait().code, 130);
    let done = ours.wait();
    assert!(!matches!(done.code, 1..=3), "{}", done.all());
    named_alone(
        &json_of(&record),
        "Somebody else's connections came or went during the run: a test at the same time",
        "about 80 connections that are not of this run were counted from",
    );
}
