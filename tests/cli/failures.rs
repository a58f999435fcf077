//! Every kind of failure, brought about for real and told apart: phase, kind, who did it, to which address, at which age
//! and after how long a silence. `fd_limit` is in `machine.rs`, what only some systems can do in `namespaces.rs`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use crate::harness::{Folder, Simulator, binary, events, finish, json_of};

/// What a busy machine may add to any time, s.
const LATE: f64 = 8.0;
/// When the simulator does to a connection what it is to do, s.
const DOOM: f64 = 0.3;

/// A failure as it must be told.
struct Told<'a> {
    phases: &'a [&'a str],
    kind: &'a str,
    by: &'a str,
    age: Range<f64>,
    /// None for a connection that was never open.
    silence: Option<Range<f64>>,
    says: &'a str,
}

impl Told<'_> {
    /// In the record, for each of the connections, and in the report, once.
    fn check(&self, record: &Path, peer: Option<&str>, connections: usize) {
        let failures = events(record, "failure");
        assert_eq!(failures.len(), connections, "{}: {failures:#?}", self.kind);
        for failure in &failures {
            let text = |name: &str| failure[name].as_str();
            assert!(self.phases.contains(&text("phase").unwrap()), "{failure}");
            assert_eq!((text("kind"), text("by")), (Some(self.kind), Some(self.by)), "{failure}");
            assert_eq!(text("peer"), peer, "{failure}");
            assert!(self.age.contains(&failure["age_s"].as_f64().unwrap()), "{:?}: {failure}", self.age);
            match &self.silence {
                None => assert!(failure["silence_s"].is_null(), "{failure}"),
                Some(range) => assert!(range.contains(&failure["silence_s"].as_f64().unwrap()), "{failure}"),
            }
            assert!(text("example").unwrap().contains(self.says), "{}: {failure}", self.says);
        }
        let report = json_of(record);
        let groups = report["levels"][0]["failures"].as_array().unwrap();
        let told = |name: &str| groups.iter().map(|group| group[name].as_str().unwrap()).collect::<Vec<_>>();
        assert!(told("kind").iter().all(|kind| *kind == self.kind), "{groups:#?}");
        assert!(told("initiator").iter().all(|by| *by == self.by), "{groups:#?}");
        let counted: u64 = groups.iter().map(|group| group["count"].as_u64().unwrap()).sum();
        assert_eq!(counted, connections as u64, "{groups:#?}");
    }
}

/// A run of three connections, whose hold is over when all have failed.
fn check(url: &str, flags: &[&str], told: &Told<'_>) {
    let folder = Folder::new();
    let record = folder.file("failed.jsonl");
    let done = finish(
        binary()
            .args(["run", url, "--no-aws", "--levels=3", "--duration=5m", "--record"])
            .arg(&record)
            .args(flags),
    );
    let opened = told.silence.is_some();
    assert_eq!(done.code, i32::from(!opened), "{}: {}", told.kind, done.all());
    told.check(&record, authority(url).parse::<SocketAddr>().is_ok().then_some(authority(url)), 3);
}

fn authority(url: &str) -> &str {
    url.split('/').nth(2).unwrap()
}

/// All cases at once: each mostly waits.
fn all_at_once<T: Sync>(cases: &[T], check: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| check(case));
        }
    });
}

/// What befalls connections that were open for a while and said nothing meanwhile.
fn held(tls: bool, doom: &str, kind: &str, says: &str) {
    let (after, by) = (format!("--kill-after={DOOM}s"), format!("--kill-by={doom}"));
    let flags = [after.as_str(), &by, "--tls"];
    let simulator = Simulator::start(if tls { &flags } else { &flags[..2] });
    let told = Told {
        phases: &["hold"],
        kind,
        by: "peer",
        age: DOOM..LATE,
        // TCP's and HTTP's part of the age was not silent.
        silence: Some(DOOM - 0.1..LATE),
        says,
    };
    check(simulator.url(), &["--heartbeat=1m", "-k"], &told);
}

#[test]
fn held_connections_that_the_peer_ends() {
    all_at_once(
        &[
            ("reset", "reset", "reset by peer"),
            ("hang-up", "eof", ""),
            ("close", "closed_1005", ""),
            ("close=1011", "closed_1011", ""),
            ("close=4001", "closed_4001", ""),
        ],
        |(doom, kind, says)| {
            held(false, doom, kind, says);
            held(true, doom, kind, says);
        },
    );
}

#[test]
fn held_connections_whose_peer_breaks_the_protocol() {
    all_at_once(
        &[
            ("reserved-bit", "reserved bits"),
            ("unknown-opcode", "opcode 0x3"),
            ("masked", "masked"),
            ("long-ping", "more than 125 bytes"),
            ("split-ping", "in fragments"),
            ("stray-continuation", "continuation of nothing"),
            ("bad-utf8", "not UTF-8"),
            ("bad-close-code", "1005"),
        ],
        |(doom, says)| held(false, doom, "protocol", says),
    );
}

