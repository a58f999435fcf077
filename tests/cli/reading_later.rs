//! A run that did not wait for CloudWatch, and the time from which it can be analyzed.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::harness::{Background, Folder, Simulator, binary, finish, json_of, wait_for, with_credentials};

/// The time in `CloudWatch was not read; from TIME on it can be: …`.
fn printed_time(stdout: &str) -> DateTime<Utc> {
    let line = stdout.lines().find(|line| line.starts_with("CloudWatch was not read; from ")).unwrap();
    let text = line.split(" from ").nth(1).unwrap().split(" UTC").next().unwrap();
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap().and_utc()
}

#[test]
fn from_the_printed_time_on_a_single_read_is_final() {
    let simulator = Simulator::start(&["--period=1s", "--baseline=10"]);
    let folder = Folder::new();
    let record = folder.file("later.jsonl");
    simulator.wait_for_periods(5);
    let done = simulator.run(
        "--levels=30 --duration=3s --periods=2 --heartbeat=1s --pong-timeout=2s --period=1s \
         --baseline=4s --settle=0",
        &record,
    );
    assert_eq!(done.code, 0, "{}", done.all());
    let from = printed_time(&done.stdout);
    // As whom and where the run asked, so that the command works as it is printed.
    let access = format!("--region us-east-1 --endpoint-url {}", simulator.endpoint());
    let command = format!("albcap analyze {} {access}\n", record.display());
    assert!(done.stdout.contains(&command), "{command}: {}", done.stdout);

    // Read once, at once: what came is shown, and not believed.
    let early = finish(simulator.albcap("analyze").arg(&record).arg("--settle=0"));
    assert_eq!(early.code, 6, "{}", early.all());
    assert_eq!(json_of(&record)["server"]["status"], "provisional");

    wait_for("the printed time", || (Utc::now() >= from).then_some(()));
    let late = finish(simulator.albcap("analyze").arg(&record).arg("--settle=0"));
    assert_eq!(late.code, 0, "{}", late.all());
    let report = json_of(&record);
    assert_eq!(
        (report["verdict"]["outcome"].as_str(), report["server"]["status"].as_str()),
        (Some("agrees"), Some("final")),
        "{report:#}"
    );
}

/// A record as if it were older, each of its events by so many days.
fn aged_by(record: &Path, days: impl Fn(&serde_json::Value) -> i64) -> String {
    let text = std::fs::read_to_string(record).unwrap();
    let aged = text.lines().map(|line| {
        let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
        let at: DateTime<Utc> = event["at"].as_str().unwrap().parse().unwrap();
        event["at"] = (at - chrono::TimeDelta::days(days(&event))).to_rfc3339().into();
        format!("{event}\n")
    });
    aged.collect()
}

#[test]
fn levels_that_cloudwatch_no_longer_keeps_are_named() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("long.jsonl");
    let run = ["--no-aws", "--levels=3,4", "--duration=200ms", "--pause=0", "--record"];
    let done = finish(simulator.albcap("run").arg(simulator.url()).args(run).arg(&record));
    assert_eq!(done.code, 0, "{}", done.all());
    // As if there were two days between the two levels.
    let second = std::cell::Cell::new(false);
    let old = aged_by(&record, |event| {
        second.set(second.get() || event["type"] == "level_started" && event["level"] == 1);
        if second.get() { 14 } else { 16 }
    });
    std::fs::write(&record, old).unwrap();
    let done = finish(simulator.albcap("analyze").arg(&record).arg("--settle=0"));
    assert_eq!(done.code, 6, "{}", done.all());
    let told = "albcap: CloudWatch keeps numbers by 60 s for 15 days only: level 3 can't be checked any more";
    assert!(done.stderr.contains(told), "{}", done.stderr);
}

#[test]
fn what_cloudwatch_no_longer_keeps_is_not_asked_for() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("old.jsonl");
    let done = simulator.run("--no-aws --levels=3 --duration=200ms", &record);
    assert_eq!(done.code, 0, "{}", done.all());
    for (days, by, kept) in [(16, "60s", "60 s for 15 days only"), (1, "1s", "1 s for 3 hours only")] {
        let old = aged_by(&record, |_| days);
        let aged = folder.file(&format!("{days}.jsonl"));
        std::fs::write(&aged, old).unwrap();
        let done = finish(simulator.albcap("analyze").arg(&aged).args(["--period", by]));
        assert_eq!(done.code, 1, "{}", done.all());
        let (cause, remedy) = done.complaint();
        assert!(cause.contains(kept) && remedy.contains("--no-aws"), "{cause}\n{remedy}");
        let done = finish(simulator.albcap("analyze").arg(&aged).arg("--no-aws"));
        assert_eq!(done.code, 0, "{}", done.all());
    }
}

