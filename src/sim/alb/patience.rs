//! When a connection's time is up: after too long a silence, or at its appointed end.
//!
//! One timer a connection, set anew only when it fires: a heartbeat costs no timer work, and the
//! silence is still ended to the millisecond.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::fault::Doom;

/// Which time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// No byte for the idle timeout.
    Silent,
    /// The connection meets its doom now.
    Doomed(Doom),
}

/// How long a connection is borne with.
pub(super) struct Patience {
    timer: Pin<Box<Sleep>>,
    silence: Duration,
    doomed: Option<(Instant, Doom)>,
}

impl Patience {
    /// Bears silences shorter than `silence`.
    pub(super) fn new(silence: Duration) -> Self {
        Self { timer: Box::pin(sleep_until(Instant::now() + silence)), silence, doomed: None }
    }

    /// Bears the connection no longer than to `instant`, whatever it says; that befalls it then.
    pub(super) fn doom(&mut self, instant: Instant, doom: Doom) {
        self.doomed = Some((instant, doom));
        if instant < self.timer.deadline() {
            self.timer.as_mut().reset(instant);
        }
    }

    /// Once it has met its doom and lives on: only silence ends it now.
    pub(super) fn spare(&mut self) {
        self.doomed = None;
    }

    /// Ready when the time is up for a connection whose last byte moved at `last_byte`.
    pub(super) fn poll(&mut self, last_byte: Instant, cx: &mut Context<'_>) -> Poll<Expired> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let silent_at = last_byte + self.silence;
            if let Some((_, doom)) = self.doomed.filter(|(at, _)| *at <= now) {
                return Poll::Ready(Expired::Doomed(doom));
            }
            if silent_at <= now {
                return Poll::Ready(Expired::Silent);
            }
            let next = self.doomed.map_or(silent_at, |(at, _)| at.min(silent_at));
            self.timer.as_mut().reset(next);
        }
        Poll::Pending
    }
}
