//! Hosts and ports as curl's colon-separated options hold them.

use std::net::Ipv6Addr;

use thiserror::Error;
use url::Host;

/// Why a part of an option is no host or no port.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HostOrPortError {
    /// Not a host.
    #[error("'{0}' can't be a host; write a name, an IPv4 address, or an IPv6 address in brackets")]
    Host(String),
    /// Not a port.
    #[error("'{0}' is not a port; ports are 1 to 65535")]
    Port(String),
}

/// Splits off what stands before the first colon that is not within brackets; `None` without such a colon.
pub(super) fn split_at_colon(text: &str) -> Option<(&str, &str)> {
    let from = if text.starts_with('[') { text.find(']')? } else { 0 };
    let colon = from + text[from..].find(':')?;
    Some((&text[..colon], &text[colon + 1..]))
}

/// A host in the form in which a URL holds it: lower case, international names in ASCII, IPv6 without brackets.
pub(super) fn host(text: &str) -> Result<String, HostOrPortError> {
    match Host::parse(text) {
        Ok(Host::Ipv6(address)) => Ok(address.to_string()),
        Ok(host) => Ok(host.to_string()),
        Err(_) => Err(HostOrPortError::Host(text.to_owned())),
    }
}

/// A host as it is typed: IPv6 in brackets.
pub(super) fn typed_host(host: &str) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() }
}

pub(super) fn port(text: &str) -> Result<u16, HostOrPortError> {
    let digits = text.chars().all(|c| c.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(HostOrPortError::Port(text.to_owned())),
    }
}

/// `None` for an empty part, which means any or the same.
pub(super) fn if_any<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, HostOrPortError>,
) -> Result<Option<T>, HostOrPortError> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

/// Whether two hosts are the same name; a trailing dot makes no difference.
pub(super) fn same_host(one: &str, other: &str) -> bool {
    fn bare(host: &str) -> &str {
        host.strip_suffix('.').unwrap_or(host)
    }
    bare(one).eq_ignore_ascii_case(bare(other))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn colons_in_brackets_do_not_split() {
        for (text, parts) in [
            ("a:b:c", Some(("a", "b:c"))),
            ("[::1]:80", Some(("[::1]", "80"))),
            (":", Some(("", ""))),
            ("a", None),
            ("[::1", None),
            ("[::1]", None),
            ("", None),
        ] {
            assert_eq!(split_at_colon(text), parts, "{text}");
        }
    }

    #[test]
    fn hosts_take_the_form_that_urls_have() {
        for (text, form) in
            [("Example.COM", "example.com"), ("[0:0::1]", "::1"), ("127.0.0.1", "127.0.0.1"), ("a_b", "a_b")]
        {
            assert_eq!(host(text).unwrap(), form);
        }
        assert!(host("bücher.example").unwrap().starts_with("xn--"));
        for text in ["", "a b", "::1", "[::g]", "a/b", "a@b", "1.2.3.4.5"] {
            assert_eq!(host(text), Err(HostOrPortError::Host(text.into())), "{text}");
        }
        assert!(same_host("Example.com.", "example.COM") && !same_host("a", "b"));
    }

    #[test]
    fn ports_are_numbers_from_1() {
        assert_eq!(port("65535"), Ok(65_535));
        for text in ["", "0", "65536", "+80", "-1", "http", "8 0"] {
            assert_eq!(port(text), Err(HostOrPortError::Port(text.into())), "{text}");
        }
    }
}
