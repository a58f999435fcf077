//! This machine: what it allows, what it is called, and how it fares.
//!
//! [`observe`] raises the limit of open descriptors as far as it goes, and tells it; [`not_here`] tells which addresses
//! are not its own, [`families_with_a_way`] in which families it has a way to others; [`Watch`] tells of each second what
//! this process and the machine's TCP did; [`kill_children`] ends what this process started. What is particular to an operating system is one small file for it (`linux`,
//! `macos`, `elsewhere`), each with the same functions; `proc_text` reads what Linux writes.

mod children;
mod descriptors;
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod elsewhere;
#[cfg(unix)]
mod hang_up;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod linux_memory;
#[cfg(target_os = "macos")]
mod macos;
mod memory;
#[cfg(any(target_os = "linux", test))]
mod proc_text;
mod source_addresses;
#[cfg(not(target_os = "linux"))]
mod unknown;
mod watch;
mod ways;

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
use elsewhere as system;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;

pub use children::{Children, has_children, kill_children, spare_inherited_children};
#[cfg(unix)]
pub use hang_up::ignores_hang_up;
pub use source_addresses::not_here;
pub use watch::Watch;
pub use ways::families_with_a_way;

use crate::facts::MachineFacts;
pub use memory::release_memory;

/// Raises the soft limit of descriptors to the hard one, and tells what this machine allows.
pub fn observe() -> MachineFacts {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    MachineFacts {
        os: std::env::consts::OS.to_owned(),
        cores: u32::try_from(cores).unwrap_or(u32::MAX),
        descriptors: descriptors::raise_limit(),
        descriptors_used: system::descriptors_used().unwrap_or(0),
        ports: system::ports(),
        families: None,
        foreign_sources: Vec::new(),
        time_wait: system::time_wait(),
        memory: system::memory(),
        conntrack: system::conntrack(),
    }
}

/// The machine's name, where it can be told, and its platform: `linux x86_64`.
pub fn host() -> (Option<String>, String) {
    let name = system::host_name().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let platform = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    (name, platform)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_counted() {
        let before = observe();
        assert!(before.cores >= 1);
        let held: Vec<_> = (0..200).map(|_| tempfile::tempfile().unwrap()).collect();
        let after = observe();
        // Other tests open and close files meanwhile, but not a hundred of them.
        let counted = cfg!(any(target_os = "linux", target_os = "macos"));
        assert!(!counted || after.descriptors_used >= before.descriptors_used + 100, "{before:?} {after:?}");
        assert!(after.descriptors.is_none_or(|limit| limit >= after.descriptors_used));
        drop(held);
    }

    #[test]
    fn outgoing_ports_are_a_range_that_is_worth_the_name() {
        let ports = observe().ports;
        assert!(ports.is_none_or(|range| range.count() > 1), "{ports:?}");
        assert!(ports.is_some() || !cfg!(target_os = "linux"));
    }

    #[test]
    fn the_platform_names_system_and_architecture() {
        let (name, platform) = host();
        assert_eq!(platform.split_once(' '), Some((std::env::consts::OS, std::env::consts::ARCH)));
        assert!(name.is_none_or(|name| !name.is_empty() && !name.contains('\n')));
    }
}
