//! `--source-ip LIST`: the addresses that connections come from.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Addresses, ranges (`10.0.1.0-10.0.1.9`) and CIDR blocks (`10.0.2.0/28`, every address of it): at least one address,
/// at most [`SourceAddresses::MOST`], each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SourceAddresses(Vec<Span>);

/// From an address to another of its family, both included. IPv4 comes before IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    first: IpAddr,
    last: IpAddr,
}

/// Why a list can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceAddressesError {
    /// Not an address.
    #[error("'{0}' is not an IP address; write for example 10.0.0.5,10.0.1.0-10.0.1.9,10.0.2.0/28")]
    Address(String),
    /// The end before the start, or of another family.
    #[error("'{0}' is not a range: its end must be of the same family as its start and not before it")]
    Range(String),
    /// `/33`, `/x`.
    #[error("'{0}' has no prefix length that its family knows (IPv4 to 32, IPv6 to 128)")]
    Prefix(String),
    /// `10.0.2.5/28`, as `ip addr` shows an address.
    #[error(
        "'{given}' has bits beyond its prefix; write {network} for the whole block, or {address} for the one"
    )]
    HostBits {
        /// As typed.
        given: String,
        /// The block.
        network: String,
        /// The address before the slash.
        address: IpAddr,
    },
    /// Nothing can be sent from there.
    #[error("nothing can come from {0}: it is not an address of one machine")]
    NoSource(IpAddr),
    /// More than anybody has.
    #[error("that makes more than {} addresses", SourceAddresses::MOST)]
    TooMany,
}

impl SourceAddresses {
    /// So many may be given: an IPv4 `/16`.
    pub const MOST: u32 = 65_536;

    /// All of them, IPv4 first, ascending.
    pub fn all(&self) -> Vec<IpAddr> {
        self.0.iter().flat_map(Span::addresses).collect()
    }

    /// How many are of IPv4, and how many of IPv6.
    pub fn by_family(&self) -> (u32, u32) {
        let count = |ipv4: bool| {
            let spans = self.0.iter().filter(|span| span.first.is_ipv4() == ipv4);
            spans.map(|span| u32::try_from(span.len()).unwrap_or(u32::MAX)).sum()
        };
        (count(true), count(false))
    }
}

impl Span {
    fn one(address: IpAddr) -> Span {
        Span { first: address, last: address }
    }

    fn len(&self) -> u128 {
        (number(self.last) - number(self.first)).saturating_add(1)
    }

    fn addresses(&self) -> impl Iterator<Item = IpAddr> + use<> {
        let ipv4 = self.first.is_ipv4();
        (number(self.first)..=number(self.last)).map(move |number| address(ipv4, number))
    }

    /// Both in one, where they overlap or touch.
    fn joined(&self, next: &Span) -> Option<Span> {
        let touch = self.first.is_ipv4() == next.first.is_ipv4()
            && number(next.first) <= number(self.last).saturating_add(1);
        touch.then(|| Span { first: self.first, last: self.last.max(next.last) })
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn address(ipv4: bool, number: u128) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if ipv4 => IpAddr::V4(Ipv4Addr::from_bits(number)),
        _ => IpAddr::V6(Ipv6Addr::from_bits(number)),
    }
}

impl FromStr for SourceAddresses {
    type Err = SourceAddressesError;

    fn from_str(text: &str) -> Result<SourceAddresses, SourceAddressesError> {
        let mut spans: Vec<Span> = text.split(',').map(|item| span(item.trim())).collect::<Result<_, _>>()?;
        // A span over several such blocks has more addresses than are allowed, so that its ends tell.
        let no_source = |address: &IpAddr| {
            address.is_unspecified() || address.is_multicast() || *address == Ipv4Addr::BROADCAST
        };
        spans.sort_unstable();
        let mut merged: Vec<Span> = Vec::new();
        for span in spans {
            match merged.last().and_then(|last| last.joined(&span)) {
                Some(joined) => merged.last_mut().into_iter().for_each(|last| *last = joined),
                None => merged.push(span),
            }
        }
        let count = merged.iter().fold(0_u128, |sum, span| sum.saturating_add(span.len()));
        if count > u128::from(SourceAddresses::MOST) {
            return Err(SourceAddressesError::TooMany);
        }
        match merged.iter().flat_map(|span| [span.first, span.last]).find(no_source) {
            Some(address) => Err(SourceAddressesError::NoSource(address)),
            None => Ok(SourceAddresses(merged)),
        }
    }
}

fn span(text: &str) -> Result<Span, SourceAddressesError> {
    let parse = |part: &str| match part.parse::<IpAddr>() {
        Ok(address) => Ok(address.to_canonical()),
        Err(_) => Err(SourceAddressesError::Address(part.to_owned())),
    };
    if let Some((start, prefix)) = text.split_once('/') {
        return block(text, parse(start)?, prefix);
    }
    let Some((first, last)) = text.split_once('-') else { return parse(text).map(Span::one) };
    let (first, last) = (parse(first)?, parse(last)?);
    if first.is_ipv4() != last.is_ipv4() || first > last {
        return Err(SourceAddressesError::Range(text.to_owned()));
    }
    Ok(Span { first, last })
}

