//! [`Guests`]: the clients behind the open connections of one thread.
//!
//! Whom a listener believes may change while a client is connected: by a reload, and by the clock,
//! when a certificate or a revocation list ends. Then the clients that stand are judged again, one
//! by one, and those that would not be let in now leave, after what is in flight. The others notice
//! nothing.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::info;

use super::connection::cut;
use super::worker::Running;
use crate::http::Context;
use crate::model::{Clock, ConnectionId, Denial, SystemName};
use crate::net::Roster;
use crate::telemetry::Noise;
use crate::tls::authority_uses::{Arrival, Presence};
use crate::tls::{Acceptor, Admitted, Client, HandshakeFailure, Span};

/// The clients behind the open connections of one thread. Clones are the same.
#[derive(Clone)]
pub(super) struct Guests {
    shared: Rc<Shared>,
}

struct Shared {
    roster: Roster,
    context: Rc<Context>,
    clock: Clock,
    by_id: RefCell<HashMap<ConnectionId, Rc<Guest>>>,
    /// In which time nobody has to be judged again because of the clock.
    certain: Cell<Span>,
}

struct Guest {
    running: Rc<Running>,
    peer: SocketAddr,
    client: Option<Arc<Client>>,
    certain: Cell<Span>,
    /// By the acceptor that judged it last; there is none without a certificate.
    arrival: RefCell<Option<Arrival>>,
    /// Once it is served: the authority that lets it in is in use.
    presence: RefCell<Option<Presence>>,
}

/// A guest is forgotten when this is dropped.
pub(super) struct Visit {
    id: ConnectionId,
    shared: Rc<Shared>,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.shared.by_id.borrow_mut().remove(&self.id);
    }
}

impl Guests {
    pub(super) fn new(roster: Roster, context: Rc<Context>, clock: Clock) -> Self {
        Self {
            shared: Rc::new(Shared {
                roster,
                context,
                clock,
                by_id: RefCell::default(),
                certain: Cell::new(Span::ALWAYS),
            }),
        }
    }

    /// The clock by which they are judged.
    pub(super) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Notes a client that `by` has let in just now, and says why the rules do not admit it, if they
    /// do not. If the listener has come under another one meanwhile, that one judges; whom it
    /// refuses is not to be served.
    pub(super) fn enter(
        &self,
        (id, peer): (ConnectionId, SocketAddr),
        running: &Rc<Running>,
        by: &Arc<Acceptor>,
        (client, admitted): (Option<Arc<Client>>, Admitted),
    ) -> Result<(Visit, Option<Denial>), HandshakeFailure> {
        let in_force = running.bench();
        let Admitted {
            certain,
            denial,
            arrival,
        } = match in_force.filter(|in_force| !in_force.is(by)) {
            Some(in_force) => in_force.admits(client.as_deref())?,
            None => admitted,
        };
        let shared = &self.shared;
        shared.certain.set(shared.certain.get().and(certain));
        let guest = Guest {
            running: Rc::clone(running),
            peer,
            client,
            certain: Cell::new(certain),
            arrival: RefCell::new(arrival),
            presence: RefCell::default(),
        };
        if !guest.asks_a_responder() {
            guest.serve();
        }
        shared.by_id.borrow_mut().insert(id, Rc::new(guest));
        let visit = Visit {
            id,
            shared: Rc::clone(shared),
        };
        Ok((visit, denial))
    }

    /// Asks whether a client that has come in has been withdrawn, and says why it may not be served.
    pub(super) async fn confirm(&self, id: ConnectionId) -> Option<Denial> {
        let guest = self.shared.by_id.borrow().get(&id).map(Rc::clone)?;
        self.denial_of(&guest).await
    }

    /// Whether a client has been withdrawn, as the responder of its listener has it.
    async fn denial_of(&self, guest: &Guest) -> Option<Denial> {
        let (bench, client) = (guest.running.bench()?, guest.client.as_ref()?);
        let confirmed = bench.confirm(client).await;
        // Whoever is in force now may not ask at all, or somebody else; it has judged by itself.
        if !guest.running.bench()?.is_as(&bench) {
            return None;
        }
        match confirmed {
            Ok(certain) => {
                self.note(guest, guest.certain.get().and(certain));
                guest.serve();
                None
            }
            Err(denial) => {
                guest.note_denial(&denial);
                Some(denial)
            }
        }
    }

    fn note(&self, guest: &Guest, certain: Span) {
        let shared = &self.shared;
        guest.certain.set(certain);
        shared.certain.set(shared.certain.get().and(certain));
    }

    /// Judges again whoever is connected to a listener that has come under another acceptor.
    pub(super) fn judge_again(&self, running: &Rc<Running>) {
        let there = |guest: &Guest| Rc::ptr_eq(&guest.running, running);
        self.judge(self.chosen(there));
    }

    /// Judges again those of whom the time has made it uncertain. To be called every
    /// [`LOOK_AT_THE_CLOCK`].
    pub(super) fn look_at_the_clock(&self) {
        let shared = &self.shared;
        let now = shared.clock.now();
        if shared.certain.get().holds_at(now) {
            return;
        }
        let uncertain = self.chosen(|guest| !guest.certain.get().holds_at(now));
        // Until they have been judged they would be found again with every look.
        let rest = shared.by_id.borrow();
        let rest = rest.values().map(|guest| guest.certain.get());
        let rest = rest.filter(|certain| certain.holds_at(now));
        shared.certain.set(rest.fold(Span::ALWAYS, Span::and));
        self.judge(uncertain);
    }