/// A run of some whole periods, of which nothing is known before it.
const SHORT: [&str; 8] = [
    "--levels=5",
    "--duration=2s",
    "--periods=1",
    "--period=1s",
    "--baseline=1s",
    "--heartbeat=1s",
    "--pong-timeout=2s",
    "--record",
];

#[test]
fn cloudwatch_may_be_throttled_for_a_while() {
    // The first call is the survey's. Of each read that fails, the SDK makes three.
    let simulator =
        Simulator::start(&["--period=1s", "--aws-trouble=cloudwatch:GetMetricData=throttle@2-13"]);
    let folder = Folder::new();
    let record = folder.file("throttled.jsonl");
    let done =
        finish(simulator.albcap("run").arg(simulator.url()).arg("--settle=60s").args(SHORT).arg(&record));
    assert_ne!(done.code, 1, "{}", done.all());
    assert_eq!(json_of(&record)["server"]["status"], "final", "{}", done.all());
    assert!(done.stderr.contains("CloudWatch could not be read (AWS throttles"), "{}", done.stderr);
}

#[test]
fn what_cloudwatch_owes_keeps_the_numbers_provisional() {
    let simulator = Simulator::start(&["--period=1s", "--owe=HTTPCode_ELB_504_Count"]);
    let folder = Folder::new();
    let record = folder.file("owed.jsonl");
    let done =
        finish(simulator.albcap("run").arg(simulator.url()).arg("--settle=12s").args(SHORT).arg(&record));
    assert_eq!(done.code, 6, "{}", done.all());
    assert_eq!(json_of(&record)["server"]["status"], "provisional", "{}", done.all());
    let owed = "(it did not complete HTTPCode_ELB_504_Count, HTTPCode_ELB_504_Count of us-east-1a)";
    assert!(done.stderr.contains(owed), "{}", done.stderr);
}

#[test]
fn where_nothing_was_opened_there_is_nothing_to_read_later() {
    let simulator = Simulator::start(&["--period=1s", "--reject-rate=100%"]);
    let folder = Folder::new();
    let record = folder.file("nothing.jsonl");
    let done =
        finish(simulator.albcap("run").arg(simulator.url()).arg("--settle=0").args(SHORT).arg(&record));
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(done.stdout.contains("No connection was opened"), "{}", done.stdout);
    assert!(!done.stdout.contains("albcap analyze"), "{}", done.stdout);
}

/// An endpoint that takes what it is asked and never answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A record, made without AWS or with it.
fn recorded(simulator: &Simulator, record: &Path, aws: &str) {
    let done = finish(simulator.albcap("run").arg(simulator.url()).arg(aws).args(SHORT).arg(record));
    assert_eq!(done.code, 0, "{}", done.all());
}

#[test]
fn a_ctrl_c_ends_whatever_aws_is_waited_for() {
    let simulator = Simulator::start(&["--period=1s"]);
    let folder = Folder::new();
    let (known, unknown) = (folder.file("known.jsonl"), folder.file("unknown.jsonl"));
    recorded(&simulator, &known, "--settle=0");
    recorded(&simulator, &unknown, "--no-aws");
    // CloudWatch's numbers; the load balancer; credentials.
    for (command, record, variable, says) in [
        ("analyze", &known, "AWS_ENDPOINT_URL", "Maximum reliable"),
        ("analyze", &unknown, "AWS_ENDPOINT_URL", "Maximum reliable"),
        (
            "publish",
            &known,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "interrupted before anything more was published",
        ),
    ] {
        let (endpoint, url) = silent();
        let mut albcap = if variable == "AWS_ENDPOINT_URL" { with_credentials() } else { binary() };
        let before = std::fs::read_to_string(record).unwrap();
        let run =
            Background::start(albcap.arg(command).arg(record).arg("--region=us-east-1").env(variable, url));
        let _asked = endpoint.accept().unwrap();
        let asked_to_stop = Instant::now();
        run.signal("INT");
        let done = run.wait();
        assert_eq!(done.code, 130, "{command}: {}", done.all());
        assert!(done.all().contains(says), "{command}: {}", done.all());
        // One attempt alone is given 10 s.
        assert!(asked_to_stop.elapsed() < Duration::from_secs(9), "{command}: {:?}", asked_to_stop.elapsed());
        assert_eq!(std::fs::read_to_string(record).unwrap(), before, "nothing was learned");
    }
}

#[test]
fn the_region_of_an_arn_that_is_named_is_taken() {
    let simulator = Simulator::start(&["--period=1s"]);
    let folder = Folder::new();
    let record = folder.file("alone.jsonl");
    recorded(&simulator, &record, "--no-aws");
    let arn = simulator.announcement["load_balancer_arn"].as_str().unwrap();
    let mut analyze = with_credentials();
    analyze.arg("analyze").arg(&record).args(["--endpoint-url", simulator.endpoint(), "--settle=0"]);
    let unnamed = finish(&mut analyze);
    assert_eq!(unnamed.code, 3, "no region is known: {}", unnamed.all());
    let named = finish(analyze.args(["--load-balancer", arn]));
    assert!(matches!(named.code, 0 | 6), "{}", named.all());
    assert_eq!(json_of(&record)["server"]["status"], "provisional");
}

