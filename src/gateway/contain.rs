//! Panics are defects, and a defect in one place shall not end what goes on in others.
//!
//! A panic ends the connection, the reload, the look or the probe that it happened in. The hook has
//! written where; here it is kept from going further. What such a piece of work shares with others
//! are whole values at every moment at which it may end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A panic that was contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panicked;

pin_project_lite::pin_project! {
    /// A task that runs up to its end or its panic. An `async fn` would hold the task twice: as what
    /// it was called with, and where it is pinned.
    #[derive(Debug)]
    pub(super) struct Contained<F> {
        #[pin]
        task: F,
    }
}

/// Contains the panics of a task.
pub(super) const fn contained<F: Future>(task: F) -> Contained<F> {
    Contained { task }
}

impl<F: Future> Future for Contained<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let task = self.project().task;
        match catch_unwind(AssertUnwindSafe(|| task.poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(_told_by_the_hook) => Poll::Ready(Err(Panicked)),
        }
    }
}

/// Makes a call, up to its return or its panic.
pub(super) fn contained_call<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_told_by_the_hook| Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_its_own_task_and_nothing_else() {
        let local = tokio::task::LocalSet::new();
        let ended = local.run_until(async {
            let broken = tokio::task::spawn_local(contained(async {
                tokio::task::yield_now().await;
                panic!("a defect, on purpose");
            }));
            let sound = tokio::task::spawn_local(contained(tokio::task::yield_now()));
            (broken.await, sound.await)
        });
        let (broken, sound) = ended.await;
        assert_eq!(broken.expect("the task itself goes on"), Err(Panicked));
        assert_eq!(sound.expect("not touched"), Ok(()));
    }

    #[test]
    fn a_call_that_panics_returns_to_its_caller() {
        let panics = || -> u8 { panic!("a defect, on purpose") };
        assert_eq!(contained_call(panics), Err(Panicked));
        assert_eq!(contained_call(|| 7), Ok(7));
    }
}
