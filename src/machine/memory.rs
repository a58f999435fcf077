//! Giving memory back to the system.

/// Returns what the allocator keeps for later: after a ramp, the memory of thousands of handshakes. glibc does not do so
/// by itself; other allocators are left to their own ways.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub fn release_memory() {
    // SAFETY: malloc_trim takes no pointer, and glibc documents it as safe in threads (MT-Safe); it only hands pages
    // back that hold no allocation.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Returns what the allocator keeps for later, where it can be told to: here it can't.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn release_memory() {}
