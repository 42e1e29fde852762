//! [`Desk`]: the conversation with the service control manager as a state machine: what it asks and
//! what happens comes in, statuses and requests go out. No clock and no Windows in here.

use std::time::Duration;

use tokio::time::Instant;

use crate::service::Request;

/// What the service control manager asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// To end in order.
    Stop,
    /// The machine goes down; there is as much time as the service asked for when it was installed.
    Preshutdown,
    /// The machine goes down; there are seconds.
    Shutdown,
    /// Something that the service is configured by has changed.
    ParamChange,
    /// How it stands.
    Interrogate,
    /// A number of the service's own, from 128 to 255.
    User(u32),
    /// Anything else.
    Other,
}

/// Open the log file again, after it was moved away.
pub const REOPEN_LOG: u32 = 128;

/// Read the configuration again, as `ParamChange` does. The verb `reload` sends this one: it needs the
/// right for numbers of our own and not the one to pause and continue, which means more.
pub const RELOAD: u32 = 129;

/// Where the service stands, in the words of the service control manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Reading, building, binding.
    StartPending,
    /// Listeners are open.
    Running,
    /// Draining.
    StopPending,
    /// Over, with this exit code.
    Stopped(u8),
}

/// What the service control manager is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Where it stands.
    pub state: State,
    /// Whether stop, preshutdown, a change of parameters and our own numbers are heard.
    pub accepts: bool,
    /// Counts up while something is pending, so that one sees that it goes on.
    pub checkpoint: u32,
    /// The next status comes within this time.
    pub wait_hint: Duration,
}

/// What comes of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// `false`: it is told that this is not implemented.
    pub is_known: bool,
    /// What to tell before the control is answered.
    pub status: Option<Status>,
    /// What the daemon is asked for.
    pub request: Option<Request>,
}

/// What happens to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// All listeners are open.
    Serving,
    /// Nobody new is let in; what is in flight has so long to finish.
    Draining(Duration),
    /// It is over.
    Ended(u8),
}

/// The conversation, from the first status to the last.
#[derive(Debug)]
pub struct Desk {
    state: State,
    checkpoint: u32,
    /// From then on no more checkpoints are counted: what takes so long hangs, and whoever waits may
    /// stop waiting.
    patience_ends: Instant,
}

impl Desk {
    /// A service that was started just now.
    pub fn starting(now: Instant) -> Self {
        Self {
            state: State::StartPending,
            checkpoint: 1,
            patience_ends: now + START,
        }
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let is_pending = matches!(self.state, State::StartPending | State::StopPending);
        Status {
            state: self.state,
            accepts: self.state == State::Running,
            checkpoint: if is_pending { self.checkpoint } else { 0 },
            wait_hint: if is_pending { HINT } else { Duration::ZERO },
        }
    }

    /// Hears a control.
    ///
    /// A stop is pending before it is answered. From then on nothing is accepted any more, which is
    /// also what keeps the library from being called after it has let go of its handler.
    pub fn hear(&mut self, control: Control, now: Instant) -> Heard {
        let request = match control {
            Control::Stop | Control::Preshutdown | Control::Shutdown => {
                // A machine that goes down behind a stop must not cut what the stop lets finish.
                let is_first = matches!(self.state, State::StartPending | State::Running);
                if is_first {
                    self.pend(now + DRAIN_UNKNOWN);
                }
                is_first.then_some(Request::Drain)
            }
            Control::ParamChange | Control::User(RELOAD) => Some(Request::Reload),
            Control::User(REOPEN_LOG) => Some(Request::ReopenLog),
            Control::Interrogate => None,
            Control::User(_) | Control::Other => {
                return Heard {
                    is_known: false,
                    status: None,
                    request: None,
                };
            }
        };
        Heard {
            is_known: true,
            status: Some(self.status()),
            request,
        }
    }

    /// Hears what happened; the status to be told, if it is another one.
    pub fn enter(&mut self, stage: Stage, now: Instant) -> Option<Status> {
        match (stage, self.state) {
            (_, State::Stopped(_)) | (Stage::Serving, State::Running | State::StopPending) => None,
            (Stage::Serving, State::StartPending) => {
                self.state = State::Running;
                Some(self.status())
            }
            (Stage::Draining(limit), _) => {
                self.pend(now + limit + CLEARING_UP);
                Some(self.status())
            }
            (Stage::Ended(exit), _) => {
                self.state = State::Stopped(exit);
                Some(self.status())
            }
        }
    }

    /// To be called once in each [`PULSE`]: the next checkpoint of what is pending.
    pub fn tick(&mut self, now: Instant) -> Option<Status> {
        let is_pending = matches!(self.state, State::StartPending | State::StopPending);
        if !is_pending || now >= self.patience_ends {
            return None;
        }
        self.checkpoint = self.checkpoint.saturating_add(1);
        Some(self.status())
    }

    fn pend(&mut self, patience_ends: Instant) {
        self.checkpoint = if self.state == State::StopPending {
            self.checkpoint.saturating_add(1)
        } else {
            1
        };
        self.state = State::StopPending;
        self.patience_ends = patience_ends;
    }
}

/// How often a checkpoint is told.
pub const PULSE: Duration = Duration::from_secs(1);

