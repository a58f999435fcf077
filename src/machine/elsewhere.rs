//! Other systems: what can be known without asking the system's own interfaces.

pub(super) use super::unknown::{conntrack, processes, time_wait};
use super::watch::Reading;
use crate::facts::{MemoryFacts, PortRange};

/// Unknown; the spare that preflight leaves covers what a fresh process has open.
pub(super) fn descriptors_used() -> Option<u64> {
    None
}

/// Unknown here.
pub(super) fn ports() -> Option<PortRange> {
    None
}

/// Unknown here.
pub(super) fn memory() -> Option<MemoryFacts> {
    None
}

/// What the environment calls this machine (`COMPUTERNAME` on Windows).
pub(super) fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").or_else(|_| std::env::var("HOSTNAME")).ok()
}

/// What is read again and again: nothing, since each system has counters of its own.
pub(super) struct Sources;

impl Sources {
    /// Opens nothing.
    pub(super) fn open() -> Sources {
        Sources
    }

    /// All is unknown.
    pub(super) fn read(&mut self) -> Reading {
        Reading::default()
    }
}
