//! [`Turning`]: tells when a certificate has taken the place of another by the clock.

use std::collections::BTreeMap;

use tracing::info;

use super::snapshot::Snapshot;
use crate::certs::CertificateFacts;
use crate::model::{Fingerprint, SystemName};

/// The certificates that were shown when they were looked at last.
#[derive(Debug, Default)]
pub(super) struct Turning(BTreeMap<(SystemName, &'static str), Shown>);

/// What was shown, and by which generation of a role: another generation tells by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shown {
    built_from: [u8; 32],
    leaf: Fingerprint,
}

impl Turning {
    /// Tells of every role that shows another certificate than before, although nothing was
    /// loaded.
    pub(super) fn look(&mut self, snapshot: &Snapshot) {
        let before = std::mem::take(&mut self.0);
        for (name, parts) in &snapshot.systems {
            let listening = parts.acceptors.one();
            let listening = listening.map(|own| ("listening", own.fingerprint(), own.leaf()));
            let dialling = parts.connector.as_ref();
            let dialling = dialling.map(|own| ("dialling", own.fingerprint(), own.leaf()));
            for (role, built_from, leaf) in listening.into_iter().chain(dialling) {
                let key = (name.clone(), role);
                let shown = Shown {
                    built_from,
                    leaf: leaf.fingerprint,
                };
                let has_turned = before.get(&key).is_some_and(|before| {
                    before.built_from == built_from && before.leaf != shown.leaf
                });
                if has_turned {
                    tell(name, role, leaf);
                }
                self.0.insert(key, shown);
            }
        }
    }
}

fn tell(system: &SystemName, role: &str, leaf: &CertificateFacts) {
    info!(
        %system, role, subject = leaf.subject, serial = leaf.serial, ends = %leaf.not_after,
        "NEXT_FROM: new handshakes show another certificate from now on"
    );
}