/// What an endpoint does with every connection.
#[derive(Clone, Copy, Debug)]
enum Manner {
    NeverAnswers,
    DripsItsHead,
    DripsItsBody,
}

/// An endpoint that leaves every request without a whole answer.
fn slow(manner: Manner) -> String {
    let (listener, url) = silent();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || drip(stream, manner));
        }
    });
    url
}

/// Writes a byte at a time, until the other end is gone.
fn drip(mut stream: std::net::TcpStream, manner: Manner) {
    use std::io::{Read, Write};
    let text = match manner {
        Manner::NeverAnswers => "",
        Manner::DripsItsHead => "HTTP/1.1 200 OK",
        Manner::DripsItsBody => "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    };
    let (head, rest) = match manner {
        Manner::DripsItsBody => (text, " "),
        _ => ("", text),
    };
    let mut request = [0_u8; 65_536];
    let _ = stream.read(&mut request).and_then(|_| stream.write_all(head.as_bytes()));
    for byte in rest.bytes().cycle() {
        std::thread::sleep(Duration::from_millis(100));
        if stream.write_all(&[byte]).is_err() {
            return;
        }
    }
    while stream.read(&mut request).is_ok_and(|read| read > 0) {}
}

#[test]
fn an_analysis_ends_with_its_wait_whatever_the_endpoint_does() {
    let simulator = Simulator::start(&["--period=1s"]);
    let folder = Folder::new();
    let (known, unknown) = (folder.file("known.jsonl"), folder.file("unknown.jsonl"));
    recorded(&simulator, &known, "--settle=0");
    recorded(&simulator, &unknown, "--no-aws");
    for manner in [Manner::NeverAnswers, Manner::DripsItsHead, Manner::DripsItsBody] {
        let url = slow(manner);
        for record in [&known, &unknown] {
            let before = std::fs::read_to_string(record).unwrap();
            let began = Instant::now();
            let done = finish(
                with_credentials()
                    .arg("analyze")
                    .arg(record)
                    .args(["--settle=1s", "--region=us-east-1"])
                    .env("AWS_ENDPOINT_URL", &url),
            );
            // Two seconds are promised.
            assert!(began.elapsed() < Duration::from_secs(8), "{manner:?}: {:?}", began.elapsed());
            assert_eq!(done.code, 1, "{manner:?}: {}", done.all());
            let (cause, remedy) = done.complaint();
            assert!(!cause.is_empty() && remedy.contains("--endpoint-url"), "{cause}\n{remedy}");
            assert_eq!(std::fs::read_to_string(record).unwrap(), before);
        }
    }
}

#[test]
fn final_numbers_stay_final() {
    let simulator = Simulator::start(&["--period=1s", "--baseline=10"]);
    let folder = Folder::new();
    let record = folder.file("final.jsonl");
    simulator.wait_for_periods(5);
    let done = simulator.run(
        "--levels=30 --duration=3s --periods=2 --heartbeat=1s --pong-timeout=2s --period=1s \
         --baseline=4s --settle=60s",
        &record,
    );
    assert_eq!(
        (done.code, json_of(&record)["server"]["status"].as_str()),
        (0, Some("final")),
        "{}",
        done.all()
    );
    let before = (std::fs::read_to_string(&record).unwrap(), json_of(&record));
    // AWS is not asked: nothing listens there.
    let mut again = with_credentials();
    let again = again.arg("analyze").arg(&record).args(["--settle=0", "--region=us-east-1"]);
    let again = finish(again.args(["--endpoint-url", "http://127.0.0.1:1"]));
    assert_eq!(again.code, 0, "{}", again.all());
    assert!(again.stderr.contains("CloudWatch's numbers are final, read at "), "{}", again.stderr);
    assert_eq!((std::fs::read_to_string(&record).unwrap(), json_of(&record)), before);

    // A version that read again left a provisional series behind the final one.
    let series = crate::harness::events(&record, "server_series").pop().unwrap();
    let mut provisional = series.clone();
    provisional["status"] = "provisional".into();
    provisional["metrics"]["ActiveConnectionCount"] = serde_json::json!([]);
    std::fs::write(&record, format!("{}{provisional}\n", before.0)).unwrap();
    assert_eq!(json_of(&record), before.1);

    // Other periods are another question.
    let other = finish(simulator.albcap("analyze").arg(&record).args(["--settle=0", "--period=5s"]));
    assert!(!other.stderr.contains("not querying AWS again"), "{}", other.stderr);
    assert_eq!(
        json_of(&record)["server"]["period_s"],
        1,
        "a provisional read takes the place of no final one"
    );
}
