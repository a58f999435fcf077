//! `albcap publish` and `run --publish`: what is sent is what the record says, once.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Folder, Simulator, binary, events, finish, json_of, wait_for, with_credentials};

/// A run of one small level, recorded.
pub(crate) const BRIEFLY: [&str; 6] =
    ["--levels=3", "--duration=2s", "--heartbeat=1s", "--periods=0", "--settle=0", "--no-abort"];

/// A simulator and the record of a run on it.
pub(crate) struct Recorded {
    pub(crate) simulator: Simulator,
    pub(crate) record: PathBuf,
    pub(crate) folder: Folder,
}

impl Recorded {
    pub(crate) fn by(simulator_flags: &[&str], run_flags: &[&str]) -> Recorded {
        let simulator = Simulator::start(simulator_flags);
        let folder = Folder::new();
        let record = folder.file("run.jsonl");
        let mut run = simulator.albcap("run");
        let done =
            finish(run.arg(simulator.url()).args(BRIEFLY).args(run_flags).arg("--record").arg(&record));
        assert_eq!(done.code, 0, "{}", done.all());
        Recorded { simulator, record, folder }
    }

    pub(crate) fn publish(&self, flags: &[&str]) -> crate::harness::Done {
        finish(self.simulator.albcap("publish").arg(&self.record).args(flags))
    }

    pub(crate) fn load_balancer(&self) -> &str {
        self.simulator.announcement["load_balancer"].as_str().unwrap()
    }

    /// The statistic over the last hour of a published metric.
    pub(crate) fn told(&self, metric: &str, own: &[(&str, &str)], statistic: &str) -> Option<f64> {
        let shared = [("LoadBalancer", self.load_balancer())];
        let values =
            self.simulator.statistic("albcap", metric, &[&shared[..], own].concat(), statistic, 3_600);
        assert!(values.len() <= 2, "{values:?}");
        values.into_iter().reduce(|one, other| one + other)
    }

    /// The run's stream in the log group.
    pub(crate) fn stream(&self) -> Vec<Value> {
        let run = json_of(&self.record)["run"]["id"].clone();
        let body = json!({"logGroupName": "/albcap/runs", "logStreamName": run, "startFromHead": true});
        let answer = self.simulator.ask("Logs_20140328.GetLogEvents", &body);
        let lines = answer["events"].as_array().unwrap();
        lines.iter().map(|event| serde_json::from_str(event["message"].as_str().unwrap()).unwrap()).collect()
    }
}

fn count(lines: &[Value], kind: &str) -> usize {
    lines.iter().filter(|line| line["type"] == kind).count()
}

#[test]
fn what_is_published_is_what_the_record_says_and_is_sent_once() {
    let run = Recorded::by(&[], &[]);
    let done = run.publish(&["--dimension", "Team=core"]);
    assert_eq!(done.code, 0, "{}", done.all());
    let said = done.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("custom metrics to namespace albcap in us-east-1"), "{said}");
    assert!(said.contains("a list price of $"), "{said}");
    assert!(done.stderr.lines().all(|line| line.chars().count() <= 100), "{}", done.stderr);
    let report = json_of(&run.record);
    let level = &report["levels"][0];
    let team = ("Team", "core");
    let of_level = [team, ("Level", "3")];
    for (metric, own, statistic, wanted) in [
        ("ConnectionsAttempted", &of_level[..], "Sum", &level["connections"]),
        ("ConnectionsHeld", &of_level[..], "Sum", &level["held"]),
        ("ConnectLatency", &of_level[..], "SampleCount", &level["opened"]),
        ("ConnectLatency", &of_level[..], "Maximum", &level["connect_ms"]["max"]),
        ("HeartbeatLatency", &of_level[..], "SampleCount", &level["heartbeats_answered"]),
        ("MaxReliable", &[team][..], "Sum", &report["capacity"]["max_reliable"]),
        ("SafeLimit", &[team][..], "Sum", &report["capacity"]["safe_limit"]),
    ] {
        let told = run.told(metric, own, statistic);
        assert_eq!(told, wanted.as_f64(), "{metric} {statistic}");
    }
    assert_eq!(run.told("SuccessRate", &of_level, "Average"), Some(100.0));
    assert_eq!(run.told("Verdict", &[team], "Sum"), None, "CloudWatch was not asked, so it is not known");
    let samples = events(&run.record, "sample").len();
    assert_eq!(
        run.told("OpenConnections", &[team], "SampleCount"),
        Some(f64::from(u32::try_from(samples).unwrap()))
    );
    let lines = run.stream();
    assert_eq!((count(&lines, "sample"), count(&lines, "level"), count(&lines, "verdict")), (samples, 1, 1));
    assert_eq!(lines.iter().find(|line| line["type"] == "level").unwrap()["held"], 3);

    let again = run.publish(&["--dimension", "Team=core"]);
    assert_eq!(again.code, 0, "{}", again.all());
    assert!(again.stdout.contains("nothing: all of it was published before"), "{}", again.stdout);
    assert_eq!(run.told("MaxReliable", &[team], "SampleCount"), Some(1.0));
    assert_eq!(run.stream().len(), lines.len());
    assert_eq!(json_of(&run.record), report, "receipts change nothing of what was measured");

    let twice = run.publish(&["--dimension", "Team=core", "--again", "--publish=metrics"]);
    assert_eq!(twice.code, 0, "{}", twice.all());
    assert_eq!(run.told("MaxReliable", &[team], "SampleCount"), Some(2.0));
    assert_eq!(run.stream().len(), lines.len());
}

