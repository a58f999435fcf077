//! What ends the load before its plan does: a signal, or the brake.

use super::Interrupt;
use crate::record::HowEnded;

/// The two causes, as one that can be awaited.
pub(super) struct Stop<'a> {
    signal: &'a mut Interrupt,
    brake: Interrupt,
}

impl<'a> Stop<'a> {
    /// By a signal, or by the brake that sets off the other.
    pub(super) fn new(signal: &'a mut Interrupt, brake: Interrupt) -> Stop<'a> {
        Stop { signal, brake }
    }

    /// Waits until the load is to end.
    pub(super) async fn set(&mut self) {
        tokio::select! {
            () = self.signal.set() => {}
            () = self.brake.set() => {}
        }
    }

    /// Whether it is to end.
    pub(super) fn is_set(&self) -> bool {
        self.signal.is_set() || self.brake.is_set()
    }

    /// Whether the brake ends it.
    pub(super) fn is_braked(&self) -> bool {
        self.brake.is_set()
    }

    /// How a load ended that was to end. Under a signal no brake acts any more, so that of both the brake was first.
    pub(super) fn how(&self) -> HowEnded {
        if self.is_braked() { HowEnded::Aborted } else { HowEnded::Interrupted }
    }
}
