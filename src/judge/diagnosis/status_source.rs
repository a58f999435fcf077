//! Who answered an upgrade with an HTTP status: the load balancer, or a target behind it.

use super::Case;
use crate::judge::{Failures, Kind};
use crate::record::{FailureKind, Phase};

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

/// Who answered `count` upgrades with such a status, by which of the two metrics rose by at least half as much. Where
/// both did, the one that rose more; where neither, it is unknown.
pub(super) fn source(case: &Case<'_>, status: u16, count: u32) -> Option<Source> {
    let (balancer, target) = metrics(status);
    let enough = |metric| {
        let rise = case.rise(metric).map_or(0.0, |rise| rise.by);
        (rise >= f64::from(count) / 2.0).then_some(rise)
    };
    match (enough(balancer), enough(target)) {
        (Some(balancer), Some(target)) if target > balancer => Some(Source::Target),
        (Some(_), _) => Some(Source::LoadBalancer),
        (None, Some(_)) => Some(Source::Target),
        (None, None) => None,
    }
}
