//! The way from here to the target where it is not simply the URL's own: `--connect-to` puts another host in its place,
//! `--resolve` gives a name its addresses, `--source-ip` says from where, and `--dns-ttl` how long an answer is used.
//!
//! [`Route::destination`] applies the first two, in curl's order. `Host` header and SNI stay the URL's. Pure: nothing is
//! resolved here.

mod connect_to;
mod host_and_port;
mod resolve;
mod source_addresses;

pub use connect_to::{ConnectTo, ConnectToError};
pub use host_and_port::HostOrPortError;
pub use resolve::{Resolve, ResolveError};
pub use source_addresses::{SourceAddresses, SourceAddressesError};

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::seconds;

/// How the target is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Route {
    /// How long a name's addresses are used before it is resolved anew.
    #[serde(with = "seconds", rename = "dns_ttl_s")]
    #[schemars(with = "f64")]
    pub dns_ttl: Duration,
    /// Other hosts in place of the URL's; the first that matches counts.
    pub connect_to: Vec<ConnectTo>,
    /// Addresses that are not asked for; of two for the same host and port the last counts.
    pub resolve: Vec<Resolve>,
    /// Where connections come from; `None` leaves it to the system.
    pub source_ip: Option<SourceAddresses>,
}

impl Default for Route {
    fn default() -> Route {
        Route {
            dns_ttl: Route::DEFAULT_DNS_TTL,
            connect_to: Vec::new(),
            resolve: Vec::new(),
            source_ip: None,
        }
    }
}

/// Where connections go in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Addresses that need no look-up; at least one, ascending, none twice.
    Addresses(Vec<SocketAddr>),
    /// A name that is to be looked up.
    Name {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Route {
    /// AWS changes the nodes behind a name as an ALB scales, with a TTL of 60 s, and tells clients to resolve at least
    /// each minute (aws-facts.md §3).
    pub const DEFAULT_DNS_TTL: Duration = Duration::from_secs(30);

    /// Where connections for a URL's host (an IPv6 address without brackets) and port go.
    pub fn destination(&self, host: &str, port: u16) -> Destination {
        let instead = self.connect_to.iter().find_map(|rule| rule.instead_of(host, port));
        let (host, port) = instead.unwrap_or_else(|| (host.to_owned(), port));
        let addresses = match self.given(&host, port) {
            Some(addresses) => addresses.to_vec(),
            None => match host.parse::<IpAddr>() {
                Ok(literal) => vec![literal],
                Err(_) => return Destination::Name { host, port },
            },
        };
        Destination::Addresses(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// The addresses given for a host; the wildcard counts where nothing else does.
    fn given(&self, host: &str, port: u16) -> Option<&[IpAddr]> {
        let named = self.resolve.iter().rfind(|rule| rule.names(host, port));
        let rule = named.or_else(|| self.resolve.iter().rfind(|rule| rule.is_for_any_host(port)));
        rule.map(Resolve::addresses)
    }
}

impl Destination {
    /// The name that is looked up, or the first address.
    pub fn host(&self) -> String {
        match self {
            Destination::Addresses(addresses) => {
                addresses.first().map_or_else(String::new, |address| address.ip().to_string())
            }
            Destination::Name { host, .. } => host.clone(),
        }
    }

    /// The port that is connected to.
    pub fn port(&self) -> u16 {
        match self {
            Destination::Addresses(addresses) => addresses.first().map_or(0, SocketAddr::port),
            Destination::Name { port, .. } => *port,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn route(connect_to: &[&str], resolve: &[&str]) -> Route {
        Route {
            connect_to: connect_to.iter().map(|rule| rule.parse().unwrap()).collect(),
            resolve: resolve.iter().map(|rule| rule.parse().unwrap()).collect(),
            ..Route::default()
        }
    }

    fn name(host: &str, port: u16) -> Destination {
        Destination::Name { host: host.into(), port }
    }

    fn addresses(texts: &[&str]) -> Destination {
        Destination::Addresses(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn without_rules_the_urls_own_host_is_the_destination() {
        assert_eq!(route(&[], &[]).destination("ws.example.com", 443), name("ws.example.com", 443));
        assert_eq!(route(&[], &[]).destination("::1", 80), addresses(&["[::1]:80"]));
        assert_eq!(route(&[], &[]).destination("10.0.0.1", 80), addresses(&["10.0.0.1:80"]));
    }

    #[test]
    fn the_first_matching_connect_to_counts_and_only_once() {
        let route = route(&["a:443:b:8443", "a::c:", "b::d:", "::e:"], &[]);
        for (host, port, expected) in [
            ("a", 443, name("b", 8443)),
            ("A", 443, name("b", 8443)),
            ("a", 80, name("c", 80)),
            ("b", 80, name("d", 80)),
            ("x", 80, name("e", 80)),
        ] {
            assert_eq!(route.destination(host, port), expected, "{host}:{port}");
        }
    }

    #[test]
    fn resolve_applies_to_what_connect_to_leads_to() {
        let route = route(&["a::b:81"], &["b:81:10.0.0.2,10.0.0.1", "a:80:10.9.9.9"]);
        assert_eq!(route.destination("a", 80), addresses(&["10.0.0.1:81", "10.0.0.2:81"]));
        assert_eq!(route.destination("b", 80), name("b", 80), "another port is another entry");
    }

    #[test]
    fn of_resolve_the_last_counts_and_the_wildcard_last_of_all() {
        let route = route(&[], &["a:80:10.0.0.1", "a:80:10.0.0.2", "*:80:10.0.0.3", "*:80:[::3]"]);
        assert_eq!(route.destination("a", 80), addresses(&["10.0.0.2:80"]));
        assert_eq!(route.destination("b", 80), addresses(&["[::3]:80"]));
        assert_eq!(route.destination("127.0.0.1", 80), addresses(&["[::3]:80"]), "a literal too, as in curl");
        assert_eq!(route.destination("b", 81), name("b", 81));
        assert_eq!(route.destination("b", 80).host(), "::3");
    }

    #[test]
    fn a_route_reads_back_from_a_record_and_an_older_record_has_the_default() {
        let route = Route {
            source_ip: Some("10.0.0.5,10.0.1.0-10.0.1.9".parse().unwrap()),
            dns_ttl: Duration::from_secs(5),
            ..route(&["a:443:[::1]:", ":::9"], &["*:80:10.0.0.1,[::1]"])
        };
        let text = serde_json::to_string(&route).unwrap();
        assert_eq!(serde_json::from_str::<Route>(&text).unwrap(), route, "{text}");
        assert_eq!(serde_json::from_str::<Route>("{}").unwrap(), Route::default());
    }
}