/// Several times the pulse, since a machine that has just been started is slow.
const HINT: Duration = Duration::from_secs(10);

/// Files are read and certificates proven; no peer is asked. On the slowest network share that is
/// over by then.
const START: Duration = Duration::from_mins(2);

/// From a stop to the moment at which the daemon says how long it will take: a reload may be under way.
const DRAIN_UNKNOWN: Duration = Duration::from_mins(1);

/// What a stop takes besides the drain: cutting, the state file, the last lines of the log.
const CLEARING_UP: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> (Desk, Instant) {
        let now = Instant::now();
        let mut desk = Desk::starting(now);
        desk.enter(Stage::Serving, now).expect("another status");
        (desk, now)
    }

    #[test]
    fn a_start_is_pending_with_checkpoints_until_the_daemon_serves() {
        let now = Instant::now();
        let mut desk = Desk::starting(now);
        let first = desk.status();
        assert_eq!((first.state, first.accepts), (State::StartPending, false));
        let second = desk.tick(now + PULSE).expect("a checkpoint");
        assert_eq!(second.state, State::StartPending);
        assert!(second.checkpoint > first.checkpoint && second.wait_hint > PULSE);
        let serving = desk.enter(Stage::Serving, now).expect("running");
        assert_eq!(
            serving,
            Status {
                state: State::Running,
                accepts: true,
                checkpoint: 0,
                wait_hint: Duration::ZERO,
            }
        );
        assert_eq!(desk.tick(now + PULSE), None);
    }

    #[test]
    fn a_start_that_hangs_counts_no_more_checkpoints_after_a_while() {
        let now = Instant::now();
        let mut desk = Desk::starting(now);
        assert!(desk.tick(now + START - PULSE).is_some());
        assert_eq!(desk.tick(now + START), None);
    }

    #[test]
    fn a_change_of_parameters_and_our_number_reload_and_stay_running() {
        for control in [Control::ParamChange, Control::User(RELOAD)] {
            let (mut desk, now) = running();
            let heard = desk.hear(control, now);
            assert_eq!(heard.request, Some(Request::Reload));
            assert_eq!(heard.status.expect("told").state, State::Running);
        }
    }

    #[test]
    fn our_other_number_opens_the_log_again_and_a_foreign_one_is_not_implemented() {
        let (mut desk, now) = running();
        let heard = desk.hear(Control::User(REOPEN_LOG), now);
        assert_eq!(
            (heard.is_known, heard.request),
            (true, Some(Request::ReopenLog))
        );
        for foreign in [Control::User(200), Control::Other] {
            let heard = desk.hear(foreign, now);
            assert_eq!((heard.is_known, heard.request), (false, None));
        }
    }

    #[test]
    fn an_interrogation_is_answered_with_the_status_and_asks_for_nothing() {
        let (mut desk, now) = running();
        let heard = desk.hear(Control::Interrogate, now);
        assert_eq!((heard.is_known, heard.request), (true, None));
        assert_eq!(heard.status, Some(desk.status()));
    }

    #[test]
    fn each_kind_of_stop_is_pending_at_once_and_drains() {
        for control in [Control::Stop, Control::Preshutdown, Control::Shutdown] {
            let (mut desk, now) = running();
            let heard = desk.hear(control, now);
            assert_eq!(heard.request, Some(Request::Drain));
            let status = heard.status.expect("told before the answer");
            assert_eq!((status.state, status.accepts), (State::StopPending, false));
        }
    }

    #[test]
    fn a_shutdown_behind_a_stop_does_not_cut_what_the_stop_lets_finish() {
        let (mut desk, now) = running();
        desk.hear(Control::Stop, now);
        let heard = desk.hear(Control::Preshutdown, now);
        assert_eq!((heard.is_known, heard.request), (true, None));
    }

    #[test]
    fn a_drain_counts_checkpoints_for_as_long_as_it_may_take_and_not_for_ever() {
        let (mut desk, now) = running();
        desk.hear(Control::Stop, now);
        let limit = Duration::from_mins(30);
        let first = desk.enter(Stage::Draining(limit), now).expect("told");
        let later = desk.tick(now + limit).expect("it still drains");
        assert!(later.checkpoint > first.checkpoint);
        assert_eq!(desk.tick(now + limit + CLEARING_UP), None);
    }

    #[test]
    fn a_stop_by_an_operator_is_told_as_well() {
        let (mut desk, now) = running();
        let status = desk.enter(Stage::Draining(PULSE), now).expect("told");
        assert_eq!(status.state, State::StopPending);
    }

    #[test]
    fn nothing_follows_the_end_and_a_stop_is_never_taken_back() {
        let (mut desk, now) = running();
        desk.hear(Control::Stop, now);
        assert_eq!(desk.enter(Stage::Serving, now), None);
        let last = desk.enter(Stage::Ended(78), now).expect("told");
        assert_eq!((last.state, last.checkpoint), (State::Stopped(78), 0));
        for stage in [Stage::Serving, Stage::Draining(PULSE), Stage::Ended(0)] {
            assert_eq!(desk.enter(stage, now), None);
        }
        assert_eq!(desk.tick(now), None);
    }
}