fn block(text: &str, start: IpAddr, prefix: &str) -> Result<Span, SourceAddressesError> {
    let bits: u32 = if start.is_ipv4() { 32 } else { 128 };
    let length = prefix.parse::<u32>().ok().filter(|length| *length <= bits && !prefix.starts_with('+'));
    let length = length.ok_or_else(|| SourceAddressesError::Prefix(text.to_owned()))?;
    // A prefix that leaves no bit free is a shift by the whole width.
    let beyond = u128::MAX.checked_shr(128 - (bits - length)).unwrap_or(0);
    let first = number(start) & !beyond;
    if first != number(start) {
        return Err(SourceAddressesError::HostBits {
            given: text.to_owned(),
            network: format!("{}/{length}", address(start.is_ipv4(), first)),
            address: start,
        });
    }
    Ok(Span { first: start, last: address(start.is_ipv4(), first | beyond) })
}

impl TryFrom<String> for SourceAddresses {
    type Error = SourceAddressesError;

    fn try_from(text: String) -> Result<SourceAddresses, SourceAddressesError> {
        text.parse()
    }
}

impl From<SourceAddresses> for String {
    fn from(sources: SourceAddresses) -> String {
        sources.to_string()
    }
}

impl fmt::Display for SourceAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |span: &Span| match span {
            Span { first, last } if first == last => first.to_string(),
            Span { first, last } => format!("{first}-{last}"),
        };
        f.write_str(&self.0.iter().map(shown).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sources(text: &str) -> SourceAddresses {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn addresses_ranges_and_blocks_are_read_and_none_is_twice() {
        for (text, shown, ipv4, ipv6) in [
            ("10.0.0.5", "10.0.0.5", 1, 0),
            ("10.0.0.5, 10.0.1.0-10.0.1.9", "10.0.0.5,10.0.1.0-10.0.1.9", 11, 0),
            ("10.0.2.0/28", "10.0.2.0-10.0.2.15", 16, 0),
            ("10.0.2.7/32", "10.0.2.7", 1, 0),
            ("10.0.0.4,10.0.0.1-10.0.0.3,10.0.0.2", "10.0.0.1-10.0.0.4", 4, 0),
            ("::1,127.0.0.1", "127.0.0.1,::1", 1, 1),
            ("2001:db8::/120", "2001:db8::-2001:db8::ff", 0, 256),
            ("10.1.0.0/16", "10.1.0.0-10.1.255.255", 65_536, 0),
            ("223.255.255.255", "223.255.255.255", 1, 0),
            ("::ffff:10.0.0.1", "10.0.0.1", 1, 0),
        ] {
            let sources = sources(text);
            assert_eq!(sources.to_string(), shown);
            assert_eq!(sources.by_family(), (ipv4, ipv6), "{text}");
            assert_eq!(sources.all().len() as u32, ipv4 + ipv6, "{text}");
        }
        assert_eq!(
            sources("10.0.0.255-10.0.1.1").all(),
            ["10.0.0.255", "10.0.1.0", "10.0.1.1"].map(|a| a.parse::<IpAddr>().unwrap())
        );
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        use SourceAddressesError as E;
        let refused = |text: &str| text.parse::<SourceAddresses>().unwrap_err();
        for text in ["", "x", "10.0.0", "10.0.0.1,", "10.0.0.1-9", "eth0", "10.0.0.256"] {
            assert!(matches!(refused(text), E::Address(_)), "{text}");
        }
        for text in ["10.0.0.9-10.0.0.1", "10.0.0.1-::1", "::2-::1"] {
            assert_eq!(refused(text), E::Range(text.into()));
        }
        for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/+8", "::/129"] {
            assert_eq!(refused(text), E::Prefix(text.into()));
        }
        assert_eq!(
            refused("10.0.2.5/28").to_string(),
            "'10.0.2.5/28' has bits beyond its prefix; write 10.0.2.0/28 for the whole block, or 10.0.2.5 for the one"
        );
        for text in ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "223.255.255.255-224.0.0.1"]
        {
            assert!(matches!(refused(text), E::NoSource(_)), "{text}");
        }
        for text in ["10.0.0.0/15", "::/0", "0.0.0.0/0", "10.0.0.0/16,10.1.0.0", "::-ffff::"] {
            assert_eq!(refused(text), E::TooMany, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[0-9a-f.:/,-]{0,24}|\\PC{0,16}") {
            let _ = text.parse::<SourceAddresses>();
        }

        #[test]
        fn what_is_shown_reads_back_and_counts_what_it_has(
            spans in prop::collection::vec((0x0a00_0000_u32..0x0a00_0200, 0_u32..40), 1..6),
        ) {
            let (v4, mut expected) = (Ipv4Addr::from_bits, std::collections::BTreeSet::new());
            let list: Vec<String> = spans.iter().map(|(first, more)| {
                expected.extend((*first..=first + more).map(v4).map(IpAddr::V4));
                format!("{}-{}", v4(*first), v4(first + more))
            }).collect();
            let parsed = sources(&list.join(","));
            prop_assert_eq!(parsed.all(), expected.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(sources(&parsed.to_string()), parsed);
        }
    }
}
