//! `albcap publish` where AWS throttles, fails, cuts and goes away: nothing is lost, and nothing is sent twice in silence.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::{Background, Folder, Simulator, events, finish, json_of, wait_for, with_credentials};
use crate::publish::{BRIEFLY, Recorded};

fn answers(receipts: &[Value]) -> Vec<&str> {
    receipts.iter().map(|receipt| receipt["answer"].as_str().unwrap()).collect()
}

#[test]
fn what_is_refused_for_a_while_is_sent_again() {
    let run = Recorded::by(
        &[
            "--aws-trouble=cloudwatch:PutMetricData=throttle@1-2",
            "--aws-trouble=logs:CreateLogStream=unavailable@1",
            "--aws-trouble=logs:PutLogEvents=slow@1",
        ],
        &[],
    );
    let done = run.publish(&[]);
    assert_eq!(done.code, 0, "{}", done.all());
    assert!(!done.stderr.contains("twice"), "what was refused was not taken: {}", done.stderr);
    assert_eq!(
        answers(&events(&run.record, "receipt")),
        ["awaited", "refused", "awaited", "refused", "awaited", "accepted", "awaited", "accepted"]
    );
    assert_eq!(run.told("MaxReliable", &[], "SampleCount"), Some(1.0));
}

#[test]
fn an_answer_that_is_lost_is_told() {
    let run = Recorded::by(&["--aws-trouble=cloudwatch:PutMetricData=cut@1-2"], &[]);
    let done = run.publish(&["--publish=metrics"]);
    assert_eq!(done.code, 0, "{}", done.all());
    assert!(
        done.stderr.contains("2 answers were lost") && done.stderr.contains("up to 3 times"),
        "{}",
        done.stderr
    );
    assert_eq!(answers(&events(&run.record, "receipt")), ["awaited", "awaited", "awaited", "accepted"]);
    assert_eq!(run.told("MaxReliable", &[], "SampleCount"), Some(3.0), "as it was told");
}

#[test]
fn a_lost_answer_is_told_also_where_the_rest_fails() {
    let run = Recorded::by(&["--aws-trouble=cloudwatch:PutMetricData=cut@1", "--deny=logs:*"], &[]);
    let done = run.publish(&[]);
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(done.stderr.contains("an answer was lost"), "{}", done.stderr);
    let again = run.publish(&["--publish=metrics"]);
    assert!(again.stdout.contains("nothing: all of it was published before"), "{}", again.all());
}

#[test]
fn what_is_left_is_sent_by_the_command_that_is_printed() {
    let run = Recorded::by(&["--aws-trouble=logs:PutLogEvents=unavailable@1-5"], &[]);
    let mut publish = run.simulator.albcap("publish");
    let publishing = Background::start(publish.arg(&run.record).args(["--retention", "7"]));
    let refused = || answers(&events(&run.record, "receipt")).contains(&"refused").then_some(());
    wait_for("the first refusal", refused);
    publishing.signal("INT");
    let done = publishing.wait();
    assert_eq!(done.code, 130, "{}", done.all());
    let (cause, remedy) = done.complaint();
    assert!(cause.contains("1 of 2 requests are left"), "{cause}");
    let printed = remedy.split('\'').nth(1).unwrap();
    let words: Vec<&str> = printed.split(' ').collect();
    assert_eq!(words[..2], ["albcap", "publish"], "{printed}");
    let rest = finish(with_credentials().args(&words[1..]));
    assert_eq!(rest.code, 0, "{}", rest.all());
    assert_eq!(run.told("MaxReliable", &[], "SampleCount"), Some(1.0), "the metrics were not sent again");
    assert_eq!(run.stream().iter().filter(|line| line["type"] == "verdict").count(), 1);
    let body = json!({"logGroupNamePrefix": "/albcap/runs"});
    let groups = run.simulator.ask("Logs_20140328.DescribeLogGroups", &body);
    assert_eq!(groups["logGroups"][0]["retentionInDays"], 7);
}

#[test]
fn what_aws_denies_is_told_with_what_is_left() {
    let run = Recorded::by(&["--deny=logs:*"], &[]);
    let done = run.publish(&[]);
    assert_eq!(done.code, 1, "{}", done.all());
    let (cause, remedy) = done.complaint();
    assert!(
        cause.contains("AWS denies logs:CreateLogStream") && cause.contains("1 of 2 requests are left"),
        "{cause}"
    );
    assert!(remedy.contains("allow logs:CreateLogStream"), "{remedy}");
    assert_eq!(answers(&events(&run.record, "receipt")), ["awaited", "accepted"]);
}

#[test]
fn what_was_in_events_that_cloudwatch_drops_is_not_taken_for_sent() {
    let run = Recorded::by(&[], &[]);
    let text = std::fs::read_to_string(&run.record).unwrap();
    let older: String = text
        .lines()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            let at: DateTime<Utc> = line["at"].as_str().unwrap().parse().unwrap();
            line["at"] = json!(at - TimeDelta::days(2));
            format!("{line}\n")
        })
        .collect();
    std::fs::write(&run.record, older).unwrap();
    let embedded = run.publish(&["--emf", "--retention=1"]);
    assert_eq!(embedded.code, 1, "{}", embedded.all());
    assert!(embedded.stderr.contains("older than the log group keeps them"), "{}", embedded.stderr);
    assert!(!embedded.stdout.contains("published"), "{}", embedded.stdout);
    let put = run.publish(&["--publish=metrics"]);
    assert_eq!(put.code, 0, "{}", put.all());
    assert!(put.stdout.contains("published  "), "{}", put.stdout);
}

