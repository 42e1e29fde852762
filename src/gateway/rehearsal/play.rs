//! [`Play`]: everybody who was seen, once, with how he would fare.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::judgement::{Judgement, Unjudged, of_client, of_nameless, of_server, system_of};
use super::{Holder, Part, Peer, Refused, Rehearsal, Unknown, Who, WhoIsUnknown};
use crate::certs::CertificateFacts;
use crate::gateway::snapshot::Snapshot;
use crate::model::{HostPort, Side, TlsRole, WallTime};
use crate::tls::authority_uses::{AuthorityUse, Chain, Client};
use crate::tls::nameless_uses::Nameless;
use crate::tls::server_uses::Server;

/// A rehearsal while it goes.
pub(super) struct Play<'a> {
    snapshot: &'a Snapshot,
    since: WallTime,
    /// Everybody who was judged, once.
    seen: BTreeMap<Cast, (Peer, Judgement, Option<String>)>,
    unknown: BTreeMap<(String, WhoIsUnknown), usize>,
    not_called: Vec<(String, HostPort)>,
}

/// Who is who: system, role or target, and what tells it from others there.
type Cast = (String, String, String);

impl<'a> Play<'a> {
    /// One with a generation, for whoever was seen since then.
    pub(super) fn new(snapshot: &'a Snapshot, since: WallTime) -> Self {
        Self {
            snapshot,
            since,
            seen: BTreeMap::new(),
            unknown: BTreeMap::new(),
            not_called: Vec::new(),
        }
    }

    /// Everybody whom one authority let in.
    pub(super) fn clients_of(&mut self, one: &AuthorityUse) {
        for client in &one.clients {
            if client.last >= self.since {
                self.client(&one.role, client);
            }
        }
        // The latest are those that are listed.
        let earliest = one.clients.iter().map(|client| client.last).min();
        if one.more > 0 && earliest.is_none_or(|earliest| earliest >= self.since) {
            let authority = one.authority.name.clone();
            self.not_known(&one.role, WhoIsUnknown::Unlisted { authority }, one.more);
        }
    }

    fn client(&mut self, system: &str, client: &Client) {
        let judged = |role| of_client(self.snapshot, system, role, &client.chain);
        let peer = |role, last| peer_of(system, Part::Client(role), (client, last));
        if client.roles.is_empty() {
            let found = self.wherever_it_called(system, &client.chain);
            self.note(peer(None, client.last), found, None);
            return;
        }
        let each = client.roles.iter().filter(|seen| seen.last >= self.since);
        let each = each.map(|seen| {
            let found = judged(seen.role);
            (peer(Some(seen.role), seen.last), found, &seen.refused)
        });
        for (peer, found, refused) in each.collect::<Vec<_>>() {
            self.note(peer, Some(found), refused.clone());
        }
    }

    /// Of a client of whom it is not known for what it called; nothing where that would matter.
    fn wherever_it_called(&self, system: &str, chain: &Chain) -> Option<Judgement> {
        let parts = system_of(self.snapshot, system).map(|(_, parts)| parts);
        let is_served =
            |role: &TlsRole| parts.is_some_and(|parts| parts.acceptors.of(*role).is_some());
        let mut roles: Vec<_> = TlsRole::BOTH.into_iter().filter(is_served).collect();
        if roles.is_empty() {
            roles.push(TlsRole::Requests);
        }
        let judged = |role| of_client(self.snapshot, system, role, chain);
        let mut found = roles.into_iter().map(judged);
        let first = found.next()?;
        found.all(|other| other.is_like(&first)).then_some(first)
    }

    /// Clients of one listening role that do not say who they are.
    pub(super) fn nameless(&mut self, one: &Nameless) {
        if one.last >= self.since {
            let peer = Peer {
                system: one.system.clone(),
                part: Part::Client(Some(one.role)),
                who: Who::Nameless(one.lack),
                last: one.last,
            };
            let found = of_nameless(self.snapshot, one);
            self.note(peer, Some(found), one.refused.clone());
        }
    }

    /// A server.
    pub(super) fn server(&mut self, server: &Server) {
        if server.last < self.since {
            return;
        }
        let found = of_server(self.snapshot, server);
        if found == Judgement::Unjudged(Unjudged::NotCalled) {
            let (system, target) = (server.system.clone(), server.target.clone());
            self.not_called.push((system, target));
            return;
        }
        let part = Part::Server {
            target: server.target.clone(),
            side: side_of(self.snapshot, server),
        };
        let leaf = server.chain.each().next();
        if let Some(facts) = leaf.and_then(|leaf| CertificateFacts::of(leaf).ok()) {
            let peer = Peer {
                system: server.system.clone(),
                part,
                who: Who::Known(Holder {
                    subject: facts.subject,
                    issuer: Some(facts.issuer),
                    serial: facts.serial,
                    fingerprint: facts.fingerprint,
                }),
                last: server.last,
            };
            self.note(peer, Some(found), server.refused.clone());
        } else {
            self.not_known(&server.system, WhoIsUnknown::NoChain, 1);
        }
    }

