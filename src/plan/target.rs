//! Where the connections go and what they bring along, secrets included.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::{Host, Url};

use super::{Conversation, Secrets, Template, Tokens};

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
        let query = self.url.query().flat_map(|part| {
            let raw = part.secret();
            let decoded = plus_decoded(raw);
            [raw.to_owned(), encoded(&decoded), decoded]
        });
        let headers = self.headers.iter().flat_map(|header| {
            // `Bearer X` may come back as `X` alone, and one cookie without the others.
            std::iter::once(header.value.as_str()).chain(parts(&header.value)).map(str::to_owned)
        });
        let opening = self.conversation.on_open.iter().flat_map(Template::texts).flat_map(credentials);
        Secrets::new(query.chain(headers).chain(opening).chain(self.url.userinfo_forms()))
    }
}

/// The words of a message that are long enough to be a credential, of the characters of one (RFC 6750 §2.1).
fn credentials(message: &str) -> impl Iterator<Item = String> {
    const SHORTEST: usize = 16;
    let words = message.split(|c: char| !c.is_ascii_alphanumeric() && !"-._~+/=".contains(c));
    words.filter(|word| word.len() >= SHORTEST).map(str::to_owned)
}

/// What a header's value is made of.
pub(super) fn parts(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| c.is_whitespace() || ";,=".contains(c))
}

/// As a form's value is decoded: `+` is a space.
pub(super) fn plus_decoded(text: &str) -> String {
    // Without its separator the text can't be split.
    let escaped = text.replace('&', "%26");
    url::form_urlencoded::parse(format!("v={escaped}").as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

fn encoded(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// A `ws://` or `wss://` URL in full. Its debug form is the redacted one.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetUrl(Url);

/// Why a URL can't be the target; the URL itself may hold a secret, so only its scheme is repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetUrlError {
    /// Not a URL at all.
    #[error("the URL can't be read ({0}); it looks like wss://host/path")]
    Unreadable(String),
    /// Another scheme.
    #[error("the URL's scheme is '{0}'; WebSockets need ws:// or wss://")]
    Scheme(String),
    /// `ws:///path`.
    #[error("the URL names no host; it looks like wss://host/path")]
    NoHost,
    /// RFC 6455 §3.
    #[error("a WebSocket URL has no fragment; take away the part from '#' on")]
    Fragment,
}

impl std::str::FromStr for TargetUrl {
    type Err = TargetUrlError;

    fn from_str(text: &str) -> Result<TargetUrl, TargetUrlError> {
        let url = Url::parse(text).map_err(|error| TargetUrlError::Unreadable(error.to_string()))?;
        match url.scheme() {
            "ws" | "wss" => {}
            other => return Err(TargetUrlError::Scheme(other.chars().take(20).collect())),
        }
        match url.host_str() {
            None | Some("") => return Err(TargetUrlError::NoHost),
            Some(_) => {}
        }
        if url.fragment().is_some() {
            return Err(TargetUrlError::Fragment);
        }
        Ok(TargetUrl(url))
    }
}

impl TargetUrl {
    /// Whether TLS is spoken.
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "wss"
    }

    /// The host, without the brackets of an IPv6 address.
    pub fn host(&self) -> String {
        match self.0.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => String::new(),
        }
    }

    /// The port: given, or the scheme's.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(if self.is_tls() { 443 } else { 80 })
    }

    /// What the `Host` header says: the port only where it is not the scheme's (RFC 6455 §4.1).
    pub fn host_header(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Path and query as they stand in the request line. It may hold a secret.
    pub fn request_target(&self) -> String {
        match self.0.query() {
            Some(query) => format!("{}?{query}", self.0.path()),
            None => self.0.path().to_owned(),
        }
    }

    /// Whether the query has a parameter of that name.
    pub(super) fn has_query(&self, name: &str) -> bool {
        self.0.query_pairs().any(|(known, _)| known == name)
    }

    /// `user:password`, percent-decoded, for Basic authentication. It is a secret.
    pub fn userinfo(&self) -> Option<String> {
        userinfo(&self.0)
    }

    /// User and password, alone and together, raw and decoded, and as Basic authentication writes them.
    fn userinfo_forms(&self) -> Vec<String> {
        let Some(together) = self.userinfo() else { return Vec::new() };
        let (user, password) = (self.0.username(), self.0.password().unwrap_or(""));
        let raw = format!("{user}:{password}");
        let (unpadded, basic) = (STANDARD_NO_PAD.encode(&together), STANDARD.encode(&together));
        let alone = [user.to_owned(), password.to_owned(), decoded(user), decoded(password)];
        alone.into_iter().chain([raw, together, unpadded, basic]).collect()
    }

    fn query(&self) -> impl Iterator<Item = QueryPart<'_>> {
        self.0.query().into_iter().flat_map(|query| query.split('&')).filter(|part| !part.is_empty()).map(
            |part| match part.split_once('=') {
                // Nothing but `=` behind it is base64's padding: `?TOKEN==` is a secret without a name.
                Some((name, value)) if value.chars().any(|c| c != '=') => QueryPart::Named { name, value },
                _ => QueryPart::Bare(part),
            },
        )
    }

    /// The URL as it may be shown and kept.
    pub fn shown(&self) -> ShownUrl {
        let shown: Vec<String> = self.query().map(|part| part.shown()).collect();
        let mut url = self.0.clone();
        // Neither call can fail: a ws URL has a host, and so can carry userinfo.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_query((!shown.is_empty()).then(|| shown.join("&")).as_deref());
        ShownUrl(url.to_string())
    }
}