#[test]
fn held_connections_that_no_longer_answer() {
    all_at_once(&["mute", "freeze"], |doom| {
        let simulator = Simulator::start(&["--kill-after=100ms", &format!("--kill-by={doom}")]);
        let told = Told {
            phases: &["hold"],
            kind: "pong_timeout",
            by: "network",
            age: 0.5..LATE,
            // From the ping that was not answered; the next would have come a second after it.
            silence: Some(0.45..LATE),
            says: "no answer within 0.5 s",
        };
        check(simulator.url(), &["--heartbeat=1s", "--pong-timeout=500ms"], &told);
    });
}

#[test]
fn silence_as_long_as_the_idle_timeout_is_derived() {
    let simulator = Simulator::start(&["--idle-timeout=2s"]);
    let folder = Folder::new();
    let record = folder.file("idle.jsonl");
    let done =
        simulator.run("--levels=3 --duration=5m --heartbeat=1m --force=idle_timeout --settle=0", &record);
    assert_eq!(done.code, 0, "{}", done.all());
    for failure in events(&record, "failure") {
        assert_eq!(failure["kind"], "eof", "the record holds what was seen: {failure}");
        let (silence, age) = (failure["silence_s"].as_f64().unwrap(), failure["age_s"].as_f64().unwrap());
        assert!((1.9..2.9).contains(&silence) && age >= silence, "{failure}");
    }
    let group = &json_of(&record)["levels"][0]["failures"][0];
    assert_eq!(
        (group["kind"].as_str(), group["initiator"].as_str(), group["count"].as_u64()),
        (Some("idle_timeout"), Some("peer"), Some(3))
    );
    assert!(done.stdout.contains("idle timeout"), "{}", done.stdout);
}

#[test]
fn upgrades_that_fail() {
    let upgrade: &[&str] = &["upgrade"];
    let cases: [(&[&str], &[&str], &str, &str); 9] = [
        (&["--upgrade-answer=wrong-accept"], upgrade, "protocol", "wrong Sec-WebSocket-Accept"),
        (&["--upgrade-answer=hang-up"], upgrade, "eof", ""),
        (&["--http2-only"], upgrade, "protocol", "HTTP/2"),
        (&["--reject-rate=100%"], upgrade, "http_503", "503 Service Temporarily Unavailable"),
        (&["--reject-rate=100%", "--reject-status=502"], upgrade, "http_502", "502 Bad Gateway"),
        (
            &["--reject-rate=100%", "--reject-by=target", "--reject-status=401"],
            upgrade,
            "http_401",
            "simulated target",
        ),
        (
            &["--reject-rate=100%", "--reject-by=target", "--reject-status=500"],
            upgrade,
            "http_500",
            "simulated target",
        ),
        // Whether the reset comes before or after the connection is seen as made is a matter of microseconds.
        (&["--max-connections=0"], &["connect", "upgrade"], "reset", "reset by peer"),
        (&["--idle-timeout=400ms", "--upgrade-answer=never"], upgrade, "eof", ""),
    ];
    all_at_once(&cases, |(faults, phases, kind, says)| {
        let simulator = Simulator::start(faults);
        let told = Told { phases, kind, by: "peer", age: 0.0..LATE, silence: None, says };
        check(simulator.url(), &[], &told);
    });
}

#[test]
fn whoever_says_nothing_is_timed_out_in_each_phase() {
    let silent = Simulator::start(&["--upgrade-answer=never"]);
    // Accepted by the system, never by a program.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let (full, full_at) = full_listener();
    let cases = [
        ("upgrade", silent.url().to_owned()),
        ("tls", format!("wss://{}/", mute.local_addr().unwrap())),
        ("connect", format!("ws://{full_at}/")),
    ];
    all_at_once(&cases, |(phase, url)| {
        let told = Told {
            phases: &[phase],
            kind: "timeout",
            by: "network",
            age: 0.5..LATE,
            silence: None,
            says: "not done within 0.5 s",
        };
        check(url, &["--connect-timeout=500ms", "-k"], &told);
    });
    drop(full);
}

/// A listener in whose queue hardly anybody can wait.
pub(crate) fn short_listener(address: SocketAddr) -> TcpListener {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(0).unwrap();
    TcpListener::from(socket)
}

/// A listener whose queue is full, so that the system answers nobody who comes.
pub(crate) fn full_listener() -> (Vec<TcpStream>, SocketAddr) {
    full_listener_at(SocketAddr::from(([127, 0, 0, 1], 0)))
}

