//! [`Activity`]: since when a connection has been idle.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Whether a connection has a request in hand, and since when not.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
    left: Notify,
}

#[derive(Debug)]
struct State {
    busy: u32,
    since: Instant,
}

impl Activity {
    pub(super) fn new() -> Self {
        let state = State {
            busy: 0,
            since: Instant::now(),
        };
        Self {
            state: Mutex::new(state),
            left: Notify::new(),
        }
    }

    /// Busy until the guard is dropped.
    pub(super) fn enter(&self) -> Busy<'_> {
        self.change(|busy| busy.saturating_add(1));
        Busy(self)
    }

    /// Returns once there was no request for so long.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            let idle_since = {
                let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                (state.busy == 0).then_some(state.since)
            };
            match idle_since.map(|since| since + limit) {
                None => self.left.notified().await,
                Some(end) if end <= Instant::now() => return,
                Some(end) => tokio::time::sleep_until(end).await,
            }
        }
    }

    fn change(&self, change: impl FnOnce(u32) -> u32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.busy = change(state.busy);
        state.since = Instant::now();
    }
}

/// A request in hand.
#[derive(Debug)]
pub(super) struct Busy<'a>(&'a Activity);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.change(|busy| busy.saturating_sub(1));
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_only_after_its_last_request_has_ended() {
        let activity = Activity::new();
        let start = Instant::now();
        let request = async {
            tokio::time::advance(Duration::from_secs(5)).await;
            let _busy = activity.enter();
            tokio::time::advance(Duration::from_secs(100)).await;
        };
        tokio::join!(request, activity.idle_for(Duration::from_mins(1)));
        assert_eq!(start.elapsed(), Duration::from_secs(165));
    }
}
