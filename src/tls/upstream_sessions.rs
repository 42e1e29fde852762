//! [`UpstreamSessions`]: sessions that servers have granted us, for one upstream.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

/// The sessions of one upstream: one endpoint under one name, one verifier and one identity.
///
/// Each upstream has a store of its own, so no session can be offered to another host, another
/// port of the same host, or under another certificate; names are not compared since there is
/// only one.
#[derive(Default)]
pub(super) struct UpstreamSessions(Mutex<Held>);

#[derive(Default)]
struct Held {
    group: Option<NamedGroup>,
    tls12: Option<Tls12ClientSessionValue>,
    tls13: VecDeque<Tls13ClientSessionValue>,
}

/// Tickets that are kept. In TLS 1.3 each is used once, so it takes as many as connections are
/// opened at the same moment, after a switch of sides for instance.
const MAX_TICKETS: usize = 64;

impl fmt::Debug for UpstreamSessions {
    /// Sessions are keys, so none is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.lock();
        f.debug_struct("UpstreamSessions")
            .field("tls12", &held.tls12.is_some())
            .field("tls13", &held.tls13.len())
            .finish_non_exhaustive()
    }
}

impl UpstreamSessions {
    /// Forgets all sessions; the next handshake is a full one.
    pub(super) fn clear(&self) {
        let mut held = self.lock();
        held.tls12 = None;
        held.tls13.clear();
    }

    /// How many there are for the next connections.
    pub(super) fn len(&self) -> usize {
        let held = self.lock();
        usize::from(held.tls12.is_some()).saturating_add(held.tls13.len())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for UpstreamSessions {
    fn set_kx_hint(&self, _server_name: ServerName<'static>, group: NamedGroup) {
        self.lock().group = Some(group);
    }

    fn kx_hint(&self, _server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.lock().group
    }

    fn set_tls12_session(&self, _server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.lock().tls12 = Some(value);
    }

    fn tls12_session(&self, _server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.lock().tls12.clone()
    }

    fn remove_tls12_session(&self, _server_name: &ServerName<'static>) {
        self.lock().tls12 = None;
    }

    fn insert_tls13_ticket(
        &self,
        _server_name: ServerName<'static>,
        value: Tls13ClientSessionValue,
    ) {
        let mut held = self.lock();
        if held.tls13.len() >= MAX_TICKETS {
            held.tls13.pop_front();
        }
        held.tls13.push_back(value);
    }

    /// The newest, which lasts longest.
    fn take_tls13_ticket(
        &self,
        _server_name: &ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        self.lock().tls13.pop_back()
    }
}
