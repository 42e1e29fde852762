//! [`Viewer::scrape`]: all that there is to measure of a running gateway.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::snapshot::Snapshot;
use super::viewer::{Attempt, Face, Viewer};
use crate::certs::{CertificateFacts, RevocationLists, TrustStore};
use crate::model::{Side, WallTime};
use crate::telemetry::ProcessFigures;
use crate::telemetry::exposition::{Authentic, LastReload, Scrape, SideFigures};
use crate::tls::{Acceptor, AuthorityUses, UpstreamTls};

impl Viewer {
    /// Everything that is known now. It reads a few files of the kernel, and waits for nobody
    /// longer than it takes to copy what one thread has counted.
    pub fn scrape(&self) -> Scrape {
        let face = self.face();
        let (inner, snapshot) = (&*self.0, &*face.snapshot);
        let now = self.clock().now();
        let mut scrape = Scrape {
            figures: self.figures(),
            version: env!("CARGO_PKG_VERSION"),
            generation: Some(snapshot.generation),
            last_reload: last_reload(&face),
            sides: sides(snapshot),
            certificates: inner.clients.at(&inner.uses, snapshot, now),
            sessions: inner.vault.figures(),
            responders: inner.vault.responders(),
            process: ProcessFigures::now(inner.started_at),
            ..Scrape::default()
        };
        for counters in &inner.counters {
            counters.traffic.add_to(&mut scrape.traffic);
            // All of them share the names.
            scrape.operations = Arc::clone(counters.traffic.names());
        }
        note_own(&mut scrape, snapshot, now);
        note_servers(&mut scrape, snapshot);
        scrape
    }
}

/// What became of the latest attempt to read the configuration, the one at the start included.
fn last_reload(face: &Face) -> Option<LastReload> {
    let is_in_force = |attempt: &&Attempt| attempt.generation.is_some();
    let last = face.history.back()?;
    let published = face.history.iter().rev().find(is_in_force);
    Some(LastReload {
        succeeded: last.generation.is_some(),
        at: last.at,
        published_at: published.map(|attempt| attempt.at),
    })
}

/// How the sides that there are stand.
fn sides(snapshot: &Snapshot) -> Vec<SideFigures> {
    let mut figures = Vec::new();
    for (system, parts) in &snapshot.systems {
        let Some(sides) = &parts.sides else { continue };
        for (side, reached_by) in Side::BOTH.into_iter().zip(&parts.reached_by) {
            if reached_by.is_none() {
                continue;
            }
            let status = sides.status(side);
            figures.push(SideFigures {
                system: system.clone(),
                side,
                state: status.health.code(),
                is_active: sides.active() == side,
                is_drained: status.drained.is_some(),
            });
        }
    }
    figures
}

/// Notes until when our own certificates, the authorities and the lists are good.
fn note_own(scrape: &mut Scrape, snapshot: &Snapshot, now: WallTime) {
    for (system, parts) in &snapshot.systems {
        let system = system.as_str();
        let mut note = Notes {
            scrape,
            system,
            now,
        };
        if let Some(acceptor) = parts.acceptors.one() {
            note.acceptor("listener", acceptor);
        }
        if let Some(connector) = &parts.connector {
            note.own("connector", connector.leaf(), connector.leaves());
            note.authorities(connector.trust());
            note.lists("connector", connector.revocation());
        }
    }
    if let Some(admin) = &snapshot.admin {
        let mut note = Notes {
            scrape,
            system: "",
            now,
        };
        note.acceptor("admin", admin);
    }
}

/// Notes what belongs to one SAP system, or to none.
struct Notes<'a> {
    scrape: &'a mut Scrape,
    system: &'a str,
    now: WallTime,
}

