//! An upgrade: another process takes the place of this one, and no caller notices.

use std::time::Duration;

use tokio::time::interval;
use tracing::{error, info, warn};

use super::exit::Exit;
use super::serving::{Serving, second_word};
use crate::admin::Admin;
use crate::service::{LateSessions, SuccessionError, Successor, Will};
use crate::tls::{HandedSessions, SessionVault, Succession};

/// A process that has been started, and what of the sessions it has.
#[derive(Debug)]
pub(super) struct Upgrade {
    successor: Successor,
    succession: Succession,
}

impl Serving {
    /// Starts the program file anew; nothing changes until that could serve.
    pub(super) async fn begin_upgrade(&mut self) {
        if let Some(Upgrade { successor, .. }) = &self.upgrade {
            warn!(
                pid = successor.pid(),
                "an upgrade is under way already: nothing was started"
            );
            return;
        }
        let mut succession = Succession::default();
        let mut sockets = self.gateway.lend_sockets().await;
        let admin = self.admin.as_ref();
        sockets.extend(admin.map(Admin::lend).into_iter().flatten());
        let will = Will {
            sockets,
            estate: self.gateway.estate(&mut succession),
            token_file: admin.map(|admin| admin.token_file().to_owned()),
        };
        // The new process reads the file at its start.
        self.gateway.leave_writing();
        match Successor::start(&self.program, will) {
            Ok(successor) => {
                info!(
                    program = %self.program.display(),
                    "asked to upgrade: a new process is started to take this one's place"
                );
                self.upgrade = Some(Upgrade {
                    successor,
                    succession,
                });
            }
            Err(error) => self.go_on(&error),
        }
    }

    /// Nobody takes this one's place.
    pub(super) fn go_on(&mut self, why: &SuccessionError) {
        self.upgrade = None;
        self.gateway.resume_writing();
        error!(%why, "the upgrade has failed, and this process goes on as before: put right what it says, and ask again");
    }

    /// The process that was started is not to take this one's place after all.
    pub(super) fn give_up_upgrade(&mut self, reason: &str) {
        if let Some(Upgrade { successor, .. }) = self.upgrade.take() {
            warn!(
                pid = successor.pid(),
                reason, "the upgrade is given up, and the new process ended: ask again later"
            );
            successor.give_up();
            self.gateway.resume_writing();
        }
    }

    /// Lets nobody in any more, has the other process go, and drains.
    pub(super) async fn hand_over(mut self, upgrade: Upgrade) -> Exit {
        let Upgrade {
            successor,
            mut succession,
        } = upgrade;
        if let Some(admin) = &mut self.admin {
            admin.close();
        }
        self.gateway.close().await;
        let vault = self.gateway.sessions();
        successor.hand_over(succession.next(&vault));
        self.host.herald.succeeded_by(successor.pid());
        successor.go();
        info!(
            pid = successor.pid(),
            "the new process serves: this one finishes what it has"
        );
        let limit = self.gateway.drain_timeout();
        let Self {
            gateway,
            requests,
            orders,
            log,
            ..
        } = &mut self;
        let hurry = async {
            tokio::select! {
                () = second_word(requests, orders, log) => {}
                () = hand_over_what_comes(&successor, succession, &vault) => {}
            }
        };
        gateway.drain(limit, hurry).await;
        Exit::Ok
    }
}

/// Handshakes that had begun here end here, and their sessions are taken up there. Never ends by
/// itself.
async fn hand_over_what_comes(
    successor: &Successor,
    mut succession: Succession,
    vault: &SessionVault,
) {
    let mut turns = interval(PACE);
    loop {
        let _turn = turns.tick().await;
        let sessions = succession.next(vault);
        if sessions.count() > 0 {
            successor.hand_over(sessions);
        }
    }
}

/// A client that closes a connection here and opens the next one there takes longer.
const PACE: Duration = Duration::from_millis(50);

/// What becomes of an upgrade; never, where there is none.
pub(super) async fn outcome_of(upgrade: &mut Option<Upgrade>) -> Result<(), SuccessionError> {
    match upgrade {
        Some(upgrade) => upgrade.successor.ready().await,
        None => std::future::pending().await,
    }
}

/// The next sessions of the process before; never, where there was none.
pub(super) async fn next_late(late: &mut Option<LateSessions>) -> HandedSessions {
    match late {
        Some(late) => late.next().await,
        None => std::future::pending().await,
    }
}
