//! [`HandshakeLane`]: handshakes take turns with the connections at work.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

/// Lets one handshake step run between two looks at the network.
///
/// A step may take most of a millisecond (one RSA signature). If many callers arrive at once,
/// their steps would queue in front of the next request of every kept connection; so after each
/// step the event loop is asked for news before the next one has its turn.
#[derive(Debug, Default)]
pub(super) struct HandshakeLane {
    taken: Cell<bool>,
    waiting: RefCell<VecDeque<Waker>>,
    used: Notify,
}

impl HandshakeLane {
    /// Ready once in a round of the event loop.
    pub(super) fn poll_turn(&self, cx: &Context<'_>) -> Poll<()> {
        if self.taken.replace(true) {
            self.waiting.borrow_mut().push_back(cx.waker().clone());
            return Poll::Pending;
        }
        self.used.notify_one();
        Poll::Ready(())
    }

    /// Opens the lane again after each round. Runs for the life of the thread.
    pub(super) async fn keep_open(&self) {
        loop {
            self.used.notified().await;
            loop {
                tokio::task::yield_now().await;
                self.taken.set(false);
                // A waiter may have gone meanwhile, so the next one is called a round later.
                let next = self.waiting.borrow_mut().pop_front();
                match next {
                    Some(waiter) => waiter.wake(),
                    None => break,
                }
            }
        }
    }
}
