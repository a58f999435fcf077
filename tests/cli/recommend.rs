//! `albcap recommend`: printed in every form, applied, applied again, and taken away.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Done, Folder, Simulator, binary, finish, with_credentials};

/// A run with one level that passes and one that the simulated ALB refuses.
struct Measured {
    simulator: Simulator,
    folder: Folder,
}

impl Measured {
    fn new() -> Measured {
        Measured::on(Simulator::start(&["--period=1s", "--max-connections=60"]))
    }

    fn on(simulator: Simulator) -> Measured {
        let measured = Measured { simulator, folder: Folder::new() };
        measured.simulator.wait_for_periods(3);
        let done = finish(
            measured
                .simulator
                .albcap("run")
                .arg(measured.simulator.url())
                .args(["--levels=10,40", "--duration=2s", "--heartbeat=1s", "--periods=0", "--period=1s"])
                .args(["--baseline=3s", "--settle=1s", "--pause=0", "--record"])
                .arg(measured.record()),
        );
        // Whatever CloudWatch says by then, the clients know their limit.
        assert!([0, 5, 6].contains(&done.code), "{}", done.all());
        measured
    }

    fn record(&self) -> PathBuf {
        self.folder.file("run.jsonl")
    }

    fn recommend(&self) -> Command {
        let mut command = self.simulator.albcap("recommend");
        command.arg(self.record());
        command
    }

    fn done(&self, flags: &[&str]) -> Done {
        finish(self.recommend().args(flags))
    }

    fn emitted(&self, form: &str, flags: &[&str]) -> Value {
        let done = self.done(&[&["--emit", form], flags].concat());
        assert_eq!(done.code, 0, "{}", done.all());
        serde_json::from_str(&done.stdout).unwrap()
    }
}

/// The lines of a plan: what is done with how many things.
fn planned(done: &Done) -> Vec<(String, usize)> {
    ["create", "update", "unchanged", "leave alone", "remove"]
        .into_iter()
        .map(|word| {
            let lines = done.stdout.lines().filter(|line| line.starts_with(&format!("  {word} ")));
            (word.to_owned(), lines.count())
        })
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[test]
fn every_form_tells_of_the_same_alarms_and_text_fits_its_columns() {
    let measured = Measured::new();
    let topic = "arn:aws:sns:us-east-1:123456789012:on-call";
    let flags = ["--connections=5k", "--alarm-action", topic];
    let template = measured.emitted("cloudformation", &flags);
    let resources = template["Resources"].as_object().unwrap();
    let of = |kind: &str| resources.values().filter(|made| made["Type"] == kind).collect::<Vec<_>>();
    let alarms = of("AWS::CloudWatch::Alarm");
    let names: Vec<&str> =
        alarms.iter().map(|alarm| alarm["Properties"]["AlarmName"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("albcap-albcap-sim-")), "{names:?}");
    assert!(alarms.iter().all(|alarm| alarm["Properties"]["AlarmActions"] == json!([topic])));
    let near = &resources["ConnectionsNearLimit"]["Properties"];
    let policies = of("AWS::ApplicationAutoScaling::ScalingPolicy");
    assert_eq!(policies.len(), 1);
    // Beyond what was tested it is of each target, as the policy is.
    let policy = &policies[0]["Properties"]["TargetTrackingScalingPolicyConfiguration"];
    assert_eq!(near["Threshold"], policy["TargetValue"]);
    assert_eq!(
        near["Metrics"][2]["Expression"],
        policy["CustomizedMetricSpecification"]["Metrics"][2]["Expression"]
    );
    let tested = measured.emitted("cloudformation", &[]);
    let near = &tested["Resources"]["ConnectionsNearLimit"]["Properties"];
    assert_eq!(near["Threshold"], 32, "80 % of the level that passed");
    assert!(near["Metrics"][1]["Expression"].as_str().unwrap().starts_with("m1"), "{near:#}");

    let terraform = measured.emitted("terraform", &flags);
    let script = measured.done(&[&["--emit=aws-cli"], &flags[..]].concat());
    let text = measured.done(&flags);
    assert_eq!((script.code, text.code), (0, 0));
    for name in names {
        assert_eq!(terraform["resource"]["aws_cloudwatch_metric_alarm"][name]["alarm_name"], name);
        assert!(script.stdout.contains(name) && text.stdout.contains(name), "{name}");
    }
    assert!(text.stdout.contains("5,000 connections"), "{}", text.stdout);
    for columns in [60, 80, 100] {
        let text = finish(measured.recommend().args(flags).env("COLUMNS", columns.to_string())).stdout;
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= columns, "{longest} of {columns}:\n{text}");
    }
}

