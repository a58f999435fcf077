//! Plain HTTP: what the SDK would send, but byte by byte.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Endpoint;

pub(super) const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKID/20260331/us-east-1/monitoring/aws4_request, \
                      SignedHeaders=host, Signature=00";
pub(super) const RPC: &str = "/service/GraniteServiceVersion20100801/operation";

/// An answer as it came.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Sends one request on a connection of its own.
pub(super) async fn send(endpoint: &Endpoint, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
        endpoint.address(),
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut stream = TcpStream::connect(endpoint.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: bytes[end + 4..].to_vec(),
    }
}

pub(super) async fn form(endpoint: &Endpoint, body: &str) -> Answer {
    let headers =
        [("Authorization", SIGNED), ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")];
    send(endpoint, "/", &headers, body.as_bytes()).await
}

pub(super) async fn cbor(endpoint: &Endpoint, operation: &str, body: &[u8], more: &[(&str, &str)]) -> Answer {
    let mut headers = vec![
        ("Authorization", SIGNED),
        ("Content-Type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
    ];
    headers.extend_from_slice(more);
    send(endpoint, &format!("{RPC}/{operation}"), &headers, body).await
}

pub(super) async fn json(endpoint: &Endpoint, target: &str, body: &str) -> Answer {
    let headers = [
        ("Authorization", SIGNED),
        ("Content-Type", "application/x-amz-json-1.0"),
        ("X-Amz-Target", target),
        ("x-amzn-query-mode", "true"),
    ];
    send(endpoint, "/", &headers, body.as_bytes()).await
}
