//! Servers that repeat secrets in every encoding.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};

use crate::talker::{Talker, listen, say};

/// An encoding's name, and what it makes of a secret.
type Encoding = (&'static str, fn(&str) -> String);

/// How servers write a text into JSON, URLs, HTML and headers.
pub(crate) const ENCODINGS: [Encoding; 22] = [
    ("raw", str::to_owned),
    ("JSON, slashes", |text| text.replace('/', r"\/")),
    ("JSON, lower case", |text| escape_marks(text, |code| format!("\\u{code:04x}"))),
    ("JSON, upper case", |text| escape_marks(text, |code| format!("\\u{code:04X}"))),
    ("JSON, everything", |text| escape_all(text, |code| format!("\\u{code:04x}"))),
    ("JavaScript", |text| escape_marks(text, |code| format!("\\x{code:02x}"))),
    ("percent, lower case", |text| escape_marks(text, |code| format!("%{code:02x}"))),
    ("percent, upper case", |text| escape_marks(text, |code| format!("%{code:02X}"))),
    ("percent, everything", |text| escape_all(text, |code| format!("%{code:02X}"))),
    ("percent, in part", |text| text.replace('+', "%2b")),
    ("percent, twice", |text| escape_marks(text, |code| format!("%25{code:02X}"))),
    ("HTML, named", |text| text.replace('+', "&plus;").replace('/', "&sol;")),
    ("HTML, decimal", |text| escape_marks(text, |code| format!("&#{code};"))),
    ("HTML, hexadecimal", |text| escape_marks(text, |code| format!("&#x{code:x};"))),
    ("Base64", |text| STANDARD.encode(text)),
    ("Base64 without padding", |text| STANDARD_NO_PAD.encode(text)),
    ("Base64 for URLs", |text| URL_SAFE.encode(text)),
    ("Base64 for URLs without padding", |text| URL_SAFE_NO_PAD.encode(text)),
    ("Base64 of JSON", |text| STANDARD.encode(text.replace('/', r"\/"))),
    ("escape() of JavaScript", |text| escape_marks(text, |code| format!("%u{code:04X}"))),
    ("hexadecimal, lower case", |text| text.bytes().map(|byte| format!("{byte:02x}")).collect()),
    ("hexadecimal, upper case", |text| text.bytes().map(|byte| format!("{byte:02X}")).collect()),
];

fn escape_marks(text: &str, escape: impl Fn(u32) -> String) -> String {
    let escape = |c: char| if c.is_ascii_alphanumeric() { c.to_string() } else { escape(u32::from(c)) };
    text.chars().map(escape).collect()
}

fn escape_all(text: &str, escape: impl Fn(u32) -> String) -> String {
    text.chars().map(|c| escape(u32::from(c))).collect()
}

/// Refuses every upgrade.
pub(crate) struct RefusingServer {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<String>>,
}

impl RefusingServer {
    /// The requests so far.
    pub(crate) fn requests(&self) -> String {
        self.requests.lock().unwrap().clone()
    }
}

/// Refuses the n-th upgrade with the n-th secret in every encoding, each between angle brackets.
pub(crate) fn refusing_server(secrets: &[String]) -> RefusingServer {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests: Arc<Mutex<String>> = Arc::default();
    let (seen, secrets) = (Arc::clone(&requests), secrets.to_vec());
    std::thread::spawn(move || {
        for (secret, stream) in secrets.iter().zip(listener.incoming()) {
            let mut stream = stream.unwrap();
            let mut request = vec![0; 16 * 1024];
            let read = stream.read(&mut request).unwrap();
            seen.lock().unwrap().push_str(&String::from_utf8_lossy(&request[..read]));
            let body: Vec<String> =
                ENCODINGS.iter().map(|(_, encode)| format!("<{}>", encode(secret))).collect();
            let body = body.join("\n");
            let length = body.len();
            let head =
                format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    RefusingServer { address, requests }
}

/// Close reasons of at most 123 bytes (RFC 6455 §5.5) that hold a secret in one encoding each.
pub(crate) fn close_reasons(secrets: &[String]) -> Vec<String> {
    let reasons = |secret: &String| {
        ENCODINGS.iter().map(|(_, encode)| format!("<{}>", encode(secret))).collect::<Vec<_>>()
    };
    secrets.iter().flat_map(reasons).filter(|reason| reason.len() <= 123).collect()
}

/// Opens every WebSocket, says that it is ready when it is told anything, and then closes for the next of these reasons.
pub(crate) fn closing_server(reasons: Vec<String>) -> Talker {
    let reasons = Mutex::new(reasons.into_iter());
    Talker::start(move |socket| {
        let Ok(_) = socket.read() else { return };
        let Some(reason) = reasons.lock().unwrap().next() else { return };
        let _ = say(socket, "ok")
            && socket
                .close(Some(CloseFrame { code: CloseCode::Library(4_001), reason: reason.into() }))
                .is_ok();
        listen(socket, |_, _| {});
    })
}
