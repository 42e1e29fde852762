//! The accept loop of one listener on one thread, and the task of one connection.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tracing::{error, warn};

use super::connection::{Accepted, connection};
use super::contain::contained;
use super::worker::{Running, Worker};
use crate::model::{ConnectionId, ListenAddr};
use crate::net::{AcceptEvent, Listener, Refused, Share};
use crate::telemetry::Noise;

impl Worker {
    /// Accepts until the listener is to stop. `open` is dropped when nobody is let in any more,
    /// or only those who called before another listener took over.
    pub(super) async fn accept(
        self: Rc<Self>,
        mut listener: Listener,
        running: Rc<Running>,
        open: oneshot::Sender<Infallible>,
    ) {
        let mut open = Some(open);
        loop {
            let next = tokio::select! {
                biased;
                () = running.stop.notified() => None,
                next = listener.accept(|event| self.tell(&event, &running)) => Some(next),
            };
            if let Some((tcp, peer)) = next {
                self.admit(tcp, peer, &running);
                continue;
            }
            // A listener may have taken over a part of this one's addresses. Those who called just
            // before are still on their way to this one.
            let handing_over = tokio::time::sleep(HAND_OVER);
            tokio::pin!(handing_over);
            while self.is_handed_over(&running) {
                drop(open.take());
                tokio::select! {
                    () = &mut handing_over => break,
                    (tcp, peer) = listener.accept(|event| self.tell(&event, &running)) => {
                        self.admit(tcp, peer, &running);
                    }
                }
            }
            // The kernel has let these in already; a close would reset them. Who calls from now on
            // is too late, or a crowd of callers could keep the listener open.
            for _place in 0..Listener::QUEUE {
                let Some((tcp, peer)) = listener.accept_waiting() else {
                    break;
                };
                self.admit(tcp, peer, &running);
            }
            break;
        }
        drop(listener);
        drop(open);
        self.leave(running.place.scope());
        self.accepting.set(self.accepting.get().saturating_sub(1));
    }

    /// Other handles on all listening sockets.
    pub(super) fn lend(&self) -> Vec<(ListenAddr, Vec<TcpListener>)> {
        let listeners = self.listeners.borrow();
        let each = listeners.iter().map(|(listen, running)| {
            let sockets = running.sockets.borrow();
            let handles = sockets.iter().filter_map(|socket| socket.try_clone().ok());
            (*listen, handles.collect())
        });
        each.collect()
    }

    /// Whether another listener serves the same port now.
    fn is_handed_over(&self, running: &Running) -> bool {
        let port = running.local.port();
        self.listeners
            .borrow()
            .values()
            .any(|other| other.local.port() == port)
    }

    fn tell(&self, event: &AcceptEvent, running: &Running) {
        self.context.counters.accept_errors.inc();
        let Some(suppressed) = self.context.may_say(Noise::AcceptFailed) else {
            return;
        };
        let listener = running.local;
        match event {
            AcceptEvent::Exhausted { turned_away } => {
                error!(
                    %listener, turned_away, suppressed,
                    "no descriptors are left: callers wait or are turned away; raise the limit of open files or lower MaxConnections"
                );
            }
            AcceptEvent::Failed(error) => {
                warn!(%listener, error, suppressed, "a connection could not be accepted");
            }
        }
    }

    fn admit(self: &Rc<Self>, tcp: TcpStream, peer: SocketAddr, running: &Rc<Running>) {
        let counters = &self.context.counters;
        let plan = Rc::clone(&running.plan.borrow());
        let permit = match self.admission.admit(peer.ip(), plan.acceptor.is_some()) {
            Ok(permit) => permit,
            Err(refused) => {
                match refused {
                    Refused::Connections => &counters.connections_refused_total,
                    Refused::ConnectionsPerAddress => &counters.connections_refused_address,
                    Refused::Handshakes | Refused::HandshakesPerAddress => {
                        &counters.connections_refused_handshakes
                    }
                }
                .inc();
                if let Some(suppressed) = self.context.may_say(Noise::LimitReached) {
                    warn!(%peer, listener = %running.local, %refused, suppressed, "connection refused");
                }
                return;
            }
        };
        counters.connections_accepted.inc();
        counters.connections_open.inc();
        let number = self.connections.get().wrapping_add(1);
        self.connections.set(number);
        let accepted = Box::new(Accepted {
            tcp,
            peer,
            listener: running.local,
            seat: self.roster.seat(
                ConnectionId::of_thread(self.index, number),
                peer,
                running.place.clone(),
            ),
            plan,
            flow: running.flow.borrow().clone(),
            running: Rc::clone(running),
            guests: self.guests.clone(),
            generation: self.generation.get(),
            permit,
        });
        let (context, lane) = (Rc::clone(&self.context), Rc::clone(&self.lane));
        tokio::task::spawn_local(async move {
            let counters = Arc::clone(&context.counters);
            let say = Rc::clone(&context);
            if contained(connection(accepted, context, lane))
                .await
                .is_err()
            {
                counters.panics.inc();
                if let Some(suppressed) = say.may_say(Noise::Panicked) {
                    error!(%peer, suppressed, "a defect ended this connection; all others go on; please report it");
                }
            }
            counters.connections_open.dec();
        });
    }
}

/// Where a share listens, other handles on its sockets, and the share as the event loop has it.
pub(super) fn opened(share: Share) -> io::Result<(SocketAddr, Vec<TcpListener>, Listener)> {
    let local = share.local_addr()?;
    // What lends them is not there on other systems.
    let sockets = share.sockets().iter().filter(|_| cfg!(unix));
    let sockets = sockets.map(TcpListener::try_clone);
    let sockets = sockets.collect::<io::Result<_>>()?;
    Ok((local, sockets, Listener::new(share)?))
}

/// Longer than any connection takes from its first segment to the accept queue.
const HAND_OVER: Duration = Duration::from_millis(250);
