//! [`Turn`]: when a thread last heard from the kernel what has happened on its sockets.
//!
//! A thread works off what the kernel has told it, and then waits for more. What a socket was said
//! to be when the wait ended is still as good as asked, for a moment, and costs no system call.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

thread_local! {
    static LAST: Cell<Last> = const { Cell::new(Last { turn: Turn(0), at: None }) };
}

#[derive(Debug, Clone, Copy)]
struct Last {
    turn: Turn,
    /// When it began; never, where nobody notes it.
    at: Option<Instant>,
}

/// What happens on a thread between two waits for the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn(u64);

impl Turn {
    /// Notes that the kernel has just been heard. For the runtime of a thread to call, whenever it
    /// has waited.
    pub fn begin() {
        let Self(last) = Self::current();
        LAST.set(Last {
            turn: Self(last.wrapping_add(1)),
            at: Some(Instant::now()),
        });
    }

    /// The turn in which the thread is.
    pub fn current() -> Self {
        LAST.get().turn
    }

    /// Whether the kernel was heard after this turn, and only a moment ago. A thread that is busy
    /// for longer, or that has not waited since, has to ask.
    pub fn was_followed_by_news(self, now: Instant) -> bool {
        let Last { turn, at } = LAST.get();
        let is_news = |at| now.saturating_duration_since(at) <= NEWS;
        turn != self && at.is_some_and(is_news)
    }
}

/// How long what was heard counts: less than a far end needs to learn of anything.
const NEWS: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_heard_counts_for_the_turns_before_it_and_for_a_moment() {
        let earlier = Turn::current();
        assert!(!earlier.was_followed_by_news(Instant::now()), "not heard");
        Turn::begin();
        assert!(earlier.was_followed_by_news(Instant::now()));
        let own = Turn::current();
        assert!(!own.was_followed_by_news(Instant::now()), "not since");
        tokio::time::advance(NEWS).await;
        assert!(earlier.was_followed_by_news(Instant::now()));
        tokio::time::advance(NEWS).await;
        assert!(
            !earlier.was_followed_by_news(Instant::now()),
            "too long ago"
        );
    }
}
