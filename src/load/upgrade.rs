//! The WebSocket handshake's request and what its answer must be (RFC 6455 §4). Pure: bytes in, bytes out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::refusal::Body;
use crate::plan::{Target, Token, TokenPlace};
use crate::record::FailureKind;

/// Longest answer head that is read; ALB itself allows 32 KiB of response headers in all.
pub(super) const LONGEST_HEAD: usize = 32 * 1024;
const MOST_HEADERS: usize = 128;
/// The head of a frame of HTTP/2 (RFC 9113 §4.1).
const HTTP2_HEAD: usize = 9;

/// The request of one target, complete but for a connection's token and its key.
pub(super) struct Request {
    head: Head,
    subprotocols: Vec<String>,
    /// Whether a connection's token is one of the offered subprotocols.
    offers_token: bool,
}

/// The request up to the key.
#[derive(Default)]
struct Head {
    text: String,
    /// Where in it the token goes; `None` where it is no part of the request.
    slot: Option<Slot>,
}

struct Slot {
    at: usize,
    /// Whether it is the value of a query parameter.
    in_query: bool,
}

impl Head {
    fn line(&mut self, name: &str, value: &str) {
        self.text.push_str(&format!("{name}: {value}\r\n"));
    }

    /// A header with the token at its end.
    fn line_with_token(&mut self, name: &str, before: &str) {
        self.text.push_str(&format!("{name}: {before}"));
        self.slot = Some(Slot { at: self.text.len(), in_query: false });
        self.text.push_str("\r\n");
    }

    fn request_line(&mut self, target: &Target, place: Option<&TokenPlace>) {
        self.text.push_str(&format!("GET {}", target.url.request_target()));
        if let Some(TokenPlace::Query(name)) = place {
            let joint = if self.text.contains('?') { '&' } else { '?' };
            self.text.push_str(&format!("{joint}{}=", query_encoded(name)));
            self.slot = Some(Slot { at: self.text.len(), in_query: true });
        }
        self.text.push_str(" HTTP/1.1\r\n");
    }

    /// The handshake's own headers; a user's, and the token's, take the place of those of the same name.
    fn own_headers(&mut self, target: &Target, place: Option<&TokenPlace>) {
        let of_token = |name: &str| match place {
            Some(TokenPlace::Header { name: header, .. }) => header.eq_ignore_ascii_case(name),
            _ => false,
        };
        let of_user = |name: &str| target.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name));
        let given = |name: &str| of_token(name) || of_user(name);
        if !given("host") {
            self.line("Host", &target.url.host_header());
        }
        self.text.push_str("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
        if !given("user-agent") {
            self.line("User-Agent", concat!("albcap/", env!("CARGO_PKG_VERSION")));
        }
        if let Some(userinfo) = target.url.userinfo().filter(|_| !given("authorization")) {
            self.line("Authorization", &format!("Basic {}", STANDARD.encode(userinfo)));
        }
    }

    /// The user's headers, and the token where it is one or part of one. All cookies stand in one header (RFC 6265 §5.4).
    fn extra_headers(&mut self, target: &Target, place: Option<&TokenPlace>) {
        let mut cookies = String::new();
        for header in &target.headers {
            if matches!(place, Some(TokenPlace::Cookie(_))) && header.name.eq_ignore_ascii_case("cookie") {
                cookies.push_str(&format!("{}; ", header.value));
            } else {
                self.line(&header.name, &header.value);
            }
        }
        match place {
            Some(TokenPlace::Header { name, prefix }) if prefix.is_empty() => self.line_with_token(name, ""),
            Some(TokenPlace::Header { name, prefix }) => self.line_with_token(name, &format!("{prefix} ")),
            Some(TokenPlace::Cookie(name)) => self.line_with_token("Cookie", &format!("{cookies}{name}=")),
            _ => {}
        }
    }

    fn subprotocols(&mut self, target: &Target, place: Option<&TokenPlace>) {
        const NAME: &str = "Sec-WebSocket-Protocol";
        let offered = target.subprotocols.join(", ");
        match (place, offered.is_empty()) {
            (Some(TokenPlace::Subprotocol), true) => self.line_with_token(NAME, ""),
            (Some(TokenPlace::Subprotocol), false) => self.line_with_token(NAME, &format!("{offered}, ")),
            (_, false) => self.line(NAME, &offered),
            (_, true) => {}
        }
    }
}

impl Request {
    pub(super) fn new(target: &Target) -> Request {
        let place = target.tokens.as_ref().map(|tokens| &tokens.place);
        let mut head = Head::default();
        head.request_line(target, place);
        head.own_headers(target, place);
        head.extra_headers(target, place);
        head.subprotocols(target, place);
        head.text.push_str("Sec-WebSocket-Key: ");
        let offers_token = place == Some(&TokenPlace::Subprotocol);
        Request { head, subprotocols: target.subprotocols.clone(), offers_token }
    }

