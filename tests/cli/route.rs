//! The way to the target: other hosts and addresses in place of the URL's, and where connections come from.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;

use serde_json::Value;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use crate::failures::{full_listener_at, short_listener};
use crate::harness::{Done, Folder, Simulator, binary, finish, json_of};

/// A WebSocket server that tells who came, and under which name they asked for it.
struct Recorder {
    port: u16,
    visits: mpsc::Receiver<Visit>,
}

struct Visit {
    host: String,
    from: IpAddr,
    to: IpAddr,
}

impl Recorder {
    fn on(address: &str) -> Recorder {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, visits) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let tell = tell.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &tell));
            }
        });
        Recorder { port, visits }
    }

    /// Everybody who came so far; the run that brought them must be over.
    fn visits(&self) -> Vec<Visit> {
        self.visits.try_iter().collect()
    }
}

fn serve(stream: TcpStream, tell: &mpsc::Sender<Visit>) {
    let (from, to) = (stream.peer_addr().unwrap().ip(), stream.local_addr().unwrap().ip());
    #[allow(clippy::result_large_err)]
    let look = |request: &Request, response: Response| {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        tell.send(Visit { host, from, to }).unwrap();
        Ok(response)
    };
    if let Ok(mut socket) = tokio_tungstenite::tungstenite::accept_hdr(stream, look) {
        // Reading answers pings and the close.
        while socket.read().is_ok() {}
    }
}

/// A short run without AWS.
fn run(url: &str, levels: &str, flags: &[&str]) -> (Done, Option<Value>) {
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let mut command = short(url, levels);
    let done = finish(command.args(flags).arg("--record").arg(&record));
    let report = record.exists().then(|| json_of(&record));
    (done, report)
}

fn short(url: &str, levels: &str) -> Command {
    let mut command = binary();
    command.args(["run", url, "--no-aws", "--duration=200ms", "--levels", levels]);
    command
}

/// All connections of the only level were held.
fn held(done: &Done, report: Option<&Value>) -> u64 {
    assert_eq!(done.code, 0, "{}", done.all());
    let level = &report.unwrap()["levels"][0];
    assert_eq!(level["held"], level["connections"], "{level:#}");
    level["held"].as_u64().unwrap()
}

fn port_of(simulator: &Simulator) -> u16 {
    simulator.url().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap()
}

fn counts<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeMap<T, u32> {
    let mut counts = BTreeMap::new();
    items.into_iter().for_each(|item| *counts.entry(item).or_default() += 1);
    counts
}

#[test]
fn other_hosts_in_place_of_the_urls_keep_the_host_header() {
    let server = Recorder::on("127.0.0.1");
    let port = server.port;
    let url = "ws://ws.example.test:8080/";
    for flag in [
        format!("--connect-to=ws.example.test:8080:127.0.0.1:{port}"),
        format!("--connect-to=::localhost:{port}"),
        format!("--connect-to=WS.Example.Test:::{port} --resolve=ws.example.test:{port}:127.0.0.1"),
        format!("--connect-to=::other.test:{port} --resolve=*:{port}:127.0.0.1"),
        format!("--connect-to=no:::1 --connect-to=:8080:127.0.0.1:{port} --connect-to=::127.0.0.1:1"),
    ] {
        let flags: Vec<&str> = flag.split(' ').collect();
        let (done, report) = run(url, "3", &flags);
        assert_eq!(held(&done, report.as_ref()), 3, "{flag}");
        let hosts = counts(server.visits().into_iter().map(|visit| visit.host));
        assert_eq!(hosts, [("ws.example.test:8080".to_owned(), 3)].into(), "{flag}");
    }
}

#[test]
fn the_certificate_must_still_be_the_urls() {
    let simulator = Simulator::start(&["--tls"]);
    let ca = simulator.announcement["ca_file"].as_str().unwrap();
    let port = port_of(&simulator);
    let resolve = format!("--resolve=ws.example.test:{port}:127.0.0.1");
    let url = format!("wss://ws.example.test:{port}/");
    let (done, report) = run(&url, "2", &["--cacert", ca, &resolve]);
    assert_eq!(done.code, 1, "{}", done.all());
    let failure = &report.unwrap()["levels"][0]["failures"][0];
    assert_eq!((failure["phase"].as_str(), failure["kind"].as_str()), (Some("tls"), Some("tls")));
    let example = failure["example"].as_str().unwrap();
    assert!(example.contains("ws.example.test"), "{example}");
    let (done, report) = run(&url, "2", &["-k", &resolve]);
    assert_eq!(held(&done, report.as_ref()), 2);
}

