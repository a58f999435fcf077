//! Heartbeats of every kind, the opening message, the wait for the server, and the answers to its own heartbeats.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Background, Done, Folder, Simulator, binary, finish, json_of};
use crate::talker::{Talker, listen, say};

/// A run of one level of ten connections, and that level of its report.
fn level(url: &str, flags: &[&str]) -> (Done, Value) {
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let done = finish(
        binary()
            .args(["run", url, "--no-aws", "--levels=10", "--duration=2s", "--heartbeat=500ms", "--record"])
            .arg(&record)
            .args(flags),
    );
    let mut report = json_of(&record);
    let level = report["levels"][0].take();
    (done, level)
}

fn count(level: &Value, name: &str) -> u64 {
    level[name].as_u64().unwrap_or_else(|| panic!("{name} in {level:#}"))
}

/// Phase and kind of the most frequent failure.
fn failure(level: &Value) -> (&str, &str) {
    let failure = &level["failures"][0];
    (failure["phase"].as_str().unwrap(), failure["kind"].as_str().unwrap())
}

const TEXT: [&str; 2] = ["--heartbeat-kind=text", "--heartbeat-message=beat"];

#[test]
fn a_text_heartbeat_is_answered_by_what_matches_and_the_rest_are_messages() {
    let talker = Talker::start(|socket| {
        listen(socket, |socket, text| {
            assert_eq!(text, "beat");
            std::thread::sleep(Duration::from_millis(30));
            let _ = say(socket, "noise") && say(socket, "pong 7");
        });
    });
    let (done, level) = level(&talker.url(), &[&TEXT[..], &["--heartbeat-expect=^pong \\d$"]].concat());
    assert_eq!((done.code, count(&level, "held")), (0, 10), "{level:#}");
    let beats = count(&level, "heartbeats_sent");
    assert!(beats >= 20, "{level:#}");
    assert_eq!(count(&level, "heartbeats_answered"), beats, "{level:#}");
    assert_eq!(count(&level, "messages_received"), beats, "the noise: {level:#}");
    assert!(level["heartbeat_rtt_ms"]["p50"].as_f64().unwrap() >= 30.0, "{level:#}");
}

#[test]
fn what_does_not_match_is_no_answer() {
    let talker = Talker::start(|socket| {
        listen(socket, |socket, _| {
            say(socket, "pang");
        });
    });
    let expecting = ["--heartbeat-expect=^pong$", "--pong-timeout=700ms"];
    let (done, level) = level(&talker.url(), &[&TEXT[..], &expecting].concat());
    assert_eq!(count(&level, "held"), 0, "{}", done.all());
    assert_eq!(failure(&level), ("hold", "pong_timeout"));
    assert!(count(&level, "messages_received") >= 10, "{level:#}");
    assert_eq!(count(&level, "heartbeats_answered"), 0, "{level:#}");
    assert!(done.stdout.contains("--heartbeat-expect"), "{}", done.stdout);
}

#[test]
fn without_an_expectation_any_text_is_an_answer_and_a_pong_is_none() {
    for tls in [&[][..], &["--tls"]] {
        // Its targets send every text back.
        let simulator = Simulator::start(tls);
        let opening = ["--insecure", "--on-open=hello", "--ready=^hello$"];
        let (_, level) = level(simulator.url(), &[&TEXT[..], &opening].concat());
        assert_eq!(count(&level, "held"), 10, "{level:#}");
        assert!(count(&level, "heartbeats_sent") >= 20, "{level:#}");
        assert_eq!(count(&level, "heartbeats_answered"), count(&level, "heartbeats_sent"), "{level:#}");
        assert_eq!(
            count(&level, "messages_received"),
            10,
            "the ready ones; answers are heartbeats: {level:#}"
        );
    }

    let deaf = Talker::start(|socket| {
        while socket.read().is_ok() {
            let _ = socket.send(Message::Pong(vec![0, 0, 0, 1].into()));
        }
    });
    let (_, level) = level(&deaf.url(), &[&TEXT[..], &["--pong-timeout=700ms"]].concat());
    assert_eq!(failure(&level), ("hold", "pong_timeout"), "{level:#}");
}