    /// The request with a connection's token and its key.
    pub(super) fn filled(&self, token: Option<&Token>, key: &str) -> String {
        let mut text = format!("{}{key}\r\n\r\n", self.head.text);
        if let (Some(slot), Some(token)) = (&self.head.slot, token) {
            let token = if slot.in_query { &query_encoded(token.as_str()) } else { token.as_str() };
            text.insert_str(slot.at, token);
        }
        text
    }

    /// Looks at what has come so far, in answer to a request with that token and key.
    pub(super) fn check(&self, token: Option<&Token>, key: &str, bytes: &[u8]) -> Answer {
        if bytes.first() == Some(&0) && bytes.len() < HTTP2_HEAD {
            return Answer::Incomplete;
        }
        if is_http2(bytes) {
            return protocol("the answer is HTTP/2, and only HTTP/1.1 can be upgraded");
        }
        // Interim answers, such as 103 with hints, are passed over: the one that counts follows (RFC 9110 §15.2).
        let mut passed = 0;
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
            let mut response = httparse::Response::new(&mut headers);
            let head = match response.parse(&bytes[passed..]) {
                Ok(httparse::Status::Complete(length)) => passed + length,
                Ok(httparse::Status::Partial) if bytes.len() < LONGEST_HEAD => return Answer::Incomplete,
                Ok(httparse::Status::Partial) => return protocol("the answer's head is longer than 32 KiB"),
                Err(error) => return protocol(&format!("the answer is not HTTP: {error}")),
            };
            match response.code.unwrap_or(0) {
                101 => {
                    return self
                        .check_switch(token, key, response.headers)
                        .map_or_else(|reason| protocol(&reason), |()| Answer::Open { head });
                }
                100..200 => passed = head,
                status => {
                    let body = Body::new(status, response.headers, &bytes[head..]);
                    let reason = response.reason.unwrap_or("");
                    let example = format!("{status} {reason} {}", body.text()).trim().to_owned();
                    let kind = FailureKind::Http(status);
                    return Answer::Refused { kind, example, whole: body.is_enough() };
                }
            }
        }
    }

    /// RFC 6455 §4.1, the list of what a client must check in a 101. A `Connection` header may hold more than
    /// `Upgrade`: proxies send `keep-alive, Upgrade`.
    fn check_switch(
        &self,
        token: Option<&Token>,
        key: &str,
        headers: &[httparse::Header<'_>],
    ) -> Result<(), String> {
        let values = |name: &'static str| {
            headers
                .iter()
                .filter(move |header| header.name.eq_ignore_ascii_case(name))
                .map(|header| std::str::from_utf8(header.value).unwrap_or("").trim())
        };
        let has_token = |name, token: &str| {
            values(name)
                .flat_map(|value| value.split(','))
                .any(|part| part.trim().eq_ignore_ascii_case(token))
        };
        if !has_token("upgrade", "websocket") {
            return Err("101 without 'Upgrade: websocket'".into());
        }
        if !has_token("connection", "upgrade") {
            return Err("101 without 'Connection: Upgrade'".into());
        }
        if values("sec-websocket-accept").next() != Some(derive_accept_key(key.as_bytes()).as_str()) {
            return Err("101 with a wrong Sec-WebSocket-Accept".into());
        }
        if values("sec-websocket-extensions").any(|value| !value.is_empty()) {
            return Err("101 with an extension that was not offered".into());
        }
        let token = token.filter(|_| self.offers_token).map(Token::as_str);
        let offered = |chosen| token == Some(chosen) || self.subprotocols.iter().any(|name| name == chosen);
        match values("sec-websocket-protocol").next() {
            Some(chosen) if !offered(chosen) => {
                Err(format!("101 with subprotocol '{chosen}', which was not offered"))
            }
            _ => Ok(()),
        }
    }
}

fn query_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn protocol(reason: &str) -> Answer {
    Answer::Refused { kind: FailureKind::Protocol, example: reason.to_owned(), whole: true }
}

/// An HTTP/2 server begins with a SETTINGS frame of stream 0 (RFC 9113 §3.4); no answer of HTTP/1 begins with a zero.
fn is_http2(bytes: &[u8]) -> bool {
    matches!(bytes, [0, _, _, 4, _, 0, 0, 0, 0, ..])
}

