//! A tiny HTTP server that gives canned answers, for the tests of this room: the real SDK speaks to it.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request of the SDK, as far as an answer depends on it.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// The operation: `Action=` of a query body, or the end of the path.
    pub(super) operation: String,
    /// The body.
    pub(super) body: Vec<u8>,
    /// How many came before it.
    pub(super) earlier: usize,
}

impl Request {
    /// A form field of a query body, not decoded.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let body = String::from_utf8_lossy(&self.body).into_owned();
        let fields = body.split('&').filter_map(|field| field.split_once('=')).find(|(key, _)| *key == name);
        fields.map(|(_, value)| value.to_owned())
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// A response.
    Http { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// The connection is closed without a word.
    HangUp,
    /// Nothing, for as long as the client waits.
    Silence,
}

/// An elbv2 answer: the result's inner XML.
pub(super) fn xml(operation: &str, inner: &str) -> Answer {
    let body = format!(
        "<{operation}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <{operation}Result>{inner}</{operation}Result></{operation}Response>"
    );
    http(200, "text/xml", body)
}

/// An error as elbv2 gives it.
pub(super) fn xml_error(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>1</RequestId></ErrorResponse>"
    );
    http(status, "text/xml", body)
}

/// Any body.
pub(super) fn http(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Answer {
    Answer::Http { status, headers: vec![("content-type", content_type.to_owned())], body: body.into() }
}

/// The server; it ends when this is dropped.
pub(super) struct Canned {
    /// Its URL.
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Canned {
    /// Answers every request by `answer`.
    pub(super) async fn serve(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Canned {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has one");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = (seen.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer) = shared.clone();
                tokio::spawn(async move { converse(stream, &seen, answer.as_ref()).await });
            }
        });
        Canned { url: format!("http://{address}"), seen, task }
    }

    /// The requests so far.
    pub(super) fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request, one answer, and the connection is closed.
async fn converse(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Request>>,
    answer: &(impl Fn(&Request) -> Answer + Sync),
) -> Option<()> {
    let (head, body) = read(&mut stream).await?;
    let request = {
        let mut seen = seen.lock().expect("nobody panics with it");
        let mut request = Request { operation: String::new(), body, earlier: seen.len() };
        let path = head.split(' ').nth(1)?.to_owned();
        let last = path.rsplit('/').next().unwrap_or_default().to_owned();
        request.operation = request.field("Action").unwrap_or(last);
        seen.push(request.clone());
        request
    };
    match answer(&request) {
        Answer::Http { status, headers, body } => {
            let mut response = format!(
                "HTTP/1.1 {status} Canned\r\nconnection: close\r\ncontent-length: {}\r\n",
                body.len()
            );
            for (name, value) in headers {
                response.push_str(&format!("{name}: {value}\r\n"));
            }
            response.push_str("\r\n");
            stream.write_all(response.as_bytes()).await.ok()?;
            stream.write_all(&body).await.ok()
        }
        Answer::HangUp => None,
        // The client gives up, and its end of the stream is all that comes.
        Answer::Silence => stream.read(&mut [0]).await.ok().map(drop),
    }
}

async fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0);
    let mut body = bytes.split_off(end);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head, body))
}
