//! [`Requests`]: what the system asks of the daemon.

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
}

impl Requests {
    /// Begins to listen; from now on a SIGHUP does not end the process.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            signals: unix::Signals::listen()?,
        })
    }

    /// The next request.
    #[cfg(unix)]
    pub async fn next(&mut self) -> Request {
        self.signals.next().await
    }

    /// The next request.
    #[cfg(not(unix))]
    pub async fn next(&mut self) -> Request {
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