/// A part of a query, as it stands there.
enum QueryPart<'a> {
    /// `NAME=VALUE`: the value is a secret.
    Named { name: &'a str, value: &'a str },
    /// Without a name, all of it is a secret.
    Bare(&'a str),
}

impl<'a> QueryPart<'a> {
    fn secret(&self) -> &'a str {
        match self {
            QueryPart::Named { value, .. } => value,
            QueryPart::Bare(part) => part.trim_end_matches('='),
        }
    }

    fn shown(&self) -> String {
        match self {
            QueryPart::Named { name, .. } => format!("{name}=***"),
            QueryPart::Bare(_) => "***".to_owned(),
        }
    }
}

/// `user:password` of any URL, percent-decoded.
pub(super) fn userinfo(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    Some(format!("{}:{}", decoded(url.username()), decoded(url.password().unwrap_or(""))))
}

/// Percent-decoded.
pub(super) fn decoded(text: &str) -> String {
    // `form_urlencoded` would turn `+` into a space, which userinfo does not mean.
    let escaped = text.replace('+', "%2B");
    url::form_urlencoded::parse(format!("v={escaped}").as_bytes())
        .next()
        .map_or_else(String::new, |(_, v)| v.into_owned())
}

impl std::fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TargetUrl({})", self.shown())
    }
}

/// A URL without userinfo and query values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ShownUrl(String);

impl ShownUrl {
    /// The host of a URL that was read back from a record, without brackets; empty where there is none.
    pub fn host(&self) -> String {
        self.0.parse::<TargetUrl>().map(|url| url.host()).unwrap_or_default()
    }

    /// The port of a URL that was read back from a record; 0 where there is none.
    pub fn port(&self) -> u16 {
        self.0.parse::<TargetUrl>().map(|url| url.port()).unwrap_or_default()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ShownUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An extra request header; its value is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The name as given.
    pub name: String,
    /// The value, trimmed.
    pub value: String,
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

    fn url(text: &str) -> TargetUrl {
        text.parse().unwrap()
    }

    #[test]
    fn only_websocket_urls_are_taken() {
        assert_eq!("https://x/".parse::<TargetUrl>().unwrap_err(), TargetUrlError::Scheme("https".into()));
        assert!(matches!("x".parse::<TargetUrl>().unwrap_err(), TargetUrlError::Unreadable(_)));
        assert!("ws://".parse::<TargetUrl>().is_err());
        assert_eq!("ws://h/#f".parse::<TargetUrl>().unwrap_err(), TargetUrlError::Fragment);
    }

    #[test]
    fn the_parts_of_a_request() {
        let plain = url("ws://Example.com");
        assert_eq!(
            (plain.host(), plain.port(), plain.host_header(), plain.request_target()),
            ("example.com".into(), 80, "example.com".into(), "/".into())
        );
        let full = url("wss://u:p%40w@[::1]:8443/a/b?x=1");
        assert_eq!(
            (full.host(), full.port(), full.host_header(), full.request_target()),
            ("::1".into(), 8443, "[::1]:8443".into(), "/a/b?x=1".into())
        );
        assert_eq!(full.userinfo().unwrap(), "u:p@w");
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
    fn a_credential_in_the_opening_message_is_a_secret() {
        let on_open = r#"{"type":"connection_init","token":"eyJhbGciOiJIUzI1NiJ9.e30.x-y_z","n":{{index}}}"#;
        let conversation = Conversation { on_open: on_open.parse().ok(), ..Conversation::default() };
        let target = Target {
            url: url("ws://h/"),
            headers: vec![],
            subprotocols: vec![],
            tls: TlsOptions::default(),
            conversation,
            tokens: None,
        };
        let kept = target.secrets().redact("connection_init: eyJhbGciOiJIUzI1NiJ9.e30.x-y_z is wrong");
        assert_eq!(kept.as_str(), "connection_init: *** is wrong");
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
    fn a_query_without_a_name_is_not_shown() {
        for (text, shown) in [
            ("ws://h/?S3CR3T", "ws://h/?***"),
            ("ws://h/?UzNDUjNU==", "ws://h/?***"),
            ("ws://h/?a=1&S3CR3T&b=2", "ws://h/?a=***&***&b=***"),
            ("ws://h/?", "ws://h/"),
            ("ws://h/?=S3CR3T", "ws://h/?=***"),
            ("ws://h/?a%20b=c", "ws://h/?a%20b=***"),
        ] {
            assert_eq!(url(text).shown().as_str(), shown);
            assert_eq!(url(shown).shown().as_str(), shown, "what is shown can be read back");
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
