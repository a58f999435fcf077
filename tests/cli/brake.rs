//! The brake: a rule that is broken drains the load, the run still settles, and record and verdict say what broke it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Background, Done, Folder, Simulator, binary, events, finish, json_of, wait_for};

/// Less than the holds below, and far more than a machine needs that is busy with other tests.
const SOON: Duration = Duration::from_secs(45);

/// A run against the simulated ALB and CloudWatch that would take ten minutes, if nothing stopped it.
fn long_run(simulator: &Simulator, levels: &str) -> Command {
    let mut run = simulator.albcap("run");
    run.arg(simulator.url()).args(["--levels", levels, "--duration=10m", "--periods=2", "--period=1s"]);
    run.args(["--baseline=4s", "--settle=10s"]);
    run
}

fn recorded(run: &mut Command, record: &Path) -> Done {
    let began = Instant::now();
    let done = finish(run.arg("--record").arg(record));
    assert!(began.elapsed() < SOON, "{:?}: {}", began.elapsed(), done.all());
    done
}

/// The reason that the verdict gives first.
fn reason(report: &Value) -> &str {
    report["verdict"]["reasons"][0].as_str().unwrap()
}

/// Nothing was left open by the drain, and the level that was cut is neither passed nor failed.
fn assert_drained(report: &Value, record: &Path, level: usize) {
    assert_eq!(report["run"]["ended"], "aborted");
    assert_eq!(
        report["levels"].as_array().unwrap().len(),
        level + 1,
        "nothing follows the level that was cut"
    );
    assert!(report["levels"][level]["passed"].is_null(), "{:#}", report["levels"][level]);
    let ended = events(record, "level_ended");
    assert_eq!(ended.last().unwrap()["counts"]["open"], 0);
    assert_eq!(events(record, "brake").len(), 1);
}

#[test]
fn what_the_clients_see_acts_at_once() {
    let simulator = Simulator::start(&["--reject-rate=50%"]);
    for (rule, value, said) in [
        ("client.failed_rate > 20%", 0.5, "client.failed_rate was 50.0 %"),
        ("client.http_5xx >= 10", 10.0, "client.http_5xx was 10"),
    ] {
        let folder = Folder::new();
        let record = folder.file("braked.jsonl");
        let mut run = binary();
        run.args(["run", simulator.url(), "--no-aws", "--levels=20,40", "--duration=10m", "--keep-going"]);
        let done = recorded(run.args(["--abort-if", rule]), &record);
        assert_eq!(done.code, 4, "{}", done.all());
        let report = json_of(&record);
        assert_drained(&report, &record, 0);
        let event = &events(&record, "brake")[0];
        assert_eq!((event["value"].as_f64(), event["level"].as_u64()), (Some(value), Some(0)), "{event:#}");
        assert_eq!(event["rule"], rule);
        let reason = reason(&report);
        assert!(reason.contains("in level 20") && reason.contains(said), "{reason}");
        assert!(reason.contains(&format!("(rule: {rule})")), "{reason}");
        // Told once, where the table says how the run ended.
        assert_eq!(done.stdout.matches("the brake stopped the load").count(), 1, "{}", done.stdout);
    }
}

#[test]
fn a_rule_that_holds_stops_nothing() {
    let simulator = Simulator::start(&["--reject-rate=10%"]);
    let folder = Folder::new();
    let record = folder.file("whole.jsonl");
    let mut run = binary();
    run.args(["run", simulator.url(), "--no-aws", "--levels=20,40", "--duration=1s", "--threshold=80%"]);
    let done = recorded(
        run.args(["--abort-if=client.failed_rate > 10%", "--abort-if=client.http_5xx > 4"]),
        &record,
    );
    assert_eq!(done.code, 0, "{}", done.all());
    assert_eq!(json_of(&record)["run"]["ended"], "finished");
    assert_eq!(events(&record, "brake").len(), 0);
}

#[test]
fn what_lived_on_through_levels_is_drained_too() {
    let simulator = Simulator::start(&["--max-connections=30"]);
    let folder = Folder::new();
    let record = folder.file("braked.jsonl");
    let mut run = binary();
    run.args(["run", simulator.url(), "--no-aws", "--mode=cumulative", "--levels=20,60", "--duration=1s"]);
    let done = recorded(run.args(["--pause=0", "--abort-if=client.failed_rate >= 50%"]), &record);
    assert_eq!(done.code, 4, "{}", done.all());
    let report = json_of(&record);
    assert_drained(&report, &record, 1);
    assert_eq!(report["levels"][0]["passed"], true);
    assert_eq!(
        (&report["levels"][1]["alive_at_start"], &report["levels"][1]["opened"]),
        (&20.into(), &30.into())
    );
}

