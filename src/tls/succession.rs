//! [`HandedSessions`]: sessions on their way to the process that takes our place, so that an upgrade
//! costs nobody a full handshake.
//!
//! What is handed over are the keys of tickets that only this process knows, the sessions that are
//! kept here, and the policies they were granted under. The next process judges each of them as this
//! one would: a session that it would not have granted is not found.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Secret, WallTime};
use crate::tls::session_store::Marks;
use crate::tls::sessions::{PolicyId, SessionVault, Universe, UniverseId};
use crate::tls::tickets::HandedKey;

/// Sessions of all listeners. A process of another version may have written it: what is unknown is
/// passed over, and what is missing is taken as empty.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct HandedSessions {
    #[serde(default)]
    universes: Vec<HandedUniverse>,
}

#[derive(Debug, Serialize, Deserialize)]
struct HandedUniverse {
    id: Bytes,
    #[serde(default)]
    policies: Vec<Bytes>,
    #[serde(default)]
    keys: Vec<WrittenKey>,
    #[serde(default)]
    sessions: Vec<HandedSession>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenKey {
    epoch: i64,
    material: Bytes,
}

#[derive(Debug, Serialize, Deserialize)]
struct HandedSession {
    id: Bytes,
    session: Bytes,
    since: i64,
}

/// Hands over what there is, and after that what has come since.
#[derive(Debug, Default)]
pub struct Succession {
    marks: HashMap<UniverseId, Marks>,
}

impl Succession {
    /// What was not handed over yet.
    pub fn next(&mut self, vault: &SessionVault) -> HandedSessions {
        let each = vault.each().into_iter().map(|(id, universe)| {
            let marks = self.marks.entry(id).or_default();
            HandedUniverse::of(id, &universe, marks)
        });
        HandedSessions {
            universes: each.collect(),
        }
    }
}

impl HandedUniverse {
    fn of(id: UniverseId, universe: &Universe, marks: &mut Marks) -> Self {
        let keys = universe.tickets.hand_over().into_iter();
        let sessions = universe.store.since(marks).into_iter();
        Self {
            id: Bytes::from(id.bytes().to_vec()),
            policies: (universe.policies().iter())
                .map(|policy| Bytes::from(policy.bytes().to_vec()))
                .collect(),
            keys: keys
                .map(|HandedKey { epoch, material }| WrittenKey {
                    epoch,
                    material: Bytes(material),
                })
                .collect(),
            sessions: sessions
                .map(|(id, session, WallTime(since))| HandedSession {
                    id: id.into(),
                    session: session.into(),
                    since,
                })
                .collect(),
        }
    }
}

impl HandedSessions {
    /// Takes them over: the first time before listeners are built, which will find them then.
    pub fn take_over(&self, vault: &SessionVault) {
        for handed in &self.universes {
            let Some(id) = UniverseId::from_bytes(handed.id.expose()) else {
                continue;
            };
            let universe = vault.universe(id);
            for policy in &handed.policies {
                if let Ok(bytes) = policy.expose().try_into() {
                    universe.come_under(PolicyId::from_bytes(bytes));
                }
            }
            let keys = handed.keys.iter().map(|key| HandedKey {
                epoch: key.epoch,
                material: key.material.0.clone(),
            });
            universe.tickets.take_over(&keys.collect::<Vec<_>>());
            for HandedSession { id, session, since } in &handed.sessions {
                let (id, session) = (id.expose().to_vec(), session.expose().to_vec());
                universe.store.take_over(id, session, WallTime(*since));
            }
        }
    }

