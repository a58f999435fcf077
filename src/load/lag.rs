//! How late this program's runtime is: a timer that ought to fire every 20 ms, and by how much it misses.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// Fifty wake-ups a second were measured to cost half a hundredth of a core, and no stall of 20 ms goes unseen.
const EVERY: Duration = Duration::from_millis(20);

/// Measures until it is dropped. A runtime that is late by so much answers, and sends its heartbeats, late by as much.
pub struct Lag {
    worst: Arc<Mutex<Option<Duration>>>,
    task: JoinHandle<()>,
}

impl Lag {
    /// Begins to measure the runtime that calls.
    pub fn start() -> Lag {
        let worst = Arc::default();
        let task = tokio::spawn(measure(Arc::clone(&worst)));
        Lag { worst, task }
    }

    /// The worst lateness since the last call; `None` when the timer did not fire at all. A stall that still lasts is
    /// told when it is over.
    pub fn take(&self) -> Option<Duration> {
        self.worst.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn measure(worst: Arc<Mutex<Option<Duration>>>) {
    let mut due = Instant::now() + EVERY;
    loop {
        sleep_until(due).await;
        let now = Instant::now();
        let late = now.saturating_duration_since(due);
        {
            let mut worst = worst.lock().unwrap_or_else(PoisonError::into_inner);
            *worst = (*worst).max(Some(late));
        }
        // By schedule, but what a stall made it miss is not made up for: it would be counted again and again.
        due = (due + EVERY).max(now);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The first lateness that is told.
    async fn told(lag: &Lag) -> Duration {
        loop {
            if let Some(late) = lag.take() {
                return late;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn a_thread_that_is_kept_busy_is_seen_once() {
        let lag = Lag::start();
        told(&lag).await;
        let stall = Duration::from_millis(300);
        std::thread::sleep(stall);
        assert_eq!(lag.take(), None, "the stall is not yet over for the timer");
        let late = told(&lag).await;
        assert!(late >= stall - EVERY, "{late:?}");
        // Should this machine be busy just now, the next one may be late too, but not always.
        let mut next = told(&lag).await;
        for _ in 0..20 {
            next = next.min(told(&lag).await);
        }
        assert!(next < stall / 2, "counted again: {next:?}");
    }

    #[tokio::test]
    async fn it_ends_when_it_is_dropped() {
        let lag = Lag::start();
        let worst = Arc::downgrade(&lag.worst);
        drop(lag);
        while worst.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
