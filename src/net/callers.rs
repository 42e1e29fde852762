//! [`Callers`]: where a thread's next caller comes from.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context as TaskContext, Poll};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::net::share::{Handed, Part, Share, Turns};

/// Where callers come from.
#[derive(Debug)]
pub(super) enum Callers {
    /// Sockets, and whose turn it is to serve.
    Sockets(Sockets, Turns),
    /// Another thread.
    Fed(UnboundedReceiver<Handed>),
}

impl Callers {
    /// Takes a share into this thread's event loop.
    pub(super) fn of(share: Share) -> io::Result<Self> {
        Ok(match share.0 {
            Part::Sockets(sockets, others) => {
                let all = sockets.into_iter().map(TcpListener::from_std);
                let all = all.collect::<io::Result<_>>()?;
                Self::Sockets(Sockets { all, turn: 0 }, Turns::among(others))
            }
            Part::Fed(_, fed) => Self::Fed(fed),
        })
    }

    /// The next one for this thread; nobody, if he was handed to another.
    pub(super) async fn next(&mut self) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        match self {
            Self::Sockets(sockets, turns) => {
                let (tcp, peer) = poll_fn(|context| sockets.poll_accept(context)).await?;
                if turns.is_alone() {
                    return Ok(Some((tcp, peer)));
                }
                turns
                    .hand_on((tcp.into_std()?, peer))
                    .map(received)
                    .transpose()
            }
            Self::Fed(fed) => match fed.recv().await {
                Some(caller) => received(caller).map(Some),
                // The thread with the socket has closed it.
                None => std::future::pending().await,
            },
        }
    }

    /// Whoever waits already.
    pub(super) fn next_now(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::Sockets(sockets, _) => sockets.accept_now(),
            Self::Fed(fed) => {
                // Whoever comes from now on stays with the thread that lets him in.
                fed.close();
                let caller = fed.try_recv();
                received(caller.map_err(|_nobody| io::ErrorKind::WouldBlock)?)
            }
        }
    }
}

/// Takes a caller into this thread's event loop.
fn received((tcp, peer): Handed) -> io::Result<(TcpStream, SocketAddr)> {
    Ok((TcpStream::from_std(tcp)?, peer))
}

/// One, or some more where a process with more threads has handed them over.
#[derive(Debug)]
pub(super) struct Sockets {
    all: Vec<TcpListener>,
    /// The one that is looked at first, so that none of several waits for a busy one.
    turn: usize,
}

impl Sockets {
    fn poll_accept(
        &mut self,
        context: &mut TaskContext<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let count = self.all.len();
        let each = self.all.iter().enumerate().cycle();
        for (place, socket) in each.skip(self.turn).take(count) {
            if let Poll::Ready(accepted) = socket.poll_accept(context) {
                self.turn = if place + 1 == count { 0 } else { place + 1 };
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }

    /// Asks the kernel, which knows of later callers than the event loop.
    fn accept_now(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let mut last = Err(io::ErrorKind::WouldBlock.into());
        for socket in &self.all {
            last = SockRef::from(socket).accept();
            if !matches!(&last, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                break;
            }
        }
        let (socket, peer) = last?;
        let peer = peer.as_socket().ok_or(io::ErrorKind::Unsupported)?;
        socket.set_nonblocking(true)?;
        Ok((TcpStream::from_std(socket.into())?, peer))
    }
}
