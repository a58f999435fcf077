//! Servers of application protocols: Socket.IO, GraphQL over WebSocket, and what Python's `websockets` makes up.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::{Folder, binary, finish, json_of};
use crate::{node, python};

/// A server that prints its port, and ends with its standard input.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(mut script: Command) -> Server {
        let mut process = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("no port, but {line:?}"));
        Server { process, port }
    }

    /// The one level of a run of 20 connections against `path`.
    fn level(&self, path: &str, flags: &[&str]) -> Value {
        let folder = Folder::new();
        let record = folder.file("run.jsonl");
        let url = format!("ws://127.0.0.1:{}{path}", self.port);
        let done = finish(
            binary()
                .args(["run", &url, "--no-aws", "--levels=20", "--duration=4s", "--heartbeat=1s", "--record"])
                .arg(&record)
                .args(flags),
        );
        let mut report = json_of(&record);
        assert!([0, 1].contains(&done.code), "{}", done.all());
        report["levels"][0].take()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn count(level: &Value, name: &str) -> u64 {
    level[name].as_u64().unwrap_or_else(|| panic!("{name} in {level:#}"))
}

const SOCKET_IO: &str = "/socket.io/?EIO=4&transport=websocket";

#[test]
fn socket_io_is_held_past_its_ping_timeout_by_the_replies_and_not_without() {
    let server = Server::start(node::script("socketio_server.cjs"));
    let level = server.level(SOCKET_IO, &["--protocol=socket.io"]);
    assert_eq!((count(&level, "opened"), count(&level, "held")), (20, 20), "{level:#}");
    assert!(count(&level, "replies_sent") >= 20 * 4, "a ping every 400 ms: {level:#}");
    // Engine.IO's open, Socket.IO's connect, and the server's own event; no ping is among them.
    assert_eq!(count(&level, "messages_received"), 20 * 3, "{level:#}");
    assert_eq!(count(&level, "heartbeats_answered"), count(&level, "heartbeats_sent"));

    let level = server.level(SOCKET_IO, &["--on-open=40", "--ready=^40"]);
    assert_eq!((count(&level, "opened"), count(&level, "held")), (20, 0), "{level:#}");
    assert_eq!(level["failures"][0]["phase"], "hold", "{level:#}");
    assert_eq!(level["failures"][0]["initiator"], "peer", "{level:#}");
}

#[test]
fn graphql_is_acknowledged_and_its_pings_go_both_ways() {
    let server = Server::start(node::script("graphql_server.cjs"));
    let level = server.level("/", &["--protocol=graphql-ws"]);
    assert_eq!((count(&level, "opened"), count(&level, "held")), (20, 20), "{level:#}");
    assert!(count(&level, "heartbeats_sent") >= 20 * 3, "{level:#}");
    assert_eq!(count(&level, "heartbeats_answered"), count(&level, "heartbeats_sent"), "{level:#}");
    assert!(count(&level, "replies_sent") >= 20 * 4, "a ping every 500 ms: {level:#}");
    assert_eq!(count(&level, "messages_received"), 20, "the acknowledgement alone: {level:#}");

    let level = server.level("/", &["--subprotocol=graphql-transport-ws"]);
    assert_eq!(count(&level, "held"), 0, "{level:#}");
    assert_eq!(level["failures"][0]["kind"], "closed_4408", "not initialised in time: {level:#}");
}

#[test]
fn texts_of_websockets_are_waited_for_answered_and_expected() {
    let server = Server::start(python::script("websockets_server.py"));
    let text = ["--heartbeat-kind=text", "--heartbeat-message=beat", "--ready=^ready$"];
    let level = server.level("/words", &[&text[..], &["--heartbeat-expect=^ok beat$"]].concat());
    assert_eq!((count(&level, "opened"), count(&level, "held")), (20, 20), "{level:#}");
    let beats = count(&level, "heartbeats_sent");
    assert!(beats >= 20 * 3 && count(&level, "heartbeats_answered") == beats, "{level:#}");
    assert_eq!(count(&level, "messages_received"), 20 * 2 + beats, "two words, and noise a beat: {level:#}");

    let level = server.level("/beats", &["--heartbeat-kind=none", "--reply=^2$=>3"]);
    assert_eq!((count(&level, "held"), count(&level, "heartbeats_sent")), (20, 0), "{level:#}");
    assert!(count(&level, "replies_sent") >= 20 * 6, "a beat every 300 ms: {level:#}");
    let level = server.level("/beats", &[]);
    assert_eq!(level["failures"][0]["kind"], "closed_4000", "{level:#}");

    let level = server.level("/mute", &["--ready=^ready$", "--connect-timeout=2s"]);
    assert_eq!((count(&level, "opened"), count(&level, "held")), (0, 0), "{level:#}");
    let failure = &level["failures"][0];
    assert_eq!((failure["phase"].as_str(), failure["kind"].as_str()), (Some("ready"), Some("not_ready")));
}
