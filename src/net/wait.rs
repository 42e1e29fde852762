//! [`Waiter`]: one timer a connection, and the reasons to stop waiting.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::net::roster::Seat;

/// Why a wait ended without what was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// The deadline passed.
    Deadline,
    /// The connection was asked to leave and may, because nothing is in flight.
    Leaving,
    /// The connection has to end now.
    Cut,
    /// The side that it waits for was declared down.
    Abandoned,
}

/// A connection's only timer.
///
/// Deadlines of a connection mostly move away from now (idle, then waiting for an answer, then
/// idle again), so the timer is left where it is while it is early enough and moved on when it
/// fires. A kept connection with steady traffic touches the timer wheel about once a minute.
#[derive(Debug)]
pub struct Waiter {
    seat: Seat,
    sleep: Pin<Box<Sleep>>,
    armed: Instant,
}

impl Waiter {
    /// A waiter for a connection.
    pub fn new(seat: Seat) -> Self {
        let armed = Instant::now() + FAR;
        Self {
            seat,
            sleep: Box::pin(tokio::time::sleep_until(armed)),
            armed,
        }
    }

    /// The connection's seat.
    pub const fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Waits for `poll` until `deadline`, or until the connection is told to end.
    ///
    /// Progress has the first word: what can be done now is done even when the deadline has
    /// passed or somebody asks the connection to leave.
    pub async fn until<T>(
        &mut self,
        deadline: Instant,
        may_leave: bool,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<T, Interrupt> {
        poll_fn(|cx| match poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.poll_interrupt(cx, deadline, may_leave).map(Err),
        })
        .await
    }

    /// Looks for a reason to stop waiting; registers for the next one if there is none.
    pub fn poll_interrupt(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Instant,
        may_leave: bool,
    ) -> Poll<Interrupt> {
        self.seat.listen(cx);
        if self.seat.is_cut() {
            return Poll::Ready(Interrupt::Cut);
        }
        if may_leave && self.seat.leaves_when_idle() {
            return Poll::Ready(Interrupt::Leaving);
        }
        if self.seat.is_abandoned() {
            return Poll::Ready(Interrupt::Abandoned);
        }
        self.poll_deadline(cx, deadline)
            .map(|()| Interrupt::Deadline)
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline < self.armed {
            self.arm(deadline);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if self.armed >= deadline {
                return Poll::Ready(());
            }
            self.arm(deadline);
        }
        Poll::Pending
    }

    fn arm(&mut self, at: Instant) {
        self.sleep.as_mut().reset(at);
        self.armed = at;
    }
}

/// Where the timer of a new connection stands: beyond every time-out that can be configured.
const FAR: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::model::ConnectionId;
    use crate::net::roster::{Phase, Roster, Scope};

    fn waiter(roster: &Roster) -> Waiter {
        Waiter::new(roster.seat(
            ConnectionId(1),
            SocketAddr::from(([127, 0, 0, 1], 1)),
            Scope {
                system: 0,
                listener: 0,
            },
        ))
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_away_is_kept_and_one_that_comes_nearer_too() {
        let roster = Roster::new();
        let mut waiter = waiter(&roster);
        let start = Instant::now();
        for seconds in [5, 65, 70, 71] {
            let deadline = start + Duration::from_secs(seconds);
            let ended = waiter.until(deadline, false, |_| Poll::<()>::Pending).await;
            assert_eq!(ended, Err(Interrupt::Deadline));
            assert_eq!(Instant::now().duration_since(start).as_secs(), seconds);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_wins_over_a_deadline_that_has_passed() {
        let roster = Roster::new();
        let mut waiter = waiter(&roster);
        let past = Instant::now();
        assert_eq!(waiter.until(past, true, |_| Poll::Ready(7)).await, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_wait_that_may_leave_ends_when_the_connection_is_asked_to() {
        let roster = Roster::new();
        let mut waiter = waiter(&roster);
        waiter.seat().set_phase(Phase::Busy);
        roster.ask_to_leave(|_| true);
        roster.hasten();
        let deadline = Instant::now() + Duration::from_secs(1);
        assert_eq!(
            waiter.until(deadline, true, |_| Poll::<()>::Pending).await,
            Err(Interrupt::Leaving)
        );
        assert_eq!(
            waiter.until(deadline, false, |_| Poll::<()>::Pending).await,
            Err(Interrupt::Deadline)
        );
        roster.cut(|_| true);
        assert_eq!(
            waiter.until(deadline, false, |_| Poll::<()>::Pending).await,
            Err(Interrupt::Cut)
        );
    }
}