impl Notes<'_> {
    fn acceptor(&mut self, role: &'static str, acceptor: &Acceptor) {
        self.own(role, acceptor.leaf(), acceptor.leaves());
        self.authorities(acceptor.trust());
        self.lists(role, acceptor.revocation());
    }

    fn certificate(&mut self, role: &'static str, facts: &CertificateFacts) {
        let what = certificate(role, self.system, facts);
        Scrape::note(&mut self.scrape.certificates, what, facts.not_after);
    }

    /// What is shown now, and what follows. What another one has followed is nobody's concern.
    #[expect(
        single_use_lifetimes,
        reason = "there is no way to leave it out inside of `impl Iterator`"
    )]
    fn own<'c>(
        &mut self,
        role: &'static str,
        shown: &CertificateFacts,
        each: impl Iterator<Item = (Option<WallTime>, &'c CertificateFacts)>,
    ) {
        self.certificate(role, shown);
        for (from, facts) in each {
            if from.is_some_and(|from| self.now < from) {
                self.certificate(role, facts);
            }
        }
    }

    fn authorities(&mut self, trust: &TrustStore) {
        for anchor in trust.anchors() {
            self.certificate("authority", anchor.facts());
        }
    }

    fn lists(&mut self, role: &'static str, lists: Option<&RevocationLists>) {
        for (issuer, until) in lists.into_iter().flat_map(|lists| lists.ends(self.now)) {
            let what = Authentic {
                role,
                system: self.system.to_owned(),
                name: issuer.to_owned(),
                serial: String::new(),
            };
            Scrape::note(&mut self.scrape.lists, what, until);
        }
    }
}

fn certificate(role: &'static str, system: &str, facts: &CertificateFacts) -> Authentic {
    Authentic {
        role,
        system: system.to_owned(),
        name: facts.subject.clone(),
        serial: facts.serial.clone(),
    }
}

/// Notes until when the certificates are good that sides and the CRM have shown.
fn note_servers(scrape: &mut Scrape, snapshot: &Snapshot) {
    for upstream in snapshot.upstreams() {
        let spec = upstream.spec();
        // Probes note what they are shown in the same place.
        if let Some(facts) = spec.tls.as_ref().and_then(UpstreamTls::server) {
            let what = certificate("server", spec.system.as_str(), &facts);
            Scrape::note(&mut scrape.certificates, what, facts.not_after);
        }
    }
}

/// The certificates that clients have shown. To read many of them anew takes a while, and they
/// change seldom, so they are kept for some time.
#[derive(Debug, Default)]
pub(super) struct ClientCertificates(Mutex<Option<(Instant, Ends)>>);

type Ends = BTreeMap<Authentic, WallTime>;

impl ClientCertificates {
    /// What is known of them, read now or a little while ago.
    fn at(&self, uses: &AuthorityUses, snapshot: &Snapshot, now: WallTime) -> Ends {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read_at, ends)) = &*kept
            && read_at.elapsed() < KEPT_FOR
        {
            return ends.clone();
        }
        let ends = seen(uses, snapshot, now);
        *kept = Some((Instant::now(), ends.clone()));
        ends
    }
}

/// Reads what clients have shown.
fn seen(uses: &AuthorityUses, snapshot: &Snapshot, now: WallTime) -> Ends {
    let mut ends = Ends::new();
    for one in uses.since(WallTime(now.0.saturating_sub(A_WEEK)), now, MOST_CLIENTS) {
        let mut systems = snapshot.systems.keys();
        // What is known of one that has gone is nobody's concern.
        if !systems.any(|system| system.as_str() == one.role) {
            continue;
        }
        for client in &one.clients {
            let leaf = client.chain.each().next();
            if let Some(Ok(facts)) = leaf.map(CertificateFacts::of) {
                let what = certificate("client", &one.role, &facts);
                Scrape::note(&mut ends, what, facts.not_after);
            }
        }
    }
    ends
}

/// Expiry is a matter of days.
const KEPT_FOR: Duration = Duration::from_mins(1);

/// Of each authority; more than the application servers of a cluster.
const MOST_CLIENTS: usize = 100;

/// Whoever was not there for so long is no concern of an alarm.
const A_WEEK: i64 = 7 * 86_400;
