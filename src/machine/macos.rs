//! macOS: `/dev/fd` lists the descriptors, `sysctl(3)` tells of ports and memory, `getrusage(2)` of CPU.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use sysctl::{Ctl, Sysctl};

pub(super) use super::unknown::{conntrack, processes, time_wait};
use super::watch::Reading;
use crate::facts::{MemoryFacts, MemoryLimit, PortRange};

/// Descriptors open in this process.
pub(super) fn descriptors_used() -> Option<u64> {
    // One of the entries is the directory being read.
    Some((std::fs::read_dir("/dev/fd").ok()?.count() as u64).saturating_sub(1))
}

/// The range from which outgoing ports are taken.
pub(super) fn ports() -> Option<PortRange> {
    let bound = |name| u16::try_from(told(name)?).ok();
    let (first, last) = (bound("net.inet.ip.portrange.first")?, bound("net.inet.ip.portrange.last")?);
    (first <= last).then_some(PortRange { first, last })
}

/// The share of the memory that the system itself counts as available (`memory_pressure(1)` shows the same).
pub(super) fn memory() -> Option<MemoryFacts> {
    let (all, percent) = (told("hw.memsize")?, told("kern.memorystatus_level")?);
    let available_bytes = all / 100 * percent.min(100);
    Some(MemoryFacts { available_bytes, limited_by: MemoryLimit::Machine })
}

/// What the shell calls this machine, or the kernel.
pub(super) fn host_name() -> Option<String> {
    let shell = || std::env::var("HOSTNAME").or_else(|_| std::env::var("HOST")).ok();
    Ctl::new("kern.hostname").ok()?.value_string().ok().or_else(shell)
}

fn told(name: &str) -> Option<u64> {
    Ctl::new(name).ok()?.value_string().ok()?.trim().parse().ok()
}

/// What is read again and again: CPU and the range of ports. TCP's counters are a structure of the kernel's that
/// differs from version to version.
pub(super) struct Sources;

impl Sources {
    /// Opens nothing.
    pub(super) fn open() -> Sources {
        Sources
    }

    /// What is known.
    pub(super) fn read(&mut self) -> Reading {
        let cpu = getrusage(UsageWho::RUSAGE_SELF).ok().and_then(|usage| {
            duration(usage.user_time()).zip(duration(usage.system_time())).map(|(user, system)| user + system)
        });
        let ephemeral_ports = ports().map(|range| range.count());
        Reading { cpu, ephemeral_ports, ..Reading::default() }
    }
}

fn duration(time: TimeVal) -> Option<Duration> {
    let (seconds, micros) = (u64::try_from(time.tv_sec()).ok()?, u64::try_from(time.tv_usec()).ok()?);
    Some(Duration::from_secs(seconds) + Duration::from_micros(micros))
}