#[test]
fn all_nodes_behind_a_name_get_the_same_share() {
    let simulator = Simulator::start(&["--nodes=3"]);
    let port = port_of(&simulator);
    let resolve = format!("--resolve=ws.example.test:{port}:127.0.0.1,127.0.0.2,127.0.0.3");
    let (done, report) = run(&format!("ws://ws.example.test:{port}/"), "30", &[&resolve]);
    assert_eq!(held(&done, report.as_ref()), 30);
    let peers = report.unwrap()["levels"][0]["peers"].clone();
    let shares: Vec<(&str, u64)> = peers
        .as_array()
        .unwrap()
        .iter()
        .map(|peer| (peer["address"].as_str().unwrap(), peer["opened"].as_u64().unwrap()))
        .collect();
    assert_eq!(shares, [("127.0.0.1", 10), ("127.0.0.2", 10), ("127.0.0.3", 10)]);
}

#[test]
fn the_load_balancer_is_looked_for_where_connections_go() {
    let simulator = Simulator::start(&["--period=1s"]);
    let port = port_of(&simulator);
    for flag in
        [format!("--connect-to=::127.0.0.1:{port}"), format!("--resolve=ws.example.test:{port}:127.0.0.1")]
    {
        let done = finish(
            simulator
                .albcap("preflight")
                .arg(format!("ws://ws.example.test:{port}/"))
                .args(["--period=1s", "--levels=5"])
                .arg(&flag),
        );
        assert_eq!(done.code, 0, "{flag}: {}", done.all());
        assert!(done.stdout.contains("app/albcap-sim/"), "{flag}: {}", done.stdout);
    }
}

#[test]
fn sources_and_targets_are_paired_evenly() {
    let server = Recorder::on("0.0.0.0");
    let url = format!("ws://ws.example.test:{}/", server.port);
    let resolve = format!("--resolve=ws.example.test:{}:127.0.0.1,127.0.0.2", server.port);
    let (done, report) = run(&url, "24", &[&resolve, "--source-ip=127.0.5.1-127.0.5.4"]);
    assert_eq!(held(&done, report.as_ref()), 24);
    let pairs = counts(server.visits().into_iter().map(|visit| (visit.from, visit.to)));
    let expected = (1..=4).flat_map(|source| (1..=2).map(move |target| (source, target)));
    let expected: BTreeMap<(IpAddr, IpAddr), u32> = expected
        .map(|(source, target)| (([127, 0, 5, source].into(), [127, 0, 0, target].into()), 3))
        .collect();
    assert_eq!(pairs, expected, "each of the eight pairs three times");
}

#[test]
fn ipv6_is_a_target_and_a_source_and_a_source_of_the_other_family_is_passed_over() {
    let server = Recorder::on("::1");
    for (url, flags) in [
        (format!("ws://[::1]:{}/", server.port), &[][..]),
        (format!("ws://[::1]:{}/", server.port), &["--source-ip=::1,127.0.5.1"]),
        ("ws://ws.example.test/".to_owned(), &["--source-ip=::1"]),
    ] {
        let connect_to = format!("--connect-to=ws.example.test:80:[::1]:{}", server.port);
        let (done, report) = run(&url, "4", &[flags, &[&connect_to]].concat());
        assert_eq!(held(&done, report.as_ref()), 4);
        let sources = counts(server.visits().into_iter().map(|visit| visit.from));
        assert_eq!(sources, [("::1".parse().unwrap(), 4)].into());
        assert_eq!(report.unwrap()["levels"][0]["peers"][0]["address"], "::1");
    }
}