#[test]
fn a_ctrl_c_into_the_drain_does_not_make_it_an_interruption() {
    let simulator = Simulator::start(&["--reject-rate=50%"]);
    let folder = Folder::new();
    let record = folder.file("braked.jsonl");
    let mut run = binary();
    run.args(["run", simulator.url(), "--no-aws", "--levels=20", "--duration=10m", "--close-rate=4"]);
    let run = Background::start(run.args(["--abort-if=client.http_5xx > 5", "--record"]).arg(&record));
    wait_for("the brake", || events(&record, "brake").pop());
    run.signal("INT");
    let done = run.wait();
    assert_eq!(done.code, 130, "of several codes the signal's counts: {}", done.all());
    assert_drained(&json_of(&record), &record, 0);
}

#[test]
fn an_alb_metric_acts_when_cloudwatch_delivers_it_and_the_run_settles() {
    let simulator = Simulator::start(&["--period=1s", "--publish-delay=3s", "--reject-rate=25%"]);
    simulator.wait_for_periods(5);
    let folder = Folder::new();
    let record = folder.file("braked.jsonl");
    let mut run = long_run(&simulator, "40,80");
    run.args(["--threshold=50%", "--close-rate=50", "--abort-if=HTTPCode_ELB_5XX_Count > 5"]);
    let done = recorded(&mut run, &record);
    assert_eq!(done.code, 4, "{}", done.all());
    let report = json_of(&record);
    assert_drained(&report, &record, 0);
    let brake = &events(&record, "brake")[0];
    assert!(brake["value"].as_f64().unwrap() > 5.0 && brake["measured"]["period_s"] == 1, "{brake:#}");
    let held = &events(&record, "hold_started")[0];
    assert!(brake["at"].as_str() > held["at"].as_str(), "late, as CloudWatch is: {brake:#}");
    // 30 connections at 50 a second.
    let at = |event: &Value| event["at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let drain = at(&events(&record, "level_ended")[0]) - at(brake);
    assert!(drain.num_milliseconds() >= 500, "closed at --close-rate: {drain}");
    let reason = reason(&report);
    assert!(reason.contains("HTTPCode_ELB_5XX_Count was 10 in the 1 s from "), "{reason}");
    // It settled: what CloudWatch said of the load is in the record.
    assert_eq!(events(&record, "server_series").len(), 1);
    assert_ne!(report["server"]["status"], "none");
}

#[test]
fn where_others_are_a_target_that_fails_is_the_default_brake() {
    let simulator = Simulator::start(&["--period=1s", "--baseline=20", "--unhealthy-above=50"]);
    simulator.wait_for_periods(5);
    let folder = Folder::new();
    let record = folder.file("braked.jsonl");
    let mut run = long_run(&simulator, "10,60,100");
    // The first level does no harm, and is short.
    let done = recorded(run.args(["--duration=3s", "--pause=1s"]), &record);
    assert_eq!(done.code, 4, "{}", done.all());
    assert!(done.stdout.contains("brake: UnHealthyHostCount > 0"), "{}", done.stdout);
    let report = json_of(&record);
    assert_eq!(report["run"]["ended"], "aborted");
    assert_eq!(report["levels"][0]["passed"], true);
    let levels = report["levels"].as_array().unwrap().len();
    assert!(levels == 2 || levels == 3, "the period that shows it is over a second or two later: {levels}");
    let brake = &events(&record, "brake")[0];
    assert_eq!(
        (brake["rule"].as_str(), brake["value"].as_f64()),
        (Some("UnHealthyHostCount > 0"), Some(1.0))
    );
    assert!(brake["measured"]["target_group"].as_str().unwrap().starts_with("targetgroup/"), "{brake:#}");
    assert!(reason(&report).contains("UnHealthyHostCount was 1 in the 1 s from "), "{}", reason(&report));

    let record = folder.file("unbraked.jsonl");
    let mut run = long_run(&simulator, "60");
    let done = recorded(run.args(["--duration=4s", "--settle=0", "--no-abort"]), &record);
    assert_eq!(
        (done.code, json_of(&record)["run"]["ended"].as_str()),
        (0, Some("finished")),
        "{}",
        done.all()
    );
}

#[test]
fn whoever_is_alone_has_no_default_brake() {
    let at = |event: &Value| event["at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let folder = Folder::new();
    let run = |flags: &[&str], name: &str, duration: &str| {
        let simulator = Simulator::start(&[&["--period=1s", "--unhealthy-above=30"][..], flags].concat());
        simulator.wait_for_periods(5);
        let record = folder.file(name);
        let done = recorded(long_run(&simulator, "40").args(["--duration", duration]), &record);
        (record, done)
    };
    // Beside others the same load is stopped, after so long.
    let (record, done) = run(&["--baseline=20"], "beside.jsonl", "10m");
    assert_eq!(done.code, 4, "{}", done.all());
    let took = at(&events(&record, "brake")[0]) - at(&events(&record, "hold_started")[0]);

    let twice = 2 * took.num_seconds() + 4;
    let (record, done) = run(&[], "alone.jsonl", &format!("{twice}s"));
    assert_eq!(events(&record, "brake").len(), 0, "{}", done.all());
    assert!(!done.stdout.contains("brake: UnHealthyHostCount"), "{}", done.stdout);
    assert_eq!(json_of(&record)["run"]["ended"], "finished");
    // The target did fail, long before the end of the hold.
    let series = &events(&record, "server_series")[0];
    let group = series["target_groups"].as_object().unwrap().values().next().unwrap();
    let failing = group["UnHealthyHostCount"].as_array().unwrap();
    let first =
        failing.iter().find(|point| point["value"].as_f64() > Some(0.0)).expect("a target that fails");
    assert!(at(&events(&record, "hold_ended")[0]) - at(first) > took, "{failing:?}");
}

#[test]
fn a_cloudwatch_that_can_not_be_read_stops_nothing_and_is_told_once() {
    // Before the load once, and beside it never.
    let simulator = Simulator::start(&["--period=1s", "--deny-after=cloudwatch:GetMetricData=1"]);
    let folder = Folder::new();
    let record = folder.file("blind.jsonl");
    let mut run = long_run(&simulator, "10");
    let done = recorded(run.args(["--duration=6s", "--abort-if=UnHealthyHostCount > 0"]), &record);
    assert_eq!(done.code, 1, "the settling can't read it either: {}", done.all());
    let report = json_of(&record);
    assert_eq!((&report["run"]["ended"], &report["levels"][0]["passed"]), (&"finished".into(), &true.into()));
    let findings = events(&record, "finding");
    let blind = |finding: &&Value| finding["detail"].as_str().unwrap().contains("brake does not see");
    assert_eq!(findings.iter().filter(blind).count(), 1);
    assert_eq!(done.stderr.matches("the brake can't read CloudWatch").count(), 1, "{}", done.stderr);
}

#[test]
fn what_is_no_rule_is_a_mistake_of_the_command_line() {
    for (rule, cause) in [
        (
            "UnHealthyHosts > 0",
            "there is no metric 'UnHealthyHosts'; there are client.failed_rate, client.http_5xx, ",
        ),
        ("UnHealthyHostCount", "METRIC one of client.failed_rate, client.http_5xx, HTTPCode_ELB_5XX_Count, "),
        ("client.failed_rate > 20", "not a share"),
        ("client.failed_rate >= 0", "broken before anything fails"),
    ] {
        let done = finish(binary().args(["run", "ws://127.0.0.1:1/", "--no-aws", "--abort-if", rule]));
        assert_eq!(done.code, 2, "{}", done.all());
        let (said, _) = done.complaint();
        assert!(said.contains("--abort-if") && said.contains(cause), "{said}");
    }
    let done = finish(binary().args([
        "run",
        "ws://127.0.0.1:1/",
        "--no-aws",
        "--abort-if=client.http_5xx > 5",
        "--abort-if=UnHealthyHostCount > 0",
    ]));
    assert_eq!(done.code, 2, "{}", done.all());
    let (said, remedy) = done.complaint();
    assert!(said.contains("UnHealthyHostCount > 0") && said.contains("--no-aws"), "{said}");
    assert!(remedy.contains("client.failed_rate"), "{remedy}");
}
