//! `--mode cumulative`: connections live on, and each death is charged to the level in which it happens.

use std::fs;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::harness::{Background, Folder, Simulator, binary, json_of, wait_for};

/// A WebSocket server whose connections can be cut, or left without an answer, whenever a test wants it.
struct Server {
    url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// In the order of their coming; those that a test has taken are no longer here.
    open: Mutex<Vec<Client>>,
    seen: AtomicU32,
    /// Connections that said goodbye.
    closed: AtomicU32,
    /// What was asked for, by each connection that came.
    asked: Mutex<Vec<String>>,
}

struct Client {
    stream: TcpStream,
    /// While a test holds it, nothing is read.
    reading: Arc<Mutex<()>>,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream.unwrap(), &state));
            }
        });
        Server { url, state }
    }

    fn seen(&self) -> u32 {
        self.state.seen.load(Ordering::SeqCst)
    }

    /// Cuts the oldest connections.
    fn cut(&self, count: usize) {
        for client in self.state.open.lock().unwrap().drain(..count) {
            client.stream.shutdown(Shutdown::Both).unwrap();
        }
    }

    fn run(&self, flags: &[&str], record: &Path) -> Background {
        let mut command = binary();
        command.args(["run", &self.url, "--no-aws", "--mode=cumulative", "--threshold=50%"]).args(flags);
        Background::start(command.arg("--record").arg(record))
    }
}

fn serve(stream: TcpStream, state: &State) {
    // The type of what a refusal would be is tungstenite's.
    #[allow(clippy::result_large_err)]
    let asked = |request: &Request, response: Response| {
        state.asked.lock().unwrap().push(request.uri().to_string());
        Ok(response)
    };
    let Ok(mut socket) = tungstenite::accept_hdr(stream.try_clone().unwrap(), asked) else { return };
    let reading = Arc::new(Mutex::new(()));
    state.seen.fetch_add(1, Ordering::SeqCst);
    state.open.lock().unwrap().push(Client { stream, reading: Arc::clone(&reading) });
    loop {
        match socket.read() {
            Ok(Message::Close(_)) => {
                state.closed.fetch_add(1, Ordering::SeqCst);
            }
            // The answer to a ping goes out with the next read.
            Ok(_) => drop(reading.lock().unwrap()),
            Err(_) => return,
        }
    }
}

/// Waits for an event of a level in the record.
fn until(record: &Path, event: &str, level: u32) {
    let is_it = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        line["type"] == event && line["level"] == level
    };
    wait_for(event, || {
        let text = fs::read_to_string(record).unwrap_or_default();
        text.lines().any(is_it).then_some(())
    });
}

fn counts(level: &Value) -> [u64; 4] {
    let failed = level["failures"].as_array().unwrap().iter().map(|f| f["count"].as_u64().unwrap()).sum();
    let count = |name: &str| level[name].as_u64().unwrap();
    [count("alive_at_start"), count("opened"), count("held"), failed]
}

#[test]
fn a_death_belongs_to_the_level_in_which_it_happens() {
    let server = Server::start();
    let folder = Folder::new();
    let record = folder.file("deaths.jsonl");
    let run = server.run(
        &["--levels=20,40,60", "--duration=3s", "--pause=3s", "--heartbeat=500ms", "--pong-timeout=3s"],
        &record,
    );
    until(&record, "hold_started", 0);
    server.cut(5);
    until(&record, "level_ended", 0);
    server.cut(3);
    until(&record, "hold_started", 1);
    server.cut(2);
    let done = run.wait();
    assert_eq!(done.code, 0, "{}", done.all());
    let report = json_of(&record);
    let levels: Vec<[u64; 4]> = report["levels"].as_array().unwrap().iter().map(counts).collect();
    // The three of the pause were alive when the first hold ended, and failed in the second level.
    assert_eq!(levels, [[0, 20, 15, 5], [15, 40, 35, 5], [35, 60, 60, 0]]);
    assert_eq!(server.seen(), 20 + 25 + 25, "only what was missing is opened");
    assert_eq!(server.state.closed.load(Ordering::SeqCst), 60, "all that lived are closed at the end");
    assert_eq!(report["plan"]["mode"], "cumulative");
    let open = |level: usize, name: &str| report["levels"][level][name].as_str().unwrap().to_owned();
    assert!(open(0, "ended_at") <= open(1, "started_at"));
    assert!(done.stdout.contains("60 connections in all that live on"), "{}", done.stdout);
}

#[test]
fn a_token_is_used_again_only_where_its_connection_is_dead() {
    let server = Server::start();
    let folder = Folder::new();
    let record = folder.file("tokens.jsonl");
    let tokens = folder.file("tokens");
    let lines: Vec<String> = (0..20).map(|i| format!("token-{i}")).collect();
    fs::write(&tokens, lines.join("\n")).unwrap();
    let file = format!("--token-file={}", tokens.display());
    let run = server.run(
        &[
            "--levels=10,20",
            "--duration=3s",
            "--pause=100ms",
            "--heartbeat=500ms",
            &file,
            "--token-in=query:t",
        ],
        &record,
    );
    until(&record, "hold_started", 0);
    server.cut(3);
    let done = run.wait();
    assert_eq!(done.code, 0, "{}", done.all());
    let report = json_of(&record);
    let levels: Vec<[u64; 4]> = report["levels"].as_array().unwrap().iter().map(counts).collect();
    assert_eq!(levels, [[0, 10, 7, 3], [7, 20, 20, 0]]);
    assert_eq!(report["levels"][1]["tokens"]["wanted"], 13, "one for each that is opened");
    let asked = server.state.asked.lock().unwrap();
    let of_level = |range: std::ops::Range<usize>| {
        let mut asked = asked[range].to_vec();
        asked.sort();
        asked.dedup();
        asked
    };
    assert_eq!((asked.len(), of_level(0..10).len(), of_level(10..23).len()), (23, 10, 13));
    assert_eq!(of_level(0..23).len(), 20, "three were used again, and every line was");
}

