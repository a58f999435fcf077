//! Held connections that somebody ended, and what their deaths have in common.

use super::matter::Concern;
use crate::judge::wording::{clock, show_count, spoken};
use crate::judge::{Failures, JudgedLevel, Kind, Pattern, Stretch};
use crate::record::{FailureKind, Initiator, Phase};

/// Whether a held connection was ended from outside, in whatever way: this is where a pattern means something.
pub(super) fn ended(failure: &Failures) -> bool {
    failure.phase == Phase::Hold
        && !matches!(failure.by, Initiator::Client | Initiator::Local)
        && matches!(failure.kind, Kind::Seen(FailureKind::Eof | FailureKind::Reset | FailureKind::Closed(_)))
}

/// Whether it was, without a close frame: a load balancer or a network does it so, an application may.
pub(super) fn cut(failure: &Failures) -> bool {
    ended(failure) && !matches!(failure.kind, Kind::Seen(FailureKind::Closed(_)))
}

/// Whether a close frame says that the server goes away or starts anew (RFC 6455 §7.4.1, and IANA's registry).
fn says_farewell(failure: &Failures) -> bool {
    matches!(failure.kind, Kind::Seen(FailureKind::Closed(1001 | 1012)))
}

/// Whether they ended at one instant: it shows, or it may be and the close frame says so.
pub(super) fn at_one_instant(failure: &Failures) -> bool {
    ended(failure)
        && match failure.pattern {
            Pattern::Instant(_) => true,
            Pattern::Together(_) => says_farewell(failure),
            Pattern::Age(_) | Pattern::Silence(_) | Pattern::Scattered => false,
        }
}

/// Whether they ended at one instant that is an age as well, and nothing says which it was.
pub(super) fn together(failure: &Failures) -> bool {
    ended(failure) && matches!(failure.pattern, Pattern::Together(_)) && !says_farewell(failure)
}

/// Whether they ended at one age.
pub(super) fn at_one_age(failure: &Failures) -> bool {
    ended(failure) && matches!(failure.pattern, Pattern::Age(_))
}

/// Whether they ended after one silence.
pub(super) fn after_one_silence(failure: &Failures) -> bool {
    ended(failure) && matches!(failure.pattern, Pattern::Silence(_))
}

/// Whether their deaths have anything in common.
pub(super) fn has_pattern(failure: &Failures) -> bool {
    ended(failure) && failure.pattern != Pattern::Scattered
}

/// Where most deaths of the most frequent group lie.
pub(super) fn stretch(concern: &Concern<'_>) -> Option<Stretch> {
    let commonest = concern.groups.iter().max_by_key(|group| group.count)?;
    commonest.pattern.stretch()
}

/// `most of them within 0.3 s of 13:05:12 UTC`.
pub(super) fn instant(stretch: Stretch) -> String {
    let (first, last) = stretch.times;
    #[allow(clippy::cast_precision_loss)]
    let seconds = (last - first).num_milliseconds() as f64 / 1_000.0;
    format!("most of them within {seconds:.1} s of {} UTC", clock(first))
}

/// `all of them to 10.0.3.17, one of 3 addresses`; `None` where only one address was used, or it is not known.
pub(super) fn addresses(concern: &Concern<'_>, levels: &[JudgedLevel<'_>]) -> Option<String> {
    let mut used: Vec<&str> = Vec::new();
    for peer in levels.iter().flat_map(|level| &level.run.peers) {
        if !used.contains(&peer.address.as_str()) {
            used.push(&peer.address);
        }
    }
    let mut hit: Vec<String> = Vec::new();
    for peer in concern.groups.iter().flat_map(|group| &group.peers) {
        if !hit.contains(peer) {
            hit.push(peer.clone());
        }
    }
    if used.len() < 2 || hit.is_empty() {
        return None;
    }
    let all = format!("{} addresses", show_count(used.len() as u64));
    Some(if hit.len() >= used.len() {
        format!("on all of {all}")
    } else {
        format!("only on {}, of {all}", spoken(&hit))
    })
}