#[test]
fn a_dry_run_prints_every_request_and_sends_none() {
    let run = Recorded::by(&[], &[]);
    let dry = finish(binary().arg("publish").arg(&run.record).args(["--dry-run", "--high-resolution"]));
    assert_eq!(dry.code, 0, "no credentials are needed: {}", dry.all());
    let requests: Vec<Value> = dry.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let operations: Vec<&str> =
        requests.iter().map(|request| request["Operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["cloudwatch:PutMetricData", "logs:PutLogEvents"]);
    let data = requests[0]["MetricData"].as_array().unwrap();
    let open: Vec<&Value> = data.iter().filter(|datum| datum["MetricName"] == "OpenConnections").collect();
    assert!(open.len() > 1 && open.iter().all(|datum| datum["StorageResolution"] == 1), "{open:?}");
    assert_eq!(open[0]["Dimensions"], json!([{"Name": "LoadBalancer", "Value": run.load_balancer()}]));
    let again = finish(binary().arg("publish").arg(&run.record).args(["--dry-run", "--high-resolution"]));
    assert_eq!(again.stdout, dry.stdout, "the same record gives the same data, byte for byte");
    let nobody = finish(binary().arg("publish").arg(&run.record).arg("--region=us-east-1"));
    assert_eq!(nobody.code, 3, "{}", nobody.all());
    assert!(nobody.complaint().0.contains("credentials"), "{}", nobody.stderr);
    assert!(events(&run.record, "receipt").is_empty());
    assert_eq!(run.told("MaxReliable", &[], "Sum"), None);
}

#[test]
fn embedded_metrics_take_the_place_of_put_ones() {
    let run = Recorded::by(&[], &[]);
    let done = run.publish(&["--emf"]);
    assert_eq!(done.code, 0, "{}", done.all());
    let lines = run.stream();
    let embedded: Vec<&Value> = lines.iter().filter(|line| line["type"] == "metrics").collect();
    let held = embedded.iter().find(|line| line["ConnectionsHeld"].is_number()).unwrap();
    assert_eq!((held["ConnectionsHeld"].as_f64(), held["Level"].as_str()), (Some(3.0), Some("3")));
    assert_eq!(held["_aws"]["CloudWatchMetrics"][0]["Namespace"], "albcap");
    assert_eq!(held["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["LoadBalancer", "Level"]]));
    assert_eq!(run.told("MaxReliable", &[], "Sum"), None, "no metric was put");
    let put = run.publish(&["--publish=metrics"]);
    assert!(put.stdout.contains("nothing: all of it was published before"), "{}", put.all());
}

#[test]
fn a_run_publishes_at_its_end_and_while_it_goes_on() {
    let simulator = Simulator::start(&["--period=1s"]);
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let mut run = simulator.albcap("run");
    run.arg(simulator.url()).args(BRIEFLY).arg("--record").arg(&record);
    let done = finish(run.args(["--duration=14s", "--publish=metrics,logs", "--live"]));
    assert_eq!(done.code, 0, "{}", done.all());
    assert!(done.stdout.contains("published  "), "{}", done.stdout);
    let text = std::fs::read_to_string(&record).unwrap();
    let first = |kind: &str| text.find(&format!("\"type\":\"{kind}\"")).unwrap();
    assert!(first("receipt") < first("hold_ended"), "some went out while the connections were held");
    let run = Recorded { simulator, record, folder };
    let samples = events(&run.record, "sample").len();
    let lines = run.stream();
    assert_eq!((count(&lines, "sample"), count(&lines, "level"), count(&lines, "verdict")), (samples, 1, 1));
    assert_eq!(
        run.told("OpenConnections", &[], "SampleCount"),
        Some(f64::from(u32::try_from(samples).unwrap())),
        "no minute is sent before it is over, and none twice"
    );
    assert_eq!(run.told("ConnectionsHeld", &[("Level", "3")], "SampleCount"), Some(1.0));
    let again = run.publish(&[]);
    assert!(again.stdout.contains("nothing: all of it was published before"), "{}", again.all());
}

#[test]
fn an_interrupted_run_is_not_published_and_then_is_as_one() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let mut run = simulator.albcap("run");
    run.arg(simulator.url())
        .args(BRIEFLY)
        .args(["--duration=10m", "--publish=logs"])
        .arg("--record")
        .arg(&record);
    let running = crate::harness::Background::start(&mut run);
    wait_for("the hold", || (events(&record, "sample").len() > 2).then_some(()));
    running.signal("INT");
    let done = running.wait();
    assert_eq!(done.code, 130, "{}", done.all());
    let command = format!("albcap publish {} --publish logs", record.display());
    assert!(done.stderr.contains(&command), "{}", done.stderr);
    assert!(events(&record, "receipt").is_empty());
    let run = Recorded { simulator, record, folder };
    assert_eq!(run.publish(&["--publish=logs"]).code, 0);
    let lines = run.stream();
    assert_eq!(lines.iter().find(|line| line["type"] == "verdict").unwrap()["ended"], "interrupted");
}

#[test]
fn what_aws_would_refuse_is_refused_at_the_door() {
    let record = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/records/good.jsonl");
    let many: Vec<String> = (0..28).map(|number| format!("--dimension=d{number}=x")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (flags, said) in [
        (&["--namespace=AWS/ApplicationELB"][..], "AWS's own"),
        (&["--namespace="], "refused by CloudWatch"),
        (&many, "28 dimensions are too many"),
        (&["--dimension=Team="], "refused by CloudWatch"),
        (&["--dimension=Team=é"], "refused by CloudWatch"),
        (&["--dimension=Level=5"], "albcap uses itself"),
        (&["--log-group=aws/x"], "refused by CloudWatch Logs"),
        (&["--retention=8"], "take 1, 3, 5"),
        (&["--publish=logs", "--emf"], "--emf is a form of metrics"),
    ] {
        let done = finish(with_credentials().arg("publish").arg(&record).args(flags));
        let (cause, _) = done.complaint();
        assert_eq!(done.code, 2, "{flags:?}: {cause}");
        assert!(cause.contains(said), "{flags:?}: {cause}");
    }
    for (flags, said) in [
        (&["--live"][..], "--live means nothing without --publish"),
        (&["--namespace=x"], "--namespace means nothing without --publish"),
        (&["--publish=metrics", "--no-aws"], "--no-aws asks for nothing of AWS"),
    ] {
        let done = finish(with_credentials().args(["run", "ws://127.0.0.1:9/"]).args(flags));
        let (cause, _) = done.complaint();
        assert_eq!(done.code, 2, "{flags:?}: {cause}");
        assert!(cause.contains(said), "{flags:?}: {cause}");
    }
}

#[test]
fn a_record_that_cannot_be_published_says_why() {
    let folder = Folder::new();
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/records/good.jsonl");
    let good = std::fs::read_to_string(good).unwrap();
    let old = folder.file("old.jsonl");
    std::fs::write(&old, good.replace("\"2026-", "\"2024-")).unwrap();
    let levels = folder.file("none.jsonl");
    let header = good.lines().next().unwrap();
    std::fs::write(&levels, format!("{header}\n")).unwrap();
    for (record, said) in [(&old, "two weeks"), (&levels, "nothing to publish")] {
        let mut publish = with_credentials();
        publish.args(["publish", "--endpoint-url=http://127.0.0.1:9", "--region=us-east-1"]).arg(record);
        let before = std::fs::read(record).unwrap();
        let done = finish(&mut publish);
        let (cause, remedy) = done.complaint();
        assert_eq!(done.code, 1, "{cause}");
        assert!(cause.contains(said), "{cause}");
        assert!(!remedy.is_empty());
        assert_eq!(std::fs::read(record).unwrap(), before);
    }
    let gone = finish(with_credentials().args(["publish", "/does/not/exist"]));
    assert_eq!(gone.code, 1);
}
