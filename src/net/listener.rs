//! Bind, and an accept loop that survives running out of descriptors.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Type};
use tokio::net::TcpStream;

use crate::model::ListenAddr;
use crate::net::bind_error::BindError;
use crate::net::callers::Callers;
use crate::net::dial::{is_exhaustion, is_out_of_descriptors};
use crate::net::share::Share;

/// An address with a share for each thread.
#[derive(Debug)]
pub struct BoundListener {
    /// Where it is bound; the port is known now even if any free one was asked for.
    pub local: SocketAddr,
    /// One for each thread.
    pub shares: Vec<Share>,
}

impl BoundListener {
    /// Lets callers in.
    pub fn listen(&self) -> Result<(), BindError> {
        let explain = |error| BindError::from_io(ListenAddr::new(self.local), error);
        for socket in self.shares.iter().flat_map(Share::sockets) {
            SockRef::from(socket).listen(BACKLOG).map_err(explain)?;
        }
        Ok(())
    }
}

/// Connections that the kernel keeps ready while threads are busy; it cuts this to its own limit.
const BACKLOG: i32 = 4096;

/// Opens an address for `shares` threads, and lets callers in.
#[cfg(test)]
pub fn bind(
    listen: ListenAddr,
    shares: usize,
    replaces_own: bool,
) -> Result<BoundListener, BindError> {
    let bound = reserve(listen, shares, replaces_own)?;
    bound.listen()?;
    Ok(bound)
}

/// Takes an address for `shares` threads. Nobody is let in before [`BoundListener::listen`], so
/// that several addresses can be taken before the first caller of any of them.
///
/// On Linux every thread has a socket of its own and the kernel spreads connections over them; elsewhere
/// one thread accepts for all.
///
/// Such sockets could also be opened by a second process of the same user, who would silently get
/// a part of the traffic; so the address is first asked for alone. `replaces_own` skips that
/// question, where a listener of this process still stands on an overlapping address.
pub fn reserve(
    listen: ListenAddr,
    shares: usize,
    replaces_own: bool,
) -> Result<BoundListener, BindError> {
    let explain = |error| BindError::from_io(listen, error);
    if cfg!(target_os = "linux") && listen.addr().port() != 0 && !replaces_own {
        drop(open(listen.addr(), false).map_err(explain)?);
    }
    let first = open(listen.addr(), true)
        .and_then(prepared)
        .map_err(explain)?;
    let local = first.local_addr().map_err(explain)?;
    if !cfg!(target_os = "linux") {
        let shares = Share::of_one(first, shares).map_err(explain)?;
        return Ok(BoundListener { local, shares });
    }
    let mut own = vec![Share::of(vec![first])];
    while own.len() < shares {
        own.push(Share::of(vec![another(local).map_err(explain)?]));
    }
    Ok(BoundListener { local, shares: own })
}

/// One more socket on an address of ours.
pub(super) fn another(local: SocketAddr) -> io::Result<std::net::TcpListener> {
    open(local, true).and_then(prepared)
}

#[cfg_attr(
    not(target_os = "linux"),
    expect(unused_variables, reason = "there is one socket for all elsewhere")
)]
fn open(addr: SocketAddr, shared: bool) -> io::Result<socket2::Socket> {
    let socket =
        socket2::Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows the option of this name means something else: anybody may take the port over.
    if cfg!(unix) {
        socket.set_reuse_address(true)?;
    }
    #[cfg(target_os = "linux")]
    socket.set_reuse_port(shared)?;
    if addr.is_ipv6() {
        // The same on every system: [::] means IPv6, and 0.0.0.0 beside it means IPv4.
        socket.set_only_v6(true)?;
    }
    socket.bind(&addr.into())?;
    Ok(socket)
}

fn prepared(socket: socket2::Socket) -> io::Result<std::net::TcpListener> {
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// What an accept loop has to tell besides connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptEvent {
    /// Descriptors or memory have run out; so many callers were told no.
    Exhausted {
        /// Callers that were closed with the spare descriptor.
        turned_away: usize,
    },
    /// Something else went wrong with one connection.
    Failed(String),
}

