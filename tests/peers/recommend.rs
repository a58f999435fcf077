//! What `albcap recommend` prints, in the hands of those it is for: cfn-lint, the AWS CLI, and boto3 that reads back.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Folder, Simulator, binary, finish};
use crate::python;

/// The record of a finished run on a simulated ALB.
fn measured(simulator: &Simulator, folder: &Folder) -> PathBuf {
    simulator.wait_for_periods(3);
    let record = folder.file("run.jsonl");
    let done = finish(
        simulator
            .albcap("run")
            .arg(simulator.url())
            .args(["--levels=10,40", "--duration=2s", "--heartbeat=1s", "--periods=0", "--period=1s"])
            .args(["--baseline=3s", "--settle=1s", "--pause=0", "--record"])
            .arg(&record),
    );
    assert!([0, 5, 6].contains(&done.code), "{}", done.all());
    record
}

fn emitted(record: &Path, form: &str, to: &Path) {
    let flags =
        ["--connections=400k", "--alarm-action=arn:aws:sns:us-east-1:123456789012:on-call", "--emit", form];
    let done = finish(binary().arg("recommend").arg(record).args(flags));
    assert_eq!(done.code, 0, "{}", done.all());
    std::fs::write(to, done.stdout).unwrap();
}

#[test]
fn cfn_lint_finds_nothing_in_the_template() {
    let folder = Folder::new();
    let simulator = Simulator::start(&["--period=1s"]);
    let record = measured(&simulator, &folder);
    let template = folder.file("albcap.json");
    emitted(&record, "cloudformation", &template);
    let lint = || {
        let mut command = Command::new(python::program("cfn-lint"));
        command.args(["--include-checks", "I", "--regions", "us-east-1", "--"]).arg(&template);
        finish(&mut command)
    };
    let done = lint();
    assert_eq!((done.code, done.all().trim()), (0, ""), "{}", done.all());
    // It would have found something.
    let text = std::fs::read_to_string(&template).unwrap();
    std::fs::write(&template, text.replace("EvaluationPeriods", "EvaluationPeriod")).unwrap();
    assert_ne!(lint().code, 0);
}

/// The script with `aws` from the peers, as somebody runs it.
fn run_script(script: &Path, simulator: &Simulator, variables: &[(&str, &str)]) -> crate::harness::Done {
    let aws = python::program("aws");
    let path = format!("{}:{}", aws.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command
        .arg(script)
        .env("PATH", path)
        .env("AWS_ENDPOINT_URL", simulator.endpoint())
        .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
        .env("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE")
        .stdin(Stdio::null());
    for (name, value) in variables {
        command.env(name, value);
    }
    finish(&mut command)
}

#[test]
fn the_aws_cli_makes_what_boto3_reads_back_as_ours() {
    let folder = Folder::new();
    let simulator = Simulator::start(&["--period=1s"]);
    let record = measured(&simulator, &folder);
    let script = folder.file("albcap.sh");
    emitted(&record, "aws-cli", &script);
    let done = run_script(&script, &simulator, &[]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.all());
    let template = folder.file("albcap.json");
    emitted(&record, "cloudformation", &template);
    let done = finish(python::script("recommend_check.py").args([simulator.endpoint()]).arg(&template));
    assert_eq!(done.code, 0, "{}", done.all());
    // What somebody else made is not taken for ours.
    let apply = |flag: &str| finish(simulator.albcap("recommend").arg(&record).arg(flag));
    let done = apply("--apply");
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(done.stdout.contains("leave alone") && !done.stdout.contains("create"), "{}", done.stdout);
    assert!(apply("--remove").stdout.starts_with("Nothing that --apply made"));
}

#[test]
fn the_aws_cli_understands_what_waits_for_a_variable() {
    let folder = Folder::new();
    let simulator = Simulator::start(&["--period=1s", "--idle-timeout=1s"]);
    let record = measured(&Simulator::start(&["--period=1s"]), &folder);
    let script = folder.file("albcap.sh");
    emitted(&record, "aws-cli", &script);
    let named = [("ECS_CLUSTER", "chat"), ("ECS_SERVICE", "ws"), ("RESERVE_CAPACITY", "yes")];
    let done = run_script(&script, &simulator, &named);
    // The CLI has parsed and sent it; the simulator has neither tasks nor reservations to change.
    assert_ne!(done.code, 0, "{}", done.all());
    assert!(done.stderr.contains("RegisterScalableTarget"), "{}", done.all());
    for usage in ["usage:", "Parameter validation failed", "Error parsing parameter", "Unknown options"] {
        assert!(!done.stderr.contains(usage), "{}", done.stderr);
    }
}
