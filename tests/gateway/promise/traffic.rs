//! What is under way while a step is taken: [`Held`] requests and [`Traffic`] of new connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{CLIENTS, is_served};
use crate::support::message::Message;
use crate::support::raw::Raw;
use crate::support::recorder::{FINE, Recorder, Step};
use crate::support::until;
use crate::support::visitor::Visit;

/// Requests that the side has and answers when it is told to.
pub(super) struct Held {
    goes_on: watch::Sender<bool>,
    /// By the number of the client.
    lines: Vec<(usize, Raw)>,
}

const HELD: &str = "GET /held HTTP/1.1\r\nHost: gw\r\n\r\n";

fn is_held(request: &Message) -> bool {
    request.start.starts_with("GET /held ")
}

impl Held {
    /// Sends a request on each of these connections, and waits until the side has them all.
    pub(super) async fn begin(side: &Recorder, mut lines: Vec<(usize, Raw)>) -> Self {
        let (goes_on, told) = watch::channel(false);
        side.answer(Arc::new(move |request| {
            let fine = Step::send(FINE);
            if is_held(request) {
                vec![Step::Wait(told.clone()), fine]
            } else {
                vec![fine]
            }
        }));
        side.forget();
        for (_, line) in &mut lines {
            line.send(HELD.as_bytes()).await.expect("it is open");
        }
        let there = || side.requests().iter().filter(|one| is_held(one)).count();
        until("the side has them", || there() == lines.len()).await;
        Self { goes_on, lines }
    }

    /// Has the side answer.
    pub(super) fn release(&self) {
        let _nobody_waits = self.goes_on.send(true);
    }

    /// Waits for the answers, and gives the connections back.
    pub(super) async fn end(mut self) -> Result<Vec<(usize, Raw)>, String> {
        for (number, line) in &mut self.lines {
            let answer = line.answer().await;
            match answer {
                Ok(answer) if answer.status() == 200 => {}
                other => return Err(format!("a request of client {number} was lost: {other:?}")),
            }
        }
        Ok(self.lines)
    }
}

/// Clients who open one connection after the other, with sessions.
pub(super) struct Traffic {
    is_over: Arc<AtomicBool>,
    /// The number of the client, and what became of its connections.
    clients: JoinSet<(usize, Vec<Visit>)>,
}

impl Traffic {
    pub(super) fn begin(at: SocketAddr, clients: impl Iterator<Item = Arc<ClientConfig>>) -> Self {
        let is_over: Arc<AtomicBool> = Arc::default();
        let mut tasks = JoinSet::new();
        for (number, config) in clients.enumerate() {
            let is_over = Arc::clone(&is_over);
            tasks.spawn(async move {
                let mut seen = Vec::new();
                loop {
                    let was_over = is_over.load(Ordering::Relaxed);
                    seen.push(call(at, &config).await);
                    if was_over {
                        return (number, seen);
                    }
                }
            });
        }
        Self {
            is_over,
            clients: tasks,
        }
    }

    /// Ends it, and judges what became of those who were to be served before and afterwards, or
    /// neither before nor afterwards. The others may have come just before it or just after it.
    pub(super) async fn end(
        self,
        before: [bool; CLIENTS],
        after: [bool; CLIENTS],
    ) -> Result<(), String> {
        self.is_over.store(true, Ordering::Relaxed);
        for (number, seen) in self.clients.join_all().await {
            let is_judged = before[number] == after[number];
            let wrong = seen.iter().find(|call| call.is_refused() == after[number]);
            if let Some(wrong) = wrong.filter(|_| is_judged) {
                return Err(format!("client {number} meanwhile: {wrong:?}"));
            }
        }
        Ok(())
    }
}

/// A new connection with one request.
async fn call(at: SocketAddr, config: &Arc<ClientConfig>) -> Visit {
    let mut line = match Raw::tls(at, config).await {
        Ok(line) => line,
        Err(error) => return Visit::Refused(error.to_string()),
    };
    match is_served(&mut line).await {
        false => Visit::Refused("no answer".to_owned()),
        true if line.resumed => Visit::Resumed,
        true => Visit::Full,
    }
}