#[test]
fn without_heartbeats_nothing_is_sent_and_it_is_warned() {
    let talker = Talker::start(|socket| {
        while say(socket, "news") {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let (done, level) = level(&talker.url(), &["--heartbeat-kind=none"]);
    assert_eq!((done.code, count(&level, "held")), (0, 10), "{level:#}");
    assert_eq!((count(&level, "heartbeats_sent"), count(&level, "heartbeats_answered")), (0, 0));
    assert!(count(&level, "messages_received") >= 100, "{level:#}");
    let warned = done.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        warned.contains(
            "warn idle timeout no heartbeat; without heartbeats a half-open connection can't be seen"
        )
    );

    let simulator = Simulator::start(&["--idle-timeout=7s"]);
    let done = finish(simulator.albcap("preflight").args([simulator.url(), "--heartbeat-kind=none"]));
    assert_eq!(done.code, 0, "warned, not refused: {}", done.all());
    assert!(done.stdout.contains("7 s, no heartbeat"), "{}", done.stdout);
}

#[test]
fn a_load_balancer_closes_what_is_silent_without_heartbeats() {
    let simulator = Simulator::start(&["--idle-timeout=2s"]);
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let done = finish(
        simulator
            .albcap("run")
            .args([simulator.url(), "--heartbeat-kind=none", "--levels=10", "--duration=20s", "--periods=0"])
            .args(["--settle=0", "--record"])
            .arg(&record),
    );
    let report = json_of(&record);
    assert_eq!(failure(&report["levels"][0]), ("hold", "idle_timeout"), "{}", done.all());
    assert!(report["plan"]["heartbeat_s"].is_null(), "an infinite interval is no number: {}", report["plan"]);
    let evidence = &report["diagnosis"][0]["evidence"];
    assert!(evidence.as_array().unwrap().iter().any(|said| said == "no heartbeat"), "{evidence:#}");
}

#[test]
fn every_connection_opens_with_its_own_message_and_is_open_when_the_server_is_ready() {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&heard);
    let talker = Talker::start(move |socket| {
        listen(socket, |socket, text| {
            kept.lock().unwrap().push(text.to_owned());
            let _ = say(socket, "wait") && socket.send(vec![1_u8, 2].into()).is_ok();
            std::thread::sleep(Duration::from_millis(150));
            say(socket, r#"{"status":"ready"}"#);
        });
    });
    let flags = [r#"--on-open=[{{index}},"{{uuid}}"]"#, r#"--ready="status":"ready""#];
    let (done, level) = level(&talker.url(), &flags);
    assert_eq!((done.code, count(&level, "opened"), count(&level, "held")), (0, 10, 10), "{level:#}");
    assert_eq!(count(&level, "messages_received"), 30, "{level:#}");
    assert!(level["connect_ms"]["p50"].as_f64().unwrap() >= 150.0, "open is when it is ready: {level:#}");
    let heard: Vec<Value> =
        heard.lock().unwrap().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let indexes: BTreeSet<u64> = heard.iter().map(|opening| opening[0].as_u64().unwrap()).collect();
    assert_eq!(indexes, (0..10).collect(), "{heard:?}");
    let uuids: BTreeSet<&str> = heard.iter().map(|opening| opening[1].as_str().unwrap()).collect();
    assert_eq!((heard.len(), uuids.len()), (10, 10), "once each, and no two the same: {heard:?}");
}

#[test]
fn every_connection_opens_with_its_own_token_which_is_told_nobody_else() {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&heard);
    let talker = Talker::start(move |socket| {
        listen(socket, |socket, text| {
            kept.lock().unwrap().push(text.to_owned());
            say(socket, &format!("no: {text}"));
        });
    });
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let done = finish(
        binary()
            .args(["run", &talker.url(), "--no-aws", "--levels=3", "--ready=^yes", "--connect-timeout=1s"])
            .args(["--token-cmd=echo sesame-0; echo sesame-1; echo sesame-2", "--token-in=message"])
            .args([r#"--on-open=["{{token}}",{{index}}]"#, "-vvv", "--record"])
            .arg(&record),
    );
    let mut heard = heard.lock().unwrap().clone();
    heard.sort_unstable();
    assert_eq!(heard, [r#"["sesame-0",0]"#, r#"["sesame-1",1]"#, r#"["sesame-2",2]"#]);
    let record = std::fs::read_to_string(&record).unwrap();
    assert!(record.contains("the last message was: no: "), "it came back: {record}");
    for text in [done.all(), record] {
        assert!(!text.contains("sesame"), "{text}");
    }
}

#[test]
fn what_comes_in_the_same_read_as_the_ready_message_is_not_lost() {
    let talker = Talker::start(|socket| {
        let stream = socket.get_mut();
        // Ready, a message, and the beginning of another one, whose rest comes later.
        stream.write_all(b"\x81\x05ready\x81\x03one\x81\x05fi").unwrap();
        std::thread::sleep(Duration::from_millis(300));
        stream.write_all(b"rst\x81\x012").unwrap();
        listen(socket, |_, text| assert_eq!(text, "3"));
    });
    let (_, level) = level(&talker.url(), &["--ready=ready", "--reply=^2$=>3"]);
    assert_eq!(count(&level, "held"), 10, "{level:#}");
    assert_eq!((count(&level, "messages_received"), count(&level, "replies_sent")), (30, 10), "{level:#}");
}

#[test]
fn the_servers_heartbeats_are_answered_while_it_is_not_ready_and_afterwards() {
    let talker = Talker::start(|socket| {
        let answered = |socket: &mut crate::talker::Socket| {
            say(socket, "2") && socket.read().is_ok_and(|message| message.to_text().is_ok_and(|t| t == "3"))
        };
        if answered(socket) && answered(socket) && say(socket, "ready") && answered(socket) {
            listen(socket, |_, text| panic!("{text}"));
        }
    });
    // Of two that match the first is given.
    let flags = ["--heartbeat-kind=none", "--ready=ready", "--reply=^2$=>3", "--reply=2=>4"];
    let (_, level) = level(&talker.url(), &flags);
    assert_eq!(count(&level, "held"), 10, "{level:#}");
    assert_eq!((count(&level, "replies_sent"), count(&level, "messages_received")), (30, 10), "{level:#}");
}

#[test]
fn a_server_that_never_is_ready_or_says_why_is_told_apart() {
    let talker = Talker::start(|socket| {
        say(socket, "not yet");
        listen(socket, |_, _| ());
    });
    let (done, silent) = level(&talker.url(), &["--ready=^ready$", "--connect-timeout=1s"]);
    assert_eq!((done.code, count(&silent, "opened")), (1, 0), "{}", done.all());
    assert_eq!(failure(&silent), ("ready", "not_ready"));
    assert_eq!(silent["failures"][0]["example"], "the last message was: not yet");
    assert!(done.stdout.contains("no message matched --ready"), "{}", done.stdout);

    let talker = Talker::start(|socket| {
        use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
        let _ = socket.close(Some(CloseFrame { code: CloseCode::from(4401), reason: "who are you".into() }));
        listen(socket, |_, _| ());
    });
    let (done, closed) = level(&talker.url(), &["--ready=^ready$"]);
    assert_eq!(failure(&closed), ("ready", "closed_4401"), "{}", done.all());
    assert_eq!(closed["failures"][0]["example"], "who are you");
}

#[test]
fn a_server_that_breaks_the_protocol_is_told_how() {
    // RFC 6455 §7.4.1: 1002 for a broken frame, 1007 for a text that is none.
    for (bytes, code, says) in [
        (&[0xF1, 0x00][..], 1002, "a frame with reserved bits, though no extension was agreed"),
        (&[0x81, 0x02, 0xFF, 0xFE], 1007, "a text that is not UTF-8"),
    ] {
        let (heard, codes) = mpsc::channel();
        let heard = Mutex::new(heard);
        let talker = Talker::start(move |socket| {
            socket.get_mut().write_all(bytes).unwrap();
            while let Ok(message) = socket.read() {
                if let Message::Close(frame) = message {
                    heard.lock().unwrap().send(frame.map(|frame| u16::from(frame.code))).unwrap();
                }
            }
        });
        let (done, level) = level(&talker.url(), &[]);
        assert_eq!(failure(&level), ("hold", "protocol"), "{}", done.all());
        assert_eq!(level["failures"][0]["example"], says);
        let told = codes.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(told, Some(code), "{says}");
    }
}

/// Runs against a server that sends without end; the most memory that it had, in KiB.
#[cfg(target_os = "linux")]
fn peak_memory_kib(talker: &Talker, flags: &[&str]) -> (u64, Value) {
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let run = Background::start(
        binary()
            .args(["run", &talker.url(), "--no-aws", "--levels=4", "--duration=2s", "--record"])
            .arg(&record)
            .args(flags),
    );
    let status = format!("/proc/{}/status", run.id());
    let mut peak = 0;
    while let Some(kib) = std::fs::read_to_string(&status).ok().and_then(|status| {
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }) {
        peak = kib;
        std::thread::sleep(Duration::from_millis(50));
    }
    run.wait();
    let mut report = json_of(&record);
    (peak, report["levels"][0].take())
}

/// A text frame's header that announces a tebibyte.
#[cfg(target_os = "linux")]
const TEBIBYTE: &[u8] = b"\x81\x7f\0\0\x01\0\0\0\0\0";

#[cfg(target_os = "linux")]
#[test]
fn texts_without_end_take_no_memory() {
    let fill = |socket: &mut crate::talker::Socket, fragment: &[u8]| {
        let stream = socket.get_mut();
        while stream.write_all(fragment).is_ok() {}
    };
    let one = Talker::start(move |socket| {
        socket.get_mut().write_all(TEBIBYTE).unwrap();
        fill(socket, &[b'a'; 65_536]);
    });
    let many: Vec<u8> = [b"\x01\x03abc".as_slice(), &b"\x00\x03abc".repeat(10_000)].concat();
    let fragments = Talker::start(move |socket| {
        let stream = socket.get_mut();
        stream.write_all(&many).unwrap();
        fill(socket, &many[5..]);
    });
    let beats = Talker::start(move |socket| {
        // A client that must answer all of these, and whose answers nobody reads.
        fill(socket, &b"\x81\x012\x89\x01x".repeat(10_000));
    });
    let patterns = ["--ready=^ready$", "--reply=^2$=>3", "--connect-timeout=2s"];
    for (name, talker, flags) in [
        ("one text, not ready", &one, &patterns[..]),
        ("one text, held", &one, &patterns[1..]),
        ("fragments, not ready", &fragments, &patterns[..]),
        ("fragments, held", &fragments, &patterns[1..]),
        ("heartbeats, not ready", &beats, &patterns[..]),
        ("heartbeats, held", &beats, &patterns[1..]),
    ] {
        let (peak, level) = peak_memory_kib(talker, flags);
        assert!(peak < 64 * 1024, "{name}: {peak} KiB");
        assert!(
            count(&level, "bytes_received") > 6_000_000 || name.starts_with("heartbeats"),
            "{name}: {level:#}"
        );
        if flags.len() == patterns.len() {
            assert_eq!(failure(&level), ("ready", "not_ready"), "{name}");
        }
    }
}

#[test]
fn what_can_not_be_meant_is_refused_in_one_line_with_its_place() {
    for (flags, said) in [
        (
            &["--ready=^40("][..],
            "the value of --ready can't be used: unclosed group, at character 4 of the pattern",
        ),
        (&["--heartbeat-expect=[a"], "unclosed character class, at character 1 of the pattern"),
        (&["--reply=a{2,1}=>x"], "at character 2 of the pattern"),
        (&["--reply=^2$"], "a reply is written REGEX=>MESSAGE"),
        (&["--ready=(a{1000}){1000}"], "the pattern is too large"),
        (&["--on-open={{user}}"], "unknown {{…}} at character 1"),
        (&["--protocol=mqtt"], "socket.io"),
        (&["--heartbeat-kind=text"], "needs the text that is sent"),
        (&["--heartbeat-message=x"], "--heartbeat-message is for text heartbeats"),
        (&["--heartbeat-kind=none", "--heartbeat-expect=x"], "--heartbeat-expect is for text heartbeats"),
    ] {
        let done = finish(binary().args(["run", "ws://127.0.0.1:1/", "--no-aws"]).args(flags));
        assert_eq!(done.code, 2, "{flags:?}: {}", done.all());
        let (cause, remedy) = done.complaint();
        assert!(cause.contains(said), "{flags:?}: {cause}");
        assert!(!remedy.is_empty(), "{flags:?}");
    }
}

#[test]
fn a_preset_gives_way_to_flags() {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&asked);
    let talker = Talker::start(move |socket| {
        listen(socket, |socket, text| {
            kept.lock().unwrap().push(text.to_owned());
            if text == "mine" {
                let _ = say(socket, r#"{"type":"connection_ack"}"#) && say(socket, r#"{"type":"ping"}"#);
            }
        });
    });
    // Tungstenite chooses no subprotocol, which a server may; the acknowledgement is the preset's.
    let flags = ["--protocol=graphql-ws", "--on-open=mine", "--reply=ping=>own", "--heartbeat-kind=ping"];
    let (_, level) = level(&talker.url(), &flags);
    assert_eq!(count(&level, "held"), 10, "{level:#}");
    assert_eq!(count(&level, "replies_sent"), 10, "{level:#}");
    assert_eq!(count(&level, "heartbeats_answered"), count(&level, "heartbeats_sent"), "pings: {level:#}");
    let asked: BTreeSet<String> = asked.lock().unwrap().iter().cloned().collect();
    assert_eq!(asked, BTreeSet::from(["mine".to_owned(), "own".to_owned()]));
}

#[test]
fn an_opening_message_is_shown_nowhere() {
    let secret = "eyJhbGciOiJIUzI1NiJ9.e30.s1gnature";
    let talker = Talker::start(|socket| {
        listen(socket, |socket, text| {
            say(socket, text);
        });
    });
    let folder = Folder::new();
    let record = folder.file("run.jsonl");
    let opening = format!("--on-open={{\"token\":\"{secret}\"}}");
    let done = finish(
        binary()
            .args(["run", &talker.url(), "--no-aws", "--levels=3", "--ready=^ready$", "-vv"])
            .args(["--connect-timeout=1s", &opening, "--record"])
            .arg(&record),
    );
    let shown = finish(binary().args(["config", "show", &opening]));
    let report = finish(binary().arg("report").arg(&record).arg("--format=html"));
    assert!(std::fs::read_to_string(&record).unwrap().contains("the last message was: "), "it came back");
    for text in [done.all(), shown.all(), report.all(), std::fs::read_to_string(&record).unwrap()] {
        assert!(!text.contains(secret) && !text.contains("s1gnature"));
    }
}
