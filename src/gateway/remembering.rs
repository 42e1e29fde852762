//! What of the peers is written down, and how they stand: for the next process, and for a rehearsal.

use std::collections::HashSet;

use super::rehearsal::judgement;
use super::run::Gateway;
use super::snapshot::Snapshot;
use super::state_file::Memory;
use crate::model::SystemName;
use crate::tls::authority_uses::{AuthorityKey, Chain};

impl Gateway {
    /// Writes down what has to be known after a restart, at once or when it is time again.
    pub(super) fn remember(&mut self, at_once: bool) {
        let roles = self.snapshot.systems.iter();
        let roles = roles.filter_map(|(name, parts)| Some((name, parts.acceptors.one()?)));
        // What has left with an operator's consent has left: nobody is asked a second time.
        let believed: HashSet<_> = roles
            .flat_map(|(name, acceptor)| {
                // Also those that have expired: the clock may be wrong, and may be set right.
                let each = acceptor.trust().anchors().iter();
                each.map(|anchor| (name.as_str(), AuthorityKey(anchor.facts().spki)))
            })
            .collect();
        let vouching = |role: &str, chain: &Chain| {
            let mut systems = self.snapshot.systems.iter();
            let (_, parts) = systems.find(|(name, _)| name.as_str() == role)?;
            parts.acceptors.one()?.vouching(chain)
        };
        let has_dropped = self.workshop.uses.keep(&believed, vouching);
        let systems = self.snapshot.systems.keys();
        let systems: HashSet<_> = systems.map(SystemName::as_str).collect();
        let has_shut_out = self.workshop.nameless.keep(&systems);
        let has_to = at_once || has_dropped || has_shut_out;
        if !has_to && !self.state_file.is_due() {
            return;
        }
        let now = self.workshop.clock.now();
        let mut memory = Memory::of(&self.workshop.known(), now);
        memory.alarms = self.announcements.said();
        let generation = self.snapshot.generation;
        if self.state_file.is_news(&memory, generation) || has_to {
            judge(&mut memory, &self.snapshot);
            let settings = &self.snapshot.settings;
            self.state_file.write(settings, memory, now);
        }
    }
}

/// Says of everybody whether the generation in force refuses him: what follows is not to blame for
/// that.
fn judge(memory: &mut Memory, snapshot: &Snapshot) {
    for one in &mut memory.uses {
        for client in &mut one.clients {
            for seen in &mut client.roles {
                let found = judgement::of_client(snapshot, &one.role, seen.role, &client.chain);
                seen.refused = found.refusal().map(|objection| objection.code.to_owned());
            }
        }
    }
    for one in &mut memory.nameless {
        let found = judgement::of_nameless(snapshot, one);
        one.refused = found.refusal().map(|objection| objection.code.to_owned());
    }
    for server in &mut memory.servers {
        let found = judgement::of_server(snapshot, server);
        server.refused = found.refusal().map(|objection| objection.code.to_owned());
    }
}