/// One thread's share of a listener.
#[derive(Debug)]
pub struct Listener {
    callers: Callers,
    /// Given up for a moment when descriptors have run out, so that a caller hears no instead of
    /// waiting for a time-out.
    spare: Option<File>,
}

impl Listener {
    /// So many callers can be waiting at most.
    pub const QUEUE: i32 = BACKLOG;

    /// Takes a share into this thread's event loop.
    pub fn new(share: Share) -> io::Result<Self> {
        Ok(Self {
            callers: Callers::of(share)?,
            spare: open_spare(),
        })
    }

    /// The next connection. Troubles are told and survived: with no descriptors left the loop
    /// rests, instead of spinning, and if there are none after that either it turns callers away.
    /// It rests as well where another error stays.
    pub async fn accept(&mut self, mut tell: impl FnMut(AcceptEvent)) -> (TcpStream, SocketAddr) {
        let mut rested = false;
        let mut failed = false;
        loop {
            match self.callers.next().await {
                Ok(Some(connection)) => return connection,
                Ok(None) => {}
                Err(error) if is_exhaustion(&error) => {
                    // A spare descriptor is of no use where memory is short: then callers wait.
                    let turned_away = if rested && is_out_of_descriptors(&error) {
                        self.turn_away()
                    } else {
                        0
                    };
                    rested = true;
                    tell(AcceptEvent::Exhausted { turned_away });
                    tokio::time::sleep(REST).await;
                    if self.spare.is_none() {
                        self.spare = open_spare();
                    }
                }
                Err(error) => {
                    tell(AcceptEvent::Failed(error.to_string()));
                    // A caller who went away before we came to him is out of the queue now. What
                    // else fails twice, such as a call that a security module forbids, may stay.
                    if failed && error.kind() != io::ErrorKind::ConnectionAborted {
                        tokio::time::sleep(REST).await;
                    } else {
                        tokio::task::yield_now().await;
                    }
                    failed = true;
                }
            }
        }
    }

    /// Accepts what is already waiting, without waiting for more: before a listener is closed,
    /// nobody who was let in by the kernel shall be reset.
    ///
    /// The kernel is asked, because the event loop may not have heard of the latest callers. Those
    /// who went away again are passed over.
    pub fn accept_waiting(&mut self) -> Option<(TcpStream, SocketAddr)> {
        for _gone in 0..BACKLOG {
            match self.callers.next_now() {
                Ok(connection) => return Some(connection),
                Err(error) if is_end_of_queue(&error) => return None,
                Err(_of_one_connection) => {}
            }
        }
        None
    }

    fn turn_away(&mut self) -> usize {
        if self.spare.take().is_none() {
            return 0;
        }
        let turned_away = (0..TURN_AWAY_AT_MOST)
            .take_while(|_| self.accept_waiting().is_some())
            .count();
        self.spare = open_spare();
        turned_away
    }
}

/// Whether nobody waits any more, or nobody can be let in.
fn is_end_of_queue(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || is_exhaustion(error)
}

/// Short enough that a freed descriptor is used within a tenth of a second, long enough that a
/// process without descriptors sleeps nearly all the time.
const REST: Duration = Duration::from_millis(25);

/// Callers that are told no in one go.
const TURN_AWAY_AT_MOST: usize = 64;

fn open_spare() -> Option<File> {
    // Any descriptor will do; this device exists on every system.
    File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok()
}