#[test]
fn an_answer_that_was_due_when_the_hold_ended_is_still_that_levels() {
    let server = Server::start();
    let folder = Folder::new();
    let record = folder.file("due.jsonl");
    let run = server.run(
        &["--levels=12,20", "--duration=3s", "--pause=100ms", "--heartbeat=300ms", "--pong-timeout=6s"],
        &record,
    );
    until(&record, "hold_started", 0);
    let clients: Vec<Client> = server.state.open.lock().unwrap().drain(..4).collect();
    let muted: Vec<_> = clients.iter().map(|client| client.reading.lock().unwrap()).collect();
    until(&record, "level_ended", 0);
    drop(muted);
    let done = run.wait();
    assert_eq!(done.code, 0, "{}", done.all());
    let report = json_of(&record);
    let levels: Vec<[u64; 4]> = report["levels"].as_array().unwrap().iter().map(counts).collect();
    assert_eq!(levels, [[0, 12, 8, 4], [8, 20, 20, 0]]);
    assert_eq!(report["levels"][0]["failures"][0]["kind"], "pong_timeout");
    // The others went on with their heartbeats while the four were waited for: those are the next level's.
    let next = &report["levels"][1];
    let (sent, answered) = (&next["heartbeats_sent"], &next["heartbeats_answered"]);
    assert!(answered.as_u64().unwrap() > 8 * 14 && answered.as_u64() <= sent.as_u64(), "{sent} {answered}");
}

#[test]
fn the_server_sees_no_more_connections_than_the_largest_level_and_cloudwatch_agrees() {
    let simulator = Simulator::start(&["--period=1s", "--baseline=10"]);
    let folder = Folder::new();
    let record = folder.file("agrees.jsonl");
    simulator.wait_for_periods(5);
    let before = simulator.sum("NewConnectionCount");
    let done = simulator.run(
        "--mode=cumulative --levels=30,50,80 --duration=4s --periods=3 --heartbeat=1s --pause=1200ms \
         --period=1s --baseline=3s --settle=30s",
        &record,
    );
    assert_eq!(done.code, 0, "{}", done.all());
    let report = json_of(&record);
    assert_eq!(report["verdict"]["outcome"], "agrees", "{}", report["verdict"]);
    let levels: Vec<[u64; 4]> = report["levels"].as_array().unwrap().iter().map(counts).collect();
    assert_eq!(levels, [[0, 30, 30, 0], [30, 50, 50, 0], [50, 80, 80, 0]]);
    for level in report["levels"].as_array().unwrap() {
        assert_eq!(level["heartbeats_sent"], level["heartbeats_answered"], "{level:#}");
    }
    assert_eq!(report["capacity"]["max_reliable"], 80);
    let new = &report["correlation"]["new_connections"];
    assert_eq!((new["client"].as_u64(), new["verdict"].as_str()), (Some(80), Some("agrees")), "{new}");
    // Both legs of each; what others opened meanwhile is none of ours.
    assert_eq!(simulator.sum("NewConnectionCount") - before, 160.0);
    for fit in report["correlation"]["active_connections"]["levels"].as_array().unwrap() {
        assert_eq!(fit["verdict"], "agrees", "{fit}");
    }
    // Between two levels nothing is closed: once open, the connections are never fewer.
    let text = fs::read_to_string(&record).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let held = lines.iter().position(|line| line["type"] == "hold_started").unwrap();
    let over = lines.iter().rposition(|line| line["type"] == "hold_ended").unwrap();
    let open: Vec<u64> = lines[held..over].iter().filter_map(|line| line["open"].as_u64()).collect();
    assert!(open.is_sorted() && open[0] == 30, "{open:?}");
    assert!(lines[held..over].iter().any(|line| line["type"] == "sample" && line["level"].is_null()));
}

#[test]
fn ctrl_c_closes_all_at_the_close_rate_in_a_level_and_between_two() {
    for (event, level, alive) in [("level_ended", 0, 20), ("hold_started", 1, 30)] {
        let server = Server::start();
        let folder = Folder::new();
        let record = folder.file("cut.jsonl");
        let run = server.run(
            &["--levels=20,30", "--duration=2s", "--pause=2s", "--heartbeat=500ms", "--close-rate=20"],
            &record,
        );
        until(&record, event, level);
        let pressed = std::time::Instant::now();
        run.signal("INT");
        let done = run.wait();
        assert_eq!(done.code, 130, "{}", done.all());
        assert_eq!(server.state.closed.load(Ordering::SeqCst), alive, "all are closed, and properly");
        let least = f64::from(alive - 1) / 20.0;
        assert!(pressed.elapsed().as_secs_f64() >= least - 0.05, "{:?} for {alive}", pressed.elapsed());
        let report = json_of(&record);
        assert_eq!(report["run"]["ended"], "interrupted");
        assert_eq!(report["levels"].as_array().unwrap().len(), level as usize + 1);
        assert_eq!(report["levels"][0]["passed"], true);
        assert_eq!(counts(&report["levels"][0]), [0, 20, 20, 0]);
    }
}