    /// Servers that are to be called with TLS, and were not.
    pub(super) fn servers_not_seen(&mut self, servers: &[Server]) {
        for (name, parts) in &self.snapshot.systems {
            let system = name.as_str();
            let with_tls = parts.upstreams.iter().filter(|(key, _)| key.tls.is_some());
            for (key, _) in with_tls {
                let is_it = |one: &&Server| one.system == system && one.target == key.target;
                let seen = servers.iter().find(is_it);
                if seen.is_none_or(|seen| seen.last < self.since) {
                    let target = key.target.clone();
                    let who = (system.to_owned(), WhoIsUnknown::NotSeen { target });
                    // One that is reached in two ways is one.
                    self.unknown.insert(who, 1);
                }
            }
        }
    }

    /// Somebody who was judged, or of whom it is not known as what.
    fn note(&mut self, peer: Peer, found: Option<Judgement>, already: Option<String>) {
        let who = match found {
            None => WhoIsUnknown::NoRole,
            Some(Judgement::Unjudged(Unjudged::BySide)) => WhoIsUnknown::JudgedBySide,
            Some(Judgement::Unjudged(_)) => WhoIsUnknown::NoChain,
            Some(judged) => {
                let cast = (peer.system.clone(), peer.part.to_string(), peer.who.key());
                // Whom two authorities have let in is one all the same, and was there last when it
                // was there last.
                let is_news = self
                    .seen
                    .get(&cast)
                    .is_none_or(|(known, ..)| known.last < peer.last);
                if is_news {
                    self.seen.insert(cast, (peer, judged, already));
                }
                return;
            }
        };
        let system = peer.system;
        self.not_known(&system, who, 1);
    }

    fn not_known(&mut self, system: &str, who: WhoIsUnknown, count: usize) {
        let known = self.unknown.entry((system.to_owned(), who)).or_default();
        *known = known.saturating_add(count);
    }

    /// What came of it.
    pub(super) fn end(self, file: Option<(PathBuf, Option<WallTime>)>) -> Rehearsal {
        let seen: Vec<_> = self.seen.into_values().collect();
        let go_on = || {
            seen.iter()
                .filter(|(_, found, _)| found.refusal().is_none())
        };
        let refused = seen.iter().filter_map(|(peer, found, already)| {
            let mut objection = found.refusal()?.clone();
            if !peer.part.is_sap() {
                objection.seen_in_sap = None;
            }
            let followed_by = go_on().find_map(|(other, ..)| {
                let (of_other, of_peer) =
                    ((&other.system, &other.part), (&peer.system, &peer.part));
                let (own, later) = (peer.who.holder()?, other.who.holder()?);
                let follows = of_other == of_peer && other.last > peer.last;
                (follows && later.subject == own.subject).then(|| later.serial.clone())
            });
            Some(Refused {
                peer: peer.clone(),
                objection,
                already: already.clone(),
                followed_by,
            })
        });
        let mut refused: Vec<_> = refused.collect();
        // Those whom the change shuts out come first.
        refused.sort_by_key(|one| one.already.is_some());
        let unknown = self.unknown.into_iter();
        let unknown = unknown.map(|((system, who), count)| Unknown { system, count, who });
        Rehearsal {
            since: self.since,
            file,
            go_on: go_on().count(),
            refused,
            unknown: unknown.collect(),
            not_called: self.not_called,
            responder_not_asked: asking_a_responder(self.snapshot),
        }
    }
}

/// A client, as it was there.
fn peer_of(system: &str, part: Part, (client, last): (&Client, WallTime)) -> Peer {
    let leaf = client.chain.each().next();
    let facts = leaf.and_then(|leaf| CertificateFacts::of(leaf).ok());
    Peer {
        system: system.to_owned(),
        part,
        who: Who::Known(Holder {
            subject: client.subject.clone(),
            issuer: facts.map(|facts| facts.issuer),
            serial: client.serial.clone(),
            fingerprint: client.fingerprint,
        }),
        last,
    }
}

/// As which side a server is called, if as one.
fn side_of(snapshot: &Snapshot, server: &Server) -> Option<Side> {
    let (_, parts) = system_of(snapshot, &server.system)?;
    Side::BOTH.into_iter().find(|side| {
        let key = parts.reached_by.get(side.index());
        key.and_then(Option::as_ref)
            .is_some_and(|key| key.target == server.target)
    })
}

/// Systems where a responder has a say.
fn asking_a_responder(snapshot: &Snapshot) -> Vec<String> {
    let asking = snapshot.systems.iter().filter(|(_, parts)| {
        let mut acceptors = parts.acceptors.all();
        acceptors.any(|acceptor| acceptor.asks_a_responder())
    });
    asking.map(|(name, _)| name.to_string()).collect()
}
