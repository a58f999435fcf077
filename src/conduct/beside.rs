//! What is asked beside the load, which waits for nothing.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

/// One task at a time, whose answer is taken when it has come. Dropping it ends the task.
pub(super) struct Beside<T>(Option<JoinHandle<T>>);

impl<T: Send + 'static> Beside<T> {
    /// Nothing yet.
    pub(super) fn idle() -> Beside<T> {
        Beside(None)
    }

    /// Begins, and gives up what is still under way.
    pub(super) fn begin(&mut self, task: impl Future<Output = T> + Send + 'static) {
        self.abort();
        self.0 = Some(tokio::spawn(task));
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.0.is_some()
    }

    /// What has come, without waiting; of a task that panicked nothing comes.
    pub(super) fn take(&mut self) -> Option<T> {
        let come = self.0.as_mut()?.now_or_never()?;
        self.over(come)
    }

    /// The same, with a little patience for an answer that is still due.
    pub(super) async fn wait(&mut self, patience: Duration) -> Option<T> {
        let come = timeout(patience, self.0.as_mut()?).await.ok()?;
        self.over(come)
    }

    /// A task that has ended, well or not, must not be asked again.
    fn over(&mut self, come: Result<T, JoinError>) -> Option<T> {
        self.0 = None;
        come.inspect_err(|error| tracing::warn!("what was asked beside the load came to nothing: {error}"))
            .ok()
    }
}

impl<T> Beside<T> {
    fn abort(&self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl<T> Drop for Beside<T> {
    fn drop(&mut self) {
        self.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_comes_once_and_of_a_panic_none() {
        let mut beside = Beside::idle();
        assert!(beside.take().is_none() && !beside.is_under_way());
        beside.begin(async { 7 });
        assert!(beside.take().is_none() && beside.is_under_way(), "it had no turn yet");
        assert_eq!(beside.wait(Duration::from_secs(20)).await, Some(7));
        for _ in 0..2 {
            beside.begin(async { panic!("as the test wants it") });
            while beside.is_under_way() {
                assert_eq!(beside.take(), None);
                tokio::task::yield_now().await;
            }
            assert_eq!((beside.take(), beside.wait(Duration::ZERO).await), (None, None));
        }
    }

    #[tokio::test]
    async fn who_is_asked_no_more_ends() {
        let (held, mut gone) = tokio::sync::mpsc::channel::<()>(1);
        let mut beside = Beside::idle();
        let forever = |held| async move {
            let _held = held;
            std::future::pending::<()>().await;
        };
        beside.begin(forever(held));
        assert_eq!(beside.wait(Duration::ZERO).await, None);
        assert!(beside.is_under_way(), "it may still come");
        drop(beside);
        assert_eq!(gone.recv().await, None);
    }
}
