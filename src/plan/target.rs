//! Where the connections go and what they bring along, secrets included.

use std::path::PathBuf;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;

use super::target_url::plus_decoded;
use super::{Conversation, Secrets, TargetUrl, Tokens};

/// A word of this many bytes may be a token, also without a digit in it.
const SHORTEST_TOKEN: usize = 16;

/// Where the connections go and what they bring along. It holds secrets and is never written anywhere.
#[derive(Debug, Clone)]
pub struct Target {
    /// The URL in full.
    pub url: TargetUrl,
    /// Extra request headers, in order.
    pub headers: Vec<RequestHeader>,
    /// Offered subprotocols, in order of preference (RFC 6455 §1.9).
    pub subprotocols: Vec<String>,
    /// How TLS is spoken.
    pub tls: TlsOptions,
    /// What is said over an open connection.
    pub conversation: Conversation,
    /// Where every connection gets a token of its own; `None` where none is used.
    pub tokens: Option<Tokens>,
}

/// How TLS is spoken; the files are read when the load begins.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// PEM file of certificates to trust in place of the system's.
    pub ca_cert: Option<PathBuf>,
    /// PEM file of the client's certificate chain, for mTLS.
    pub cert: Option<PathBuf>,
    /// PEM file of the client's private key.
    pub key: Option<PathBuf>,
    /// Accept whatever certificate the server shows.
    pub insecure: bool,
    /// Resume sessions by the tickets of earlier connections.
    pub resume: bool,
}

impl Target {
    /// All that must never be seen of this target, in every form in which it may come back.
    pub fn secrets(&self) -> Secrets {
        let query = self.url.query_secrets().flat_map(|raw| [raw.to_owned(), plus_decoded(raw)]);
        let headers = self.headers.iter().flat_map(|header| {
            // `Bearer X` may come back as `X` alone, and one cookie without the others.
            let parts = std::iter::once(header.value.as_str()).chain(parts(&header.value)).map(str::to_owned);
            parts.chain(header.basic_pair().into_iter().flat_map(|pair| pair_forms(&pair)))
        });
        let tokens = self.tokens.iter().flat_map(Tokens::sent_texts);
        let messages = self.conversation.sent_texts().chain(tokens).flat_map(credentials);
        // Some servers take a token as a subprotocol; the registered names are shorter, or hold no digit.
        let may_be_token = |name: &&String| name.len() >= SHORTEST_TOKEN && is_mixed(name);
        let subprotocols = self.subprotocols.iter().filter(may_be_token).cloned();
        let userinfo = self.url.raw_userinfo().into_iter().chain(self.url.userinfo());
        let userinfo = userinfo.flat_map(|pair| pair_forms(&pair));
        Secrets::new(query.chain(headers).chain(messages).chain(subprotocols).chain(userinfo))
    }
}

/// A user and password, together and alone.
fn pair_forms(pair: &str) -> [String; 3] {
    let (user, password) = pair.split_once(':').unwrap_or((pair, ""));
    [pair, user, password].map(str::to_owned)
}

/// The words of a text that may be a credential, of the characters of one (RFC 6750 §2.1): long ones, and shorter ones in
/// which letters and digits are mixed.
fn credentials(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"-._~+/=".contains(c));
    words.filter(|word| word.len() >= SHORTEST_TOKEN || is_mixed(word)).map(str::to_owned)
}

/// Whether a text holds letters and digits.
fn is_mixed(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit()) && text.contains(|c: char| c.is_ascii_alphabetic())
}

/// What a header's value is made of.
pub(super) fn parts(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| c.is_whitespace() || ";,=".contains(c))
}

/// An extra request header; its value is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The name as given.
    pub name: String,
    /// The value, trimmed.
    pub value: String,
}

impl RequestHeader {
    /// `user:password` of Basic authentication (RFC 7617 §2). It is a secret.
    fn basic_pair(&self) -> Option<String> {
        const EITHER_PADDING: GeneralPurposeConfig =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let (scheme, encoded) = self.value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = GeneralPurpose::new(&STANDARD, EITHER_PADDING).decode(encoded.trim()).ok()?;
        String::from_utf8(pair).ok()
    }
}

