//! What the network says is escaped where it is shown; and of a secret that its end cuts, nothing is left.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use crate::harness::{Folder, binary, finish};
use crate::token_servers::TokenEndpoint;

#[test]
fn foreign_text_is_escaped() {
    let body = "\u{1b}[2J<script>alert(1)</script>";
    let server = TokenEndpoint::start(move |_, _| (403, body.to_owned()));
    let folder = Folder::new();
    let [record, json, html] = ["run.jsonl", "r.json", "r.html"].map(|name| folder.file(name));
    let mut command = binary();
    command.args(["run", &server.url("/").replace("http:", "ws:"), "--no-aws", "-vvv", "--levels=3"]);
    command.arg("--record").arg(&record).arg("--export").arg(&json).arg("--export").arg(&html);
    let done = finish(&mut command);
    assert_eq!(done.code, 1, "{}", done.all());
    let record = fs::read_to_string(&record).unwrap();
    assert!(record.contains("403 x"), "the example is kept: {record}");
    assert!(!done.stdout.contains('\u{1b}'), "no control sequence of the server's reaches a terminal");
    assert!(!fs::read_to_string(&html).unwrap().contains("<script>alert"), "nor a tag a browser");
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
