//! Who answered an upgrade with an HTTP status: the load balancer, or a target behind it.

use std::collections::BTreeMap;

use super::Case;
use super::matter::Concern;
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Phase};

/// The share of some answers from which on a metric of just their status has counted them.
const NEARLY_ALL: f64 = 0.9;

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The load balancer itself.
    LoadBalancer,
    /// A target.
    Target,
}

/// The status of an upgrade that was answered with one.
pub(super) fn status_of(failure: &Failures) -> Option<u16> {
    match (failure.phase, failure.kind) {
        (Phase::Upgrade, Kind::Seen(FailureKind::Http(status))) => Some(status),
        _ => None,
    }
}

/// Statuses that mean trouble and not a wrong address or missing rights: 5xx, 408, 429 and the ALB's own 46x.
pub(super) fn is_trouble(failure: &Failures) -> bool {
    matches!(status_of(failure), Some(408 | 429 | 460..=499 | 500..=599))
}

/// The metrics that count such statuses, the load balancer's and the targets'.
pub(super) fn metrics(status: u16) -> (&'static str, &'static str) {
    if status < 500 {
        ("HTTPCode_ELB_4XX_Count", "HTTPCode_Target_4XX_Count")
    } else {
        ("HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count")
    }
}

/// The metric that counts this one status of the load balancer alone, where there is one.
fn single(status: u16) -> Option<&'static str> {
    match status {
        500 => Some("HTTPCode_ELB_500_Count"),
        502 => Some("HTTPCode_ELB_502_Count"),
        503 => Some("HTTPCode_ELB_503_Count"),
        504 => Some("HTTPCode_ELB_504_Count"),
        _ => None,
    }
}

/// The rise of the load balancer's own answers with this status as evidence.
pub(super) fn rose_at_load_balancer(case: &Case<'_>, status: u16) -> Option<String> {
    single(status).and_then(|metric| case.rose(metric)).or_else(|| case.rose(metrics(status).0))
}

/// Who answered `count` upgrades with such a status, by which of the two sides' metrics rose by at least half as much.
/// Where both did, the one that rose more; where neither, it is unknown.
pub(super) fn source(case: &Case<'_>, status: u16, count: u32) -> Option<Source> {
    let by = |metric| case.rise(metric).map_or(0.0, |rise| rise.by);
    let enough = |rise: f64| (rise >= f64::from(count) / 2.0).then_some(rise);
    // What the family rose by, other statuses with a metric of their own taken off.
    let others: f64 = [500, 502, 503, 504]
        .into_iter()
        .filter(|other| *other != status && status >= 500)
        .filter_map(single)
        .map(by)
        .sum();
    let (family, target) = metrics(status);
    let alone = single(status).map_or(0.0, by);
    // The targets' families have no such metric: what they rose by may be another status.
    if alone >= f64::from(count) * NEARLY_ALL {
        return Some(Source::LoadBalancer);
    }
    let balancer = alone.max(by(family) - others);
    match (enough(balancer), enough(by(target))) {
        (Some(balancer), Some(target)) if target > balancer => Some(Source::Target),
        (Some(_), _) => Some(Source::LoadBalancer),
        (None, Some(_)) => Some(Source::Target),
        (None, None) => None,
    }
}

/// The failed upgrades with a status of trouble that came from there, where they matter.
pub(super) fn concern<'a>(case: &Case<'a>, from: Option<Source>) -> Option<Concern<'a>> {
    let mut sources: BTreeMap<u16, Option<Source>> = BTreeMap::new();
    for group in case.concern(is_trouble)?.groups {
        sources.extend(status_of(group).map(|status| (status, None)));
    }
    for (status, source_of) in &mut sources {
        let count: u32 = case.concern(|f| status_of(f) == Some(*status)).map_or(0, |concern| concern.count);
        *source_of = source(case, *status, count);
    }
    case.concern(|failure| {
        is_trouble(failure) && status_of(failure).is_some_and(|status| sources.get(&status) == Some(&from))
    })
}
