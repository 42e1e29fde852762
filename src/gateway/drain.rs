//! Drain: accept no more, let everybody finish, cut and name the rest.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tracing::{error, info, warn};

use super::run::Gateway;
use super::worker::Command;
use crate::model::Phase;

/// What a drain came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DrainReport {
    /// Connections that did not finish within the limit.
    pub cut: Vec<CutConnection>,
}

/// A connection that a drain had to cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutConnection {
    /// Who it was.
    pub peer: SocketAddr,
    /// What it was doing.
    pub doing: String,
}

impl Gateway {
    /// Accepts no more, lets everybody finish within `limit`, then cuts and names the rest.
    /// `hurry` ends the wait at once.
    pub async fn drain(&mut self, limit: Duration, hurry: impl Future<Output = ()>) -> DrainReport {
        self.step(Phase::Draining);
        let deadline = Instant::now() + limit;
        info!(
            limit_seconds = limit.as_secs(),
            connections = self.admission.connections(),
            "draining"
        );
        let waits: Vec<_> = self
            .workers
            .iter()
            .filter_map(|worker| {
                let (empty, wait) = oneshot::channel();
                worker
                    .commands
                    .send(Command::Drain { empty })
                    .ok()
                    .map(|()| wait)
            })
            .collect();
        let all = async {
            for wait in waits {
                let _worker_ended = wait.await;
            }
        };
        let finished = tokio::select! {
            finished = timeout_at(deadline, all) => finished.is_ok(),
            () = hurry => false,
        };
        // Not before: a side that hangs meanwhile has to be found, or it costs the whole limit.
        self.supervisor.stop();
        let mut report = DrainReport::default();
        if !finished {
            report.cut = self.cut().await;
        }
        self.stop_workers();
        self.remember(true);
        self.send_last_spans(limit).await;
        self.drop_alarms();
        self.step(Phase::Stopped);
        for cut in &report.cut {
            warn!(peer = %cut.peer, doing = cut.doing, "cut at the end of the drain");
        }
        info!(cut = report.cut.len(), "stopped");
        report
    }

    async fn cut(&self) -> Vec<CutConnection> {
        let mut all = Vec::new();
        for worker in &self.workers {
            let (cut, wait) = oneshot::channel();
            if worker.commands.send(Command::Cut { cut }).is_ok()
                && let Ok(connections) = wait.await
            {
                all.extend(connections.into_iter().map(|(peer, doing)| CutConnection {
                    peer,
                    doing: doing.to_string(),
                }));
            }
        }
        all
    }

    pub(super) fn stop_workers(&mut self) {
        for worker in self.workers.drain(..) {
            let _ended_already = worker.commands.send(Command::Stop);
            if worker.thread.join().is_err() {
                error!("a worker thread ended with a panic");
            }
        }
    }
}
