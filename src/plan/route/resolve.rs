//! `--resolve HOST:PORT:ADDR[,ADDR]`: addresses that are not asked for.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::host_and_port::{HostOrPortError, host, port, same_host, split_at_colon, typed_host};

/// The addresses of one host at one port, for the whole run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Resolve {
    /// `None` for `*`, any host.
    host: Option<String>,
    port: u16,
    /// At least one, ascending, none twice.
    addresses: Vec<IpAddr>,
}

/// Why an entry can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// Not three parts.
    #[error(
        "it is written HOST:PORT:ADDRESS[,ADDRESS…]; the host may be * for any, an IPv6 host is in brackets"
    )]
    Form,
    /// curl's `+HOST` (may expire) and `-HOST` (take an entry back).
    #[error("every entry holds for the whole run, so that '+' and '-' before the host have no meaning here")]
    Sign,
    /// Not an address.
    #[error("'{0}' is not an IP address; to go to another name, use --connect-to")]
    Address(String),
    /// Host or port.
    #[error(transparent)]
    Part(#[from] HostOrPortError),
}

impl Resolve {
    /// Whether this entry names that host at that port; the wildcard names none.
    pub(super) fn names(&self, host: &str, port: u16) -> bool {
        self.port == port && self.host.as_deref().is_some_and(|own| same_host(own, host))
    }

    /// Whether this entry is the wildcard for that port.
    pub(super) fn is_for_any_host(&self, port: u16) -> bool {
        self.port == port && self.host.is_none()
    }

    /// At least one, ascending, none twice.
    pub(super) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }
}

impl FromStr for Resolve {
    type Err = ResolveError;

    fn from_str(text: &str) -> Result<Resolve, ResolveError> {
        let (for_host, rest) = split_at_colon(text).ok_or(ResolveError::Form)?;
        if for_host.starts_with(['+', '-']) {
            return Err(ResolveError::Sign);
        }
        let (for_port, list) = split_at_colon(rest).ok_or(ResolveError::Form)?;
        let for_host = if for_host == "*" { None } else { Some(host(for_host)?) };
        let for_port = port(for_port)?;
        if list.is_empty() {
            return Err(ResolveError::Form);
        }
        let mut addresses: Vec<IpAddr> = list.split(',').map(address).collect::<Result<_, _>>()?;
        addresses.sort_unstable();
        addresses.dedup();
        Ok(Resolve { host: for_host, port: for_port, addresses })
    }
}

/// An address; IPv6 with or without brackets.
fn address(text: &str) -> Result<IpAddr, ResolveError> {
    let wrong = || ResolveError::Address(text.to_owned());
    match text.strip_prefix('[') {
        Some(rest) => {
            let inner = rest.strip_suffix(']').ok_or_else(wrong)?;
            inner.parse().map(IpAddr::V6).map_err(|_| wrong())
        }
        None => text.parse().map_err(|_| wrong()),
    }
}

impl TryFrom<String> for Resolve {
    type Error = ResolveError;

    fn try_from(text: String) -> Result<Resolve, ResolveError> {
        text.parse()
    }
}

impl From<Resolve> for String {
    fn from(entry: Resolve) -> String {
        entry.to_string()
    }
}

impl fmt::Display for Resolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_deref().map_or_else(|| "*".to_owned(), typed_host);
        let addresses: Vec<String> =
            self.addresses.iter().map(|address| typed_host(&address.to_string())).collect();
        write!(f, "{host}:{}:{}", self.port, addresses.join(","))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_ports_and_addresses_are_read() {
        for (text, shown) in [
            ("Example.com:443:10.0.0.2,10.0.0.1", "example.com:443:10.0.0.1,10.0.0.2"),
            ("*:80:127.0.0.1", "*:80:127.0.0.1"),
            ("h:80:[::1],::2,10.0.0.1", "h:80:10.0.0.1,[::1],[::2]"),
            ("h:80:::1", "h:80:[::1]"),
            ("[::1]:80:10.0.0.1,10.0.0.1", "[::1]:80:10.0.0.1"),
        ] {
            assert_eq!(text.parse::<Resolve>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        for (text, error) in [
            ("", ResolveError::Form),
            ("h", ResolveError::Form),
            ("h:80", ResolveError::Form),
            ("h:80:", ResolveError::Form),
            ("-h:80", ResolveError::Sign),
            ("+h:80:10.0.0.1", ResolveError::Sign),
            (":80:10.0.0.1", HostOrPortError::Host(String::new()).into()),
            ("h::10.0.0.1", HostOrPortError::Port(String::new()).into()),
            ("h:0:10.0.0.1", HostOrPortError::Port("0".into()).into()),
            ("h:80:other.name", ResolveError::Address("other.name".into())),
            ("h:80:10.0.0.1,", ResolveError::Address(String::new())),
            ("h:80:[10.0.0.1]", ResolveError::Address("[10.0.0.1]".into())),
            ("h:80:[::1", ResolveError::Address("[::1".into())),
        ] {
            assert_eq!(text.parse::<Resolve>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[\\[\\]:*,a0.]{0,16}|\\PC{0,16}") {
            let _ = text.parse::<Resolve>();
        }

        #[test]
        fn what_is_shown_reads_back(
            host in "[a-z]{1,8}|\\*|\\[::1\\]", port in 1_u16.., addresses in prop::collection::vec(any::<IpAddr>(), 1..5),
        ) {
            let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            let entry = format!("{host}:{port}:{}", list.join(",")).parse::<Resolve>().unwrap();
            prop_assert!(addresses.iter().all(|address| entry.addresses().contains(address)));
            prop_assert_eq!(entry.to_string().parse::<Resolve>().unwrap(), entry);
        }
    }
}
