//! What a system does not tell, or is not asked.

use crate::facts::ConntrackFacts;

/// Linux's alone.
pub(super) fn conntrack() -> Option<ConntrackFacts> {
    None
}

/// Told by Linux only without privileges.
pub(super) fn time_wait() -> Option<u64> {
    None
}
