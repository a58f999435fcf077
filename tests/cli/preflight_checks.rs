//! What preflight asks and how it refuses, on the built binary. Nothing is sent to any address but loopback ones: what is
//! refused opens nothing.

use std::fs;
use std::process::Command;

use crate::harness::{Done, Folder, Simulator, binary, finish, json_of, wait_for};

/// Refused: nothing opened, one line of cause and one of remedy.
fn refused(command: &mut Command) -> (String, String) {
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let done = finish(command.arg("--record").arg(&record));
    assert_eq!(done.code, 3, "{}", done.all());
    assert!(!record.exists(), "a refused run leaves no record");
    let (cause, remedy) = done.complaint();
    assert!(remedy.ends_with("; nothing was opened"), "{remedy}");
    (cause, remedy)
}

/// What is shown of a check: its status, and what it says, on one line.
fn line(done: &Done, check: &str) -> (String, String) {
    let shown = format!("{}  ", check.replace('_', " "));
    let mut lines = done.stdout.lines().skip_while(|line| !line.contains(&shown));
    let first = lines.next().unwrap_or_else(|| panic!("no line of {check}:\n{}", done.all())).trim();
    let (status, said) = first.split_once(' ').unwrap();
    let said = said.trim().strip_prefix(&shown).unwrap().trim().to_owned();
    // What is wrapped is indented further than any status.
    let wrapped = lines.take_while(|line| line.starts_with("         "));
    let whole = wrapped.fold(said, |said, line| format!("{said} {}", line.trim()));
    (status.to_owned(), whole)
}

fn port_of(simulator: &Simulator) -> u16 {
    simulator.url().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap()
}

#[test]
fn more_than_fifty_connections_go_only_to_the_alb_that_is_measured() {
    let simulator = Simulator::start(&[]);
    let elsewhere = format!("ws://127.0.0.9:{}/", port_of(&simulator));
    let at = |command: &str, levels: &str, flags: &[&str]| {
        let mut albcap = simulator.albcap(command);
        albcap.args([&elsewhere, "--load-balancer=albcap-sim", "--levels", levels]).args(flags);
        albcap
    };
    let (cause, remedy) = refused(&mut at("run", "20,51", &[]));
    assert_eq!(cause, "127.0.0.9 shares no address with 127.0.0.1: what is loaded is not what is measured");
    assert!(remedy.contains("--force ownership"), "{remedy}");

    let few = finish(&mut at("preflight", "50", &[]));
    assert_eq!((few.code, line(&few, "ownership").0.as_str()), (0, "warn"), "{}", few.all());
    let forced = finish(&mut at("preflight", "51", &["--force=ownership"]));
    assert_eq!(forced.code, 0, "{}", forced.all());
    assert!(forced.stderr.contains("going on past ownership (--force): 127.0.0.9"), "{}", forced.stderr);

    let the_alb = finish(simulator.albcap("preflight").args([
        simulator.url(),
        "--load-balancer=albcap-sim",
        "--levels=51",
    ]));
    assert_eq!((the_alb.code, line(&the_alb, "ownership").0.as_str()), (0, "pass"), "{}", the_alb.all());
}

#[test]
fn without_aws_a_public_address_gets_no_more_than_fifty() {
    // RFC 5737: nobody's. Refused, nothing is sent there; and preflight sends nothing anyway.
    for target in
        [&["ws://203.0.113.5/"][..], &["ws://ws.example.test/", "--resolve=ws.example.test:80:203.0.113.5"]]
    {
        let (cause, remedy) = refused(binary().arg("run").args(target).args(["--no-aws", "--levels=51"]));
        assert!(cause.starts_with("203.0.113.5 is a public address"), "{cause}");
        assert!(remedy.contains("--no-aws") && remedy.contains("--force ownership"), "{remedy}");
        for (flags, status) in
            [(&["--levels=50"][..], "info"), (&["--levels=51", "--force=ownership"], "refuse")]
        {
            let done = finish(binary().arg("preflight").args(target).arg("--no-aws").args(flags));
            assert_eq!((done.code, line(&done, "ownership").0.as_str()), (0, status), "{}", done.all());
        }
    }
    let here = finish(binary().args(["preflight", "ws://127.0.0.1:1/", "--no-aws", "--levels=5k"]));
    assert_eq!((here.code, line(&here, "ownership").0.as_str()), (0, "pass"), "{}", here.all());
}

