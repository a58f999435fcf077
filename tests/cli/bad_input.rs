//! Each wrong input is one line of cause, one of remedy, the right exit code, and no stack trace.

use std::process::Command;

use crate::harness::{Folder, Simulator, binary, finish, with_credentials};

/// A run that would be over at once, if it were not refused.
fn run(url: &str) -> Command {
    let mut command = binary();
    command.args(["run", url, "--duration=0", "--levels=1"]);
    command
}

fn refused(command: &mut Command, code: i32) -> (String, String) {
    let folder = Folder::new();
    let done = finish(command.current_dir(folder.path()));
    assert_eq!(done.code, code, "{}", done.all());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a refused run leaves nothing behind");
    done.complaint()
}

#[test]
fn a_simulator_of_what_aws_does_not_have() {
    for (flag, cause) in [
        ("--deny=foo", "no IAM action"),
        ("--deny=cloudwatch:Get*Data", "no IAM action"),
        ("--deny-after=cloudwatch:=1", "ACTION=N"),
        ("--period=7", "7"),
    ] {
        let (said, _) = refused(binary().args(["simulate", "--until-stdin-closes", flag]), 2);
        assert!(said.contains(cause), "{flag}: {said}");
    }
}

#[test]
fn a_url_that_is_no_websocket() {
    for (url, cause) in
        [("https://h/", "scheme is 'https'"), ("h", "can't be read"), ("ws://h/#x", "fragment")]
    {
        let (said, remedy) = refused(&mut run(url), 2);
        assert!(said.contains(cause), "{said}");
        assert!(remedy.contains("wss://"), "{remedy}");
    }
}

#[test]
fn levels_and_counts_that_make_no_sense() {
    for (levels, cause) in [
        ("0", "tests nothing"),
        ("100,50", "must ascend"),
        ("50,50", "must ascend"),
        ("5m", "could be minutes"),
        ("x", "not a count"),
    ] {
        let (said, _) = refused(run("ws://127.0.0.1:1/").args(["--levels", levels]).arg("--no-aws"), 2);
        assert!(said.contains(cause), "{levels}: {said}");
    }
}

#[test]
fn a_negative_value_is_told_by_its_flag() {
    for flag in ["--levels", "--duration", "--periods", "--settle", "--require", "--rate"] {
        for value in ["-1", "-1.5"] {
            let apart = refused(run("ws://127.0.0.1:1/").args(["--no-aws", flag, value]), 2);
            let joined = refused(run("ws://127.0.0.1:1/").args(["--no-aws", &format!("{flag}={value}")]), 2);
            assert_eq!(apart, joined);
            assert!(apart.0.contains(flag) && apart.0.contains(value), "{apart:?}");
        }
    }
    let (_, remedy) = refused(run("ws://127.0.0.1:1/").args(["--no-aws", "--settle", "-1m"]), 2);
    assert!(!remedy.contains("-- -1m"), "which would fail alike: {remedy}");
}

#[test]
fn holds_that_nobody_will_live_to_see_the_end_of() {
    for periods in [["--periods=4294967295", "--period=60"], ["--periods=100000000", "--period=1d"]] {
        let (said, remedy) = refused(run("ws://127.0.0.1:1/").args(periods), 2);
        assert!(said.contains("longer than a year"), "{said}");
        assert!(remedy.contains("--periods"), "{remedy}");
    }
}

#[test]
fn levels_over_the_descriptor_limit_are_refused_and_can_not_be_forced() {
    for force in [&[][..], &["--force=file_descriptors"]] {
        let (said, remedy) =
            refused(run("ws://127.0.0.1:1/").args(["--levels=2000M", "--no-aws"]).args(force), 3);
        assert!(said.contains("descriptors"), "{said}");
        assert!(remedy.contains("ulimit"), "{remedy}");
    }
}

#[test]
fn an_unknown_flag_is_told_with_the_nearest_one() {
    let (said, remedy) = refused(run("ws://127.0.0.1:1/").arg("--level=5"), 2);
    assert!(said.contains("--level"), "{said}");
    assert!(remedy.contains("--levels"), "{remedy}");
}

#[test]
fn arns_of_something_else() {
    let base = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer";
    let (said, _) =
        refused(run("ws://127.0.0.1:1/").args(["--load-balancer", &format!("{base}/net/n/1")]), 2);
    assert!(said.contains("Network Load Balancer"), "{said}");
    let (said, _) = refused(run("ws://127.0.0.1:1/").args(["--load-balancer", "arn:aws:s3:::b"]), 2);
    assert!(said.contains("not a load balancer's ARN"), "{said}");
}

#[test]
fn no_credentials_and_no_region() {
    let (said, remedy) = refused(
        run("ws://127.0.0.1:1/").args(["--region=us-east-1", "--endpoint-url=http://127.0.0.1:1"]),
        3,
    );
    assert!(said.contains("credentials"), "{said}");
    assert!(remedy.contains("--no-aws"), "{remedy}");
    let mut command = with_credentials();
    let (said, remedy) = refused(command.args(["run", "ws://127.0.0.1:1/", "--levels=1"]), 3);
    assert!(said.to_lowercase().contains("region"), "{said}");
    assert!(remedy.contains("--region"), "{remedy}");
}

