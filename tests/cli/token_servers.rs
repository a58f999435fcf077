//! Two small servers that remember what they were told: one that speaks WebSocket, one that hands out tokens.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tokio_tungstenite::tungstenite;
use tungstenite::handshake::server::{ErrorResponse, Request, Response};

/// Opens every WebSocket, answers pings, and keeps the requests; ends with its process.
pub(crate) struct Recorder {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Recorder {
    pub(crate) fn start() -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || serve(stream.unwrap(), &seen));
            }
        });
        Recorder { port, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// What each request has in a header, sorted.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        self.all(|request| {
            request.headers().get(name).map_or(String::new(), |v| v.to_str().unwrap().to_owned())
        })
    }

    /// Path and query of each request, sorted.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.all(|request| request.uri().to_string())
    }

    fn all(&self, part: impl Fn(&Request) -> String) -> Vec<String> {
        let mut all: Vec<String> = self.requests.lock().unwrap().iter().map(part).collect();
        all.sort();
        all
    }
}

/// A path of `/close` is answered by a close frame whose reason is the token that came.
#[allow(clippy::result_large_err)]
fn serve(stream: TcpStream, seen: &Mutex<Vec<Request>>) {
    let mut closing = None;
    let remember = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        if request.uri().path() == "/close" {
            closing = request.headers().get("authorization").map(|v| v.to_str().unwrap().to_owned());
        }
        seen.lock().unwrap().push(request.clone());
        Ok(response)
    };
    let Ok(mut socket) = tungstenite::accept_hdr(stream, remember) else { return };
    if let Some(reason) = closing {
        let code = tungstenite::protocol::frame::coding::CloseCode::Library(4_001);
        let _ = socket.close(Some(tungstenite::protocol::CloseFrame { code, reason: reason.into() }));
    }
    while socket.read().is_ok() {}
}

/// What an endpoint was asked: request line, headers in lower case, body.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

/// Answers each HTTP request by a function of its ordinal and content; one request a connection.
pub(crate) struct TokenEndpoint {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl TokenEndpoint {
    pub(crate) fn start(
        answer: impl Fn(usize, &Asked) -> (u16, String) + Send + Sync + 'static,
    ) -> TokenEndpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (seen, answer) = (Arc::clone(&asked), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let Some(asked) = read_request(&stream) else { return };
                    let ordinal = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(asked.clone());
                        seen.len() - 1
                    };
                    let (status, body) = answer(ordinal, &asked);
                    let length = body.len();
                    let head = format!(
                        "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                    );
                    // In one write, so that its reader has it whole.
                    let _ = stream.write_all((head + &body).as_bytes());
                });
            }
        });
        TokenEndpoint { port, asked }
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://127.0.0.1:{}{target}", self.port)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn read_request(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.remove(0);
    let headers: Vec<String> = lines
        .iter()
        .map(|line| line.split_once(':').map_or(line.clone(), |(n, v)| format!("{}:{v}", n.to_lowercase())))
        .collect();
    let length = headers.iter().find_map(|h| h.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { line, headers, body: String::from_utf8(body).unwrap() })
}