#[test]
fn applied_twice_and_taken_away() {
    let measured = Measured::new();
    let first = measured.done(&["--apply"]);
    assert_eq!(first.code, 0, "{}", first.all());
    assert_eq!(planned(&first), [("create".to_owned(), 7)], "{}", first.stdout);
    assert!(first.stdout.ends_with("7 changes made, 0 unchanged\n"), "{}", first.stdout);
    let again = measured.done(&["--apply"]);
    assert_eq!((again.code, planned(&again)), (0, vec![("unchanged".to_owned(), 7)]), "{}", again.all());
    // Another action is another alarm; the dashboard stays.
    let told = measured.done(&["--apply", "--alarm-action=arn:aws:sns:us-east-1:123456789012:on-call"]);
    assert_eq!(planned(&told), [("update".to_owned(), 6), ("unchanged".to_owned(), 1)], "{}", told.all());
    assert!(told.stdout.contains(": actions\n"), "{}", told.stdout);
    // The same action twice is one; none is one that is taken away.
    let topic = "--alarm-action=arn:aws:sns:us-east-1:123456789012:on-call";
    let twice = measured.done(&["--apply", topic, topic]);
    assert_eq!(planned(&twice), [("unchanged".to_owned(), 7)], "{}", twice.all());
    let muted = measured.done(&["--apply"]);
    assert_eq!(planned(&muted), [("update".to_owned(), 6), ("unchanged".to_owned(), 1)], "{}", muted.all());
    assert!(muted.stdout.contains(": no action any more\n"), "{}", muted.stdout);

    let removed = measured.done(&["--remove"]);
    assert_eq!((removed.code, planned(&removed)), (0, vec![("remove".to_owned(), 7)]), "{}", removed.all());
    let nothing = measured.done(&["--remove"]);
    assert_eq!((nothing.code, planned(&nothing)), (0, vec![]), "{}", nothing.all());
    assert!(nothing.stdout.starts_with("Nothing that --apply made"), "{}", nothing.stdout);
}

#[test]
fn what_fails_in_the_middle_stands_and_the_rest_follows() {
    // The fourth alarm, as often as it is tried.
    let trouble = "--aws-trouble=cloudwatch:PutMetricAlarm=unavailable@4-6";
    let measured = Measured::on(Simulator::start(&["--period=1s", "--max-connections=60", trouble]));
    let done = measured.done(&["--apply"]);
    assert_eq!(done.code, 1, "{}", done.all());
    let last: Vec<&str> = done.stderr.lines().rev().take(2).collect();
    assert!(
        last[1].contains("PutMetricAlarm") && last[1].ends_with("3 of 7 changes made"),
        "{}",
        done.stderr
    );
    assert!(last[0].contains("run this again"), "{}", done.stderr);
    let again = measured.done(&["--apply"]);
    assert_eq!(planned(&again), [("create".to_owned(), 4), ("unchanged".to_owned(), 3)], "{}", again.all());
    assert_eq!(again.code, 0, "{}", again.all());
    let removed = measured.done(&["--remove"]);
    assert_eq!((removed.code, planned(&removed)), (0, vec![("remove".to_owned(), 7)]), "{}", removed.all());
}

#[test]
fn bad_input_is_refused() {
    let measured = Measured::new();
    let elsewhere = "arn:aws:sns:eu-west-1:123456789012:on-call";
    let bucket = "arn:aws:s3:us-east-1:123456789012:bucket";
    let topics: Vec<String> =
        (0..6).map(|n| format!("--alarm-action=arn:aws:sns:us-east-1:123456789012:t{n}")).collect();
    for (flags, code, told) in [
        (&["--alarm-action=on-call"][..], 2, "not an ARN"),
        (&["--alarm-action", bucket], 2, "can't tell"),
        (&["--alarm-action", elsewhere], 2, "eu-west-1"),
        (&topics.iter().map(String::as_str).collect::<Vec<_>>(), 2, "an alarm takes 5"),
        (&["--connections=0"], 2, "at least 1"),
        (&["--emit=yaml"], 2, "yaml"),
        (&["--apply", "--remove"], 2, "--remove"),
        (&["--apply", "--emit=text"], 2, "--emit"),
        (&["--region=eu-west-1"], 2, "see none of its metrics"),
        (&["--namespace=AWS/EC2"], 2, "AWS's own"),
        (&["--dimension=Team"], 2, "NAME=VALUE"),
        (&["--dimension=Level=1"], 2, "Level"),
        (&["--dimension=Team=a", "--dimension=Team=b"], 2, "Team"),
    ] {
        let done = measured.done(flags);
        assert_eq!(done.code, code, "{flags:?}: {}", done.all());
        let (cause, remedy) = done.complaint();
        assert!(format!("{cause} {remedy}").contains(told), "{flags:?}: {cause} {remedy}");
    }
    // A record may claim any name; none of them gets into a template or a script.
    let whole = std::fs::read_to_string(measured.record()).unwrap();
    let line = 1 + whole.lines().position(|line| line.contains("\"type\":\"facts\"")).unwrap();
    for (name, claimed) in [
        ("app/albcap-sim/", "app/{{resolve:ssm:a}}/"),
        ("app/albcap-sim/", "app/$(id)/"),
        ("us-east-1a", "us-east-1\u{9b}31m"),
    ] {
        std::fs::write(measured.record(), whole.replace(name, claimed)).unwrap();
        for form in ["text", "aws-cli", "cloudformation", "terraform"] {
            let done = measured.done(&["--emit", form]);
            assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{claimed}: {}", done.all());
            let (cause, _) = done.complaint();
            assert!(cause.contains(&format!("damaged in line {line}:")), "{claimed}: {cause}");
        }
    }
}

