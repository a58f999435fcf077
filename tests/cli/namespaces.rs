//! What needs a network or a list of hosts of its own, which only a superuser of Linux can make.
#![cfg(target_os = "linux")]

use std::io::{Write, stderr};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::diagnosis::{BOTH_SIDES, named_alone};
use crate::harness::{Background, Folder, Simulator, binary, events, finish, json_of, wait_for};

/// Runs a command after the set-up, in a network that it shares with nobody.
fn apart(set_up: &str, command: &Command) -> Command {
    let mut apart = Command::new("unshare");
    apart.args(["-n", "sh", "-c", &format!("ip link set lo up && {set_up} && exec \"$0\" \"$@\"")]);
    around(apart, command)
}

/// Runs a command that finds this file where the system's list of hosts is.
fn with_hosts(hosts: &Path, command: &Command) -> Command {
    let mut apart = Command::new("unshare");
    apart.args(["-m", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""]).arg(hosts);
    around(apart, command)
}

/// Runs a command in the network of a process.
fn beside(process: u32, command: &Command) -> Command {
    let mut beside = Command::new("nsenter");
    beside.args(["-t", &process.to_string(), "-n"]);
    around(beside, command)
}

/// The command as the last words of another one.
fn around(mut outer: Command, inner: &Command) -> Command {
    outer.arg(inner.get_program()).args(inner.get_args()).stdin(Stdio::null());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}

/// Whether networks can be made here; CI must be able to.
fn possible() -> bool {
    succeeds("no network can be made here (root, unshare, ip)", apart("true", &Command::new("true")))
}

/// Whether a command works that shows what can be done here, as it must in CI. Why not is written past the test harness,
/// which shows nothing of a test that passes.
fn succeeds(without: &str, mut probe: Command) -> bool {
    let done = probe.output();
    let possible = done.as_ref().is_ok_and(|done| done.status.success());
    if !possible {
        assert!(std::env::var_os("CI").is_none(), "{without}, as CI must be able to: {done:?}");
        let why = match &done {
            Ok(done) => String::from_utf8_lossy(&done.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let told = format!("skipped: {without}: {why}\n");
        stderr().write_all(told.as_bytes()).unwrap();
    }
    possible
}

#[test]
fn hosts_without_a_way_to_them() {
    if !possible() {
        return;
    }
    for (route, by) in [
        ("true", "network"),
        ("ip route add unreachable 192.0.2.0/24", "network"),
        ("ip route add blackhole 192.0.2.0/24", "network"),
        // A rule of this machine.
        ("ip route add prohibit 192.0.2.0/24", "local"),
    ] {
        let folder = Folder::new();
        let record = folder.file("unreachable.jsonl");
        let mut run = binary();
        run.args(["run", "ws://192.0.2.1:80/", "--no-aws", "--levels=3", "--record"]).arg(&record);
        let done = finish(&mut apart(route, &run));
        assert_eq!(done.code, 1, "{route}: {}", done.all());
        let failures = events(&record, "failure");
        assert_eq!(failures.len(), 3, "{route}: {failures:#?}");
        for failure in failures {
            assert_eq!(
                [&failure["phase"], &failure["kind"], &failure["by"], &failure["peer"]],
                ["connect", "unreachable", by, "192.0.2.1:80"],
                "{route}: {failure}"
            );
            assert!(failure["silence_s"].is_null() && failure["age_s"].as_f64().unwrap() < 8.0, "{failure}");
        }
        let report = json_of(&record);
        let group = &report["levels"][0]["failures"][0];
        assert_eq!([&group["kind"], &group["initiator"]], ["unreachable", by], "{route}: {group}");
        let cause = match by {
            "local" => "This machine was the limit, not the load balancer: the operating system refused.",
            _ => "TCP connections got no answer within 10 s, or had no way to the host.",
        };
        named_alone(&report, cause, "3 of 3 connections, at level 3");
    }
}

#[test]
fn ports_that_run_out_are_this_machines_limit() {
    const PORTS: u64 = 10;
    if !possible() {
        return;
    }
    let mut serve = binary();
    serve.arg("simulate");
    let simulator = Simulator::start_by(apart("true", &serve));
    let folder = Folder::new();
    let record = folder.file("ports.jsonl");
    let mut run = binary();
    run.args([
        "run",
        simulator.url(),
        "--no-aws",
        "--levels=5,40",
        "--duration=2s",
        "--pause=1s",
        "--record",
    ]);
    run.arg(&record);
    let run = Background::start(&mut beside(simulator.pid(), &run));
    // The largest level fitted when preflight looked; then somebody takes the ports away.
    wait_for("the first hold", || events(&record, "hold_started").pop());
    let mut narrow = Command::new("sh");
    narrow.args(["-c", "echo 40000 40009 > /proc/sys/net/ipv4/ip_local_port_range"]);
    assert!(beside(simulator.pid(), &narrow).status().unwrap().success());
    let done = run.wait();
    assert_eq!(done.code, 6, "{}", done.all());
    assert!(done.stdout.contains("it had no local port left"), "{}", done.stdout);
    let peer = simulator.url().split('/').nth(2).unwrap();
    let failures = events(&record, "failure");
    for failure in &failures {
        assert_eq!(
            [&failure["phase"], &failure["kind"], &failure["by"], &failure["peer"]],
            ["connect", "port_exhausted", "local", peer],
            "{failure}"
        );
    }
    let level = &json_of(&record)["levels"][1];
    assert_eq!(level["opened"], PORTS, "{level:#}");
    assert_eq!(failures.len() as u64, 40 - PORTS);
    assert_eq!(level["machine"]["limited"], true, "{level:#}");
}

#[test]
fn addresses_with_unequal_parts_are_named_alone() {
    const NAME: &str = "ws.example.test";
    let folder = Folder::new();
    let (hosts, record) = (folder.file("hosts"), folder.file("uneven.jsonl"));
    std::fs::write(&hosts, format!("127.0.0.1 {NAME}\n")).unwrap();
    let without = "the list of hosts can't be another one here (root, unshare, mount)";
    if !succeeds(without, with_hosts(&hosts, &Command::new("true"))) {
        return;
    }
    let simulator = Simulator::start(&["--nodes=2", "--period=1s"]);
    simulator.wait_for_periods(5);
    let port = simulator.url().rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let mut run = simulator.albcap("run");
    run.arg(format!("ws://{NAME}:{port}/")).args(BOTH_SIDES);
    run.args(["--levels=150", "--rate=20", "--dns-ttl=1s", "--duration=3s", "--record"]).arg(&record);
    let run = Background::start(&mut with_hosts(&hosts, &run));
    // The second node is in DNS when the first one has had its share, and is used from then on.
    wait_for("the first connections", || {
        events(&record, "sample").into_iter().find(|sample| sample["opened"].as_u64() >= Some(60))
    });
    std::fs::write(&hosts, format!("127.0.0.1 {NAME}\n127.0.0.2 {NAME}\n")).unwrap();
    let done = run.wait();
    assert_eq!(done.code, 0, "{}", done.all());
    named_alone(
        &json_of(&record),
        "The load was spread unevenly over the load balancer's addresses.",
        "in the largest level the clients tried",
    );
}
