//! `albcap iam-policy`: what it allows is what the binary asks AWS for, nothing less and nothing more.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Folder, Simulator, binary, finish};

fn policy(flags: &[&str]) -> Vec<Value> {
    let done = finish(binary().arg("iam-policy").args(flags));
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{flags:?}");
    let policy: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    let statements = policy["Statement"].as_array().unwrap().clone();
    assert!(statements.iter().all(|statement| statement["Effect"] == "Allow"), "{statements:?}");
    statements
}

fn allowed(flags: &[&str]) -> BTreeSet<String> {
    let statements = policy(flags);
    let actions = statements.iter().flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

/// A simulator that writes down every action it is asked for.
struct Witness {
    simulator: Simulator,
    folder: Folder,
}

impl Witness {
    fn start() -> Witness {
        let folder = Folder::new();
        let mut command = binary();
        command.args(["simulate", "--period=1s", "-vv"]);
        command.stderr(File::create(folder.file("log")).unwrap());
        Witness { simulator: Simulator::start_by(command), folder }
    }

    fn record(&self) -> PathBuf {
        self.folder.file("run.jsonl")
    }

    fn does(&self, command: &str, of: &Path, flags: &[&str]) {
        let done = finish(self.simulator.albcap(command).arg(of).args(flags));
        // Whatever the verdict, it came to one.
        assert!([0, 6].contains(&done.code), "{command}: {}", done.all());
    }

    fn asked(&self) -> BTreeSet<String> {
        let log = std::fs::read_to_string(self.folder.file("log")).unwrap();
        let actions = log.lines().filter_map(|line| line.split_once("asked for ")).map(|(_, action)| action);
        actions.map(|action| action.trim().to_owned()).collect()
    }
}

/// A run that asks for all that runs ask for.
const BRIEFLY: [&str; 6] =
    ["--levels=2", "--duration=1s", "--heartbeat=5s", "--periods=0", "--period=1s", "--settle=1s"];

#[test]
fn nothing_is_missing_and_nothing_is_too_much() {
    // The flags of `iam-policy`, and what it is then enough for: of `run`, of the commands over its record.
    type Row<'a> = (&'a [&'a str], &'a [&'a str], &'a [(&'a str, &'a [&'a str])]);
    let both = &["--publish=metrics,logs"][..];
    let embedded = &["--publish=metrics", "--emf"][..];
    let rows: [Row<'_>; 6] = [
        (&[], &[], &[("analyze", &["--settle=0"])]),
        (both, both, &[("analyze", &["--settle=0"])]),
        (both, &[], &[("publish", &[])]),
        (&["--publish=metrics"], &["--publish=metrics"], &[]),
        (embedded, embedded, &[("publish", embedded)]),
        (&["--apply"], &[], &[("recommend", &["--apply"]), ("recommend", &["--remove"])]),
    ];
    for (flags, run, later) in rows {
        let witness = Witness::start();
        let (url, record) = (PathBuf::from(witness.simulator.url()), witness.record());
        witness.does("preflight", &url, &[&BRIEFLY[..], run].concat());
        let kept = format!("--record={}", record.display());
        witness.does("run", &url, &[&BRIEFLY[..], run, &[kept.as_str()]].concat());
        for (command, flags) in later {
            witness.does(command, &record, flags);
        }
        assert_eq!(allowed(flags), witness.asked(), "left: allowed by {flags:?}, right: asked for");
    }
}

#[test]
fn each_command_alone_needs_no_more() {
    for command in ["preflight", "run"] {
        let witness = Witness::start();
        let kept = format!("--record={}", witness.record().display());
        let url = PathBuf::from(witness.simulator.url());
        witness.does(command, &url, &[&BRIEFLY[..], &[kept.as_str()]].concat());
        let asked = witness.asked();
        assert!(!asked.is_empty() && asked.is_subset(&allowed(&[])), "{command}: {asked:?}");
    }
}

#[test]
fn the_readme_shows_the_policy_for_reading() {
    let readme = include_str!("../../README.md");
    let shown = readme.split("```json\n").skip(1).filter_map(|block| block.split("```").next());
    let shown: Vec<Value> = shown.map(|block| serde_json::from_str(block).unwrap()).collect();
    let shown = shown.iter().find(|block| block["Statement"].is_array()).unwrap();
    let actions = shown["Statement"][0]["Action"].as_array().unwrap();
    let actions: BTreeSet<String> =
        actions.iter().map(|action| action.as_str().unwrap().to_owned()).collect();
    assert_eq!(actions, allowed(&[]));
}

#[test]
fn namespace_group_and_partition_are_filled_in() {
    let arn =
        "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/app/prod/50dc6c495c0c9188";
    let by_arn = ["--publish=metrics,logs", "--namespace=Load", "--log-group=/load", "--load-balancer", arn];
    let statements = policy(&by_arn);
    let of = |sid: &str| statements.iter().find(|statement| statement["Sid"] == sid).unwrap();
    assert_eq!(of("PublishMetrics")["Condition"]["StringEquals"], json!({"cloudwatch:namespace": "Load"}));
    let group = "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/load";
    assert_eq!(of("PublishLogs")["Resource"], json!([group, format!("{group}:*")]));
    let by_parts = ["--region=cn-north-1", "--account=123456789012"];
    assert_eq!(policy(&[&by_arn[..3], &by_parts].concat()), statements);

    let logs = "logs:PutLogEvents".to_owned();
    let metrics = "cloudwatch:PutMetricData".to_owned();
    for (flags, puts_metrics, puts_logs) in [
        (&["--publish=metrics"][..], true, false),
        (&["--publish=logs"], false, true),
        (&["--publish=metrics,logs"], true, true),
        (&["--publish=metrics,logs", "--emf"], false, true),
        (&["--apply"], false, false),
    ] {
        let allowed = allowed(flags);
        assert_eq!(allowed.contains(&metrics), puts_metrics, "{flags:?}");
        assert_eq!(allowed.contains(&logs), puts_logs, "{flags:?}");
        assert_eq!(allowed.contains("cloudwatch:PutMetricAlarm"), flags == ["--apply"], "{flags:?}");
    }
}

#[test]
fn what_would_widen_the_policy_is_refused() {
    for (flags, told) in [
        (&["--publish=metrics", "--namespace=*"][..], "the namespace"),
        (&["--publish=metrics", "--namespace=AWS/EC2"], "AWS's own"),
        (&["--publish=logs", "--log-group=/load/*"], "the log group"),
        (&["--publish=logs", "--log-group="], "the log group"),
        (&["--publish=traces"], "traces"),
        (&["--namespace=Load"], "--publish"),
        (&["--region=*"], "a region looks like"),
        (&["--account=1"], "twelve digits"),
        (&["--load-balancer=arn:aws:s3:::b"], "not a load balancer's ARN"),
    ] {
        let done = finish(binary().arg("iam-policy").args(flags));
        let (cause, _) = done.complaint();
        assert_eq!(done.code, 2, "{flags:?}: {}", done.all());
        assert!(cause.contains(told), "{flags:?}: {cause}");
    }
}