/// Why a header can't be sent; the value is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Not `NAME: VALUE`.
    #[error("a header is written 'NAME: VALUE', with a name of letters, digits and hyphens")]
    Form,
    /// A line break or another control character: it would start another header.
    #[error("the value of header '{0}' holds a control character or is not ASCII")]
    Value(String),
    /// The handshake sets it.
    #[error("header '{0}' belongs to the handshake and can't be set; for subprotocols use --subprotocol")]
    Reserved(String),
}

/// Whether a text can be the name of a header, a cookie or a subprotocol: a token of RFC 9110 §5.6.2.
pub fn is_http_token(text: &str) -> bool {
    let of_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(of_token)
}

impl std::str::FromStr for RequestHeader {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<RequestHeader, HeaderError> {
        let (name, value) = text.split_once(':').ok_or(HeaderError::Form)?;
        let (name, value) = (name.trim(), value.trim());
        if !is_http_token(name) {
            return Err(HeaderError::Form);
        }
        if !value.chars().all(|c| c == '\t' || (' '..='~').contains(&c)) {
            return Err(HeaderError::Value(name.to_owned()));
        }
        let lower = name.to_ascii_lowercase();
        if ["connection", "upgrade", "content-length", "transfer-encoding"].contains(&lower.as_str())
            || lower.starts_with("sec-websocket-")
        {
            return Err(HeaderError::Reserved(name.to_owned()));
        }
        Ok(RequestHeader { name: name.to_owned(), value: value.to_owned() })
    }
}

