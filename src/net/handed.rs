//! [`HandedSockets`]: listening sockets that were opened before this process began.

use std::io;
use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::ListenAddr;
use crate::net::bind_error::BindError;
use crate::net::listener::{BoundListener, another};
use crate::net::share::Share;

/// A socket that somebody else has opened for us.
#[derive(Debug)]
pub struct HandedSocket {
    /// What its giver calls it, for messages.
    pub name: String,
    /// The address of our configuration that it serves.
    pub listen: ListenAddr,
    socket: TcpListener,
    /// Its giver holds it too, as long as this process lives.
    stays: bool,
}

impl HandedSocket {
    /// One of a service manager.
    pub fn new(name: String, socket: TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            name,
            listen: ListenAddr::new(socket.local_addr()?),
            socket,
            stays: true,
        })
    }

    /// One of the process whose place this one takes. `stays`: that one has it of a service manager.
    pub fn of_predecessor(listen: ListenAddr, socket: TcpListener, stays: bool) -> Self {
        Self {
            name: "predecessor".to_owned(),
            listen,
            socket,
            stays,
        }
    }
}

/// All of them. Those of a service manager are kept as long as the process lives: it holds them too,
/// so an address that a reload gives up and another one takes again could not be opened anew. The
/// others go with their listener.
#[derive(Debug, Default)]
pub struct HandedSockets(Mutex<Vec<HandedSocket>>);

impl HandedSockets {
    /// Keeps those at addresses that are wanted, and gives the others back.
    pub fn sort(handed: Vec<HandedSocket>, wanted: &[ListenAddr]) -> (Self, Vec<HandedSocket>) {
        let is_wanted = |one: &HandedSocket| wanted.contains(&one.listen);
        let (kept, rest) = handed.into_iter().partition(is_wanted);
        (Self(Mutex::new(kept)), rest)
    }

    /// The address with one share for each thread, if it was handed over.
    ///
    /// Every socket has a queue of its own, so all of them are dealt out: callers in a queue that
    /// nobody looks at would wait for ever. Where there are fewer than threads, the address is opened
    /// once more for each of the others; a service manager's socket is shared by them instead, and
    /// whoever comes first takes the caller.
    pub fn open(
        &self,
        listen: ListenAddr,
        shares: usize,
    ) -> Result<Option<BoundListener>, BindError> {
        let explain = |error| BindError::Other(listen, error);
        let sockets = self.taken(listen).map_err(explain)?;
        let Some(first) = sockets.first() else {
            return Ok(None);
        };
        let local = first.local_addr().map_err(explain)?;
        let mut dealt: Vec<Vec<TcpListener>> = (0..shares).map(|_| Vec::new()).collect();
        let count = sockets.len();
        for (number, socket) in sockets.into_iter().enumerate() {
            if let Some(share) = dealt.get_mut(number % shares.max(1)) {
                share.push(socket);
            }
        }
        // What is opened here ends with this process, and callers in its queue with it; those of a
        // service manager's socket are there for the next one.
        let is_shared = self.stays(listen);
        let (full, empty) = dealt.split_at_mut(count.min(shares));
        for (share, has) in empty.iter_mut().zip(full.iter().cycle()) {
            let Some(socket) = has.first() else { continue };
            let more = if is_shared {
                socket.try_clone()
            } else {
                another(local).or_else(|_not_allowed| socket.try_clone())
            };
            share.push(more.map_err(explain)?);
        }
        Ok(Some(BoundListener {
            local,
            shares: dealt.into_iter().map(Share::of).collect(),
        }))
    }

    /// Whether the sockets of an address are a service manager's.
    pub fn stays(&self, listen: ListenAddr) -> bool {
        let all = self.lock();
        all.iter().any(|one| one.stays && one.listen == listen)
    }

    /// Those of an address: ours from now on, or another handle on those that stay.
    fn taken(&self, listen: ListenAddr) -> io::Result<Vec<TcpListener>> {
        let mut all = self.lock();
        let (here, others) = std::mem::take(&mut *all)
            .into_iter()
            .partition::<Vec<_>, _>(|one| one.listen == listen);
        *all = others;
        let mut sockets = Vec::new();
        for one in here {
            if one.stays {
                sockets.push(one.socket.try_clone()?);
                all.push(one);
            } else {
                sockets.push(one.socket);
            }
        }
        Ok(sockets)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<HandedSocket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn greets(caller_of: &BoundListener, share: &Share) {
        let mut caller = TcpStream::connect(caller_of.local).expect("open");
        caller.write_all(b"hello").expect("written");
        let [socket] = share.sockets() else {
            panic!("one socket")
        };
        socket.set_nonblocking(false).expect("an option");
        let (mut accepted, _) = socket.accept().expect("a caller");
        let mut heard = [0; 5];
        accepted.read_exact(&mut heard).expect("read");
        assert_eq!(&heard, b"hello");
    }

    #[test]
    fn sockets_of_other_addresses_are_given_back() {
        let (ours, other) = (handed("ours"), handed("other"));
        let wanted = [ours.listen];
        let (kept, rest) = HandedSockets::sort(vec![ours, other], &wanted);
        let names: Vec<_> = rest.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["other"]);
        assert!(kept.open(rest[0].listen, 2).expect("none").is_none());
        assert!(kept.open(wanted[0], 2).expect("there").is_some());
    }

    #[test]
    fn of_a_service_manager_every_thread_gets_a_share_and_the_address_can_be_opened_again() {
        let one = handed("one");
        let listen = one.listen;
        let (kept, _) = HandedSockets::sort(vec![one], &[listen]);
        for _generation in 0..2 {
            let bound = kept.open(listen, 3).expect("ours").expect("there");
            assert_eq!((bound.local, bound.shares.len()), (listen.addr(), 3));
            bound.listen().expect("listens already");
            for share in &bound.shares {
                greets(&bound, share);
            }
        }
        assert!(kept.stays(listen));
    }

    #[test]
    fn more_sockets_than_threads_are_all_served() {
        let one = handed("one");
        let listen = one.listen;
        let again = HandedSocket {
            name: "again".to_owned(),
            socket: one.socket.try_clone().expect("a handle"),
            ..handed("unused")
        };
        let again = HandedSocket { listen, ..again };
        let (kept, _) = HandedSockets::sort(vec![one, again], &[listen]);
        let bound = kept.open(listen, 1).expect("ours").expect("there");
        let sockets: Vec<_> = bound
            .shares
            .iter()
            .map(|share| share.sockets().len())
            .collect();
        assert_eq!(sockets, [2]);
    }

    #[test]
    fn sockets_of_a_predecessor_end_with_their_listener() {
        let listen: ListenAddr = "127.0.0.1:0".parse().expect("valid");
        let bound = crate::net::bind(listen, 1, false).expect("free");
        let local = bound.local;
        let mut sockets = bound.shares.iter().flat_map(Share::sockets);
        let socket = sockets.next().expect("one").try_clone().expect("a handle");
        drop(bound);
        let handed = vec![HandedSocket::of_predecessor(listen, socket, false)];
        let (kept, _) = HandedSockets::sort(handed, &[listen]);
        let opened = kept.open(listen, 2).expect("ours").expect("there");
        assert_eq!((opened.local, opened.shares.len()), (local, 2));
        assert!(opened.shares.iter().all(|share| share.sockets().len() == 1));
        drop(opened);
        assert!(kept.open(listen, 2).expect("gone").is_none());
        TcpStream::connect(local).expect_err("closed");
    }
}