#[test]
fn a_load_balancer_that_is_not_ready_is_refused() {
    for (state, cause) in [
        ("provisioning", "app/albcap-sim/0123456789abcdef is still being provisioned"),
        ("failed", "app/albcap-sim/0123456789abcdef could not be set up: its state is failed"),
    ] {
        let simulator = Simulator::start(&["--state", state]);
        let said = refused(simulator.albcap("run").args([simulator.url(), "--levels=1"]));
        assert_eq!(said.0, cause);
    }
    let simulator = Simulator::start(&["--state=active_impaired"]);
    let done = finish(simulator.albcap("preflight").arg(simulator.url()));
    assert_eq!((done.code, line(&done, "load_balancer").0.as_str()), (0, "warn"), "{}", done.all());
}

#[test]
fn a_url_that_no_listener_answers_is_refused() {
    let (plain, secure) = (Simulator::start(&[]), Simulator::start(&["--tls"]));
    let (plain_port, secure_port) = (port_of(&plain), port_of(&secure));
    for (simulator, url, cause) in [
        (
            &plain,
            "ws://127.0.0.1:1/".to_owned(),
            format!("the ALB has no listener on port 1: HTTP, port {plain_port}"),
        ),
        (
            &plain,
            format!("wss://127.0.0.1:{plain_port}/"),
            format!("wss:// needs an HTTPS listener, and port {plain_port} speaks HTTP"),
        ),
        (
            &secure,
            format!("ws://127.0.0.1:{secure_port}/"),
            format!("ws:// needs an HTTP listener, and port {secure_port} speaks HTTPS"),
        ),
    ] {
        let said = refused(simulator.albcap("run").args([&url, "--levels=1"]));
        assert_eq!(said.0, cause);
    }
}

#[test]
fn what_may_not_be_read_is_skipped_by_name() {
    for (operation, check) in [
        ("DescribeListeners", "listener"),
        ("DescribeTargetGroups", "targets"),
        ("DescribeTargetHealth", "targets"),
        ("DescribeCapacityReservation", "capacity_reservation"),
    ] {
        let action = format!("elasticloadbalancing:{operation}");
        let simulator = Simulator::start(&["--deny", &action]);
        let done = finish(simulator.albcap("preflight").arg(simulator.url()));
        assert_eq!(done.code, 0, "{}", done.all());
        for (check, status) in [(check, "skip"), ("permissions", "warn")] {
            let (found, said) = line(&done, check);
            assert_eq!(found, status, "{check}: {}", done.all());
            assert!(said.contains(&action), "{check}: {said}");
        }
    }
}

#[test]
fn clock_and_reserved_capacity_are_told() {
    let simulator = Simulator::start(&["--clock-ahead=90s", "--reserved-lcus=150"]);
    let done = finish(simulator.albcap("preflight").arg(simulator.url()));
    assert_eq!(done.code, 0, "{}", done.all());
    let (status, said) = line(&done, "clock");
    let behind: f64 = said.split(' ').next().unwrap().parse().unwrap();
    assert!(status == "warn" && said.contains("behind AWS's") && (behind - 90.0).abs() < 5.0, "{said}");
    assert_eq!(line(&done, "capacity_reservation"), ("pass".to_owned(), "150 LCUs".to_owned()));
    let same = Simulator::start(&[]);
    let done = finish(same.albcap("preflight").arg(same.url()));
    assert_eq!(line(&done, "clock").0, "pass", "{}", done.all());
    assert_eq!(line(&done, "capacity_reservation"), ("pass".to_owned(), "none".to_owned()));
}

#[test]
fn traffic_of_others_is_seen_before_the_load() {
    let simulator = Simulator::start(&["--period=1s", "--baseline=30"]);
    simulator.wait_for_periods(3);
    let done = finish(simulator.albcap("preflight").args([simulator.url(), "--period=1s"]));
    assert_eq!(line(&done, "metrics").0, "pass", "{}", done.all());
    let (status, said) = line(&done, "traffic");
    assert_eq!(status, "warn");
    assert!(said.starts_with("60 TCP connections of others (both legs)"), "{said}");
    // Without the metric that is always there nothing tells what is usual; that they are there is enough for the brake.
    let owing = Simulator::start(&["--period=1s", "--baseline=30", "--owe=ConsumedLCUs"]);
    wait_for("published periods", || (owing.points("ActiveConnectionCount").len() >= 3).then_some(()));
    let done = finish(owing.albcap("preflight").args([owing.url(), "--period=1s"]));
    let (status, said) = line(&done, "traffic");
    assert_eq!(status, "warn", "{}", done.all());
    assert!(said.starts_with("up to 60 TCP connections"), "{said}");
    assert!(done.stdout.contains("UnHealthyHostCount > 0"), "{}", done.all());
    let silent = Simulator::start(&[]);
    let done = finish(silent.albcap("preflight").arg(silent.url()));
    assert_eq!((done.code, line(&done, "metrics").0.as_str()), (0, "warn"), "{}", done.all());
}

