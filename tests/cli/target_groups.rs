//! An ALB with a second listener and a second target group: what only the other listener forwards to is no matter of the
//! run. The simulator has one of each; what it says of elbv2 is added to on its way.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::Value;

use crate::harness::{Folder, Simulator, events, finish, json_of, with_credentials};

const OTHER: &str = "targetgroup/api/1111111111111111";
const OTHER_ARN: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/api/1111111111111111";

/// Serves the simulator's AWS endpoint with more in it, until the process ends; its URL.
fn with_another_group(simulator: &Simulator) -> String {
    let behind = simulator.endpoint().trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let behind = behind.clone();
            // A client may hang up on its side at any time.
            std::thread::spawn(move || pass_on(stream.unwrap(), &behind).unwrap_or_default());
        }
    });
    url
}

/// One request and its answer.
fn pass_on(mut client: TcpStream, behind: &str) -> std::io::Result<()> {
    let mut request = Vec::new();
    let head_ends = loop {
        let mut some = [0; 4_096];
        let read = client.read(&mut some)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&some[..read]);
        if let Some(at) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
    };
    let head = String::from_utf8_lossy(&request[..head_ends]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    let whole = head_ends + 4 + length.unwrap_or(0);
    let read = request.len();
    request.resize(whole, 0);
    client.read_exact(&mut request[read.min(whole)..])?;

    let asked = String::from_utf8_lossy(&request[head_ends + 4..]).into_owned();
    let mut forwarded = format!("{head}\r\nConnection: close\r\n\r\n").into_bytes();
    forwarded.extend_from_slice(&request[head_ends + 4..]);
    let mut server = TcpStream::connect(behind)?;
    server.write_all(&forwarded)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    client.write_all(&changed(&asked, answer))
}

/// The answer, with another listener and its target group in it.
fn changed(asked: &str, answer: Vec<u8>) -> Vec<u8> {
    let insert = |before: &str, member: &str| {
        let text = String::from_utf8(answer.clone()).unwrap();
        let (_, xml) = text.split_once("\r\n\r\n").unwrap();
        assert!(xml.contains(before), "{xml}");
        of(xml.replacen(before, &format!("{member}{before}"), 1))
    };
    if asked.contains("Action=DescribeListeners") {
        let forward = format!("<Type>forward</Type><TargetGroupArn>{OTHER_ARN}</TargetGroupArn>");
        let actions = format!("<DefaultActions><member>{forward}</member></DefaultActions>");
        insert("</Listeners>", &format!("<member>{actions}<Port>1</Port><Protocol>HTTP</Protocol></member>"))
    } else if asked.contains("Action=DescribeTargetGroups") {
        let name = "<TargetGroupName>api</TargetGroupName><TargetType>ip</TargetType>";
        let group = format!("<member><TargetGroupArn>{OTHER_ARN}</TargetGroupArn>{name}</member>");
        insert("</TargetGroups>", &group)
    } else if asked.contains("Action=DescribeTargetHealth") && asked.contains("%2Fapi%2F") {
        let state = "<TargetHealth><State>unhealthy</State></TargetHealth>";
        let health = format!(
            "<TargetHealthDescriptions><member>{state}</member><member>{state}</member></TargetHealthDescriptions>"
        );
        let name = "DescribeTargetHealth";
        of(format!("<{name}Response><{name}Result>{health}</{name}Result></{name}Response>"))
    } else {
        answer
    }
}

fn of(xml: String) -> Vec<u8> {
    let length = xml.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{xml}")
        .into_bytes()
}

#[test]
fn targets_of_another_listener_are_not_counted() {
    let simulator = Simulator::start(&[]);
    let endpoint = with_another_group(&simulator);
    let done = finish(with_credentials().args([
        "preflight",
        simulator.url(),
        "--region=us-east-1",
        "--levels=10",
        "--endpoint-url",
        &endpoint,
    ]));
    assert_eq!(done.code, 0, "{}", done.all());
    let line = done.stdout.lines().skip_while(|line| !line.contains("  targets  ")).take(2);
    let line = line.map(str::trim).collect::<Vec<_>>().join(" ");
    assert!(line.starts_with("pass"), "{line}\n{}", done.all());
    assert!(line.contains("healthy") && !line.contains("unhealthy"), "{line}");
    assert!(line.contains("without api, to which other listeners forward"), "{line}");
}

#[test]
fn a_503_is_not_laid_to_the_targets_of_another_listener() {
    let simulator = Simulator::start(&["--period=1s", "--reject-rate=50%"]);
    simulator.wait_for_periods(5);
    let endpoint = with_another_group(&simulator);
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let mut run = with_credentials();
    run.args(["run", simulator.url(), "--region=us-east-1", "--endpoint-url", &endpoint, "--levels=40"]);
    run.args(["--duration=3s", "--period=1s", "--baseline=4s", "--settle=10s", "--record"]).arg(&record);
    let done = finish(&mut run);
    assert!(done.stdout.contains("answered upgrades with 503"), "{}", done.all());
    let facts = events(&record, "facts").pop().unwrap();
    assert_eq!(facts["load_balancer"]["listeners"][1]["forwards_to"][0], OTHER, "{facts:#}");

    // The other group has no healthy target at any time.
    let text = std::fs::read_to_string(&record).unwrap();
    let lines = text.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        if event["type"] == "server_series" {
            let groups = event["target_groups"].as_object_mut().unwrap();
            let mut dead = groups.values().find(|metrics| !hosts(metrics).is_empty()).unwrap().clone();
            for point in dead["HealthyHostCount"].as_array_mut().unwrap() {
                point["value"] = 0.0.into();
            }
            groups.insert(OTHER.to_owned(), dead);
        }
        event.to_string() + "\n"
    });
    std::fs::write(&record, lines.collect::<String>()).unwrap();
    let report = json_of(&record);
    let diagnosis = report["diagnosis"].to_string();
    assert!(diagnosis.contains("it had no registered target that it could use"), "{diagnosis}");
    assert!(diagnosis.contains("HealthyHostCount of targetgroup/albcap-sim"), "{diagnosis}");
    assert!(!diagnosis.contains(OTHER), "{diagnosis}");
}

fn hosts(metrics: &Value) -> &[Value] {
    metrics["HealthyHostCount"].as_array().map_or(&[], Vec::as_slice)
}
