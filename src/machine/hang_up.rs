//! Whether this process was started with SIGHUP ignored.

/// Whether SIGHUP is ignored, as `nohup` arranges for the commands that it starts. A handler would undo that.
#[cfg(unix)]
#[allow(unsafe_code)]
pub fn ignores_hang_up() -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with a null new action, sigaction only writes the present one to `action`, which is large enough for it
    // and was zeroed, so that it is initialized whether the call succeeds or not.
    let action = unsafe {
        libc::sigaction(libc::SIGHUP, std::ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}
