//! [`Roster`]: the connections of one thread, and how they are asked to leave.
//!
//! Leaving is by ownership: a connection holds its [`Seat`] and the roster is empty when the last
//! seat is dropped. Nothing here is shared between threads, so nothing here locks.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{ConnectionId, Side};

/// What a connection is doing, for drains and for the report of what a drain had to cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The TLS handshake is under way.
    Handshake,
    /// Nothing is in flight: it may be closed at once.
    Idle,
    /// A request is being read, or an answer is passed on.
    Busy,
    /// A request is being sent to a side, since the given time.
    Sending(Side, Instant),
    /// A side has the request and has not begun to answer, since the given time.
    Waiting(Side, Instant),
    /// Bytes are relayed both ways, to a side or to somebody else. While a side owes an answer it
    /// is [`Phase::Waiting`].
    Relaying(Option<Side>),
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake => f.write_str("in its handshake"),
            Self::Idle => f.write_str("idle"),
            Self::Busy => f.write_str("in an exchange"),
            Self::Sending(side, _) => write!(f, "sending to side {side}"),
            Self::Waiting(side, _) => write!(f, "waiting for side {side}"),
            Self::Relaying(_) => f.write_str("relaying"),
        }
    }
}

/// How far a connection has been asked to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Leave {
    Stay,
    /// With the next answer, which says so: the caller then opens another connection of its own
    /// accord and loses nothing.
    WithAnswer,
    /// As soon as nothing is in flight.
    WhenIdle,
    Now,
}

/// Which part of the configuration a connection serves; compared, never looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The SAP system.
    pub system: u32,
    /// The listener.
    pub listener: u32,
}

/// Where the connections of one socket sit. Clones are the same place: a reload that gives the
/// socket to another part of the configuration moves them all.
#[derive(Debug, Clone)]
pub struct Place(Rc<Cell<Scope>>);

impl From<Scope> for Place {
    fn from(scope: Scope) -> Self {
        Self(Rc::new(Cell::new(scope)))
    }
}

impl Place {
    /// Which part of the configuration it belongs to now.
    pub fn scope(&self) -> Scope {
        self.0.get()
    }

    /// Gives it to another part, with everybody who sits there.
    pub fn move_to(&self, scope: Scope) {
        self.0.set(scope);
    }
}

