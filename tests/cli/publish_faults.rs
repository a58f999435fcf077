//! `albcap publish` where AWS throttles, fails, cuts and goes away: nothing is lost, and nothing is sent twice in silence.

use serde_json::Value;

use crate::harness::{Background, events, wait_for};
use crate::publish::Recorded;

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
    assert_eq!(answers(&events(&run.record, "receipt")), ["accepted", "accepted"]);
    assert_eq!(run.told("MaxReliable", &[], "SampleCount"), Some(1.0));
}

#[test]
fn an_answer_that_is_lost_is_told() {
    let run = Recorded::by(&["--aws-trouble=cloudwatch:PutMetricData=cut@1"], &[]);
    let done = run.publish(&["--publish=metrics"]);
    assert_eq!(done.code, 0, "{}", done.all());
    assert!(done.stderr.contains("may count twice"), "{}", done.stderr);
    assert_eq!(answers(&events(&run.record, "receipt")), ["lost", "accepted"]);
    assert_eq!(run.told("MaxReliable", &[], "SampleCount"), Some(2.0), "as it was told");
}

#[test]
fn what_is_left_is_sent_by_the_next_one() {
    let run = Recorded::by(&["--aws-trouble=logs:PutLogEvents=unavailable@1-5"], &[]);
    let mut publish = run.simulator.albcap("publish");
    let publishing = Background::start(publish.arg(&run.record));
    wait_for("the metrics' receipt", || (!events(&run.record, "receipt").is_empty()).then_some(()));
    publishing.signal("INT");
    let done = publishing.wait();
    assert_eq!(done.code, 130, "{}", done.all());
    let (cause, remedy) = done.complaint();
    assert!(cause.contains("1 of 2 requests are left"), "{cause}");
    assert!(remedy.contains(&format!("albcap publish {}", run.record.display())), "{remedy}");
    let rest = run.publish(&[]);
    assert_eq!(rest.code, 0, "{}", rest.all());
    assert_eq!(answers(&events(&run.record, "receipt")), ["accepted", "accepted"]);
    assert_eq!(run.told("MaxReliable", &[], "SampleCount"), Some(1.0), "the metrics were not sent again");
    assert!(run.stream().iter().any(|line| line["type"] == "verdict"));
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
    assert_eq!(answers(&events(&run.record, "receipt")), ["accepted"]);
}
