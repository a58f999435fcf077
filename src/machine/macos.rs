//! macOS: `/dev/fd` lists the descriptors.

use super::watch::Reading;
use crate::facts::{ConntrackFacts, MemoryFacts, PortRange};

/// Descriptors open in this process.
pub(super) fn descriptors_used() -> Option<u64> {
    // One of the entries is the directory being read.
    Some((std::fs::read_dir("/dev/fd").ok()?.count() as u64).saturating_sub(1))
}

/// macOS tells it by `sysctl` only, not in a file.
pub(super) fn ports() -> Option<PortRange> {
    None
}

/// macOS tells it by calls that are not safe Rust's.
pub(super) fn memory() -> Option<MemoryFacts> {
    None
}

/// macOS tells it by calls that are not safe Rust's.
pub(super) fn time_wait() -> Option<u64> {
    None
}

/// Linux's alone.
pub(super) fn conntrack() -> Option<ConntrackFacts> {
    None
}

/// What the shell calls this machine; macOS has no file for it.
pub(super) fn host_name() -> Option<String> {
    std::env::var("HOSTNAME").or_else(|_| std::env::var("HOST")).ok()
}

/// What is read again and again: nothing, since macOS tells its counters only through calls that are not safe Rust's.
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
