//! Random bytes of the operating system's generator.
//!
//! RFC 6455 §10.3: a frame's mask must not be predictable, and come from a strong source of entropy; §4.1 wants 16 random
//! bytes for the handshake's key. A system call for each would cost more than the frame, so each thread keeps a buffer.

use std::cell::RefCell;
use std::io;

use ring::rand::{SecureRandom, SystemRandom};

/// Masks of a thousand frames.
const BUFFER_SIZE: usize = 4_096;

struct Buffer {
    bytes: [u8; BUFFER_SIZE],
    /// How many of them were given out.
    used: usize,
}

thread_local! {
    static BUFFER: RefCell<Buffer> = const { RefCell::new(Buffer { bytes: [0; BUFFER_SIZE], used: BUFFER_SIZE }) };
}

/// Fresh random bytes, each given out once; `N` is at most the buffer's size. Fails where the system's generator does.
pub(super) fn random_bytes<const N: usize>() -> io::Result<[u8; N]> {
    const { assert!(N <= BUFFER_SIZE) };
    BUFFER.with_borrow_mut(|buffer| buffer.take())
}

impl Buffer {
    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        if BUFFER_SIZE - self.used < N {
            // Where it fails, what is left is not given out either: it may have been overwritten.
            self.used = BUFFER_SIZE;
            SystemRandom::new().fill(&mut self.bytes).map_err(|_| {
                io::Error::other("the operating system's random generator failed, so no frame can be masked")
            })?;
            self.used = 0;
        }
        let mut taken = [0; N];
        taken.copy_from_slice(&self.bytes[self.used..self.used + N]);
        self.used += N;
        Ok(taken)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_bytes_are_given_out_twice() {
        // 16 bytes repeat by chance once in 2^128; 10,000 of them take 40 buffers, and 7 does not divide a buffer.
        let keys: HashSet<[u8; 16]> = (0..10_000)
            .map(|_| {
                random_bytes::<7>().unwrap();
                random_bytes().unwrap()
            })
            .collect();
        assert_eq!(keys.len(), 10_000);
        let elsewhere = std::thread::spawn(|| random_bytes::<16>().unwrap()).join().unwrap();
        assert!(!keys.contains(&elsewhere), "each thread has a buffer of its own");
    }

    #[test]
    fn a_buffer_is_used_to_its_end_and_then_filled_anew() {
        let mut buffer = Buffer { bytes: [7; BUFFER_SIZE], used: BUFFER_SIZE - 5 };
        assert_eq!(buffer.take().unwrap(), [7; 4]);
        assert_ne!(buffer.take().unwrap(), [7; 16], "one byte was left, which is not enough");
        assert_eq!(buffer.used, 16);
    }
}
