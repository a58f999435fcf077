//! How the load was spread: over the load balancer's availability zones as CloudWatch counts them, and over its
//! addresses as the clients counted. Which address lies in which zone nobody says, so that the two are shown apart.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::active::ActiveConnections;
use super::totals::Load;
use crate::facts::metric::ACTIVE_CONNECTIONS;
use crate::judge::baseline::Baseline;
use crate::judge::robust::{SIGMAS_95, student};
use crate::judge::server::Server;
use crate::judge::wording::{percent, rounded, show_count, spoken};

/// How the load was spread.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spread {
    /// By zone, in the order of their names; empty where CloudWatch was not asked for zones.
    pub zones: Vec<ZoneShare>,
    /// By address, in the order of their names.
    pub addresses: Vec<AddressShare>,
}

/// One zone's part of the load.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneShare {
    /// The zone.
    pub zone: String,
    /// ActiveConnectionCount on average over the periods in which the load stands out, the same ones for all zones; the
    /// zone's own baseline taken off.
    pub server: f64,
    /// Its part of all zones.
    pub share: f64,
    /// Half the 95 % interval of `server`, by other traffic alone; and by how much that moved from before the load to
    /// after it.
    pub noise: f64,
}

/// One address's part of the load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressShare {
    /// The address.
    pub address: String,
    /// Connections opened there, over all levels.
    pub opened: u64,
    /// Connections tried there in the level that tried most: one level, since addresses come and go.
    pub tried: u64,
}

/// A part this much larger than another's is uneven.
const UNEVEN: f64 = 1.5;

/// Beyond what chance makes of so few connections: three standard deviations of a part's count.
const SIGMAS: f64 = 3.0;

impl Spread {
    /// What is uneven about the zones, in sentences with their numbers.
    pub(in crate::judge) fn uneven_zones(&self) -> Option<String> {
        let parts: Vec<(f64, f64)> =
            self.zones.iter().map(|z| (z.server, SIGMAS * z.server.max(0.0).sqrt() + z.noise)).collect();
        uneven(&parts).then(|| {
            let parts = self.zones.iter().map(|z| format!("{} {}", z.zone, percent(z.share)));
            let counts = self.zones.iter().map(|z| rounded(z.server));
            format!(
                "of ActiveConnectionCount the zones have {} ({} connections on average while levels were held)",
                spoken(&parts.collect::<Vec<_>>()),
                spoken(&counts.collect::<Vec<_>>())
            )
        })
    }

    /// The same about the addresses.
    pub(in crate::judge) fn uneven_addresses(&self) -> Option<String> {
        #[allow(clippy::cast_precision_loss)]
        let parts: Vec<(f64, f64)> = self
            .addresses
            .iter()
            .filter(|a| a.tried > 0)
            .map(|a| (a.tried as f64, SIGMAS * (a.tried as f64).sqrt()))
            .collect();
        uneven(&parts).then(|| {
            let parts = self.addresses.iter().filter(|a| a.tried > 0);
            let parts = parts.map(|a| format!("{} at {}", show_count(a.tried), a.address));
            format!("in the largest level the clients tried {}", spoken(&parts.collect::<Vec<_>>()))
        })
    }
}

/// Whether the largest part is that much larger than the smallest, beyond what chance makes. Parts with their noise.
fn uneven(parts: &[(f64, f64)]) -> bool {
    let least = parts.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0));
    let most = parts.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0));
    let (Some((least, below)), Some((most, above))) = (least, most) else { return false };
    most > 0.0 && most - least > above + below && most > UNEVEN * least
}

/// Puts the parts together.
pub(super) fn spread(load: &Load<'_>, active: &ActiveConnections) -> Spread {
    let run = load.run;
    let mut opened: BTreeMap<&str, AddressShare> = BTreeMap::new();
    let largest = run.levels.iter().max_by_key(|level| level.counts.opened).map(|level| &level.peers);
    for peer in run.levels.iter().flat_map(|level| &level.peers) {
        let share = opened.entry(&peer.address).or_insert_with(|| AddressShare {
            address: peer.address.clone(),
            opened: 0,
            tried: largest
                .into_iter()
                .flatten()
                .filter(|p| p.address == peer.address)
                .fold(0, |sum, p| sum.saturating_add(u64::from(p.opened) + u64::from(p.failed))),
        });
        share.opened = share.opened.saturating_add(u64::from(peer.opened));
    }
    let addresses = opened.into_values().collect();
    Spread { zones: zones(load, &active.clear), addresses }
}

/// The zones' parts in these periods. A zone is absent where it has nothing to say, and that is 0.
fn zones(load: &Load<'_>, periods: &[DateTime<Utc>]) -> Vec<ZoneShare> {
    let by_zone: Vec<(&str, Server<'_>, Baseline)> = load
        .server
        .zones()
        .into_iter()
        .filter_map(|(zone, server)| {
            let baseline = Baseline::with_pauses(&server, ACTIVE_CONNECTIONS, load.windows)?;
            Some((zone, server, baseline))
        })
        .collect();
    let in_all = |at: &&DateTime<Utc>| {
        by_zone.iter().all(|(_, server, _)| server.or_zero(ACTIVE_CONNECTIONS, **at).is_some())
    };
    let periods: Vec<DateTime<Utc>> = periods.iter().filter(in_all).copied().collect();
    let part = |(zone, server, baseline): &(&str, Server<'_>, Baseline)| {
        let held =
            periods.iter().filter_map(|at| Some(server.or_zero(ACTIVE_CONNECTIONS, *at)? - baseline.at(*at)));
        #[allow(clippy::cast_precision_loss)]
        // The sum of nothing is -0.0, and would be shown so.
        let mean = held.fold(0.0, |sum, each| sum + each) / (periods.len() as f64).max(1.0);
        let noise = student(SIGMAS_95, baseline.degrees()) * baseline.error_of_mean(periods.len());
        ZoneShare { zone: (*zone).to_owned(), server: mean, share: 0.0, noise: noise + baseline.moved }
    };
    let mut found: Vec<ZoneShare> = by_zone.iter().map(part).collect();
    let all: f64 = found.iter().map(|zone| zone.server.max(0.0)).sum();
    if all <= 0.0 {
        return Vec::new();
    }
    for zone in &mut found {
        zone.share = zone.server.max(0.0) / all;
    }
    found
}
