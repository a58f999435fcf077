//! `-v` and `-vv`: what happens, on standard error, without a secret.

use crate::harness::{Done, Folder, Simulator, finish};

fn run(flags: &[&str]) -> Done {
    let simulator = Simulator::start(&["--period=1s"]);
    let folder = Folder::new();
    finish(
        simulator
            .albcap("run")
            .arg(simulator.url())
            .args(["--levels=2", "--duration=1s", "--heartbeat=5s", "--periods=0", "--period=1s"])
            .args(["--settle=1s", "--record=run.jsonl"])
            .args(flags)
            .current_dir(folder.path()),
    )
}

#[test]
fn more_is_told_the_more_is_asked_for() {
    let [silent, turns, calls] = [&[][..], &["-v"], &["-vv"]].map(|flags| run(flags).stderr);
    let told_in_turns = [
        "found app/albcap-sim/0123456789abcdef in us-east-1, by its DNS name",
        "the record goes to run.jsonl",
        "level 1: opening 2 connections",
        "level 1: over, 2 opened, 2 held, 0 failed",
        "of 41 metrics in",
    ];
    for text in told_in_turns {
        assert!(!silent.contains(text), "{text}: {silent}");
        assert!(turns.contains(text) && calls.contains(text), "{text}: {turns} {calls}");
    }
    for call in [
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "cloudwatch:GetMetricData",
    ] {
        let text = format!("{call} took ");
        assert!(!turns.contains(&text) && calls.contains(&text), "{call}: {calls}");
    }
    for secret in ["AKIDTEST", "secret-of-the-tests"] {
        assert!(!calls.contains(secret), "{calls}");
    }
}

#[test]
fn log_lines_are_coloured_where_it_was_asked_for() {
    for (color, colored) in [("always", true), ("never", false), ("auto", false)] {
        let said = run(&["-v", "--color", color]).stderr;
        let line = said.lines().find(|line| line.contains("level 1: opening")).unwrap();
        assert_eq!(line.contains('\u{1b}'), colored, "{color}: {line:?}");
    }
}