#[derive(Debug)]
struct Member {
    peer: SocketAddr,
    /// Which part of the configuration it serves.
    place: Place,
    phase: Cell<Phase>,
    /// Whether its bytes are relayed, or are going to be.
    is_relayed: Cell<bool>,
    /// The side at the other end of a relayed connection.
    relays_to: Cell<Option<Side>>,
    leave: Cell<Leave>,
    /// Set when the side that has its request was declared down.
    abandoned: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Member {
    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    fn ask(&self, leave: Leave) {
        if self.leave.get() < leave {
            self.leave.set(leave);
            self.wake();
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    members: RefCell<HashMap<ConnectionId, Rc<Member>>>,
    emptied: RefCell<Vec<Waker>>,
}

/// The connections of one thread. Clones are the same roster.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    shared: Rc<Shared>,
}

impl Roster {
    /// An empty roster.
    pub fn new() -> Self {
        Self::default()
    }

    /// Seats a connection; it leaves when the seat is dropped.
    pub fn seat(&self, id: ConnectionId, peer: SocketAddr, place: impl Into<Place>) -> Seat {
        let member = Rc::new(Member {
            peer,
            place: place.into(),
            phase: Cell::new(Phase::Handshake),
            is_relayed: Cell::new(false),
            relays_to: Cell::new(None),
            leave: Cell::new(Leave::Stay),
            abandoned: Cell::new(false),
            waker: RefCell::new(None),
        });
        self.shared
            .members
            .borrow_mut()
            .insert(id, Rc::clone(&member));
        Seat {
            id,
            member,
            shared: Rc::clone(&self.shared),
        }
    }

    /// How many are seated.
    pub fn len(&self) -> usize {
        self.shared.members.borrow().len()
    }

    /// Whether nobody is seated.
    pub fn is_empty(&self) -> bool {
        self.shared.members.borrow().is_empty()
    }

    /// Asks connections to leave with their next answer. Those that have nothing to answer stay
    /// until [`Roster::hasten`].
    pub fn ask_to_leave(&self, whom: impl Fn(Scope) -> bool) {
        for member in self.chosen(whom) {
            member.ask(Leave::WithAnswer);
        }
    }

    /// Asks one connection to leave as soon as nothing is in flight.
    pub fn send_away(&self, id: ConnectionId) {
        if let Some(member) = self.shared.members.borrow().get(&id) {
            member.ask(Leave::WhenIdle);
        }
    }

    /// Cuts one connection if bytes are relayed on it and no answer is owed: whether anything is
    /// in flight there nobody knows, and it has had its time. Says whether it is still there and may
    /// have to be cut later: it waits for an answer, or for its side to be dialled, unless the
    /// patience with that has ended too.
    pub fn cut_if_relaying(&self, id: ConnectionId, patience_has_ended: bool) -> bool {
        let members = self.shared.members.borrow();
        let Some(member) = members.get(&id).filter(|member| member.is_relayed.get()) else {
            return false;
        };
        if patience_has_ended || matches!(member.phase.get(), Phase::Relaying(_)) {
            member.ask(Leave::Now);
            return false;
        }
        true
    }

    /// Asks relayed connections of a system to leave `side`, as soon as nothing is in flight: each
    /// keeps the side that it was opened to, and that is the wrong one from now on.
    pub fn leave_side(&self, system: u32, side: Side) {
        for member in self.chosen(|scope| scope.system == system) {
            if member.relays_to.get() == Some(side) {
                member.ask(Leave::WhenIdle);
            }
        }
    }

    /// Asks those who were asked before to leave as soon as nothing is in flight.
    ///
    /// A request may be on its way while an idle connection is closed, and would be lost; so
    /// connections with steady traffic get the chance to leave with an answer first.
    pub fn hasten(&self) {
        for member in self.chosen(|_| true) {
            if member.leave.get() == Leave::WithAnswer {
                member.ask(Leave::WhenIdle);
            }
        }
    }

    /// Cuts connections, whatever they are doing, and says what each of them was doing.
    pub fn cut(&self, whom: impl Fn(Scope) -> bool) -> Vec<(SocketAddr, Phase)> {
        let members = self.chosen(whom);
        for member in &members {
            member.ask(Leave::Now);
        }
        members
            .iter()
            .map(|member| (member.peer, member.phase.get()))
            .collect()
    }

    /// Tells exchanges of a system that no answer is expected from `side` any more: those that were
    /// given to it before it was `declared` down, each once that is `limit` ago. What it is given
    /// later has its full time, since then it is all that is left. Returns when the next is due.
    pub fn abandon(
        &self,
        system: u32,
        side: Side,
        declared: Instant,
        limit: Duration,
    ) -> Option<Instant> {
        let now = Instant::now();
        let mut next: Option<Instant> = None;
        for member in self.chosen(|scope| scope.system == system) {
            let (Phase::Sending(given_to, since) | Phase::Waiting(given_to, since)) =
                member.phase.get()
            else {
                continue;
            };
            if given_to != side || since > declared {
                continue;
            }
            let due = since + limit;
            if due <= now {
                member.abandoned.set(true);
                member.wake();
            } else {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        next
    }

    /// Waits until nobody is seated.
    pub async fn emptied(&self) {
        poll_fn(|cx| {
            if self.is_empty() {
                return Poll::Ready(());
            }
            let mut waiting = self.shared.emptied.borrow_mut();
            if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn chosen(&self, whom: impl Fn(Scope) -> bool) -> Vec<Rc<Member>> {
        self.shared
            .members
            .borrow()
            .values()
            .filter(|member| whom(member.place.scope()))
            .cloned()
            .collect()
    }
}

/// A connection's place in the roster.
pub struct Seat {
    id: ConnectionId,
    member: Rc<Member>,
    shared: Rc<Shared>,
}

impl Seat {
    /// The connection's id.
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    /// The far end.
    pub fn peer(&self) -> SocketAddr {
        self.member.peer
    }

    /// Says what the connection does now. Waiting for a side begins afresh: an earlier word that
    /// a side is down does not count for the next request.
    pub fn set_phase(&self, phase: Phase) {
        if let Phase::Relaying(side) = phase {
            self.member.relays_to.set(side);
        }
        self.member.phase.set(phase);
        self.member.abandoned.set(false);
    }

    /// Says that the bytes of this connection are going to be relayed.
    pub fn is_to_be_relayed(&self) {
        self.member.is_relayed.set(true);
    }

    /// The side at the other end, if this connection is relayed to one.
    pub(super) fn relays_to(&self) -> Option<Side> {
        self.member.relays_to.get()
    }

    /// Asks this connection to leave as soon as nothing is in flight.
    pub fn leave_when_idle(&self) {
        self.member.ask(Leave::WhenIdle);
    }

    /// Whether this connection should close after what is in flight.
    pub fn is_leaving(&self) -> bool {
        self.member.leave.get() > Leave::Stay
    }

    /// Whether this connection should close now if nothing is in flight.
    pub(super) fn leaves_when_idle(&self) -> bool {
        self.member.leave.get() >= Leave::WhenIdle
    }

    /// Whether it has to end now, whatever is in flight.
    pub(super) fn is_cut(&self) -> bool {
        self.member.leave.get() == Leave::Now
    }

    /// Whether the side that has its request was declared down.
    pub(super) fn is_abandoned(&self) -> bool {
        self.member.abandoned.get()
    }

    /// Keeps the waker, to be woken by the next word to this connection.
    pub(super) fn listen(&self, cx: &Context<'_>) {
        let mut waker = self.member.waker.borrow_mut();
        match waker.as_ref() {
            Some(kept) if kept.will_wake(cx.waker()) => {}
            _ => *waker = Some(cx.waker().clone()),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shared.members.borrow_mut().remove(&self.id);
        if self.shared.members.borrow().is_empty() {
            let waiting = std::mem::take(&mut *self.shared.emptied.borrow_mut());
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat")
            .field("id", &self.id)
            .field("phase", &self.member.phase.get())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tests/roster.rs"]
mod tests;