#[test]
fn a_load_balancer_that_is_not_there() {
    let simulator = Simulator::start(&[]);
    let (said, remedy) = refused(
        simulator.albcap("run").args(["ws://127.0.0.1:1/", "--levels=1", "--load-balancer=nobody"]),
        3,
    );
    assert!(said.contains("nobody"), "{said}");
    assert!(remedy.contains("--load-balancer") || remedy.contains("--region"), "{remedy}");
    let (said, _) = refused(simulator.albcap("run").args(["ws://127.9.9.9/", "--levels=1"]), 3);
    assert!(said.contains("127.9.9.9"), "the host that leads to no ALB: {said}");
}

#[test]
fn a_denied_action_is_named() {
    for action in [
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "cloudwatch:GetMetricData",
    ] {
        let simulator = Simulator::start(&["--deny", action]);
        let (said, remedy) = refused(simulator.albcap("run").args([simulator.url(), "--levels=1"]), 3);
        assert!(said.contains(action), "{said}");
        assert!(remedy.contains("--no-aws") || remedy.contains("iam"), "{remedy}");
    }
}

#[test]
fn cloudwatch_that_is_denied_can_be_forced_or_left_alone() {
    let simulator = Simulator::start(&["--deny=cloudwatch:GetMetricData"]);
    for (flags, code, says) in [
        (&[][..], 3, "AWS denies cloudwatch:GetMetricData"),
        (&["--force=permissions"], 0, "AWS denies cloudwatch:GetMetricData"),
        (&["--settle=0"], 0, "analyze will need it"),
        (&["--no-aws"], 0, "not asked for: --no-aws"),
    ] {
        let done = finish(simulator.albcap("preflight").arg(simulator.url()).args(flags));
        assert_eq!(done.code, code, "{flags:?}: {}", done.all());
        assert!(done.stdout.contains(says), "{flags:?}: {}", done.all());
    }
}

#[test]
fn an_endpoint_where_nobody_listens() {
    let mut command = with_credentials();
    command.args([
        "run",
        "ws://127.0.0.1:1/",
        "--levels=1",
        "--region=us-east-1",
        "--endpoint-url=http://127.0.0.1:1",
    ]);
    let (said, remedy) = refused(&mut command, 3);
    assert!(said.contains("127.0.0.1:1"), "{said}");
    assert!(!remedy.is_empty());
}

#[test]
fn cloudwatch_that_fails_after_the_levels_loses_nothing() {
    // Before the load it is allowed; afterwards it no longer is.
    let simulator = Simulator::start(&["--period=1s", "--deny-after=cloudwatch:GetMetricData=1"]);
    let folder = Folder::new();
    let record = folder.file("kept.jsonl");
    let done = simulator
        .run("--levels=5 --duration=300ms --heartbeat=5s --periods=0 --period=1s --settle=10s", &record);
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(done.stdout.contains("100.0 %"), "the client's numbers are shown: {}", done.stdout);
    let (said, remedy) = done.complaint();
    assert!(said.contains("cloudwatch:GetMetricData"), "{said}");
    let access = format!("--region us-east-1 --endpoint-url {}", simulator.endpoint());
    assert!(remedy.contains(&format!("'albcap analyze {} {access}'", record.display())), "{remedy}");
    assert_eq!(crate::harness::json_of(&record)["verdict"]["outcome"], "not_checked");
}

#[test]
fn an_export_that_can_not_be_written_is_refused_first() {
    let (said, _) = refused(run("ws://127.0.0.1:1/").args(["--no-aws", "--export=report.docx"]), 2);
    assert!(said.contains("report.docx"), "{said}");
    let (said, _) =
        refused(run("ws://127.0.0.1:1/").args(["--no-aws", "--export=/does/not/exist/r.json"]), 2);
    assert!(said.contains("/does/not/exist"), "{said}");
    // A name that is free, and too long for a file.
    let long = format!("--export={}.html", "x".repeat(300));
    let (said, _) = refused(run("ws://127.0.0.1:1/").args(["--no-aws", &long]), 2);
    assert!(said.contains("can't be written"), "{said}");
}

#[test]
fn headers_and_tls_files() {
    let url = "wss://127.0.0.1:1/";
    let (said, _) = refused(run(url).args(["--no-aws", "-H", "no colon"]), 2);
    assert!(said.contains("NAME: VALUE"), "{said}");
    let (said, _) = refused(run(url).args(["--no-aws", "-H", "@/does/not/exist"]), 2);
    assert!(said.contains("/does/not/exist"), "{said}");
    let (said, _) = refused(run(url).args(["--no-aws", "-H", "Host: a", "-H", "host: b"]), 2);
    assert!(said.contains("several Host headers"), "{said}");
    let (said, _) = refused(run(url).args(["--no-aws", "--cacert=/does/not/exist.pem"]), 2);
    assert!(said.contains("/does/not/exist.pem"), "{said}");
    let (said, _) = refused(run(url).args(["--no-aws", "--cert=c.pem"]), 2);
    assert!(said.contains("--key"), "{said}");
}