#[test]
fn without_credentials_or_their_region_nothing_is_applied() {
    let measured = Measured::new();
    let endpoint = ["--endpoint-url", measured.simulator.endpoint()];
    let apply = |mut command: Command, more: &[&str]| {
        finish(command.arg("recommend").arg(measured.record()).arg("--apply").args(endpoint).args(more))
    };
    let done = apply(binary(), &[]);
    assert_eq!(done.code, 3, "{}", done.all());
    assert!(done.stderr.contains("credentials"), "{}", done.stderr);
    let mut abroad = with_credentials();
    abroad.env("AWS_REGION", "eu-west-1");
    let done = apply(abroad, &[]);
    assert_eq!(done.code, 2, "{}", done.all());
    assert!(done.stderr.contains("give --region us-east-1"), "{}", done.stderr);
    // Where nothing names a region it is the load balancer's.
    let done = apply(with_credentials(), &[]);
    assert_eq!(done.code, 0, "{}", done.all());
    let done = finish(
        with_credentials()
            .arg("recommend")
            .arg(measured.record())
            .args(["--apply", "--endpoint-url=http://127.0.0.1:1"]),
    );
    assert_eq!(done.code, 1, "{}", done.all());
}

#[test]
fn for_a_load_balancer_that_is_gone_nothing_is_applied() {
    let measured = Measured::new();
    let text = std::fs::read_to_string(measured.record()).unwrap();
    let at = text.find("app/albcap-sim/").unwrap() + "app/albcap-sim/".len();
    let id: String = text[at..].chars().take_while(char::is_ascii_alphanumeric).collect();
    std::fs::write(measured.record(), text.replace(&id, "fedcba9876543210")).unwrap();
    let done = measured.done(&["--apply"]);
    assert_eq!((done.code, done.stdout.as_str()), (3, ""), "{}", done.all());
    assert!(done.stderr.contains("no load balancer with the ARN"), "{}", done.all());
    let done = measured.done(&["--remove"]);
    assert_eq!(done.code, 0, "what was made for it may go: {}", done.all());
}

#[test]
fn a_record_without_a_limit_is_enough_to_remove() {
    let measured = Measured::new();
    assert_eq!(measured.done(&["--apply"]).code, 0);
    let whole = std::fs::read_to_string(measured.record()).unwrap();
    let kinds = ["header", "facts", "ended"].map(|kind| format!(r#""type":"{kind}""#));
    let kept: Vec<&str> =
        whole.lines().filter(|line| kinds.iter().any(|kind| line.contains(kind.as_str()))).collect();
    std::fs::write(measured.record(), kept.join("\n") + "\n").unwrap();
    assert_eq!(measured.done(&[]).code, 1, "there is nothing to recommend");
    let removed = measured.done(&["--remove"]);
    assert_eq!((removed.code, planned(&removed)), (0, vec![("remove".to_owned(), 7)]), "{}", removed.all());
}

#[test]
fn a_record_that_shows_no_limit_recommends_nothing() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    for (name, url, says, remedy) in [
        ("no_aws.jsonl", simulator.url(), "does not know its load balancer", "analyze"),
        ("failed.jsonl", "ws://127.0.0.1:1/", "no level of the record passed", "report"),
    ] {
        let record = folder.file(name);
        finish(
            binary()
                .args(["run", url, "--no-aws", "--levels=3", "--duration=200ms", "--record"])
                .arg(&record),
        );
        for flags in [&[][..], &["--emit=terraform"], &["--apply"]] {
            let done = finish(binary().arg("recommend").arg(&record).args(flags));
            assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{name}: {}", done.all());
            let told = done.complaint();
            assert!(told.0.contains(says) && told.1.contains(remedy), "{told:?}");
        }
    }
    let done = finish(binary().args(["recommend", "/does/not/exist.jsonl"]));
    assert_eq!(done.code, 1, "{}", done.all());
}

#[test]
fn a_record_without_its_end_says_so() {
    let measured = Measured::new();
    let whole = std::fs::read_to_string(measured.record()).unwrap();
    let kept: String = whole
        .lines()
        .filter(|line| !line.contains(r#""type":"ended""#))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(measured.record(), kept).unwrap();
    let told = measured.done(&[]).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("The run was killed, or still goes on"), "{told}");
    let template = measured.emitted("cloudformation", &[]);
    assert!(template["Description"].as_str().unwrap().contains("was killed"), "{template:#}");
    let script = measured.done(&["--emit=aws-cli"]);
    assert!(script.stdout.contains("# The run was killed") && script.stderr.contains("was killed"));
}