    fn chosen(&self, whom: impl Fn(&Guest) -> bool) -> Vec<(ConnectionId, Rc<Guest>)> {
        let by_id = self.shared.by_id.borrow();
        let chosen = by_id.iter().filter(|(_, guest)| whom(guest));
        chosen.map(|(id, guest)| (*id, Rc::clone(guest))).collect()
    }

    /// Judges guests by what is in force at their listener. A judgement may be a few signatures,
    /// so others get their turn in between.
    fn judge(&self, whom: Vec<(ConnectionId, Rc<Guest>)>) {
        if whom.is_empty() {
            return;
        }
        let guests = self.clone();
        tokio::task::spawn_local(async move {
            let mut to_ask = Vec::new();
            for some in whom.chunks(AT_A_TIME) {
                for (id, guest) in some {
                    if guests.must_leave(*id, guest) {
                        guests.see_out(*id);
                    } else if guest.asks_a_responder() {
                        to_ask.push((*id, Rc::clone(guest)));
                    }
                }
                tokio::task::yield_now().await;
            }
            // What others have to be asked about holds up nobody of whom it is known already.
            for some in to_ask.chunks(AT_A_TIME) {
                let mut asked = JoinSet::new();
                for (id, guest) in some {
                    let (id, guest, guests) = (*id, Rc::clone(guest), guests.clone());
                    asked.spawn_local(async move {
                        if let Some(denial) = guests.denial_of(&guest).await {
                            guests.tell_denied(id, &guest, &denial);
                            guests.see_out(id);
                        }
                    });
                }
                asked.join_all().await;
            }
        });
    }

    fn must_leave(&self, id: ConnectionId, guest: &Guest) -> bool {
        // Without TLS there are no guests.
        let Some(bench) = guest.running.bench() else {
            return false;
        };
        match bench.admits(guest.client.as_deref()) {
            Ok(Admitted {
                certain,
                denial: None,
                arrival,
            }) => {
                guest.arrival.replace(arrival);
                if !guest.asks_a_responder() {
                    guest.serve();
                }
                self.note(guest, certain);
                false
            }
            Ok(Admitted {
                denial: Some(denial),
                ..
            }) => {
                self.tell_denied(id, guest, &denial);
                true
            }
            Err(failure) => {
                self.tell(id, guest, &failure);
                true
            }
        }
    }

    fn tell_denied(&self, id: ConnectionId, guest: &Guest, denial: &Denial) {
        let context = &self.shared.context;
        context.counters.clients_sent_away.inc();
        if let Some(suppressed) = context.may_say(Noise::NotAdmitted) {
            let system: &SystemName = &guest.running.plan.borrow().system;
            let client = guest.client.as_ref();
            let subject = client.map_or("-", |client| cut(&client.principal().subject));
            info!(
                %system, connection = %id, peer = %guest.peer, listener = %guest.running.local,
                code = denial.code(), subject, hint = denial.hint(), suppressed,
                "a connected client is not admitted any more: {denial}; the connection ends after \
                 what is in flight"
            );
        }
    }

    fn tell(&self, id: ConnectionId, guest: &Guest, failure: &HandshakeFailure) {
        let context = &self.shared.context;
        context.counters.clients_sent_away.inc();
        if let Some(suppressed) = context.may_say(Noise::HandshakeFailed) {
            let system: &SystemName = &guest.running.plan.borrow().system;
            info!(
                %system, connection = %id, peer = %guest.peer, listener = %guest.running.local,
                code = failure.code(), %failure, hint = failure.hint(), suppressed,
                "a connected client is not let in any more; the connection ends after what is in flight"
            );
        }
    }

    /// Sends a connection away. Of bytes that are not understood it is never certain that nothing
    /// is in flight, so there the time is limited.
    fn see_out(&self, id: ConnectionId) {
        let roster = self.shared.roster.clone();
        roster.send_away(id);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(RELAYS_AT_MOST).await;
            // An answer that is owed is waited for, as long as SAP itself would wait for it; after it
            // the time is up.
            let end = Instant::now() + OWED_AT_MOST;
            while roster.cut_if_relaying(id, Instant::now() >= end) {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
    }
}

impl Guest {
    /// Nobody else has to be asked about it.
    fn serve(&self) {
        let bench = self.running.bench();
        let arrival = self.arrival.borrow();
        let here = arrival.as_ref().zip(bench);
        let presence = here.map(|(arrival, bench)| arrival.serve(bench.role()));
        self.presence.replace(presence);
    }

    /// A responder does not let it in.
    fn note_denial(&self, denial: &Denial) {
        // Where nobody can say, it may be served again in a moment, and was served before.
        let is_out = matches!(denial, Denial::Withdrawn { .. } | Denial::NotIssued);
        if let (true, Some(arrival)) = (is_out, self.arrival.borrow().as_ref()) {
            arrival.withdraw();
        }
    }

    fn asks_a_responder(&self) -> bool {
        let bench = self.running.bench();
        self.client.is_some() && bench.is_some_and(|bench| bench.asks_a_responder())
    }
}

/// Judgements between two looks at the network; a few milliseconds at most.
const AT_A_TIME: usize = 16;

/// How often the clock is looked at: what it ends has to be over within two seconds, with the time
/// that bytes may go on flowing.
pub(super) const LOOK_AT_THE_CLOCK: Duration = Duration::from_millis(250);

/// How long the bytes of a client that is not let in any more may go on flowing.
const RELAYS_AT_MOST: Duration = Duration::from_millis(1_500);

/// How long ICM waits for an answer.
const OWED_AT_MOST: Duration = Duration::from_mins(1);

/// How often it is looked whether the answer that was owed is there.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