#[test]
fn a_retention_that_could_not_be_set_while_the_load_ran_is_no_success() {
    let simulator = Simulator::start(&["--period=1s", "--deny=logs:PutRetentionPolicy"]);
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let mut run = simulator.albcap("run");
    run.arg(simulator.url()).args(BRIEFLY).args(["--duration=12s", "--publish=logs", "--live"]);
    let done = finish(run.arg("--record").arg(&record));
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(
        done.stderr.contains("while publishing during the load: AWS denies logs:PutRetentionPolicy"),
        "{}",
        done.stderr
    );
    let rest = done.stderr.lines().last().unwrap();
    assert!(rest.contains("allow logs:PutRetentionPolicy") && rest.contains("--retention 30"), "{rest}");
}

#[test]
fn a_run_that_is_killed_while_it_settles_has_its_receipts() {
    let simulator = Simulator::start(&["--period=1s", "--publish-delay=10m"]);
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let mut run = simulator.albcap("run");
    run.arg(simulator.url()).args(BRIEFLY).args(["--settle=5m", "--publish=logs", "--live"]);
    let running = Background::start(run.arg("--record").arg(&record));
    let of_the_level = |receipt: &Value| {
        receipt["answer"] == "accepted" && receipt["logs"].to_string().contains("\"level 1\"")
    };
    wait_for("the level's receipt", || events(&record, "receipt").iter().any(of_the_level).then_some(()));
    assert!(!events(&record, "ended").is_empty() && events(&record, "server_series").is_empty());
    running.signal("KILL");
    assert_eq!(running.wait().code, -9);
    let rest = finish(simulator.albcap("publish").arg(&record).arg("--publish=logs"));
    assert_eq!(rest.code, 0, "{}", rest.all());
    let body = json!({"logGroupName": "/albcap/runs", "logStreamName": json_of(&record)["run"]["id"],
                      "startFromHead": true});
    let stream = simulator.ask("Logs_20140328.GetLogEvents", &body);
    let lines = stream["events"].as_array().unwrap().len();
    assert_eq!(lines, events(&record, "sample").len() + 2, "each once, a level and a verdict");
}

#[test]
fn a_run_interrupted_while_it_publishes_ends_as_one() {
    let simulator = Simulator::start(&["--aws-trouble=logs:PutLogEvents=unavailable"]);
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let mut run = simulator.albcap("run");
    run.arg(simulator.url()).args(BRIEFLY).args(["--publish=logs", "--record"]).arg(&record);
    let running = Background::start(&mut run);
    let refused = || answers(&events(&record, "receipt")).contains(&"refused").then_some(());
    wait_for("the first refusal", refused);
    running.signal("INT");
    let done = running.wait();
    assert_eq!(done.code, 130, "{}", done.all());
    assert!(done.stderr.contains(&format!("albcap publish {}", record.display())), "{}", done.stderr);
}

#[test]
fn nothing_is_sent_that_can_not_be_noted() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let command = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} run {} --endpoint-url {} --region us-east-1 {} --publish=metrics --record run.jsonl",
        env!("CARGO_BIN_EXE_albcap"),
        simulator.url(),
        simulator.endpoint(),
        BRIEFLY.join(" "),
    );
    let mut bash = std::process::Command::new("bash");
    bash.args(["-c", &command]).current_dir(folder.path());
    bash.env("AWS_ACCESS_KEY_ID", "AKIDTEST").env("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests");
    let done = finish(&mut bash);
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(done.stderr.contains("what CloudWatch took can't be noted"), "{}", done.stderr);
    let balancer = simulator.announcement["load_balancer"].as_str().unwrap();
    let told = simulator.statistic("albcap", "MaxReliable", &[("LoadBalancer", balancer)], "Sum", 3_600);
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn an_endpoint_that_is_gone_is_given_up_within_a_minute() {
    let Recorded { simulator, record, folder: _kept } = Recorded::by(&[], &[]);
    let mut publish = simulator.albcap("publish");
    publish.arg(&record);
    drop(simulator);
    let done = finish(&mut publish);
    assert_eq!(done.code, 1, "{}", done.all());
    let (cause, remedy) = done.complaint();
    assert!(cause.contains("can't be reached") && cause.contains("2 of 2 requests are left"), "{cause}");
    assert!(remedy.contains(&format!("albcap publish {}", record.display())), "{remedy}");
    let receipts = events(&record, "receipt");
    let told = answers(&receipts);
    assert!(told.len() >= 6 && !told.contains(&"accepted"), "it was tried again: {told:?}");
    assert!(!done.stderr.contains("lost"), "nothing reached it: {}", done.stderr);
}