#[test]
fn an_address_that_takes_nobody_is_told_though_the_other_family_takes_all() {
    let server = Recorder::on("127.0.0.1");
    let url = format!("ws://ws.example.test:{}/", server.port);
    let resolve = format!("--resolve=ws.example.test:{}:[::1],127.0.0.1", server.port);
    let (done, report) = run(&url, "4", &[&resolve]);
    assert_eq!(held(&done, report.as_ref()), 4);
    let peers = report.unwrap()["levels"][0]["peers"].clone();
    assert_eq!(
        peers,
        serde_json::json!([
            { "address": "127.0.0.1", "opened": 4, "failed": 0, "passed_over": 0 },
            { "address": "::1", "opened": 0, "failed": 0, "passed_over": 2 },
        ])
    );
    let told = "::1 did not take 2 connections, and an address of the other family did";
    assert!(done.stdout.contains(told), "{}", done.stdout);
}

/// Both families behind one name and port.
fn dual_stack(server: &Recorder) -> (String, String, SocketAddr) {
    let port = server.port;
    let resolve = format!("--resolve=ws.example.test:{port}:[::1],127.0.0.1");
    (format!("ws://ws.example.test:{port}/"), resolve, (Ipv6Addr::LOCALHOST, port).into())
}

#[test]
fn an_address_that_answers_nobody_is_told_and_keeps_later_connections_no_time() {
    let server = Recorder::on("127.0.0.1");
    let (url, resolve, silent) = dual_stack(&server);
    let (queue, _) = full_listener_at(silent);
    let (done, report) = run(&url, "10,20", &[&resolve, "--connect-timeout=8s", "--pause=0"]);
    assert_eq!(done.code, 0, "{}", done.all());
    let levels = report.unwrap()["levels"].clone();
    for (level, connections) in [(0, 10), (1, 20)] {
        let level = &levels[level];
        assert_eq!(level["held"], connections, "{level:#}");
        assert_eq!(
            level["peers"],
            serde_json::json!([
                { "address": "127.0.0.1", "opened": connections, "failed": 0, "passed_over": 0 },
                { "address": "::1", "opened": 0, "failed": 0, "passed_over": connections / 2 },
            ])
        );
    }
    // A quarter of the connect timeout, and then not any more.
    let slowest = |level: usize| levels[level]["connect_ms"]["max"].as_f64().unwrap();
    assert!((2_000.0..8_000.0).contains(&slowest(0)), "{levels:#}");
    assert!(slowest(1) < 2_000.0, "{levels:#}");
    let told = "::1 did not take 5 connections, and an address of the other family did";
    assert!(done.stdout.contains(told), "{}", done.stdout);
    drop(queue);
}

#[test]
fn an_address_that_took_connections_and_falls_silent_fails() {
    let server = Recorder::on("127.0.0.1");
    let (url, resolve, falling) = dual_stack(&server);
    let listener = short_listener(falling);
    let (tell, _told) = mpsc::channel();
    // One is taken. Who comes next waits in the queue, and when that is full, nobody is answered.
    let taking = std::thread::spawn(move || {
        serve(listener.accept().unwrap().0, &tell);
        listener
    });
    let flags = [&resolve, "--connect-timeout=2s", "--pause=0"];
    let (done, report) = run(&url, "2,20", &flags);
    let report = report.unwrap();
    let levels = &report["levels"];
    assert_eq!(
        (levels[0]["held"].as_u64(), levels[1]["held"].as_u64()),
        (Some(2), Some(10)),
        "{}",
        done.all()
    );
    assert_eq!(
        levels[1]["peers"][1],
        serde_json::json!({ "address": "::1", "opened": 0, "failed": 10, "passed_over": 0 })
    );
    for failure in levels[1]["failures"].as_array().unwrap() {
        assert_eq!(failure["kind"], "timeout", "{failure}");
    }
    drop(taking.join().unwrap());
}

#[test]
fn what_can_not_be_opened_is_refused_and_can_not_be_forced() {
    let server = Recorder::on("127.0.0.1");
    let url = format!("ws://127.0.0.1:{}/", server.port);
    // RFC 5737: an address of the documentation, on no machine.
    for (flags, cause) in [
        ("--source-ip=127.0.5.1,198.51.100.7", "the source address 198.51.100.7 is not on this machine"),
        ("--source-ip=198.51.100.0/24", "256 source addresses are not on this machine: 198.51.100.0,"),
        ("--source-ip=::1", "the target has IPv4 addresses only"),
        ("--source-ip=198.51.100.7 --force=source_ip", "198.51.100.7 is not on this machine"),
    ] {
        let flags: Vec<&str> = flags.split(' ').collect();
        let (done, report) = run(&url, "2", &flags);
        assert_eq!(done.code, 3, "{flags:?}: {}", done.all());
        let (said, remedy) = done.complaint();
        assert!(said.contains(cause), "{said}");
        assert!(remedy.ends_with("nothing was opened"), "{remedy}");
        assert!(report.is_none(), "a refused run leaves no record");
    }
    assert!(server.visits().is_empty());
}

