//! Whose turn it is: the n-th connection's destination and source, so that all pairs are used evenly. Pure.

use std::net::{IpAddr, SocketAddr};

use super::Way;
use crate::plan::SourceAddresses;

/// The addresses that connections may come from, by family.
pub(super) enum Sources {
    /// The system chooses.
    Any,
    /// These; a family may have none.
    These { ipv4: Vec<IpAddr>, ipv6: Vec<IpAddr> },
}

impl Sources {
    pub(super) fn new(given: Option<&SourceAddresses>) -> Sources {
        match given {
            None => Sources::Any,
            Some(given) => {
                let (ipv4, ipv6) = given.all().into_iter().partition(IpAddr::is_ipv4);
                Sources::These { ipv4, ipv6 }
            }
        }
    }

    fn of_family(&self, ipv4: bool) -> Option<&[IpAddr]> {
        match self {
            Sources::Any => None,
            Sources::These { ipv4: sources, .. } if ipv4 => Some(sources),
            Sources::These { ipv6: sources, .. } => Some(sources),
        }
    }
}

/// The destinations of one family, and the sources that can reach them.
struct Family<'a> {
    destinations: &'a [SocketAddr],
    sources: Option<&'a [IpAddr]>,
}

/// The way of the connection of that turn, and one to an address of the other family where there is any. `destinations`
/// ascend, so that IPv4 comes first. `None` when no destination has a source of its family.
pub(super) fn ways(destinations: &[SocketAddr], sources: &Sources, turn: u64) -> Option<(Way, Option<Way>)> {
    let (ipv4, ipv6) = destinations.split_at(destinations.partition_point(SocketAddr::is_ipv4));
    let (ipv4, ipv6) = (Family::new(ipv4, sources, true), Family::new(ipv6, sources, false));
    let (round, place) = turn_in_rounds(turn, ipv4.len() + ipv6.len())?;
    let (own, place, other) =
        if place < ipv4.len() { (ipv4, place, ipv6) } else { (ipv6, place - ipv4.len(), ipv4) };
    // Each family has a count of its own, since each may have another number of sources.
    let count = round * own.len() + place;
    Some((own.way(count)?, other.way(count)))
}

fn turn_in_rounds(turn: u64, length: u64) -> Option<(u64, u64)> {
    Some((turn.checked_div(length)?, turn.checked_rem(length)?))
}

impl<'a> Family<'a> {
    fn new(destinations: &'a [SocketAddr], sources: &'a Sources, ipv4: bool) -> Family<'a> {
        let sources = sources.of_family(ipv4);
        // What has no source can't be reached.
        let destinations = if sources.is_some_and(<[IpAddr]>::is_empty) { &[] } else { destinations };
        Family { destinations, sources }
    }

    fn len(&self) -> u64 {
        self.destinations.len() as u64
    }

    /// The way of this family's `count`-th connection; `None` without a destination.
    fn way(&self, count: u64) -> Option<Way> {
        let at = |index: u64| usize::try_from(index).unwrap_or_default();
        let (to, from) = pair(count, self.len(), self.sources.map_or(1, |sources| sources.len() as u64))?;
        let from = self.sources.and_then(|sources| sources.get(at(from))).copied();
        Some(Way { to: *self.destinations.get(at(to))?, from })
    }
}

/// Both go round at the same time, and at every common multiple one of them skips a place: after as many connections as
/// there are pairs every pair was used once, and at no time is a destination ahead of another by more than one
/// connection, or a source by more than two.
fn pair(count: u64, destinations: u64, sources: u64) -> Option<(u64, u64)> {
    let common =
        destinations.checked_mul(sources)?.checked_div(greatest_common_divisor(destinations, sources))?;
    let skipped = count.checked_div(common)?;
    Some((count % destinations, (count + skipped) % sources))
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn sources(list: &str) -> Sources {
        Sources::new(Some(&list.parse().unwrap()))
    }

    fn destinations(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|address| address.parse().unwrap()).collect()
    }

    fn shown(way: &Way) -> String {
        format!("{} from {}", way.to, way.from.map_or_else(|| "any".into(), |from| from.to_string()))
    }

    #[test]
    fn addresses_are_taken_in_turn_with_one_of_the_other_family_in_reserve() {
        let three = destinations(&["10.0.0.1:80", "10.0.0.2:80", "[::1]:80"]);
        let taken: Vec<_> = (0..6).map(|turn| ways(&three, &Sources::Any, turn).unwrap()).collect();
        assert_eq!(
            taken.iter().map(|(way, _)| way.to).collect::<Vec<_>>(),
            [&three[..], &three[..]].concat()
        );
        let reserve: Vec<_> = taken.iter().map(|(_, other)| other.as_ref().unwrap().to).collect();
        assert_eq!(reserve, [three[2], three[2], three[0], three[2], three[2], three[1]]);
        assert!(ways(&three[..2], &Sources::Any, 0).unwrap().1.is_none());
    }

    #[test]
    fn a_source_is_of_its_destinations_family() {
        let two = destinations(&["10.0.0.1:80", "[::1]:80"]);
        let both = sources("10.0.0.8,10.0.0.9,::8");
        let taken: Vec<String> = (0..4).map(|turn| shown(&ways(&two, &both, turn).unwrap().0)).collect();
        assert_eq!(
            taken,
            [
                "10.0.0.1:80 from 10.0.0.8",
                "[::1]:80 from ::8",
                "10.0.0.1:80 from 10.0.0.9",
                "[::1]:80 from ::8"
            ]
        );
        let (way, other) = ways(&two, &sources("::8"), 0).unwrap();
        assert_eq!((shown(&way), other.is_none()), ("[::1]:80 from ::8".into(), true));
        assert!(ways(&two[..1], &sources("::8"), 0).is_none());
        assert!(ways(&[], &Sources::Any, 0).is_none());
    }

    proptest! {
        #[test]
        fn every_pair_is_used_evenly(d in 1_u64..12, s in 1_u64..12, rounds in 1_u64..3, start in 0_u64..3) {
            let mut used = BTreeMap::new();
            for count in start * d * s..(start + rounds) * d * s {
                *used.entry(pair(count, d, s).unwrap()).or_insert(0) += 1;
            }
            prop_assert_eq!(used.len() as u64, d * s);
            prop_assert!(used.values().all(|times| *times == rounds));
        }

        #[test]
        fn at_no_time_is_one_far_ahead(d in 1_u64..12, s in 1_u64..12, connections in 1_u64..300) {
            let (mut to, mut from) = (vec![0_u64; d as usize], vec![0_u64; s as usize]);
            for count in 0..connections {
                let (destination, source) = pair(count, d, s).unwrap();
                to[destination as usize] += 1;
                from[source as usize] += 1;
            }
            let apart = |counts: &[u64]| counts.iter().max().unwrap() - counts.iter().min().unwrap();
            prop_assert!(apart(&to) <= 1, "{:?}", to);
            prop_assert!(apart(&from) <= 2, "{:?}", from);
        }
    }
}
