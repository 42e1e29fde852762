//! [`HandedSockets`]: listening sockets that were opened before this process began.

use std::io;
use std::net::{SocketAddr, TcpListener};

use crate::model::ListenAddr;
use crate::net::bind_error::BindError;
use crate::net::listener::BoundListener;

/// A socket that somebody else has opened for us.
#[derive(Debug)]
pub struct HandedSocket {
    /// What its giver calls it, for messages.
    pub name: String,
    /// Where it listens.
    pub local: SocketAddr,
    socket: TcpListener,
}

impl HandedSocket {
    /// Takes a socket over.
    pub fn new(name: String, socket: TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            name,
            local: socket.local_addr()?,
            socket,
        })
    }
}

/// All of them, kept as long as the process lives: whoever has opened them holds them too, so an
/// address that a reload gives up and another one takes again could not be opened anew.
#[derive(Debug, Default)]
pub struct HandedSockets(Vec<HandedSocket>);

impl HandedSockets {
    /// Keeps those at addresses that are wanted, and gives the others back.
    pub fn sort(handed: Vec<HandedSocket>, wanted: &[ListenAddr]) -> (Self, Vec<HandedSocket>) {
        let is_wanted = |one: &HandedSocket| wanted.contains(&ListenAddr::new(one.local));
        let (kept, rest) = handed.into_iter().partition(is_wanted);
        (Self(kept), rest)
    }

    /// The address with one share for each thread, if it was handed over.
    ///
    /// One socket is shared by all threads: whoever comes first takes the caller. Several of one
    /// address each have a queue of their own and are dealt out, so there may not be more of them
    /// than threads: callers in a queue that nobody looks at would wait for ever.
    pub fn open(
        &self,
        listen: ListenAddr,
        shares: usize,
    ) -> Result<Option<BoundListener>, BindError> {
        let here: Vec<_> = self
            .0
            .iter()
            .filter(|one| one.local == listen.addr())
            .collect();
        if here.len() > shares {
            return Err(BindError::TooMany {
                listen,
                sockets: here.len(),
                threads: shares,
            });
        }
        let each = here.iter().cycle().take(shares);
        let each = each.map(|one| one.socket.try_clone());
        let shares: Vec<_> = each
            .collect::<io::Result<_>>()
            .map_err(|error| BindError::Other(listen, error))?;
        let bound = BoundListener {
            local: listen.addr(),
            shares,
        };
        Ok((!bound.shares.is_empty()).then_some(bound))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    fn handed(name: &str) -> HandedSocket {
        let socket = TcpListener::bind("127.0.0.1:0").expect("free");
        HandedSocket::new(name.to_owned(), socket).expect("a socket")
    }

    fn addr(of: &HandedSocket) -> ListenAddr {
        ListenAddr::new(of.local)
    }

    #[test]
    fn sockets_of_other_addresses_are_given_back() {
        let (ours, other) = (handed("ours"), handed("other"));
        let wanted = [addr(&ours)];
        let (kept, rest) = HandedSockets::sort(vec![ours, other], &wanted);
        let names: Vec<_> = rest.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["other"]);
        assert!(kept.open(addr(&rest[0]), 2).expect("none").is_none());
        assert!(kept.open(wanted[0], 2).expect("there").is_some());
    }

    #[test]
    fn every_thread_gets_a_share_and_an_address_can_be_opened_again() {
        let one = handed("one");
        let listen = addr(&one);
        let (kept, _) = HandedSockets::sort(vec![one], &[listen]);
        for _generation in 0..2 {
            let bound = kept.open(listen, 3).expect("ours").expect("there");
            assert_eq!((bound.local, bound.shares.len()), (listen.addr(), 3));
            bound.listen().expect("listens already");
            for share in &bound.shares {
                let mut caller = TcpStream::connect(bound.local).expect("open");
                caller.write_all(b"hello").expect("written");
                share.set_nonblocking(false).expect("an option");
                let (mut accepted, _) = share.accept().expect("a caller");
                let mut heard = [0; 5];
                accepted.read_exact(&mut heard).expect("read");
                assert_eq!(&heard, b"hello");
            }
        }
    }

    #[test]
    fn more_sockets_than_threads_are_refused_since_nobody_would_look_at_the_rest() {
        let one = handed("one");
        let listen = addr(&one);
        let again = HandedSocket {
            name: "again".to_owned(),
            local: one.local,
            socket: one.socket.try_clone().expect("a handle"),
        };
        let (kept, _) = HandedSockets::sort(vec![one, again], &[listen]);
        assert_eq!(
            kept.open(listen, 2)
                .expect("enough")
                .map(|bound| bound.shares.len()),
            Some(2)
        );
        let error = kept.open(listen, 1).expect_err("one too many");
        assert_eq!(
            error.to_string(),
            format!("2 sockets for {listen} were handed over, and there is 1 thread to serve them")
        );
        assert!(error.hint().contains("Threads"), "{}", error.hint());
    }
}
