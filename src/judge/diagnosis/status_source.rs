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
/// Where both did, the one that rose more; where neither, it is unknown. What other failures of ours were counted there is
/// taken off.
///
/// A family of the load balancer's counts much that is no answer to a client still there (460s above all): a target's
/// family that counted a 4xx is believed rather. Of 5xx it may be another status that it counted.
pub(super) fn source(case: &Case<'_>, status: u16, count: u32) -> Option<Source> {
    let by = |metric| case.rise(metric).map_or(0.0, |rise| rise.by);
    let enough = |rise: f64| (rise >= f64::from(count) / 2.0).then_some(rise);
    let nearly_all = |rise: f64| rise >= f64::from(count) * NEARLY_ALL;
    let (family, targets) = metrics(status);
    let alone = single(status).map_or(0.0, by);
    if nearly_all(alone) {
        return Some(Source::LoadBalancer);
    }
    let (others_of_balancer, others_of_targets) = counted_besides(case, status);
    let target = by(targets) - others_of_targets;
    if status < 500 && nearly_all(target) {
        return Some(Source::Target);
    }
    let balancer = alone.max(by(family) - others_of_balancer);
    match (enough(balancer), enough(target)) {
        (Some(balancer), Some(target)) if target > balancer => Some(Source::Target),
        (Some(_), _) => Some(Source::LoadBalancer),
        (None, Some(_)) => Some(Source::Target),
        (None, None) => None,
    }
}

/// What the load balancer's and the targets' families of a status have counted of our other failures, as far as that is
/// sure.
fn counted_besides(case: &Case<'_>, status: u16) -> (f64, f64) {
    if status >= 500 {
        let others = [500, 502, 503, 504].into_iter().filter(|other| *other != status).filter_map(single);
        return (others.filter_map(|metric| case.rise(metric)).map(|rise| rise.by).sum(), 0.0);
    }
    let ours = |such: &dyn Fn(&Failures) -> bool| -> f64 {
        let failures = case.levels.iter().flat_map(|level| &level.failures);
        failures.filter(|failure| such(failure)).map(|failure| f64::from(failure.count)).sum()
    };
    let other = |failure: &Failures| status_of(failure).filter(|other| *other != status && *other < 500);
    let of_balancer = |failure: &Failures| other(failure).is_some_and(is_load_balancers_alone);
    let of_targets = |failure: &Failures| other(failure).is_some_and(|other| !is_load_balancers(other));
    (ours(&of_balancer) + ours(&was_abandoned), ours(&of_targets))
}

/// Whether a 4xx is one of those that the load balancer gives of itself (aws-facts.md §3, failure codes).
fn is_load_balancers(status: u16) -> bool {
    matches!(status, 400 | 401 | 403 | 408) || is_load_balancers_alone(status)
}

/// Whether nobody but a load balancer gives it.
fn is_load_balancers_alone(status: u16) -> bool {
    matches!(status, 460 | 463 | 464)
}

/// Whether we left an upgrade before its answer, which the load balancer counts as a 460.
fn was_abandoned(failure: &Failures) -> bool {
    failure.phase == Phase::Upgrade && failure.kind == Kind::Seen(FailureKind::Timeout)
}

/// The statuses of some failed upgrades, the commonest first.
pub(super) fn statuses(concern: &Concern<'_>) -> Vec<u16> {
    let mut counts: BTreeMap<u16, u32> = BTreeMap::new();
    for group in &concern.groups {
        if let Some(status) = status_of(group) {
            *counts.entry(status).or_default() += group.count;
        }
    }
    let mut statuses: Vec<(u16, u32)> = counts.into_iter().collect();
    statuses.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    statuses.into_iter().map(|(status, _)| status).collect()
}

/// The failed upgrades with a status of trouble that came from there, where they matter.
pub(super) fn concern<'a>(case: &Case<'a>, from: Option<Source>) -> Option<Concern<'a>> {
    let source_of = |status: u16| {
        let count = case.concern(|f| status_of(f) == Some(status)).map_or(0, |concern| concern.count);
        (status, source(case, status, count))
    };
    let sources: BTreeMap<u16, Option<Source>> =
        statuses(&case.concern(is_trouble)?).into_iter().map(source_of).collect();
    case.concern(|failure| {
        is_trouble(failure) && status_of(failure).is_some_and(|status| sources.get(&status) == Some(&from))
    })
}