#[test]
fn more_connections_than_ports_are_found_before_anything_is_opened() {
    let done = finish(binary().args([
        "preflight",
        "ws://127.0.0.1:9/",
        "--no-aws",
        "--levels=2M",
        "--source-ip=127.0.5.0/28",
        "--force=ports,file_descriptors",
        "--color=never",
    ]));
    assert_eq!(done.code, 3, "{}", done.all());
    let line = done.stdout.lines().find(|line| line.trim().starts_with("refuse  ports")).unwrap();
    assert!(line.contains("16 pairs of source and target"), "{line}");
}

#[test]
fn a_syntax_that_can_not_be_meant_is_a_usage_error() {
    for (flag, cause) in [
        ("--connect-to=a:80:b", "HOST:PORT:HOST2:PORT2"),
        ("--connect-to=a:http:b:80", "'http' is not a port"),
        ("--connect-to=::1:80:b:80", "IPv6 is in brackets"),
        ("--resolve=h:80", "HOST:PORT:ADDRESS"),
        ("--resolve=h:80:other.name", "use --connect-to"),
        ("--resolve=-h:80:127.0.0.1", "no meaning here"),
        ("--source-ip=eth0", "'eth0' is not an IP address"),
        ("--source-ip=10.0.0.9-10.0.0.1", "not a range"),
        ("--source-ip=10.0.2.5/28", "10.0.2.0/28"),
        ("--source-ip=10.0.0.0/8", "more than 65536 addresses"),
        ("--source-ip=224.0.0.1", "nothing can come from 224.0.0.1"),
        ("--dns-ttl=0", "longer than 0"),
    ] {
        let (done, report) = run("ws://127.0.0.1:1/", "1", &[flag]);
        assert_eq!(done.code, 2, "{flag}: {}", done.all());
        let (said, _) = done.complaint();
        assert!(said.contains(cause), "{flag}: {said}");
        assert!(report.is_none());
    }
}

#[test]
fn the_record_keeps_the_route_and_what_was_known_of_ports_and_addresses() {
    let server = Recorder::on("127.0.0.1");
    let folder = Folder::new();
    let record = folder.file("route.jsonl");
    let connect_to = format!("ws.example.test:80:127.0.0.1:{}", server.port);
    let done = finish(
        short("ws://ws.example.test/", "2")
            .args(["--dns-ttl=5s", "--source-ip=127.0.5.0/30", "--connect-to", &connect_to, "--record"])
            .arg(&record),
    );
    assert_eq!(done.code, 0, "{}", done.all());
    let text = std::fs::read_to_string(&record).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_type = |kind: &str| events.iter().find(|event| event["type"] == kind).unwrap();
    let route = &of_type("header")["plan"]["route"];
    assert_eq!(route["dns_ttl_s"], 5.0);
    assert_eq!(route["source_ip"], "127.0.5.0-127.0.5.3");
    assert_eq!(route["connect_to"], serde_json::json!([connect_to]));
    let facts = of_type("facts");
    assert_eq!(facts["target"], serde_json::json!({"ipv4": 1, "ipv6": 0}));
    if cfg!(target_os = "linux") {
        assert!(facts["machine"]["ports"]["first"].as_u64().unwrap() > 0, "{facts:#}");
    }
}

#[test]
fn a_name_without_address_is_not_refused_but_fails_as_dns() {
    let (done, report) = run("ws://no.such.invalid/", "2", &["--connect-timeout=5s"]);
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(done.stdout.contains("the target's addresses are not known"), "{}", done.stdout);
    let failure = &report.unwrap()["levels"][0]["failures"][0];
    assert_eq!((failure["phase"].as_str(), failure["count"].as_u64()), (Some("dns"), Some(2)));
}
