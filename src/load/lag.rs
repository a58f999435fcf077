//! How late this program's runtime is: a timer that ought to fire every 20 ms, and by how much it misses.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// Fifty wake-ups a second were measured to cost half a hundredth of a core, and no stall of 20 ms goes unseen.
const EVERY: Duration = Duration::from_millis(20);

/// Measures until it is dropped. A runtime that is late by so much answers, and sends its heartbeats, late by as much.
pub struct Lag {
    timer: Arc<Mutex<Timer>>,
    task: JoinHandle<()>,
}

struct Timer {
    due: Instant,
    worst: Option<Duration>,
}

impl Lag {
    /// Begins to measure the runtime that calls.
    pub fn start() -> Lag {
        let timer = Arc::new(Mutex::new(Timer { due: Instant::now() + EVERY, worst: None }));
        let task = tokio::spawn(measure(Arc::clone(&timer)));
        Lag { timer, task }
    }

    /// The worst lateness since the last call, that of a timer that is overdue included, so that no stall is told only
    /// after whoever asks has drawn his conclusion; `None` when no timer was due.
    pub fn take(&self) -> Option<Duration> {
        let mut timer = lock(&self.timer);
        let now = Instant::now();
        if timer.due <= now {
            timer.fired(now);
        }
        timer.worst.take()
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Timer {
    fn fired(&mut self, now: Instant) {
        self.worst = self.worst.max(Some(now.saturating_duration_since(self.due)));
        // By schedule, but what a stall made it miss is not made up for: it would be counted again and again.
        self.due = (self.due + EVERY).max(now);
    }
}

async fn measure(timer: Arc<Mutex<Timer>>) {
    loop {
        let due = lock(&timer).due;
        sleep_until(due).await;
        let mut timer = lock(&timer);
        // Unless somebody looked at the clock before this was woken.
        if timer.due == due {
            timer.fired(Instant::now());
        }
    }
}

fn lock(timer: &Mutex<Timer>) -> MutexGuard<'_, Timer> {
    timer.lock().unwrap_or_else(PoisonError::into_inner)
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
        // Nothing was awaited since: the timer is overdue, and has not fired.
        let late = lag.take().unwrap();
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
        let timer = Arc::downgrade(&lag.timer);
        drop(lag);
        while timer.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