/// What an answer means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The head is not complete.
    Incomplete,
    /// The connection is a WebSocket; what follows the head already belongs to it.
    Open {
        /// Length of the head.
        head: usize,
    },
    /// It is not.
    Refused {
        /// `http_<status>` or `protocol`.
        kind: FailureKind,
        /// What was said; not redacted yet.
        example: String,
        /// Whether that is all of it.
        whole: bool,
    },
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use std::time::Duration;

    use crate::plan::{Conversation, TlsOptions, TokenSource, Tokens};

    // RFC 6455 §1.3's own example.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn request(url: &str, headers: &[&str], subprotocols: &[&str]) -> Request {
        Request::new(&Target {
            url: url.parse().unwrap(),
            headers: headers.iter().map(|header| header.parse().unwrap()).collect(),
            subprotocols: subprotocols.iter().map(|&s| s.to_owned()).collect(),
            tls: TlsOptions::default(),
            conversation: Conversation::default(),
            tokens: None,
        })
    }

    /// The request with a token in that place.
    fn with_token(place: &str, url: &str, headers: &[&str], subprotocols: &[&str]) -> (Request, Token) {
        let source = TokenSource::Command(String::new());
        let tokens = Tokens { source, place: place.parse().unwrap(), timeout: Duration::ZERO };
        let request = Request::new(&Target {
            url: url.parse().unwrap(),
            headers: headers.iter().map(|header| header.parse().unwrap()).collect(),
            subprotocols: subprotocols.iter().map(|&s| s.to_owned()).collect(),
            tls: TlsOptions::default(),
            conversation: Conversation::default(),
            tokens: Some(tokens),
        });
        (request, "t+k".parse().unwrap())
    }

    fn switching(extra: &str) -> String {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n{extra}\r\n"
        )
    }

    #[test]
    fn the_request_says_what_was_asked_for() {
        let request =
            request("ws://u:p@h:8080/a?b=c", &["Origin: https://o", "user-agent: mine"], &["v2", "v1"]);
        let text = request.filled(None, KEY);
        assert!(text.starts_with("GET /a?b=c HTTP/1.1\r\nHost: h:8080\r\n"), "{text}");
        for line in [
            "Origin: https://o",
            "user-agent: mine",
            "Sec-WebSocket-Protocol: v2, v1",
            "Authorization: Basic dTpw",
            "Connection: Upgrade",
        ] {
            assert!(text.contains(&format!("\r\n{line}\r\n")), "{line} in {text}");
        }
        assert!(!text.contains("User-Agent: albcap"));
        assert!(text.ends_with(&format!("Sec-WebSocket-Key: {KEY}\r\n\r\n")));
    }

    #[test]
    fn every_place_has_the_token_and_nothing_else_changes() {
        type Case =
            (&'static str, &'static str, &'static [&'static str], &'static [&'static str], &'static str);
        let cases: [Case; 8] = [
            ("header:Authorization:Bearer", "ws://u:p@h/", &[], &[], "\r\nAuthorization: Bearer t+k\r\n"),
            ("header:X-Key", "ws://h/", &[], &[], "\r\nX-Key: t+k\r\n"),
            ("query:a b", "ws://h/p", &[], &[], "GET /p?a+b=t%2Bk HTTP/1.1\r\n"),
            ("query:t", "ws://h/p?x=1", &[], &[], "GET /p?x=1&t=t%2Bk HTTP/1.1\r\n"),
            ("cookie:sid", "ws://h/", &[], &[], "\r\nCookie: sid=t+k\r\n"),
            ("cookie:sid", "ws://h/", &["cookie: a=1"], &[], "\r\nCookie: a=1; sid=t+k\r\n"),
            ("subprotocol", "ws://h/", &[], &[], "\r\nSec-WebSocket-Protocol: t+k\r\n"),
            ("subprotocol", "ws://h/", &[], &["v1"], "\r\nSec-WebSocket-Protocol: v1, t+k\r\n"),
        ];
        for (place, url, headers, subprotocols, expected) in cases {
            let (request, token) = with_token(place, url, headers, subprotocols);
            let text = request.filled(Some(&token), KEY);
            assert!(text.contains(expected), "{place}: {text}");
            assert!(text.ends_with(&format!("Sec-WebSocket-Key: {KEY}\r\n\r\n")), "{place}: {text}");
            for name in ["authorization:", "cookie:", "sec-websocket-protocol:"] {
                assert!(text.to_lowercase().matches(name).count() <= 1, "{place}: {text}");
            }
        }
        let (request, token) = with_token("message", "ws://h/", &[], &[]);
        assert!(!request.filled(Some(&token), KEY).contains("t+k"), "it is for a later message");
    }

    #[test]
    fn a_server_may_choose_the_token_among_the_subprotocols() {
        let answer = switching("Connection: Upgrade\r\nSec-WebSocket-Protocol: t+k\r\n");
        let opens = |place| {
            let (request, token) = with_token(place, "ws://h/", &[], &["v1"]);
            matches!(request.check(Some(&token), KEY, answer.as_bytes()), Answer::Open { .. })
        };
        assert!(opens("subprotocol"));
        assert!(!opens("header:X"), "it was not offered");
    }

    #[test]
    fn a_host_header_of_the_users_replaces_ours() {
        let text = request("ws://127.0.0.1/", &["Host: ws.example.com"], &[]).filled(None, KEY);
        assert_eq!(text.matches("ost: ").count(), 1, "{text}");
    }

    #[test]
    fn a_right_answer_opens_and_its_tail_is_kept() {
        let request = request("ws://h/", &[], &["v1"]);
        for extra in [
            "Connection: Upgrade\r\n",
            "connection: keep-alive, Upgrade\r\n",
            "Connection: upgrade\r\nSec-WebSocket-Protocol: v1\r\n",
        ] {
            let head = switching(extra);
            let bytes = format!("{head}\u{1}frame");
            assert_eq!(
                request.check(None, KEY, bytes.as_bytes()),
                Answer::Open { head: head.len() },
                "{extra}"
            );
        }
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let request = request("ws://h/", &[], &[]);
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        let check = |text: &str| request.check(None, KEY, text.as_bytes());
        let switch = switching("Connection: Upgrade\r\n");
        let whole = format!("{hints}{hints}{switch}");
        assert_eq!(check(&whole), Answer::Open { head: whole.len() });
        assert_eq!(check(hints), Answer::Incomplete);
        let refused = check(&format!("{hints}HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
        assert!(matches!(refused, Answer::Refused { kind: FailureKind::Http(403), .. }), "{refused:?}");
        // Together they are no longer than a head may be, however short each is.
        let endless = "HTTP/1.1 103 E\r\n\r\n".repeat(LONGEST_HEAD / 18 + 1);
        let refused = check(&endless);
        assert!(matches!(refused, Answer::Refused { kind: FailureKind::Protocol, .. }), "{refused:?}");
    }

    #[test]
    fn wrong_answers_are_told_apart() {
        let request = request("ws://h/", &[], &[]);
        let kind = |bytes: &str| match request.check(None, KEY, bytes.as_bytes()) {
            Answer::Refused { kind, .. } => Some(kind),
            _ => None,
        };
        let ok = "Connection: Upgrade\r\n";
        assert_eq!(kind("HTTP/1.1 503 Service Unavailable\r\n\r\nbusy"), Some(FailureKind::Http(503)));
        assert_eq!(kind("SSH-2.0-OpenSSH\r\n"), Some(FailureKind::Protocol));
        assert_eq!(kind("\0not HTTP/2 either"), Some(FailureKind::Protocol));
        assert_eq!(kind(&switching("")), Some(FailureKind::Protocol), "no Connection header");
        assert_eq!(kind(&switching(ok).replace(ACCEPT, "x")), Some(FailureKind::Protocol));
        assert_eq!(kind(&switching(ok).replace("WebSocket\r", "h2c\r")), Some(FailureKind::Protocol));
        assert_eq!(
            kind(&switching(&format!("{ok}Sec-WebSocket-Protocol: v9\r\n"))),
            Some(FailureKind::Protocol)
        );
        assert_eq!(
            kind(&switching(&format!("{ok}Sec-WebSocket-Extensions: permessage-deflate\r\n"))),
            Some(FailureKind::Protocol)
        );
        let endless = format!("HTTP/1.1 101 x\r\nX: {}", "a".repeat(LONGEST_HEAD));
        assert_eq!(kind(&endless), Some(FailureKind::Protocol));
    }

    #[test]
    fn http2_is_told_by_its_first_frame() {
        let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x80";
        for cut in 0..HTTP2_HEAD {
            assert_eq!(request("ws://h/", &[], &[]).check(None, KEY, &settings[..cut]), Answer::Incomplete);
        }
        match request("ws://h/", &[], &[]).check(None, KEY, settings) {
            Answer::Refused { kind: FailureKind::Protocol, example, whole: true } => {
                assert!(example.contains("HTTP/2"), "{example}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refusal_is_whole_with_its_body() {
        let request = request("ws://h/", &[], &[]);
        let said = |bytes: &str| match request.check(None, KEY, bytes.as_bytes()) {
            Answer::Refused { example, whole, .. } => (example, whole),
            other => panic!("{other:?}"),
        };
        let head = "HTTP/1.1 503 Busy\r\nContent-Length: 6\r\n\r\n";
        assert_eq!(said(head), ("503 Busy".into(), false));
        assert_eq!(said(&format!("{head}later\n")), ("503 Busy later".into(), true));
    }

    proptest! {
        #[test]
        fn cut_anywhere_the_answer_is_incomplete(cut in 0_usize..100) {
            let head = switching("Connection: Upgrade\r\n");
            let cut = cut.min(head.len() - 1);
            prop_assert_eq!(request("ws://h/", &[], &[]).check(None, KEY, &head.as_bytes()[..cut]), Answer::Incomplete);
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = request("ws://h/", &[], &[]).check(None, KEY, &bytes);
        }
    }
}
