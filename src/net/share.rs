//! [`Share`]: what one thread has of a listening address.
//!
//! On Linux the kernel spreads callers over sockets that each thread has for itself. Elsewhere there is
//! one socket, and the thread that has it accepts for all: it hands callers on in turn, and they stay
//! with the thread that they were handed to.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A caller on his way to the thread that serves him.
pub(super) type Handed = (TcpStream, SocketAddr);

/// What one thread has of a listening address.
#[derive(Debug)]
pub struct Share(pub(super) Part);

#[derive(Debug)]
pub(super) enum Part {
    /// A socket, or some more where a process with more threads has handed them over; and the threads
    /// that have none.
    Sockets(Vec<TcpListener>, Vec<UnboundedSender<Handed>>),
    /// What another thread hands on.
    Fed(SocketAddr, UnboundedReceiver<Handed>),
}

impl Share {
    /// Sockets that serve this thread alone.
    pub(super) const fn of(sockets: Vec<TcpListener>) -> Self {
        Self(Part::Sockets(sockets, Vec::new()))
    }

    /// One socket for so many threads.
    pub(super) fn of_one(socket: TcpListener, threads: usize) -> io::Result<Vec<Self>> {
        let local = socket.local_addr()?;
        let (ways, fed): (Vec<_>, Vec<_>) = (1..threads)
            .map(|_other| {
                let (way, fed) = unbounded_channel();
                (way, Self(Part::Fed(local, fed)))
            })
            .unzip();
        let first = Self(Part::Sockets(vec![socket], ways));
        Ok([first].into_iter().chain(fed).collect())
    }

    /// Where it is bound.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Part::Sockets(sockets, _) => {
                let first = sockets.first().ok_or(io::ErrorKind::NotFound)?;
                first.local_addr()
            }
            Part::Fed(local, _) => Ok(*local),
        }
    }

    /// The sockets, where it has any.
    pub fn sockets(&self) -> &[TcpListener] {
        match &self.0 {
            Part::Sockets(sockets, _) => sockets,
            Part::Fed(..) => &[],
        }
    }
}

/// Whose turn it is.
#[derive(Debug)]
pub(super) struct Turns {
    others: Vec<UnboundedSender<Handed>>,
    next: usize,
}

impl Turns {
    pub(super) const fn among(others: Vec<UnboundedSender<Handed>>) -> Self {
        Self { others, next: 0 }
    }

    /// Hands a caller to the thread whose turn it is. He comes back where that is this one, or one
    /// that listens no more.
    pub(super) fn hand_on(&mut self, caller: Handed) -> Option<Handed> {
        let turn = self.next;
        self.next = if turn < self.others.len() {
            turn + 1
        } else {
            0
        };
        match self.others.get(turn) {
            Some(way) => way.send(caller).err().map(|closed| closed.0),
            None => Some(caller),
        }
    }

    /// Whether there is nobody to hand anything to.
    pub(super) const fn is_alone(&self) -> bool {
        self.others.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crate::net::{Listener, Share};

    /// The next caller of a thread, who has called already.
    async fn next(listener: &mut Listener) -> (tokio::net::TcpStream, std::net::SocketAddr) {
        let soon = std::time::Duration::from_secs(10);
        let next = tokio::time::timeout(soon, listener.accept(|_| ()));
        next.await.expect("he has called")
    }

    /// One socket for three threads, and where it is.
    fn three() -> (Vec<Listener>, std::net::SocketAddr) {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("free");
        socket.set_nonblocking(true).expect("an option");
        let local = socket.local_addr().expect("bound");
        let shares = Share::of_one(socket, 3).expect("bound");
        let listeners = shares.into_iter().map(|share| {
            assert_eq!(share.local_addr().expect("bound"), local);
            Listener::new(share).expect("registered")
        });
        (listeners.collect(), local)
    }

    #[tokio::test]
    async fn the_thread_that_has_the_socket_hands_callers_to_all_in_turn() {
        let (listeners, local) = three();
        let callers: Vec<_> = (0..6)
            .map(|_| std::net::TcpStream::connect(local).expect("connected"))
            .collect();
        let [mut first, mut second, mut third] =
            <[Listener; 3]>::try_from(listeners).expect("three");
        let mut peers = Vec::new();
        for _ in 0..2 {
            // Two are handed on before the third is its own.
            let (tcp, peer) = next(&mut first).await;
            assert_eq!(tcp.peer_addr().expect("connected"), peer);
            peers.push(peer);
            for other in [&mut second, &mut third] {
                let (tcp, peer) = next(other).await;
                assert_eq!(tcp.peer_addr().expect("connected"), peer);
                peers.push(peer);
            }
        }
        let mut expected: Vec<_> = callers
            .iter()
            .map(|caller| caller.local_addr().expect("connected"))
            .collect();
        expected.sort_unstable();
        peers.sort_unstable();
        assert_eq!(peers, expected);
    }

    #[tokio::test]
    async fn a_thread_that_listens_no_more_lets_in_whom_it_was_handed_and_gets_nobody_else() {
        let (listeners, local) = three();
        let [mut first, mut second, third] = <[Listener; 3]>::try_from(listeners).expect("three");
        drop(third);
        let _callers: Vec<_> = (0..5)
            .map(|_| std::net::TcpStream::connect(local).expect("connected"))
            .collect();
        // One to the second, one meant for the third, which comes back.
        next(&mut first).await;
        assert!(second.accept_waiting().is_some());
        assert!(second.accept_waiting().is_none());
        for _ in 0..3 {
            next(&mut first).await;
        }
        assert!(second.accept_waiting().is_none());
    }
}
