//! The consumer of a streamed record, which may stop reading at any time.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long it may take nothing once the user wants the process to end.
const UNREAD: Duration = Duration::from_secs(1);
/// How often a wait for it looks whether the user wants the process to end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What takes the lines: a disk, or another process.
pub(super) struct Consumer {
    /// `None` for a file: a disk takes what it is given.
    is_shutting_down: Option<fn() -> bool>,
    /// When it last took something.
    took: Mutex<Instant>,
}

/// Why the writer of the record does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// It has ended.
    Ended,
    /// The consumer is given up.
    Unread,
}

impl Consumer {
    pub(super) fn file() -> Consumer {
        Consumer { is_shutting_down: None, took: Mutex::new(Instant::now()) }
    }

    /// Another process; `is_shutting_down` says whether the user wants this one to end.
    pub(super) fn of_stream(is_shutting_down: fn() -> bool) -> Consumer {
        Consumer { is_shutting_down: Some(is_shutting_down), ..Consumer::file() }
    }

    pub(super) fn is_stream(&self) -> bool {
        self.is_shutting_down.is_some()
    }

    /// The writer has got rid of what it had.
    pub(super) fn takes(&self) {
        *self.took.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_given_up(&self) -> bool {
        let took = *self.took.lock().unwrap_or_else(PoisonError::into_inner);
        took.elapsed() >= UNREAD && self.is_shutting_down.is_some_and(|is_shutting_down| is_shutting_down())
    }

    /// Waits for the writer's answer.
    pub(super) fn wait<T>(&self, writer: &Receiver<T>) -> Result<T, NoAnswer> {
        loop {
            match writer.recv_timeout(LOOK_EVERY) {
                Ok(told) => return Ok(told),
                Err(RecvTimeoutError::Disconnected) => return Err(NoAnswer::Ended),
                Err(RecvTimeoutError::Timeout) if self.is_given_up() => return Err(NoAnswer::Unread),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
