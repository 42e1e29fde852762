//! [`Requests`]: what the system asks of the daemon.

use std::collections::VecDeque;
use std::io;

use tokio::sync::mpsc;

/// What the system, or the person at the terminal, asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Read the configuration again (SIGHUP). Opens the log file again too.
    Reload,
    /// Open the log file again, after it was rotated (SIGUSR1).
    ReopenLog,
    /// Finish what is in flight, then stop (SIGTERM, Ctrl-C).
    Drain,
    /// Stop at once (SIGQUIT, Ctrl-Break).
    Quit,
    /// Let another program file take over (SIGUSR2).
    Upgrade,
}

/// Where requests come from.
#[derive(Debug)]
pub struct Requests {
    source: Source,
    /// What was asked for before it could be done.
    postponed: VecDeque<Request>,
}

#[derive(Debug)]
enum Source {
    /// Signals, or a console.
    System(system::Signals),
    /// A service manager that calls functions.
    Manager(mpsc::UnboundedReceiver<Request>),
}

impl Requests {
    /// Begins to listen; from now on a SIGHUP does not end the process.
    pub fn listen() -> io::Result<Self> {
        Ok(Self::of(Source::System(system::Signals::listen()?)))
    }

    /// Requests that somebody else in this process passes on.
    pub fn by_manager() -> (mpsc::UnboundedSender<Request>, Self) {
        let (ask, asked) = mpsc::unbounded_channel();
        (ask, Self::of(Source::Manager(asked)))
    }

    const fn of(source: Source) -> Self {
        Self {
            source,
            postponed: VecDeque::new(),
        }
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

    async fn asked(&mut self) -> Request {
        let asked = match &mut self.source {
            Source::System(signals) => return signals.next().await,
            Source::Manager(asked) => asked.recv().await,
        };
        match asked {
            Some(request) => request,
            // Nobody is left who could ask.
            None => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
mod system {
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

#[cfg(windows)]
mod system {
    use std::io;

    use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

    use super::Request;

    #[derive(Debug)]
    pub(super) struct Signals {
        interrupt: CtrlC,
        interrupt_now: CtrlBreak,
        close: CtrlClose,
    }

    impl Signals {
        pub(super) fn listen() -> io::Result<Self> {
            Ok(Self {
                interrupt: ctrl_c()?,
                interrupt_now: ctrl_break()?,
                close: ctrl_close()?,
            })
        }

        pub(super) async fn next(&mut self) -> Request {
            tokio::select! {
                _ = self.interrupt_now.recv() => Request::Quit,
                // Windows ends the process a few seconds after its window was closed.
                _ = self.close.recv() => Request::Quit,
                _ = self.interrupt.recv() => Request::Drain,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_manager_passes_on_comes_in_its_order_and_its_end_asks_for_nothing() {
        let (ask, mut requests) = Requests::by_manager();
        ask.send(Request::Reload).expect("heard");
        ask.send(Request::Drain).expect("heard");
        assert_eq!(requests.next().await, Request::Reload);
        assert_eq!(requests.next().await, Request::Drain);
        drop(ask);
        let next = tokio::time::timeout(std::time::Duration::from_millis(50), requests.next());
        next.await.expect_err("nobody is left who could ask");
    }

    /// One test for both, since signals go to the whole process.
    #[tokio::test]
    #[cfg(unix)]
    async fn what_is_asked_for_before_it_can_be_done_is_done_later_and_a_stop_at_once() {
        use rustix::process::{Signal, getpid, kill_process};
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
