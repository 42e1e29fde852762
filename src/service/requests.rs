//! [`Requests`]: what the system asks of the daemon.

use std::collections::VecDeque;
use std::io;

/// What the system, or the person at the terminal, asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Read the configuration again (SIGHUP). Opens the log file again too.
    Reload,
    /// Open the log file again, after it was rotated (SIGUSR1).
    ReopenLog,
    /// Finish what is in flight, then stop (SIGTERM, Ctrl-C).
    Drain,
    /// Stop at once (SIGQUIT).
    Quit,
    /// Let another program file take over (SIGUSR2).
    Upgrade,
}

/// Where requests come from.
#[derive(Debug)]
pub struct Requests {
    #[cfg(unix)]
    signals: unix::Signals,
    /// What was asked for before it could be done.
    postponed: VecDeque<Request>,
}

impl Requests {
    /// Begins to listen; from now on a SIGHUP does not end the process.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            signals: unix::Signals::listen()?,
            postponed: VecDeque::new(),
        })
    }

    /// Waits until the daemon is asked to stop; all else that is asked for meanwhile comes after.
    pub async fn next_stop(&mut self) {
        loop {
            match self.asked().await {
                Request::Drain | Request::Quit => return,
                later @ (Request::Reload | Request::ReopenLog | Request::Upgrade) => {
                    self.postponed.push_back(later);
                }
            }
        }
    }

    /// The next request.
    pub async fn next(&mut self) -> Request {
        match self.postponed.pop_front() {
            Some(request) => request,
            None => self.asked().await,
        }
    }

    #[cfg(unix)]
    async fn asked(&mut self) -> Request {
        self.signals.next().await
    }

    #[cfg(not(unix))]
    async fn asked(&mut self) -> Request {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Request::Drain,
            // Without a console there is nobody who could ask.
            Err(_no_console) => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::io;

    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::Request;

    #[derive(Debug)]
    pub(super) struct Signals {
        hangup: Signal,
        user: Signal,
        other_user: Signal,
        terminate: Signal,
        interrupt: Signal,
        quit: Signal,
    }

    impl Signals {
        pub(super) fn listen() -> io::Result<Self> {
            Ok(Self {
                hangup: signal(SignalKind::hangup())?,
                user: signal(SignalKind::user_defined1())?,
                other_user: signal(SignalKind::user_defined2())?,
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
                quit: signal(SignalKind::quit())?,
            })
        }

        pub(super) async fn next(&mut self) -> Request {
            tokio::select! {
                _ = self.quit.recv() => Request::Quit,
                _ = self.terminate.recv() => Request::Drain,
                _ = self.interrupt.recv() => Request::Drain,
                _ = self.hangup.recv() => Request::Reload,
                _ = self.user.recv() => Request::ReopenLog,
                _ = self.other_user.recv() => Request::Upgrade,
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    /// One test for both, since signals go to the whole process.
    #[tokio::test]
    async fn what_is_asked_for_before_it_can_be_done_is_done_later_and_a_stop_at_once() {
        let mut requests = Requests::listen().expect("signals");
        let send = |signal| kill_process(getpid(), signal).expect("sent");
        send(Signal::HUP);
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(200), async {
            requests.next_stop().await;
        });
        waiting.await.expect_err("nobody has asked for a stop");
        assert_eq!(requests.next().await, Request::Reload);
        send(Signal::TERM);
        requests.next_stop().await;
    }
}