    /// How many sessions there are among them.
    pub fn count(&self) -> usize {
        self.universes.iter().map(|one| one.sessions.len()).sum()
    }
}

/// Bytes that stand in a text, and that nobody prints: keys, and sessions with keys in them.
struct Bytes(Secret<Vec<u8>>);

impl Bytes {
    fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Secret::new(bytes))
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.expose()))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(text)
            .map(Self::from)
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tls::tickets::TicketSource;

    const HOUR: Duration = Duration::from_hours(1);
    const NOW: WallTime = WallTime(1_000);

    fn id(n: u8) -> UniverseId {
        UniverseId::from_bytes(&[n; 32]).expect("as long as one")
    }

    fn policy() -> PolicyId {
        PolicyId::from_bytes([9; PolicyId::LEN])
    }

    fn published(vault: &SessionVault, universe: UniverseId) {
        let _made = vault.universe(universe);
        vault.publish([(universe, policy(), HOUR)], &TicketSource::default(), NOW);
    }

    /// Over the wire, as another process would get it.
    fn sent(handed: &HandedSessions) -> HandedSessions {
        let text = serde_json::to_string(handed).expect("text");
        serde_json::from_str(&text).expect("the same")
    }

    #[test]
    fn tickets_sessions_and_policies_are_known_to_the_next_process() {
        let (here, there) = (SessionVault::new(), SessionVault::new());
        published(&here, id(1));
        let universe = here.universe(id(1));
        let ticket = universe.tickets.seal(b"ticket", NOW, HOUR).expect("sealed");
        universe.store.put(vec![5; 32], vec![6], NOW, HOUR, 10);
        sent(&Succession::default().next(&here)).take_over(&there);
        published(&there, id(1));
        let universe = there.universe(id(1));
        assert_eq!(
            universe.tickets.open(&ticket, NOW, HOUR),
            Some(b"ticket".to_vec())
        );
        assert_eq!(universe.store.get(&[5; 32]), Some(vec![6]));
        assert!(universe.has_been_under(policy()));
    }

    #[test]
    fn what_comes_later_is_handed_over_after_what_was_there() {
        let (here, there) = (SessionVault::new(), SessionVault::new());
        published(&here, id(1));
        let universe = here.universe(id(1));
        let mut succession = Succession::default();
        universe.store.put(vec![1; 32], vec![1], NOW, HOUR, 10);
        assert_eq!(succession.next(&here).count(), 1);
        universe.store.put(vec![2; 32], vec![2], NOW, HOUR, 10);
        let later = succession.next(&here);
        assert_eq!(later.count(), 1);
        later.take_over(&there);
        assert_eq!(there.universe(id(1)).store.get(&[2; 32]), Some(vec![2]));
        assert_eq!(succession.next(&here).count(), 0);
    }

    #[test]
    fn sessions_of_a_listener_that_is_not_there_any_more_are_forgotten() {
        let (here, there) = (SessionVault::new(), SessionVault::new());
        published(&here, id(1));
        Succession::default().next(&here).take_over(&there);
        published(&there, id(2));
        published(&there, id(2));
        assert_eq!(there.len(), 1);
    }

    #[test]
    fn sessions_that_were_handed_over_age_as_if_nothing_had_happened() {
        let (here, there) = (SessionVault::new(), SessionVault::new());
        published(&here, id(1));
        let store = &here.universe(id(1)).store;
        store.put(vec![1; 32], vec![1], NOW, HOUR, 10);
        Succession::default().next(&here).take_over(&there);
        published(&there, id(1));
        there.sweep(WallTime(NOW.0 + 3_600));
        assert_eq!(there.universe(id(1)).store.len(), 1);
        there.sweep(WallTime(NOW.0 + 3_601));
        assert_eq!(there.universe(id(1)).store.len(), 0);
    }

    #[test]
    fn what_another_version_adds_or_leaves_out_is_no_error() {
        let text = r#"{"universes":[{"id":"AAAA","colour":"green"}],"more":1}"#;
        let handed: HandedSessions = serde_json::from_str(text).expect("understood");
        let vault = SessionVault::new();
        handed.take_over(&vault);
        assert!(vault.is_empty());
        assert_eq!(
            serde_json::from_str::<HandedSessions>("{}")
                .expect("none")
                .count(),
            0
        );
    }

    #[test]
    fn no_key_and_no_session_is_printed() {
        let here = SessionVault::new();
        published(&here, id(1));
        here.universe(id(1))
            .store
            .put(vec![77; 32], vec![88; 9], NOW, HOUR, 10);
        let printed = format!("{:?}", Succession::default().next(&here));
        assert!(
            !printed.contains("77") && !printed.contains("88"),
            "{printed}"
        );
    }
}