/// Raises the soft limit of open files to the hard one and returns it.
///
/// Each connection takes a descriptor and often one more towards a side; the soft limit that a
/// shell hands down (1024) would be reached by a small call centre.
pub fn raise_descriptor_limit() -> Option<u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let wanted = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        match setrlimit(Resource::Nofile, wanted) {
            Ok(()) => limit.maximum,
            Err(_not_allowed) => limit.current,
        }
    }
    #[cfg(not(unix))]
    {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any_port() -> ListenAddr {
        "127.0.0.1:0".parse().expect("valid")
    }

    #[test]
    fn every_thread_gets_a_socket_on_the_same_port() {
        let bound = bind(any_port(), 3, false).expect("free");
        assert_eq!(bound.shares.len(), 3);
        for socket in bound.shares.iter().flat_map(Share::sockets) {
            assert_eq!(socket.local_addr().expect("bound"), bound.local);
        }
    }

    #[test]
    fn nobody_is_let_in_by_an_address_that_is_only_taken() {
        let taken = reserve(any_port(), 2, false).expect("free");
        std::net::TcpStream::connect(taken.local).expect_err("not open yet");
        taken.listen().expect("ours");
        std::net::TcpStream::connect(taken.local).expect("open");
    }

    #[test]
    fn a_second_gateway_on_the_same_port_is_refused_instead_of_sharing_the_traffic() {
        let first = bind(any_port(), 2, false).expect("free");
        let error = bind(ListenAddr::new(first.local), 2, false).expect_err("in use");
        assert!(matches!(error, BindError::InUse(_)), "{error}");
        assert!(error.hint().contains(&first.local.port().to_string()));
    }

    #[test]
    fn an_address_of_another_machine_is_named_as_such() {
        let error = bind("192.0.2.1:0".parse().expect("valid"), 1, false).expect_err("not ours");
        assert!(matches!(error, BindError::NotOurs(_)), "{error}");
    }

    #[tokio::test]
    async fn a_thread_with_several_sockets_of_an_address_lets_in_the_callers_of_each() {
        let bound = bind(any_port(), 3, false).expect("free");
        let sockets = bound.shares.iter().flat_map(Share::sockets);
        let sockets = sockets.map(|socket| socket.try_clone().expect("a handle"));
        let mut listener = Listener::new(Share::of(sockets.collect())).expect("registered");
        // The kernel deals callers out by their addresses, so that no socket is left out for long.
        let callers: Vec<_> = (0..60)
            .map(|_| std::net::TcpStream::connect(bound.local).expect("connected"))
            .collect();
        for _half in 0..30 {
            let _caller = listener.accept(|_| ()).await;
        }
        for _half in 0..30 {
            assert!(listener.accept_waiting().is_some());
        }
        assert!(listener.accept_waiting().is_none());
        drop(callers);
    }

    #[tokio::test]
    async fn connections_that_already_wait_are_accepted_before_a_close() {
        let mut bound = bind(any_port(), 1, false).expect("free");
        let mut listener = Listener::new(bound.shares.remove(0)).expect("registered");
        let _one = std::net::TcpStream::connect(bound.local).expect("connected");
        let _two = std::net::TcpStream::connect(bound.local).expect("connected");
        let _first = listener.accept(|_| ()).await;
        assert!(listener.accept_waiting().is_some());
        assert!(listener.accept_waiting().is_none());
    }

    /// Elsewhere nobody is woken by a socket that does not listen.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_error_that_stays_is_told_a_few_times_a_second_and_not_all_the_time() {
        // Bound and not listening: each accept fails, and not for want of anything.
        let deaf = open(any_port().addr(), true).expect("free");
        deaf.set_nonblocking(true).expect("an option");
        let mut listener = Listener::new(Share::of(vec![deaf.into()])).expect("registered");
        let mut told = 0;
        let accepting = listener.accept(|event| {
            assert!(matches!(event, AcceptEvent::Failed(_)), "{event:?}");
            told += 1;
        });
        let long = tokio::time::timeout(REST * 10, accepting).await;
        long.expect_err("nobody comes");
        assert!((2..=12).contains(&told), "told {told} times");
    }

    #[tokio::test]
    async fn whoever_called_before_a_close_is_let_in_also_if_the_event_loop_has_not_seen_him() {
        let mut bound = bind(any_port(), 1, false).expect("free");
        let mut listener = Listener::new(bound.shares.remove(0)).expect("registered");
        assert!(listener.accept_waiting().is_none());
        let callers: Vec<_> = (0..300)
            .map(|_| std::net::TcpStream::connect(bound.local).expect("connected"))
            .collect();
        for caller in &callers {
            let (tcp, peer) = listener.accept_waiting().expect("he is there");
            assert_eq!(peer, caller.local_addr().expect("connected"));
            assert_eq!(tcp.peer_addr().expect("connected"), peer);
        }
        assert!(listener.accept_waiting().is_none());
    }
}
