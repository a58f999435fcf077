//! The wish to stop, as a value that can be awaited.

use std::future::Future;

use tokio::sync::watch;

/// Set once, by a signal; seen by everything that waits.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// An interrupt and what sets it off.
    pub fn new() -> (watch::Sender<bool>, Interrupt) {
        let (sender, receiver) = watch::channel(false);
        (sender, Interrupt(receiver))
    }

    /// Whether it was set off.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is set off; for ever, if nobody is left who could.
    pub async fn set(&mut self) {
        if self.0.wait_for(|set| *set).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What comes of `work`; `None` where this is set off before.
    pub async fn unless_set<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.set() => None,
            done = work => Some(done),
        }
    }
}
