//! How many descriptors this process may have open.

/// Raises the soft limit to the hard one and gives the limit that holds then; `None` where there is none.
#[cfg(unix)]
pub(super) fn raise_limit() -> Option<u64> {
    // What can't be raised is left as it is, and preflight will say whether it is enough.
    let raised = rlimit::increase_nofile_limit(u64::MAX).or_else(|_| rlimit::Resource::NOFILE.get_soft());
    raised.ok().filter(|limit| *limit < rlimit::INFINITY)
}

/// Windows has no limit on sockets.
#[cfg(not(unix))]
pub(super) fn raise_limit() -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let limit = raise_limit();
        let (soft, hard) = rlimit::Resource::NOFILE.get().unwrap();
        assert_eq!(limit.unwrap_or(rlimit::INFINITY), soft);
        // macOS has a lower limit of its own below a hard limit that says "infinite".
        assert!(soft == hard || cfg!(target_os = "macos"), "{soft} of {hard}");
    }
}
