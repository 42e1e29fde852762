//! [`Port`]: a loopback address that stays ours while nobody listens on it.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::time::Instant;

/// A free port of `127.0.0.1`.
///
/// On Linux it is held by a socket that is bound and does not listen: callers are refused, the
/// system gives the port to nobody else, and any number of listeners may come and go on it. A side
/// that was killed can therefore come back at its old address, however busy the machine is. It is
/// held at all addresses, since a listener may move from one of them to all.
/// Elsewhere such a socket would stand in the listener's way, so the port is only looked up.
#[derive(Debug)]
pub struct Port {
    addr: SocketAddr,
    _held: Option<Socket>,
}

impl Port {
    /// Takes a free port.
    pub fn reserve() -> io::Result<Self> {
        let socket = everywhere().or_else(|_no_ipv6| at_every_ipv4())?;
        let bound = socket.local_addr()?.as_socket();
        let bound = bound.ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, bound.port())),
            _held: cfg!(target_os = "linux").then_some(socket),
        })
    }

    /// The address.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Opens a listener on it.
    pub(super) fn listen(&self) -> io::Result<tokio::net::TcpListener> {
        let deadline = Instant::now() + LINGERING;
        let socket = loop {
            match self.try_listen() {
                // A process that is being started holds a copy of every open socket until its
                // program begins, so a listener that was closed may live on for a moment.
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline =>
                {
                    std::thread::yield_now();
                }
                done => break done?,
            }
        };
        socket.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(socket.into())
    }

    fn try_listen(&self) -> io::Result<Socket> {
        let socket = reusable(Domain::IPV4)?;
        socket.bind(&self.addr.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket)
    }
}

/// Far longer than any start of a process takes.
const LINGERING: Duration = Duration::from_secs(5);

/// Every agent may connect at the same moment, after a restart for example.
const BACKLOG: i32 = 1024;

/// A socket with a free port of its own at all addresses of both families.
fn everywhere() -> io::Result<Socket> {
    let socket = reusable(Domain::IPV6)?;
    socket.set_only_v6(false)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())?;
    Ok(socket)
}

fn at_every_ipv4() -> io::Result<Socket> {
    let socket = reusable(Domain::IPV4)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
    Ok(socket)
}

fn reusable(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // On Windows the option of this name means something else: anybody may take the port over.
    if cfg!(unix) {
        socket.set_reuse_address(true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn a_port_refuses_callers_unless_somebody_listens_on_it() {
        let port = Port::reserve().expect("a port");
        for _ in 0..2 {
            TcpStream::connect(port.addr())
                .await
                .expect_err("nobody listens");
            let listener = port.listen().expect("a listener");
            let _caller = TcpStream::connect(port.addr()).await.expect("it listens");
            drop(listener);
        }
        TcpStream::connect(port.addr())
            .await
            .expect_err("nobody listens any more");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_listener_that_was_shut_down_is_in_nobodys_way_while_a_copy_of_it_lives() {
        let port = Port::reserve().expect("a port");
        let listener = port.listen().expect("a listener");
        let copy = socket2::SockRef::from(&listener).try_clone();
        let _as_in_a_child = copy.expect("a copy");
        socket2::SockRef::from(&listener)
            .shutdown(std::net::Shutdown::Both)
            .expect("shut down");
        drop(listener);
        port.listen().expect("the same port");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_port_is_held_at_every_address() {
        let port = Port::reserve().expect("a port");
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP));
        let elsewhere = SocketAddr::from(([127, 0, 0, 2], port.addr().port()));
        let error = socket.expect("a socket").bind(&elsewhere.into());
        let error = error.expect_err("it is held there too");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_gateway_can_open_a_port_that_is_held() {
        let port = Port::reserve().expect("a port");
        let listen = crate::model::ListenAddr::new(port.addr());
        let bound = crate::net::bind(listen, 2, false).expect("bound");
        assert_eq!(bound.local, port.addr());
    }
}
