//! `--connect-to HOST:PORT:HOST2:PORT2`: connections meant for the first pair go to the second.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::host_and_port::{HostOrPortError, host, if_any, port, same_host, split_at_colon, typed_host};

/// One rule. An empty host or port of the first pair matches any, one of the second keeps what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ConnectTo {
    host: Option<String>,
    port: Option<u16>,
    to_host: Option<String>,
    to_port: Option<u16>,
}

/// Why a rule can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConnectToError {
    /// Not four parts.
    #[error("it is written HOST:PORT:HOST2:PORT2, any of them may be empty, and IPv6 is in brackets")]
    Form,
    /// One of the parts.
    #[error(transparent)]
    Part(#[from] HostOrPortError),
}

impl ConnectTo {
    /// Where a connection meant for `for_host` and `for_port` goes; `None` where the rule does not match.
    pub(super) fn instead_of(&self, for_host: &str, for_port: u16) -> Option<(String, u16)> {
        let host_matches = self.host.as_deref().is_none_or(|host| same_host(host, for_host));
        let port_matches = self.port.is_none_or(|port| port == for_port);
        (host_matches && port_matches).then(|| {
            let host = self.to_host.clone().unwrap_or_else(|| for_host.to_owned());
            (host, self.to_port.unwrap_or(for_port))
        })
    }
}

impl FromStr for ConnectTo {
    type Err = ConnectToError;

    fn from_str(text: &str) -> Result<ConnectTo, ConnectToError> {
        let (from_host, rest) = split_at_colon(text).ok_or(ConnectToError::Form)?;
        let (from_port, rest) = split_at_colon(rest).ok_or(ConnectToError::Form)?;
        let (to_host, to_port) = split_at_colon(rest).ok_or(ConnectToError::Form)?;
        if to_port.contains(':') {
            return Err(ConnectToError::Form);
        }
        Ok(ConnectTo {
            host: if_any(from_host, host)?,
            port: if_any(from_port, port)?,
            to_host: if_any(to_host, host)?,
            to_port: if_any(to_port, port)?,
        })
    }
}

impl TryFrom<String> for ConnectTo {
    type Error = ConnectToError;

    fn try_from(text: String) -> Result<ConnectTo, ConnectToError> {
        text.parse()
    }
}

impl From<ConnectTo> for String {
    fn from(rule: ConnectTo) -> String {
        rule.to_string()
    }
}

impl fmt::Display for ConnectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |host: &Option<String>| host.as_deref().map_or_else(String::new, typed_host);
        let port = |port: Option<u16>| port.map_or_else(String::new, |port| port.to_string());
        let (from, to) = (host(&self.host), host(&self.to_host));
        write!(f, "{from}:{}:{to}:{}", port(self.port), port(self.to_port))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn instead(rule: &str, host: &str, port: u16) -> Option<(String, u16)> {
        rule.parse::<ConnectTo>().unwrap().instead_of(host, port)
    }

    #[test]
    fn empty_parts_match_any_and_keep() {
        let to = |host: &str, port| Some((host.to_owned(), port));
        for (rule, host, port, expected) in [
            ("a:80:b:81", "a", 80, to("b", 81)),
            ("a:80:b:81", "a", 81, None),
            ("a:80:b:81", "c", 80, None),
            (":80:b:81", "c", 80, to("b", 81)),
            ("a::b:81", "a", 443, to("b", 81)),
            ("a:80::81", "a", 80, to("a", 81)),
            ("a:80:b:", "a", 80, to("b", 80)),
            (":::", "a", 80, to("a", 80)),
            ("A.example.:80:b:", "a.example", 80, to("b", 80)),
            ("[::1]:80:[::2]:81", "::1", 80, to("::2", 81)),
            ("[0:0:0::1]::127.0.0.1:", "::1", 80, to("127.0.0.1", 80)),
        ] {
            assert_eq!(instead(rule, host, port), expected, "{rule} for {host}:{port}");
        }
    }

    #[test]
    fn what_is_not_four_parts_is_refused() {
        for text in ["", "a", "a:80", "a:80:b", "a:80:b:81:c", "a:80:[::1:81", "::1:80:b:81"] {
            assert_eq!(text.parse::<ConnectTo>(), Err(ConnectToError::Form), "{text}");
        }
        let part = |text: &str| text.parse::<ConnectTo>().unwrap_err().to_string();
        assert!(part("a:x:b:81").contains("'x' is not a port"));
        assert!(part("a:80:b:70000").contains("'70000' is not a port"));
        assert!(part("a b:80:c:81").contains("'a b' can't be a host"));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[\\[\\]:a0.]{0,16}|\\PC{0,16}") {
            let _ = text.parse::<ConnectTo>();
        }

        #[test]
        fn what_is_shown_reads_back(
            rule in "([a-z]{1,5}|10\\.0\\.0\\.1|\\[::1\\])?:(80|65535)?:([a-z]{1,5}|\\[fe80::1\\])?:(81)?",
        ) {
            let parsed = rule.parse::<ConnectTo>().unwrap();
            prop_assert_eq!(parsed.to_string(), rule);
        }
    }
}
