//! [`Pace`]: whether a body moves fast enough, and whose fault it is if not.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::settings::Limits;

/// The clock of one body.
#[derive(Debug)]
pub(super) struct Pace {
    started: Instant,
    progress: Instant,
    /// Since when the upstream is waited for.
    waiting: Option<Instant>,
    /// For how long it was waited for in all: that time is not the caller's.
    excused: Duration,
}

impl Pace {
    /// A clock that starts now.
    pub(super) fn start() -> Self {
        let now = Instant::now();
        Self {
            started: now,
            progress: now,
            waiting: None,
            excused: Duration::ZERO,
        }
    }

    /// Bytes have moved.
    pub(super) fn moved(&mut self) {
        self.progress = Instant::now();
        if let Some(since) = self.waiting.take() {
            self.excused += self.progress.saturating_duration_since(since);
        }
    }

    /// The upstream is waited for from now on, until bytes move.
    pub(super) fn waits_for_upstream(&mut self) {
        self.waiting.get_or_insert_with(Instant::now);
    }

    /// Until when the upstream has to do something: it may pause for `patience`, and it may in all
    /// take that and the time which its bytes earn at `rate` a second. Otherwise one byte a pause
    /// could go on for days. Without a rate only pauses count.
    pub(super) fn of_upstream(&self, bytes: u64, rate: u64, patience: Duration) -> Instant {
        let pause = self.progress + patience;
        match bytes.checked_div(rate) {
            None => pause,
            Some(seconds) => {
                let earned = patience + Duration::from_secs(seconds);
                let since = self.waiting.unwrap_or(self.progress);
                pause.min(since + earned.saturating_sub(self.excused))
            }
        }
    }

    /// Until when the caller has to do something: a transfer may take as long as its bytes allow
    /// at `rate` a second, and may not stand still for a whole window. Without a rate it may pause
    /// for `patience`.
    pub(super) fn of_caller(&self, bytes: u64, rate: u64, patience: Duration) -> Instant {
        match bytes.checked_div(rate) {
            None => self.progress + patience,
            Some(seconds) => {
                let earned = self.started + Duration::from_secs(seconds) + self.excused;
                earned.min(self.progress) + Limits::BODY_RATE_WINDOW
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    fn left(until: Instant) -> u64 {
        until.duration_since(Instant::now()).as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_stands_still_has_one_window_however_much_it_has_sent() {
        let pace = Pace::start();
        assert_eq!(left(pace.of_caller(1_000_000, 100, PATIENCE)), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_trickles_runs_out_of_what_its_bytes_have_earned() {
        let mut pace = Pace::start();
        for second in 1..=8_u64 {
            tokio::time::advance(Duration::from_secs(1)).await;
            pace.moved();
            assert_eq!(left(pace.of_caller(second, 100, PATIENCE)), 8 - second);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_slow_upstream_is_not_the_callers() {
        let mut pace = Pace::start();
        pace.waits_for_upstream();
        tokio::time::advance(Duration::from_secs(30)).await;
        pace.waits_for_upstream();
        pace.moved();
        assert_eq!(left(pace.of_caller(0, 100, PATIENCE)), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_the_caller_has_the_patience_of_the_upstream() {
        let pace = Pace::start();
        let of_upstream = pace.of_upstream(0, 0, PATIENCE);
        assert_eq!(pace.of_caller(0, 0, PATIENCE), of_upstream);
    }

    #[tokio::test(start_paused = true)]
    async fn an_upstream_that_trickles_has_its_patience_once_and_what_its_bytes_have_earned() {
        let mut pace = Pace::start();
        for bytes in 1..=5_u64 {
            pace.waits_for_upstream();
            assert_eq!(
                left(pace.of_upstream(bytes, 100, PATIENCE)),
                70 - 10 * bytes
            );
            tokio::time::advance(Duration::from_secs(10)).await;
            pace.moved();
        }
        pace.waits_for_upstream();
        assert_eq!(left(pace.of_upstream(500, 100, PATIENCE)), 15);
        assert_eq!(left(pace.of_upstream(500, 0, PATIENCE)), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_slow_caller_is_not_the_upstreams() {
        let mut pace = Pace::start();
        tokio::time::advance(Duration::from_mins(5)).await;
        pace.moved();
        pace.waits_for_upstream();
        assert_eq!(left(pace.of_upstream(0, 100, PATIENCE)), 60);
    }
}