/// The same at an address of one's own.
pub(crate) fn full_listener_at(address: SocketAddr) -> (Vec<TcpStream>, SocketAddr) {
    let listener = short_listener(address);
    let at = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&at, Duration::from_millis(200)) {
        waiting.push(stream);
        assert!(waiting.len() < 1_000, "the queue never fills");
    }
    // The listener lives as long as the process; its queue must not be emptied by a reset.
    std::mem::forget(listener);
    (waiting, at)
}

#[test]
fn nobody_listens_and_no_such_name() {
    let closed = TcpListener::bind("127.7.7.9:0").unwrap().local_addr().unwrap();
    let refused = Told {
        phases: &["connect"],
        kind: "refused",
        by: "peer",
        age: 0.0..LATE,
        silence: None,
        says: "refused",
    };
    check(&format!("ws://{closed}/"), &[], &refused);
    // RFC 6761 §6.4: there is no such name.
    let unknown =
        Told { phases: &["dns"], kind: "dns", by: "network", age: 0.0..30.0, silence: None, says: "" };
    check("ws://no.such.invalid/", &["--connect-timeout=30s"], &unknown);
}

#[test]
fn certificates_that_do_not_verify_and_listeners_that_speak_something_else() {
    let cases: [(&[&str], bool, &str, &str); 4] = [
        (&["--tls"], false, "client", "UnknownIssuer"),
        (&["--tls", "--certificate=expired"], true, "client", "expired"),
        (&["--tls", "--certificate=other-host"], true, "client", "elsewhere.invalid"),
        (&["--tls", "--http2-only"], true, "peer", "does not speak HTTP/1.1"),
    ];
    all_at_once(&cases, |(faults, trusted, by, says)| {
        let simulator = Simulator::start(faults);
        let ca_file = format!("--cacert={}", simulator.announcement["ca_file"].as_str().unwrap());
        let flags = if *trusted { vec![ca_file.as_str()] } else { Vec::new() };
        let told = Told { phases: &["tls"], kind: "tls", by, age: 0.0..LATE, silence: None, says };
        check(simulator.url(), &flags, &told);
    });
    let plain = Simulator::start(&[]);
    let told = Told { phases: &["tls"], kind: "tls", by: "peer", age: 0.0..LATE, silence: None, says: "" };
    check(&plain.url().replace("ws://", "wss://"), &["-k"], &told);
}

#[test]
fn answers_that_are_unusual_and_good() {
    for faults in [&["--upgrade-answer=keep-alive"][..], &["--greeting=hello", "--greeting=you"]] {
        let simulator = Simulator::start(faults);
        let folder = Folder::new();
        let record = folder.file("good.jsonl");
        let done = finish(
            binary()
                .args(["run", simulator.url(), "--no-aws", "--levels=3", "--duration=300ms", "--record"])
                .arg(&record),
        );
        assert_eq!(done.code, 0, "{}", done.all());
        let level = &json_of(&record)["levels"][0];
        assert_eq!(level["held"], 3, "{level:#}");
        let greeted = faults.iter().filter(|flag| flag.starts_with("--greeting")).count() as u64;
        assert_eq!(level["messages_received"], greeted * 3, "none is lost: {level:#}");
    }
}

/// A server that refuses every upgrade with these pieces, a moment between each two, and then ends or stays.
fn refusing(pieces: &'static [&'static str], ends: bool) -> String {
    const MOMENT: Duration = Duration::from_millis(40);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4_096]);
                for piece in pieces {
                    let _ = stream.write_all(piece.as_bytes());
                    std::thread::sleep(MOMENT);
                }
                if !ends {
                    let _ = stream.read(&mut [0; 1]);
                }
            });
        }
    });
    url
}

#[test]
fn a_refusal_is_heard_out() {
    let cases: [(&[&str], bool, &[&str], &str); 5] = [
        (
            &["HTTP/1.1 503 No\r\nContent-Length: 11\r\n\r\n", "over ", "loaded"],
            false,
            &[],
            "503 No over loaded",
        ),
        (
            &[
                "HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n",
                "5\r\nover \r\n",
                "6\r\nloaded\r\n0\r\n\r\n",
            ],
            false,
            &[],
            "503 No over loaded",
        ),
        (&["HTTP/1.1 503 No\r\n\r\n", "over ", "loaded"], true, &[], "503 No over loaded"),
        // More was announced than comes: what came is told, and soon.
        (&["HTTP/1.1 503 No\r\nContent-Length: 99\r\n\r\n", "over"], false, &[], "503 No over"),
        // The time is up while the rest is awaited: it is still a refusal.
        (&["HTTP/1.1 503 No\r\nContent-Length: 99\r\n\r\n"], false, &["--connect-timeout=150ms"], "503 No"),
    ];
    for (pieces, ends, flags, says) in cases {
        let url = refusing(pieces, ends);
        let told =
            Told { phases: &["upgrade"], kind: "http_503", by: "peer", age: 0.0..LATE, silence: None, says };
        check(&url, flags, &told);
    }
}
