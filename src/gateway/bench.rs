//! [`Bench`]: by whom the clients of a listener are judged, also after the listener has gone.
//!
//! A connection may outlive its listener: as long as bytes flow, or an exchange is under way. What
//! counts for its client is then what would count if the listener were still there. That is the
//! acceptor in force for the same role of the same SAP system. Where that role ends no TLS any more,
//! its last acceptor counts on, with its rules and the clock, and besides it the authorities and
//! lists in force for the system. Where the system has gone, what was in force last counts on.

use std::rc::Rc;
use std::sync::Arc;

use super::snapshot::{ListenerPlan, Snapshot};
use super::worker::{Running, Worker};
use crate::model::{Denial, SystemName, TlsRole};
use crate::tls::{Acceptor, Admitted, Client, HandshakeFailure, Span};

/// By whom the clients of a listener are judged.
#[derive(Debug)]
pub(super) struct Bench {
    system: SystemName,
    role: TlsRole,
    own: Arc<Acceptor>,
    /// One of the same system and another role: its authorities and lists count besides, its rules
    /// are for others.
    besides: Option<Arc<Acceptor>>,
}

impl Bench {
    /// That of a listener that ends TLS.
    pub(super) fn of(plan: &ListenerPlan) -> Option<Rc<Self>> {
        Some(Rc::new(Self {
            system: plan.system.clone(),
            role: plan.service.tls_role()?,
            own: Arc::clone(plan.acceptor.as_ref()?),
            besides: None,
        }))
    }

    /// What follows it in a generation in which its listener is not there, or ends no TLS.
    fn after(&self, snapshot: &Snapshot) -> Self {
        let parts = snapshot.systems.get(&self.system);
        let acceptors = parts.map(|parts| &parts.acceptors);
        let same = acceptors.and_then(|acceptors| acceptors.of(self.role));
        let (own, besides) = if let Some(same) = same {
            (same, None)
        } else {
            let other = acceptors.and_then(|acceptors| acceptors.one());
            (&self.own, other.or(self.besides.as_ref()))
        };
        Self {
            system: self.system.clone(),
            role: self.role,
            own: Arc::clone(own),
            besides: besides.map(Arc::clone),
        }
    }

    /// Whether nobody is judged otherwise by the other one.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let besides = match (&self.besides, &other.besides) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        Arc::ptr_eq(&self.own, &other.own) && besides
    }

    /// Whether an acceptor alone judges here.
    pub(super) fn is(&self, acceptor: &Arc<Acceptor>) -> bool {
        Arc::ptr_eq(&self.own, acceptor) && self.besides.is_none()
    }

    /// As what its listener ends TLS, or did.
    pub(super) fn role(&self) -> TlsRole {
        self.role
    }

    /// Judges the client of an open connection by what is in force now; see [`Acceptor::admits`].
    pub(super) fn admits(&self, client: Option<&Client>) -> Result<Admitted, HandshakeFailure> {
        let admitted = self.own.admits(client)?;
        let Some(besides) = &self.besides else {
            return Ok(admitted);
        };
        let proven = besides.admits(client)?;
        Ok(Admitted {
            certain: admitted.certain.and(proven.certain),
            denial: admitted.denial,
            arrival: proven.arrival.or(admitted.arrival),
        })
    }

    /// Asks whether a client has been withdrawn; see [`Acceptor::confirm`].
    pub(super) async fn confirm(&self, client: &Client) -> Result<Span, Denial> {
        self.newest().confirm(client).await
    }

    /// Whether anybody is asked about clients at all.
    pub(super) fn asks_a_responder(&self) -> bool {
        self.newest().asks_a_responder()
    }

    fn newest(&self) -> &Acceptor {
        self.besides.as_ref().unwrap_or(&self.own)
    }
}

impl Running {
    /// By whom its clients are judged; nobody where there never was TLS.
    pub(super) fn bench(&self) -> Option<Rc<Bench>> {
        self.bench.borrow().clone()
    }
}

impl Worker {
    /// Judges the clients of every listener by a generation that has just come into force, also of
    /// those that were closed and have clients left.
    pub(super) fn judge_everybody(&self, snapshot: &Snapshot) {
        for running in self.listeners.borrow().values() {
            let own = Bench::of(&running.plan.borrow());
            self.judge(running, own, snapshot);
        }
        let mut closed = self.closed.borrow_mut();
        closed.retain(|running| match running.upgrade() {
            Some(running) => {
                self.judge(&running, None, snapshot);
                true
            }
            None => false,
        });
    }

    /// Judges again where it is by another bench: the listener's own, or what follows the last one.
    fn judge(&self, running: &Rc<Running>, own: Option<Rc<Bench>>, snapshot: &Snapshot) {
        let before = running.bench();
        let after = |before: &Rc<Bench>| Rc::new(before.after(snapshot));
        let next = own.or_else(|| before.as_ref().map(after));
        let is_same = match (&before, &next) {
            (Some(before), Some(next)) => before.is_as(next),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        running.bench.replace(next);
        if !is_same {
            self.guests.judge_again(running);
        }
    }
}
