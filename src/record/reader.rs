//! The reader of a streamed record, which may take nothing for as long as it likes.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long it may take nothing once the user wants the process to end.
const UNREAD: Duration = Duration::from_secs(1);
/// How often a wait for it looks whether the user wants the process to end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What takes the lines: a disk, or another process.
pub(super) struct Reader {
    /// `None` for a file: a disk takes what it is given.
    is_to_end: Option<fn() -> bool>,
    /// When it last took something.
    took: Mutex<Instant>,
}

/// Why the writer of the record does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silent {
    /// It has ended.
    Ended,
    /// The reader is given up.
    Unread,
}

impl Reader {
    pub(super) fn file() -> Reader {
        Reader { is_to_end: None, took: Mutex::new(Instant::now()) }
    }

    /// Another process; `is_to_end` says whether the user wants this one to end.
    pub(super) fn of_stream(is_to_end: fn() -> bool) -> Reader {
        Reader { is_to_end: Some(is_to_end), ..Reader::file() }
    }

    pub(super) fn is_stream(&self) -> bool {
        self.is_to_end.is_some()
    }

    /// The writer has got rid of what it had.
    pub(super) fn takes(&self) {
        *self.took.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_given_up(&self) -> bool {
        let took = *self.took.lock().unwrap_or_else(PoisonError::into_inner);
        took.elapsed() >= UNREAD && self.is_to_end.is_some_and(|is_to_end| is_to_end())
    }

    /// Waits for the writer's answer.
    pub(super) fn wait<T>(&self, writer: &Receiver<T>) -> Result<T, Silent> {
        loop {
            match writer.recv_timeout(LOOK_EVERY) {
                Ok(told) => return Ok(told),
                Err(RecvTimeoutError::Disconnected) => return Err(Silent::Ended),
                Err(RecvTimeoutError::Timeout) if self.is_given_up() => return Err(Silent::Unread),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
