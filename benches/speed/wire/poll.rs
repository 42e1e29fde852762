//! [`Poll`]: waits for many sockets in one thread.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{Timespec, epoll};

/// The sockets that are waited for, each under a number of the caller's.
pub struct Poll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl fmt::Debug for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Poll").field(&self.epoll).finish()
    }
}

/// As many as are looked at in one go.
const BATCH: usize = 256;

impl Poll {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(BATCH),
        })
    }

    /// Tells once whenever a connection becomes readable or writable. It ends with the socket.
    pub fn add(&self, socket: impl AsFd, number: usize) -> io::Result<()> {
        use epoll::EventFlags as Flags;
        self.register(
            socket,
            number,
            Flags::IN | Flags::OUT | Flags::RDHUP | Flags::ET,
        )
    }

    /// Tells as long as there is something to take: a connection or a byte.
    pub fn add_input(&self, socket: impl AsFd, number: usize) -> io::Result<()> {
        self.register(socket, number, epoll::EventFlags::IN)
    }

    fn register(
        &self,
        socket: impl AsFd,
        number: usize,
        flags: epoll::EventFlags,
    ) -> io::Result<()> {
        let data = epoll::EventData::new_u64(u64::try_from(number).expect("64 bits"));
        Ok(epoll::add(&self.epoll, socket, data, flags)?)
    }

    /// Waits and puts the numbers of those that are ready into `ready`.
    pub fn wait(&mut self, at_most: Option<Duration>, ready: &mut Vec<usize>) -> io::Result<()> {
        let at_most = at_most.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).expect("a short time"),
            tv_nsec: i64::from(time.subsec_nanos()),
        });
        ready.clear();
        self.events.clear();
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, spare, at_most.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let numbers = self.events.iter().map(|event| event.data.u64());
        ready.extend(numbers.map(|number| usize::try_from(number).expect("64 bits")));
        Ok(())
    }
}