#[test]
fn an_idle_timeout_that_changes_in_mid_run_is_found() {
    // The survey reads it once; the first level is the second to read it.
    let simulator = Simulator::start(&["--idle-timeout-then=2=20s"]);
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let done = simulator.run("--levels=1,2 --duration=300ms --periods=0 --pause=0 --settle=0", &record);
    assert_eq!(done.code, 0, "{}", done.all());
    assert!(done.stderr.contains("idle timeout was changed in mid-run"), "{}", done.stderr);
    let preflight = json_of(&record)["preflight"].clone();
    let findings: Vec<&serde_json::Value> =
        preflight.as_array().unwrap().iter().filter(|finding| finding["check"] == "idle_timeout").collect();
    assert_eq!(findings.len(), 2, "{findings:#?}");
    assert_eq!(findings[0]["status"], "pass");
    assert_eq!(findings[1]["status"], "warn");
    assert_eq!(findings[1]["found"], "20 s, before 60 s");
    let text = fs::read_to_string(&record).unwrap();
    assert!(text.contains(r#""clock_offset_s":"#), "the judge can correct by it");
    let place = |wanted: &str| text.lines().position(|line| line.contains(wanted)).unwrap();
    assert!(place("20 s, before 60 s") > place(r#""type":"level_started","level":1"#), "at the second level");
}

#[test]
fn the_plan_tells_what_aws_charges_by_the_users_own_prices() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let prices = folder.file("prices.toml");
    let at = |text: &str| {
        fs::write(&prices, text).unwrap();
        let mut command = simulator.albcap("preflight");
        command.args([simulator.url(), "--levels=3k", "--duration=1h", "--settle=1s", "--prices"]);
        finish(command.arg(&prices))
    };
    let done = at("as_of = \"2027-01-31\"\nlcu_hour = 100\nmetrics_read_1000 = 1000\n");
    assert_eq!(done.code, 0, "{}", done.all());
    let (status, said) = line(&done, "cost");
    assert_eq!(status, "info");
    assert!(said.starts_with("about $145.00; $100.00 for 1.00 LCU-hours (active connections)"), "{said}");
    assert!(said.contains("prices of 2027-01-31 in us-east-1"), "{said}");
    let plan = done.stdout.split("\nPlan ").nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(plan.ends_with("; AWS charges about $145.00"), "{plan}");
    for (text, says) in [("lcu_hour = 1", "as_of"), ("as_of = \"2027-01-31\"\nlcu_hours = 1", "lcu_hours")] {
        let done = at(text);
        assert_eq!(done.code, 2, "{}", done.all());
        assert!(done.complaint().0.contains(says), "{}", done.stderr);
    }
}

#[test]
fn analyze_keeps_other_prices_in_the_record() {
    let simulator = Simulator::start(&["--period=1s"]);
    let folder = Folder::new();
    let (record, prices) = (folder.file("run.jsonl"), folder.file("prices.toml"));
    fs::write(&prices, "as_of = \"2027-01-31\"\nlcu_hour = 7\n").unwrap();
    let run = simulator.run("--levels=1 --duration=300ms --periods=0 --period=1s --settle=0", &record);
    assert_eq!(run.code, 0, "{}", run.all());
    let hours = || -> Vec<f64> {
        let text = fs::read_to_string(&record).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let facts = lines.filter(|line| line["type"] == "facts");
        facts.map(|facts| facts["prices"]["lcu_hour"].as_f64().unwrap()).collect()
    };
    assert_eq!(hours().len(), 1);
    let analyze =
        |flags: &[&str]| finish(simulator.albcap("analyze").arg(&record).arg("--settle=0").args(flags));
    analyze(&[]);
    assert_eq!(hours().len(), 1, "nothing was learned of the prices");
    analyze(&["--prices", prices.to_str().unwrap()]);
    assert_eq!(hours()[1..], [7.0]);
    let text = "lcu_hour = 7";
    fs::write(&prices, text).unwrap();
    assert_eq!(analyze(&["--prices", prices.to_str().unwrap()]).code, 2);
}
