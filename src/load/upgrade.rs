//! The WebSocket handshake's request and what its answer must be (RFC 6455 §4). Pure: bytes in, bytes out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};

use crate::plan::Target;
use crate::record::FailureKind;

/// Longest answer head that is read; ALB itself allows 32 KiB of response headers in all.
pub(super) const LONGEST_HEAD: usize = 32 * 1024;
const MOST_HEADERS: usize = 128;

/// The request of one target, complete but for the key.
pub(super) struct Request {
    before_key: String,
    after_key: String,
    subprotocols: Vec<String>,
}

impl Request {
    pub(super) fn new(target: &Target) -> Request {
        let given = |name: &str| target.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name));
        let mut head = format!("GET {} HTTP/1.1\r\n", target.url.request_target());
        if !given("host") {
            head.push_str(&format!("Host: {}\r\n", target.url.host_header()));
        }
        head.push_str("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
        if !given("user-agent") {
            head.push_str(concat!("User-Agent: albcap/", env!("CARGO_PKG_VERSION"), "\r\n"));
        }
        if let Some(userinfo) = target.url.userinfo().filter(|_| !given("authorization")) {
            head.push_str(&format!("Authorization: Basic {}\r\n", STANDARD.encode(userinfo)));
        }
        for header in &target.headers {
            head.push_str(&format!("{}: {}\r\n", header.name, header.value));
        }
        if !target.subprotocols.is_empty() {
            head.push_str(&format!("Sec-WebSocket-Protocol: {}\r\n", target.subprotocols.join(", ")));
        }
        head.push_str("Sec-WebSocket-Key: ");
        Request { before_key: head, after_key: "\r\n\r\n".into(), subprotocols: target.subprotocols.clone() }
    }

    /// A request with a key of its own, and that key.
    pub(super) fn fresh(&self) -> (String, String) {
        let key = generate_key();
        (format!("{}{key}{}", self.before_key, self.after_key), key)
    }

    /// Looks at what has come so far.
    pub(super) fn check(&self, key: &str, bytes: &[u8]) -> Answer {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let head = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() < LONGEST_HEAD => return Answer::Incomplete,
            Ok(httparse::Status::Partial) => return protocol("the answer's head is longer than 32 KiB"),
            Err(error) => return protocol(&format!("the answer is not HTTP: {error}")),
        };
        let status = response.code.unwrap_or(0);
        if status != 101 {
            let text = String::from_utf8_lossy(&bytes[head..]);
            let reason = response.reason.unwrap_or("");
            let example = format!("{status} {reason} {}", text.trim()).trim().to_owned();
            return Answer::Refused { kind: FailureKind::Http(status), example };
        }
        self.check_switch(key, response.headers)
            .map_or_else(|reason| protocol(&reason), |()| Answer::Open { head })
    }

    /// RFC 6455 §4.1, the list of what a client must check in a 101. A `Connection` header may hold more than
    /// `Upgrade`: proxies send `keep-alive, Upgrade`.
    fn check_switch(&self, key: &str, headers: &[httparse::Header<'_>]) -> Result<(), String> {
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
        match values("sec-websocket-protocol").next() {
            Some(chosen) if !self.subprotocols.iter().any(|offered| offered == chosen) => {
                Err(format!("101 with subprotocol '{chosen}', which was not offered"))
            }
            _ => Ok(()),
        }
    }
}

fn protocol(reason: &str) -> Answer {
    Answer::Refused { kind: FailureKind::Protocol, example: reason.to_owned() }
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
    },
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::TlsOptions;

    // RFC 6455 §1.3's own example.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn request(url: &str, headers: &[&str], subprotocols: &[&str]) -> Request {
        Request::new(&Target {
            url: url.parse().unwrap(),
            headers: headers.iter().map(|header| header.parse().unwrap()).collect(),
            subprotocols: subprotocols.iter().map(|&s| s.to_owned()).collect(),
            tls: TlsOptions::default(),
        })
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
        let (text, key) = request.fresh();
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
        assert!(text.ends_with(&format!("Sec-WebSocket-Key: {key}\r\n\r\n")));
        assert_ne!(request.fresh().1, key, "every connection has a key of its own");
    }

    #[test]
    fn a_host_header_of_the_users_replaces_ours() {
        let (text, _) = request("ws://127.0.0.1/", &["Host: ws.example.com"], &[]).fresh();
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
            assert_eq!(request.check(KEY, bytes.as_bytes()), Answer::Open { head: head.len() }, "{extra}");
        }
    }

    #[test]
    fn wrong_answers_are_told_apart() {
        let request = request("ws://h/", &[], &[]);
        let kind = |bytes: &str| match request.check(KEY, bytes.as_bytes()) {
            Answer::Refused { kind, .. } => Some(kind),
            _ => None,
        };
        let ok = "Connection: Upgrade\r\n";
        assert_eq!(kind("HTTP/1.1 503 Service Unavailable\r\n\r\nbusy"), Some(FailureKind::Http(503)));
        assert_eq!(kind("SSH-2.0-OpenSSH\r\n"), Some(FailureKind::Protocol));
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

    proptest! {
        #[test]
        fn cut_anywhere_the_answer_is_incomplete(cut in 0_usize..100) {
            let head = switching("Connection: Upgrade\r\n");
            let cut = cut.min(head.len() - 1);
            prop_assert_eq!(request("ws://h/", &[], &[]).check(KEY, &head.as_bytes()[..cut]), Answer::Incomplete);
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = request("ws://h/", &[], &[]).check(KEY, &bytes);
        }
    }
}