impl std::fmt::Debug for RequestHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::{Beat, TextBeat};

    fn url(text: &str) -> TargetUrl {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_secret_is_shown() {
        let url = url("wss://user:hunter2@h/p?token=abc&flag&token=def");
        assert_eq!(url.shown().as_str(), "wss://h/p?token=***&***&token=***");
        assert!(!format!("{url:?}").contains("hunter2"));
        let header: RequestHeader = "Authorization: Bearer s3cret".parse().unwrap();
        assert_eq!(format!("{header:?}"), "Authorization: ***");
        let target = Target {
            url,
            headers: vec![header],
            subprotocols: vec![],
            tls: TlsOptions::default(),
            conversation: Conversation::default(),
            tokens: None,
        };
        let kept = target.secrets().redact("no s3cret, no hunter2");
        assert_eq!(kept.as_str(), "no ***, no ***");
    }

    #[test]
    fn a_credential_in_what_is_sent_is_a_secret() {
        let on_open = r#"{"type":"connection_init","token":"eyJhbGciOiJIUzI1NiJ9.e30.x-y_z","n":{{index}}}"#;
        let conversation = Conversation {
            on_open: on_open.parse().ok(),
            replies: vec!["^ping=>pong pa55word".parse().unwrap()],
            beat: Beat::Text(TextBeat { message: "beat t0ken".into(), expect: None }),
            ..Conversation::default()
        };
        let target = Target {
            url: url("ws://h/"),
            headers: vec![],
            subprotocols: vec!["graphql-transport-ws".into(), "bearer.eyJhbGciOiJ9".into()],
            tls: TlsOptions::default(),
            conversation,
            tokens: None,
        };
        let kept = target.secrets().redact("connection_init: eyJhbGciOiJIUzI1NiJ9.e30.x-y_z is wrong");
        assert_eq!(kept.as_str(), "connection_init: *** is wrong");
        let kept =
            target.secrets().redact("pong pa55word, beat t0ken, graphql-transport-ws bearer.eyJhbGciOiJ9");
        assert_eq!(kept.as_str(), "pong ***, beat ***, graphql-transport-ws ***");
    }

    #[test]
    fn a_secret_is_known_in_every_form_in_which_it_may_come_back() {
        let target = |url: &str, headers: &[&str]| Target {
            url: url.parse().unwrap(),
            headers: headers.iter().map(|header| header.parse().unwrap()).collect(),
            subprotocols: vec![],
            tls: TlsOptions::default(),
            conversation: Conversation::default(),
            tokens: None,
        };
        let cookie = "Cookie: sid=c00k1e; theme=dark99,b3ta one-more";
        for (url, headers, said) in [
            // Query values: as they stand there, decoded, and encoded by the book.
            ("ws://h/?k=a%2fb%20c", &[][..], vec!["a%2fb%20c", "a/b c", "a%2Fb+c"]),
            ("ws://h/?k=a/b+c~d", &[], vec!["a/b+c~d", "a/b c~d", "a%2Fb+c%7Ed"]),
            ("ws://h/?k=x=y=z1", &[], vec!["x=y=z1"]),
            // Userinfo: alone, together, raw, decoded, and as Basic authentication.
            ("ws://us%40r:p%2Fw@h/", &[], vec!["us%40r", "us@r", "us%40r:p%2Fw", "us@r:p/w", "dXNAcjpwL3c="]),
            ("ws://u:pa55word@h/", &[], vec!["pa55word", "u:pa55word", "dTpwYTU1d29yZA==", "dTpwYTU1d29yZA"]),
            ("ws://t0ken@h/", &[], vec!["t0ken", "t0ken:", "dDBrZW46"]),
            // Header values: whole, and in parts.
            ("ws://h/", &[cookie], vec![&cookie[8..], "c00k1e", "dark99", "b3ta", "one-more"]),
            ("ws://h/", &["Authorization: Bearer s3cr3t"], vec!["Bearer s3cr3t", "s3cr3t"]),
            (
                "ws://h/",
                &["X-Auth: basic dXNlcjpodW50ZXIy"],
                vec!["dXNlcjpodW50ZXIy", "user:hunter2", "hunter2", "user%3Ahunter2"],
            ),
            // Cut at the end of the text.
            ("ws://h/?k=abcdefgh", &["X-A: ijklmnop"], vec!["abcd", "abcdefg", "ijkl"]),
            // A query without a name.
            ("ws://h/?S3CR3T", &[], vec!["S3CR3T", "S3CR"]),
            ("ws://h/?UzNDUjNU==", &[], vec!["UzNDUjNU"]),
            ("ws://h/?a%2Bbcd&x=1", &[], vec!["a%2Bbcd", "a+bcd"]),
        ] {
            let secrets = target(url, headers).secrets();
            for text in said {
                let kept = secrets.redact(&format!("said {text}"));
                assert_eq!(kept.as_str().trim_end_matches('='), "said ***", "{text} of {url} {headers:?}");
            }
        }
    }

    #[test]
    fn a_token_of_http_is_what_can_be_seen_but_for_delimiters() {
        for c in (0..=0xFF_u8).map(char::from) {
            let expected = c.is_ascii_graphic() && !r#""(),/:;<=>?@[\]{}"#.contains(c);
            assert_eq!(is_http_token(&format!("a{c}")), expected, "{c:?}");
        }
        assert!(!is_http_token(""));
    }

    #[test]
    fn headers_that_would_break_the_request_are_refused() {
        assert_eq!("X-A: b".parse::<RequestHeader>().unwrap().value, "b");
        assert_eq!("X-A:".parse::<RequestHeader>().unwrap().value, "");
        assert_eq!("no colon".parse::<RequestHeader>(), Err(HeaderError::Form));
        assert_eq!("a b: c".parse::<RequestHeader>(), Err(HeaderError::Form));
        assert_eq!("X-A: b\r\nX-B: c".parse::<RequestHeader>(), Err(HeaderError::Value("X-A".into())));
        assert_eq!(
            "Sec-WebSocket-Key: x".parse::<RequestHeader>(),
            Err(HeaderError::Reserved("Sec-WebSocket-Key".into()))
        );
    }

    proptest! {
        #[test]
        fn a_shown_url_holds_no_value_and_reads_back(value in "[A-Z]{6,12}", user in "[A-Z]{6}") {
            let url = url(&format!("wss://{user}:{value}@h.example/p?k={value}"));
            let shown = url.shown();
            prop_assert!(!shown.as_str().contains(&value) && !shown.as_str().contains(&user));
            prop_assert_eq!(shown.host(), "h.example");
        }
    }
}
