//! No secret leaves: not into the record, not into any output, not into a log; and what the network says is escaped.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use crate::harness::{Folder, binary, finish};

/// Answers every upgrade with 403 and repeats what it was told, with control sequences around it.
fn echoing_server() -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).unwrap();
            let said = String::from_utf8_lossy(&request[..read]).into_owned();
            let secrets: Vec<&str> = ["hunter2", "tok-123456", "s3cret-header"]
                .into_iter()
                .filter(|secret| said.contains(secret))
                .collect();
            let body = format!("\u{1b}[2J<script>alert(1)</script> {}", secrets.join(" "));
            let _ = write!(
                stream,
                "HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (port, server)
}

#[test]
fn secrets_stay_inside_and_foreign_text_is_escaped() {
    let (port, server) = echoing_server();
    let folder = Folder::new();
    let headers = folder.file("headers");
    fs::write(&headers, "Authorization: Bearer s3cret-header\n").unwrap();
    let record = folder.file("run.jsonl");
    let (json, html) = (folder.file("r.json"), folder.file("r.html"));
    let done = finish(
        binary()
            .arg("run")
            .arg(format!("ws://user:hunter2@127.0.0.1:{port}/path?token=tok-123456"))
            .args(["--no-aws", "-vvv", "--levels=3", "--duration=200ms", "-H"])
            .arg(format!("@{}", headers.display()))
            .arg("--export")
            .arg(&json)
            .arg("--export")
            .arg(&html)
            .arg("--record")
            .arg(&record),
    );
    server.join().unwrap();
    assert_eq!(done.code, 1, "{}", done.all());
    let record = fs::read_to_string(&record).unwrap();
    let html = fs::read_to_string(&html).unwrap();
    let places = [
        ("output", done.all()),
        ("record", record.clone()),
        ("json", fs::read_to_string(&json).unwrap()),
        ("html", html.clone()),
    ];
    for (place, text) in &places {
        for secret in ["hunter2", "tok-123456", "s3cret-header", "dXNlcjpodW50ZXIy"] {
            assert!(!text.contains(secret), "{secret} in {place}");
        }
    }
    assert!(record.contains("token=***"), "the URL without its values: {record}");
    assert!(record.contains("403 Forbidden"), "the example is kept");
    assert!(!done.stdout.contains('\u{1b}'), "no control sequence of the server's reaches a terminal");
    assert!(!html.contains("<script>alert"), "nor a tag a browser");
    assert!(record.lines().all(|line| line.len() < 4096), "texts from the network are cut");
}

/// Answers the n-th upgrade with 403 and the n-th of these texts, which it was told before. The last byte of an answer
/// is the last byte of the connection, so that a text that is cut is the end of what is known.
fn answering(texts: &'static [&'static str]) -> (u16, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let answer = |text: &&str| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).unwrap();
            // In one write, since a refusal's text is what came with its head.
            let told = format!("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n<{text}");
            let _ = stream.write_all(told.as_bytes());
            String::from_utf8_lossy(&request[..read]).into_owned()
        };
        texts.iter().map(answer).collect()
    });
    (port, server)
}

#[test]
fn no_form_of_a_secret_comes_back() {
    // A raw query value, a bare query, Basic authentication, a part of a cookie, and a value that was cut.
    const TOLD: [&str; 5] = ["a%2fsecret", "B4RE-S3CRET", "dXNlcjpodW50ZXIy", "c00k1e-s3cret", "hunt"];
    let (port, server) = answering(&TOLD);
    let folder = Folder::new();
    let headers = folder.file("headers");
    fs::write(&headers, "Cookie: sid=c00k1e-s3cret; theme=dark\n").unwrap();
    let record = folder.file("run.jsonl");
    let done = finish(
        binary()
            .arg("run")
            .arg(format!("ws://user:hunter2@127.0.0.1:{port}/path?k=a%2fsecret&B4RE-S3CRET"))
            .args(["--no-aws", "-vvv", "--levels=1,4", "--keep-going", "--duration=0", "--pause=0"])
            .args(["--window=1", "-H"])
            .arg(format!("@{}", headers.display()))
            .arg("--record")
            .arg(&record),
    );
    assert_eq!(done.code, 1, "{}", done.all());
    let record = fs::read_to_string(&record).unwrap();
    let seen = record.matches("403 Forbidden <***").count();
    assert_eq!(seen, TOLD.len(), "each was said, and struck out: {record}");
    for secret in TOLD.iter().chain(&["hunter2"]) {
        for (place, text) in [("output", done.all()), ("record", record.clone())] {
            assert!(!text.contains(secret), "{secret} in {place}: {text}");
        }
    }
    assert!(record.contains("/path?k=***&***"), "{record}");
    let requests = server.join().unwrap();
    for told in &TOLD[..4] {
        assert!(requests[0].contains(told), "it was sent: {}", requests[0]);
    }
}
