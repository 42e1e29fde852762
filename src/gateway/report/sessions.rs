//! TLS sessions: how many are held, how many were taken up again, and what has been swept away.

use std::collections::BTreeMap;

use serde::Serialize;

use super::seconds;
use crate::gateway::snapshot::{ListenerPlan, SystemParts};
use crate::gateway::viewer::{Face, Viewer};
use crate::http::Upstream;
use crate::model::{SystemName, TlsRole};
use crate::telemetry::exposition::SessionFigures;
use crate::telemetry::{HandshakeEnd, Leg, SystemTally};

/// TLS sessions of a running gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionsReport {
    /// Those that callers take up, for each SAP system and what its listeners are for: a session of
    /// one is taken up at no other.
    pub listeners: Vec<ListenerSessions>,
    /// Those that far ends have granted us, of which none is shown to another.
    pub upstreams: Vec<UpstreamSessions>,
    /// What became of the sessions that callers named, at all listeners since the start.
    pub lookups: SessionLookups,
    /// For how long a key is to seal session tickets.
    pub ticket_rotation_seconds: u64,
    /// What was too old to be used and has been forgotten.
    pub sweep: SweepReport,
}

/// Sessions of the listeners of one SAP system that serve the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListenerSessions {
    /// The SAP system.
    pub system: String,
    /// requests or events.
    pub role: String,
    /// Where they listen, as configured.
    pub listen: Vec<String>,
    /// Kept here, for callers that name theirs by id; a ticket is kept by its caller.
    pub kept: u64,
    /// How long a session lives.
    pub lifetime_seconds: u64,
    /// What became of the sessions that callers named.
    pub lookups: SessionLookups,
    /// Full handshakes since the start.
    pub handshakes_full: u64,
    /// Handshakes that took a session up, since the start.
    pub handshakes_resumed: u64,
    /// How old the key was that sealed the latest ticket, when it did.
    pub ticket_key_age_seconds: u64,
}

/// Sessions that callers named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SessionLookups {
    /// All of them.
    pub offered: u64,
    /// That were taken up.
    pub taken_up: u64,
    /// That are not known, or whose ticket no key opens any more.
    pub unknown: u64,
    /// That are known, and whose caller would not be let in now.
    pub refused: u64,
}

/// Sessions with one far end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpstreamSessions {
    /// The SAP system.
    pub system: String,
    /// A, B or crm.
    pub upstream: String,
    /// Who is called.
    pub target: String,
    /// Held for the next connections.
    pub held: usize,
    /// Full handshakes for traffic since the start, of all far ends of this kind together.
    pub handshakes_full: u64,
    /// The same with a session taken up.
    pub handshakes_resumed: u64,
}

/// What has been forgotten since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// When it was looked last.
    pub last: Option<String>,
    /// Sessions.
    pub sessions: u64,
    /// Keys of session tickets.
    pub ticket_keys: u64,
}

impl SessionLookups {
    fn of(figures: &SessionFigures) -> Self {
        let SessionFigures {
            found,
            unknown,
            refused,
            ..
        } = *figures;
        Self {
            offered: found.saturating_add(unknown).saturating_add(refused),
            taken_up: found,
            unknown,
            refused,
        }
    }
}

impl Viewer {
    /// The TLS sessions of listeners and far ends.
    pub fn sessions(&self) -> SessionsReport {
        let face = self.face();
        let vault = &self.0.vault;
        let mut traffic = BTreeMap::new();
        for counters in &self.0.counters {
            counters.traffic.add_to(&mut traffic);
        }
        let (all, swept) = (vault.figures(), vault.swept());
        let mut listeners = Vec::new();
        let mut upstreams = Vec::new();
        for (name, parts) in &face.snapshot.systems {
            let tally = traffic.get(name);
            for role in TlsRole::BOTH {
                listeners.extend(self.listener_sessions(&face, (name, parts), role, tally));
            }
            let with_tls = parts.upstreams.iter().map(|(_, upstream)| upstream);
            upstreams.extend(with_tls.filter_map(|one| upstream_sessions(one, tally)));
        }
        SessionsReport {
            listeners,
            upstreams,
            lookups: SessionLookups::of(&all),
            ticket_rotation_seconds: seconds(all.key_rotation),
            sweep: SweepReport {
                last: swept.last.map(|last| last.to_string()),
                sessions: swept.sessions,
                ticket_keys: swept.ticket_keys,
            },
        }
    }

    fn listener_sessions(
        &self,
        face: &Face,
        (name, parts): (&SystemName, &SystemParts),
        role: TlsRole,
        tally: Option<&SystemTally>,
    ) -> Option<ListenerSessions> {
        let acceptor = parts.acceptors.of(role)?;
        let is_of_role = |plan: &&ListenerPlan| {
            plan.system == *name && plan.acceptor.is_some() && plan.service.tls_role() == Some(role)
        };
        let plans: Vec<_> = face.snapshot.listeners.iter().filter(is_of_role).collect();
        let figures = self.0.vault.figures_of(acceptor.universes());
        let is_here = |leg: Leg| {
            let bound = plans.iter().filter_map(|plan| face.bound.get(&plan.listen));
            bound.into_iter().any(|at| leg == Leg::Inbound(*at))
        };
        Some(ListenerSessions {
            system: name.to_string(),
            role: role.to_string(),
            listen: plans.iter().map(|plan| plan.listen.to_string()).collect(),
            kept: figures.kept,
            lifetime_seconds: seconds(acceptor.session_lifetime()),
            lookups: SessionLookups::of(&figures),
            handshakes_full: handshakes(tally, is_here, HandshakeEnd::Full),
            handshakes_resumed: handshakes(tally, is_here, HandshakeEnd::Resumed),
            ticket_key_age_seconds: seconds(figures.key_age),
        })
    }
}

fn upstream_sessions(upstream: &Upstream, tally: Option<&SystemTally>) -> Option<UpstreamSessions> {
    let spec = upstream.spec();
    let held = spec.tls.as_ref()?.sessions_held();
    let is_there = |leg| leg == Leg::Outbound(spec.role);
    Some(UpstreamSessions {
        system: spec.system.to_string(),
        upstream: spec.role.to_string(),
        target: spec.target.to_string(),
        held,
        handshakes_full: handshakes(tally, is_there, HandshakeEnd::Full),
        handshakes_resumed: handshakes(tally, is_there, HandshakeEnd::Resumed),
    })
}

/// Handshakes that ended like this, on certain legs.
fn handshakes(
    tally: Option<&SystemTally>,
    is_meant: impl Fn(Leg) -> bool,
    end: HandshakeEnd,
) -> u64 {
    let all = tally.iter().flat_map(|tally| &tally.handshakes);
    let meant = all.filter(|(key, _)| key.end == end && is_meant(key.leg));
    meant.map(|(_, took)| took.count()).sum()
}
