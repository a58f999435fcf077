//! Other systems: what can be known without asking the system's own interfaces.

/// Unknown here, and so taken as none; the spare that preflight leaves covers what a fresh process has open.
pub(super) fn descriptors_used() -> u64 {
    0
}

/// What the environment calls this machine (`COMPUTERNAME` on Windows).
pub(super) fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").or_else(|_| std::env::var("HOSTNAME")).ok()
}
