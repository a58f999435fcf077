//! What `albcap recommend` prints, in the hands of those it is for: cfn-lint, the AWS CLI, and boto3 that reads back.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Done, Folder, Simulator, binary, finish};
use crate::python;

/// The record of a finished run on a simulated ALB.
fn measured(simulator: &Simulator, folder: &Folder, heartbeat: &str) -> PathBuf {
    simulator.wait_for_periods(3);
    let record = folder.file("run.jsonl");
    let done = finish(
        simulator
            .albcap("run")
            .arg(simulator.url())
            .args(["--levels=10,40", "--duration=2s", "--heartbeat", heartbeat, "--periods=0", "--period=1s"])
            .args(["--baseline=3s", "--settle=1s", "--pause=0", "--record"])
            .arg(&record),
    );
    assert!([0, 5, 6].contains(&done.code), "{}", done.all());
    record
}

fn emitted(record: &Path, connections: &str, form: &str, to: &Path) {
    let flags = [
        "--connections",
        connections,
        "--alarm-action=arn:aws:sns:us-east-1:123456789012:on-call",
        "--emit",
        form,
    ];
    let done = finish(binary().arg("recommend").arg(record).args(flags));
    assert_eq!(done.code, 0, "{}", done.all());
    std::fs::write(to, done.stdout).unwrap();
}

#[test]
fn cfn_lint_finds_nothing_in_the_template() {
    let folder = Folder::new();
    let simulator = Simulator::start(&["--period=1s"]);
    let record = measured(&simulator, &folder, "1s");
    let template = folder.file("albcap.json");
    emitted(&record, "400k", "cloudformation", &template);
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

/// The script with the `aws` of a folder, as somebody runs it.
fn run_script(script: &Path, bin: &Path, simulator: &Simulator, variables: &[(&str, &str)]) -> Done {
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
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
    let record = measured(&simulator, &folder, "1s");
    let script = folder.file("albcap.sh");
    emitted(&record, "30", "aws-cli", &script);
    let done = run_script(&script, python::program("aws").parent().unwrap(), &simulator, &[]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.all());
    let template = folder.file("albcap.json");
    emitted(&record, "30", "cloudformation", &template);
    let done = finish(python::script("recommend_check.py").args([simulator.endpoint()]).arg(&template));
    assert_eq!(done.code, 0, "{}", done.all());
    // What somebody else made is not taken for ours.
    let apply = |flag: &str| finish(simulator.albcap("recommend").arg(&record).arg(flag));
    let done = apply("--apply");
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(done.stdout.contains("leave alone") && !done.stdout.contains("create"), "{}", done.stdout);
    assert!(apply("--remove").stdout.starts_with("Nothing that --apply made"));
}

/// An `aws` in `folder` that only parses: the real one checks every parameter and calls nobody. It notes what it was
/// asked for. What is done at once is parsed in another test.
fn parsing_only(folder: &Folder) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let bin = folder.file("bin");
    std::fs::create_dir(&bin).unwrap();
    let aws = bin.join("aws");
    let script = format!(
        "#!/bin/sh\necho \"$1 $2\" >> '{}'\n[ \"$1\" = cloudwatch ] || exec '{}' \"$@\" --generate-cli-skeleton output\n",
        folder.file("asked").display(),
        python::program("aws").display()
    );
    std::fs::write(&aws, script).unwrap();
    std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o755)).unwrap();
    bin
}

#[test]
fn the_aws_cli_understands_also_what_waits_for_a_variable() {
    let folder = Folder::new();
    // Less than twice the heartbeat, so that the script would change it.
    let simulator = Simulator::start(&["--period=1s", "--idle-timeout=3s"]);
    let record = measured(&simulator, &folder, "2s");
    let script = folder.file("albcap.sh");
    emitted(&record, "400k", "aws-cli", &script);
    let bin = parsing_only(&folder);
    let waiting = ["ECS_CLUSTER", "ECS_SERVICE", "SET_IDLE_TIMEOUT", "RESERVE_CAPACITY"];
    let asked = |variables: &[(&str, &str)]| -> Vec<String> {
        let _ = std::fs::remove_file(folder.file("asked"));
        let done = run_script(&script, &bin, &simulator, variables);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.all());
        std::fs::read_to_string(folder.file("asked")).unwrap().lines().map(str::to_owned).collect()
    };
    let at_once = asked(&[]);
    assert_eq!(at_once.len(), 7, "{at_once:?}");
    assert!(at_once.iter().all(|asked| asked.starts_with("cloudwatch put-")), "{at_once:?}");
    let all = asked(&waiting.map(|name| (name, "yes")));
    let waited = [
        "application-autoscaling register-scalable-target",
        "application-autoscaling put-scaling-policy",
        "elbv2 modify-load-balancer-attributes",
        "elbv2 modify-capacity-reservation",
    ];
    assert_eq!(all[7..], waited);
    // It would have refused what it does not know.
    let text = std::fs::read_to_string(&script).unwrap();
    std::fs::write(&script, text.replace("ScaleInCooldown", "ScaleInCoolup")).unwrap();
    let done = run_script(&script, &bin, &simulator, &waiting.map(|name| (name, "yes")));
    assert_ne!(done.code, 0, "{}", done.all());
}