#[test]
fn a_header_file_has_comments_and_its_mistakes_a_line() {
    let folder = Folder::new();
    let headers = folder.file("headers");
    let run_with = |text: &str| {
        std::fs::write(&headers, text).unwrap();
        let file = format!("@{}", headers.display());
        refused(run("ws://127.0.0.1:1/").args(["--no-aws", "-H", &file]), 2)
    };
    let (said, _) = run_with("# a comment\n\n  \nX-A: fine\nX-B s3cret\n");
    assert!(said.contains(&format!("{}, line 5", headers.display())), "{said}");
    assert!(said.contains("NAME: VALUE") && !said.contains("s3cret"), "{said}");
    std::fs::write(&headers, "# a comment\n#X-A: no\n\nX-B: yes\n").unwrap();
    let done = finish(
        run("ws://127.0.0.1:1/")
            .args(["--no-aws", "-H", &format!("@{}", headers.display())])
            .current_dir(folder.path()),
    );
    assert_eq!(done.code, 1, "only nobody listens: {}", done.all());
}

#[test]
fn a_flag_that_means_nothing_is_not_passed_over_in_silence() {
    let folder = Folder::new();
    let config = folder.file("albcap.toml");
    std::fs::write(&config, "search = 100\n").unwrap();
    for (flags, told) in [
        (&["--token-body=x"][..], "--token-body means nothing without --token-url"),
        (&["--token-header=@x"], "--token-header means nothing without --token-url"),
        (&["--token-concurrency=4"], "--token-concurrency means nothing without --token-url"),
        (&["--token-cacert=x"], "--token-cacert means nothing without --token-url"),
        (&["--token-cert=x", "--token-key=x"], "--token-cert means nothing without --token-url"),
        (&["--token-insecure"], "--token-insecure means nothing without --token-url"),
        (
            &["--token-url=http://h/", "--token-cacert=x"],
            "--token-cacert is a TLS option, but http:// is not encrypted",
        ),
        (&["--cacert=ca.pem", "--token-url=https://h/"], "--cacert is a TLS option, but ws://"),
        (&["--token-timeout=4s"], "--token-timeout means nothing without --token-cmd or --token-url"),
        (&["--token-in=message"], "--token-in means nothing without --token-file or"),
        (&["--jwt-expires=1h"], "--jwt-expires means nothing without --jwt-key"),
        (&["--precision=2%"], "--precision means nothing without --search"),
        (&["--cacert=ca.pem"], "--cacert is a TLS option, but ws:// is not encrypted"),
        (&["--tls-resume"], "--tls-resume is a TLS option"),
    ] {
        for command in ["run", "preflight"] {
            let done = finish(binary().args([command, "WS://127.0.0.1:9/", "--no-aws"]).args(flags));
            let (cause, remedy) = done.complaint();
            assert_eq!(done.code, 2, "{flags:?}: {}", done.all());
            assert!(cause.contains(told), "{flags:?}: {cause}");
            assert!(remedy.contains("leave --"), "{remedy}");
        }
    }
    // Without heartbeats, how they are sent is told to be idle, and no more; and so how AWS is asked, without AWS.
    let beats = ["--heartbeat-kind=none", "--heartbeat=20s", "--pong-timeout=5s"];
    for (flags, told) in [
        (&beats[..2], Some("--heartbeat means nothing with --heartbeat-kind none")),
        (&beats[..], Some("--heartbeat and --pong-timeout mean nothing with --heartbeat-kind none")),
        (&beats[..1], None),
        (&beats[1..], None),
        (&["--region=x", "--settle=1m"], Some("--region and --settle mean nothing with --no-aws")),
        (&["--load-balancer=x"], None),
    ] {
        for command in [&["run", "--levels=1"][..], &["preflight"]] {
            let flags = command.iter().chain(["ws://127.0.0.1:9/", "--no-aws"].iter()).chain(flags);
            let done = finish(binary().args(flags).current_dir(folder.path()));
            assert!(!matches!(done.code, 2 | 3), "{}", done.all());
            let notes: Vec<&str> = done.stderr.lines().filter(|line| line.contains("nothing with")).collect();
            assert_eq!(notes.len(), usize::from(told.is_some()), "{told:?}: {}", done.stderr);
            assert!(told.is_none_or(|told| notes[0].contains(told)), "{notes:?}");
        }
    }
    // What it needs may stand in the file, and a token endpoint may speak TLS where the target does not.
    for flags in [
        &["--precision=2%", "--config", config.to_str().unwrap()][..],
        &["--token-cacert=ca.pem", "--token-url=https://127.0.0.1:9/"],
    ] {
        let done = finish(binary().args(["preflight", "ws://127.0.0.1:9/", "--no-aws"]).args(flags));
        assert_ne!(done.code, 2, "{flags:?}: {}", done.all());
    }
}
