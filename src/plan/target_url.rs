//! The target's URL, and what may be shown of any URL.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::{Host, Url};

/// As a form's value is decoded: `+` is a space.
pub(super) fn plus_decoded(text: &str) -> String {
    // Without its separator the text can't be split.
    let escaped = text.replace('&', "%26");
    url::form_urlencoded::parse(format!("v={escaped}").as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
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

    /// The query's values, and what stands there without a name, as they stand there.
    pub(super) fn query_secrets(&self) -> impl Iterator<Item = &str> {
        query(&self.0).map(|part| part.secret())
    }

    /// [`TargetUrl::userinfo`] as it stands in the URL.
    pub(super) fn raw_userinfo(&self) -> Option<String> {
        let (user, password) = (self.0.username(), self.0.password());
        (!user.is_empty() || password.is_some()).then(|| format!("{user}:{}", password.unwrap_or("")))
    }

    /// The URL as it may be shown and kept.
    pub fn shown(&self) -> ShownUrl {
        ShownUrl(shown(&self.0))
    }
}

/// The parts of a URL's query.
fn query(url: &Url) -> impl Iterator<Item = QueryPart<'_>> {
    url.query().into_iter().flat_map(|query| query.split('&')).filter(|part| !part.is_empty()).map(|part| {
        match part.split_once('=') {
            // Nothing but `=` behind it is base64's padding: `?TOKEN==` is a secret without a name.
            Some((name, value)) if value.chars().any(|c| c != '=') => QueryPart::Named { name, value },
            _ => QueryPart::Bare(part),
        }
    })
}

/// A URL without userinfo and query values.
fn shown(url: &Url) -> String {
    let parts: Vec<String> = query(url).map(|part| part.shown()).collect();
    let mut url = url.clone();
    // Neither call can fail for a URL with a host, which alone can carry userinfo.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query((!parts.is_empty()).then(|| parts.join("&")).as_deref());
    url.set_fragment(None);
    url.into()
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
fn decoded(text: &str) -> String {
    // `form_urlencoded` would turn `+` into a space and end the value at `&`, which userinfo does not mean.
    let escaped = text.replace('+', "%2B").replace('&', "%26");
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
    /// A URL of any scheme as it may be shown, letter by letter where nothing of it is a secret. A text that has neither a
    /// scheme nor a port is hidden: it may be a secret in the wrong place.
    pub fn of(text: &str) -> ShownUrl {
        let has_port = text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let may_hold_secret = text.contains(['@', '?', '#']) || !(text.contains("://") || has_port);
        match Url::parse(text) {
            _ if !may_hold_secret => ShownUrl(text.to_owned()),
            Ok(url) if url.has_host() => ShownUrl(shown(&url)),
            _ => ShownUrl("***".to_owned()),
        }
    }

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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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
        assert_eq!(url("ws://u:p&w+x@h/").userinfo().unwrap(), "u:p&w+x");
    }

    #[test]
    fn a_url_of_any_scheme_is_shown_without_its_secrets() {
        for (text, shown) in [
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
            ("https://u:p@h/a?k=v&w#f", "https://h/a?k=***&***"),
            ("ftp://h?sig=s3cret", "ftp://h/?sig=***"),
            ("localhost:4566", "localhost:4566"),
            ("u:p@h", "***"),
            ("//h?sig=s3cret", "***"),
        ] {
            assert_eq!(ShownUrl::of(text).as_str(), shown);
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
}
