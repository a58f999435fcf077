//! Reads the head of one request (RFC 9112) and tells what it asks for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// Longest head that is read; an ALB's limit for a request line and for a single header is the
/// same (aws-facts.md §3, "400 malformed or header limits").
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// Most header fields of a request.
const MAX_FIELDS: usize = 128;

/// What every server appends to a client's key (RFC 6455 §1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What the bytes received so far are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The beginning of a request.
    Partial,
    /// Nothing that can become one.
    Malformed,
    /// A request, whose head is so many bytes long.
    Whole(usize, Request),
}

/// A request that a load balancer passes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// What it asks for.
    pub(super) wish: Wish,
    /// The connection may be used again.
    pub(super) keep_alive: bool,
    /// It was a HEAD: the answer has no body.
    pub(super) head_only: bool,
    /// Length of the body that follows; `None` if it can't be told beforehand.
    pub(super) body: Option<u64>,
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Something plain, such as a health check.
    Plain,
    /// A WebSocket that can be had.
    Upgrade(Upgrade),
    /// A WebSocket of another version than 13 (RFC 6455 §4.4).
    OtherVersion,
    /// A WebSocket, asked for without a good key (RFC 6455 §4.2.1).
    BadUpgrade,
}

/// What the answer to an upgrade must say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Upgrade {
    /// Value of Sec-WebSocket-Accept.
    pub(super) accept: String,
    /// The first subprotocol that was offered.
    pub(super) subprotocol: Option<String>,
}

/// Reads a head from the beginning of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Head {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Head::Partial,
        _ => return Head::Malformed,
    };
    let (Some(method), Some(minor_version)) = (parsed.method, parsed.version) else {
        return Head::Malformed;
    };
    let fields = Fields(parsed.headers);
    if minor_version == 1 && fields.values("host").count() != 1 {
        return Head::Malformed;
    }
    let Ok(body) = body_length(&fields) else {
        return Head::Malformed;
    };
    let keep_alive = if minor_version == 1 {
        !fields.has_token("connection", "close")
    } else {
        fields.has_token("connection", "keep-alive")
    };
    let wish = if method == "GET" && minor_version == 1 { wish(&fields) } else { Wish::Plain };
    Head::Whole(length, Request { wish, keep_alive, head_only: method == "HEAD", body })
}

/// Whether the fields ask for a WebSocket, by RFC 6455 §4.2.1.
fn wish(fields: &Fields<'_>) -> Wish {
    if !fields.has_token("upgrade", "websocket") || !fields.has_token("connection", "upgrade") {
        return Wish::Plain;
    }
    if fields.values("sec-websocket-version").ne(["13"]) {
        return Wish::OtherVersion;
    }
    let mut keys = fields.values("sec-websocket-key");
    match (keys.next(), keys.next()) {
        (Some(key), None) if STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16) => {
            Wish::Upgrade(Upgrade {
                accept: accept(key),
                subprotocol: fields.tokens("sec-websocket-protocol").next().map(str::to_owned),
            })
        }
        _ => Wish::BadUpgrade,
    }
}

/// The answer to a client's key (RFC 6455 §4.2.2, 5.4).
fn accept(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(KEY_SUFFIX).finalize())
}

/// Length of the body (RFC 9112 §6.3): `Ok(None)` for a coding whose end this reader does not look
/// for, an error where the fields contradict each other.
fn body_length(fields: &Fields<'_>) -> Result<Option<u64>, ()> {
    let coded = fields.values("transfer-encoding").next().is_some();
    let mut lengths = fields.values("content-length");
    match (lengths.next(), lengths.next()) {
        (None, None) if coded => Ok(None),
        (None, None) => Ok(Some(0)),
        (Some(length), None) if !coded && length.bytes().all(|byte| byte.is_ascii_digit()) => {
            length.parse().map(Some).map_err(drop)
        }
        _ => Err(()),
    }
}

/// Header fields, found by lower-case name.
struct Fields<'a>(&'a [httparse::Header<'a>]);

impl<'a> Fields<'a> {
    /// The values of all fields of a name; one that is no text is no value.
    fn values(&self, name: &'static str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .filter_map(|field| std::str::from_utf8(field.value).ok())
            .map(str::trim)
    }

    /// The members of a comma-separated list, over all fields of a name.
    fn tokens(&self, name: &'static str) -> impl Iterator<Item = &'a str> {
        self.values(name).flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
    }

    fn has_token(&self, name: &'static str, token: &str) -> bool {
        self.tokens(name).any(|member| member.eq_ignore_ascii_case(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6455 §1.3.
    const EXAMPLE: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n";

    fn wish_of(text: &str) -> Wish {
        match read(text.as_bytes()) {
            Head::Whole(_, request) => request.wish,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_example_of_the_rfc_is_upgraded() {
        let expected = Upgrade {
            accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned(),
            subprotocol: Some("chat".to_owned()),
        };
        assert_eq!(wish_of(EXAMPLE), Wish::Upgrade(expected));
    }

    #[test]
    fn every_beginning_of_a_request_is_partial() {
        for length in 0..EXAMPLE.len() {
            assert_eq!(read(&EXAMPLE.as_bytes()[..length]), Head::Partial, "{length}");
        }
        let followed = format!("{EXAMPLE}more");
        assert!(matches!(read(followed.as_bytes()), Head::Whole(length, _) if length == EXAMPLE.len()));
    }

    #[test]
    fn tokens_are_found_whatever_stands_beside_them() {
        let text = EXAMPLE
            .replace("Connection: Upgrade", "connection: keep-alive, UPGRADE")
            .replace("Upgrade: websocket", "Upgrade: WebSocket");
        assert!(matches!(wish_of(&text), Wish::Upgrade(_)));
    }

    #[test]
    fn what_is_no_good_upgrade_is_told_apart() {
        assert_eq!(wish_of(&EXAMPLE.replace("Version: 13", "Version: 8")), Wish::OtherVersion);
        assert_eq!(wish_of(&EXAMPLE.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=")), Wish::BadUpgrade);
        assert_eq!(wish_of(&EXAMPLE.replace("Sec-WebSocket-Key", "X-Key")), Wish::BadUpgrade);
        assert_eq!(wish_of(&EXAMPLE.replace("Connection: Upgrade", "Connection: close")), Wish::Plain);
        assert_eq!(wish_of(&EXAMPLE.replace("GET", "POST")), Wish::Plain);
    }

    #[test]
    fn malformed_heads_are_refused() {
        let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEAD));
        let cases = [
            "\x16\x03\x01\x02\x00\x01\x00\x01",
            "GET / HTTP/9.9\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
            &long,
            &long[..MAX_HEAD],
        ];
        for text in cases {
            assert_eq!(read(text.as_bytes()), Head::Malformed, "{text:.60}");
        }
    }

    #[test]
    fn a_connection_is_kept_as_its_version_says() {
        let kept = |text: &str| match read(text.as_bytes()) {
            Head::Whole(_, request) => request.keep_alive,
            other => panic!("{other:?}"),
        };
        assert!(kept("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(!kept("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        assert!(!kept("GET / HTTP/1.0\r\n\r\n"));
        assert!(kept("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
            let _ = read(&bytes);
        }
    }
}
