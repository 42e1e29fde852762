//! [`Estate`]: what a gateway leaves to the process that takes its place, so that no caller is
//! refused, no session is lost, and no switch is forgotten.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::run::Gateway;
use super::snapshot::Snapshot;
use super::worker::Command;
use crate::model::{ListenAddr, Side};
use crate::requests::failover::HandedSides;
use crate::tls::{HandedSessions, SessionVault, Succession};

/// Sessions and sides, in words that another version understands too: what it does not know it
/// passes over, and what is missing is as at any start.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Estate {
    #[serde(default)]
    sessions: HandedSessions,
    /// By SAP system.
    #[serde(default)]
    sides: BTreeMap<String, WrittenSides>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenSides {
    active: String,
    home: String,
    preferred: String,
    #[serde(default)]
    a_drained_by: Option<String>,
    #[serde(default)]
    b_drained_by: Option<String>,
}

/// A listening socket for another process.
#[derive(Debug)]
pub struct LentSocket {
    /// The address of the configuration that it serves.
    pub listen: ListenAddr,
    /// Another handle on it.
    pub socket: TcpListener,
    /// Whether a service manager holds it as well.
    pub stays: bool,
}

impl Estate {
    /// Puts sessions where listeners that are built after it find them.
    pub(super) fn leave_sessions(&self, vault: &SessionVault) {
        self.sessions.take_over(vault);
    }

    /// Has the sides go on where they were.
    pub(super) fn leave_sides(&self, snapshot: &Snapshot) {
        for (name, parts) in &snapshot.systems {
            let handed = self.sides.get(name.as_str()).and_then(WrittenSides::read);
            if let (Some(sides), Some(handed)) = (&parts.sides, handed) {
                sides.take_over(&handed);
            }
        }
    }
}

impl WrittenSides {
    fn of(sides: &HandedSides) -> Self {
        let [a, b] = sides
            .drained
            .each_ref()
            .map(|by| by.as_deref().map(str::to_owned));
        Self {
            active: sides.active.to_string(),
            home: sides.home.to_string(),
            preferred: sides.preferred.to_string(),
            a_drained_by: a,
            b_drained_by: b,
        }
    }

    fn read(&self) -> Option<HandedSides> {
        Some(HandedSides {
            active: side(&self.active)?,
            home: side(&self.home)?,
            preferred: side(&self.preferred)?,
            drained: [&self.a_drained_by, &self.b_drained_by]
                .map(|by| by.as_deref().map(Arc::from)),
        })
    }
}

fn side(letter: &str) -> Option<Side> {
    let mut both = Side::BOTH.into_iter();
    both.find(|side| side.to_string() == letter)
}

impl Gateway {
    /// What is to be left, apart from sockets. What of the sessions was left before is not in it.
    pub fn estate(&self, succession: &mut Succession) -> Estate {
        let systems = self.snapshot.systems.iter();
        let sides = systems.filter_map(|(name, parts)| {
            let sides = parts.sides.as_ref()?.hand_over();
            Some((name.to_string(), WrittenSides::of(&sides)))
        });
        Estate {
            sessions: succession.next(&self.workshop.vault),
            sides: sides.collect(),
        }
    }

    /// All sessions, for whoever hands over what comes while this gateway drains.
    pub fn sessions(&self) -> Arc<SessionVault> {
        Arc::clone(&self.workshop.vault)
    }

    /// Takes over sessions that have come to the process before while this one serves.
    pub fn take_over(&self, sessions: &HandedSessions) {
        sessions.take_over(&self.workshop.vault);
    }

    /// Another handle on each listening socket.
    pub async fn lend_sockets(&self) -> Vec<LentSocket> {
        let mut all = Vec::new();
        for worker in &self.workers {
            let (lent, answer) = oneshot::channel();
            if worker.commands.send(Command::Lend { lent }).is_err() {
                continue;
            }
            for (listen, sockets) in answer.await.unwrap_or_default() {
                let stays = self.handed.stays(listen);
                all.extend(sockets.into_iter().map(|socket| LentSocket {
                    listen,
                    socket,
                    stays,
                }));
            }
        }
        all
    }

    /// Lets nobody in any more; whoever is in is served on.
    pub async fn close(&self) {
        let mut answers = Vec::new();
        for worker in &self.workers {
            let (closed, answer) = oneshot::channel();
            if worker.commands.send(Command::Close { closed }).is_ok() {
                answers.push(answer);
            }
        }
        for answer in answers {
            let _worker_ended = answer.await;
        }
    }

    /// Writes down what the next process will read, and leaves writing to that one from now on.
    pub fn leave_writing(&mut self) {
        self.remember(true);
        self.state_file.leave();
    }

    /// Writes again: nobody has taken this place.
    pub fn resume_writing(&mut self) {
        self.state_file.resume();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_read_as_they_were_written_and_nonsense_is_passed_over() {
        let sides = HandedSides {
            active: Side::B,
            home: Side::A,
            preferred: Side::A,
            drained: [Some("ann".into()), None],
        };
        let written = WrittenSides::of(&sides);
        let text = serde_json::to_string(&written).expect("text");
        let read: WrittenSides = serde_json::from_str(&text).expect("the same");
        assert_eq!(read.read(), Some(sides));
        let strange: WrittenSides =
            serde_json::from_str(r#"{"active":"C","home":"A","preferred":"A"}"#).expect("read");
        assert_eq!(strange.read(), None);
    }

    #[test]
    fn an_estate_of_another_version_with_less_and_more_in_it_is_understood() {
        let estate: Estate = serde_json::from_str(r#"{"colour":"green"}"#).expect("read");
        assert!(estate.sides.is_empty() && estate.sessions.count() == 0);
    }
}
