//! [`Channel`]: one connection, with TLS or without, that never blocks.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use rustls::{Connection, HandshakeKind};

/// One connection.
#[derive(Debug)]
pub struct Channel {
    pub tcp: TcpStream,
    tls: Option<Box<Connection>>,
    /// The last read took all that there was, so another one before the next event would be in vain.
    drained: bool,
}

/// Room for what is read, one for a whole thread: a connection keeps nothing while it rests.
#[derive(Debug)]
pub struct Scratch {
    sealed: Vec<u8>,
    open: Vec<u8>,
}

/// A large body takes few reads, and a record of TLS fits four times.
const ROOM: usize = 64 * 1024;

impl Scratch {
    pub fn new() -> Self {
        Self {
            sealed: vec![0; ROOM],
            // What one read brings, and what was left from before.
            open: vec![0; 2 * ROOM],
        }
    }

    /// What the last [`Channel::receive`] brought.
    pub fn received(&self, count: usize) -> &[u8] {
        &self.open[..count]
    }
}

impl Channel {
    /// A connection that does not block, with TLS or without.
    pub fn new(tcp: TcpStream, tls: Option<Connection>) -> Self {
        let mut tls = tls.map(Box::new);
        if let Some(tls) = &mut tls {
            tls.set_buffer_limit(None);
        }
        Self {
            tcp,
            tls,
            drained: false,
        }
    }

    /// Something may have come since.
    pub const fn awake(&mut self) {
        self.drained = false;
    }

    /// How its handshake went, once it is through.
    pub fn handshake_kind(&self) -> Option<HandshakeKind> {
        self.tls.as_ref()?.handshake_kind()
    }

    /// Goes on with the handshake. `true`: it is through, and all of it has been sent.
    pub fn handshake(&mut self, scratch: &mut Scratch) -> io::Result<bool> {
        loop {
            if !self.flush()? {
                return Ok(false);
            }
            let Some(tls) = &mut self.tls else {
                return Ok(true);
            };
            if !tls.is_handshaking() {
                return Ok(true);
            }
            let Some(count) = read(&mut self.tcp, &mut scratch.sealed, &mut self.drained)? else {
                return Ok(false);
            };
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let mut sealed = &scratch.sealed[..count];
            while !sealed.is_empty() {
                tls.read_tls(&mut sealed)?;
                if let Err(error) = tls.process_new_packets() {
                    // The alert says why; whether it arrives changes nothing.
                    let _sent = tls.write_tls(&mut self.tcp);
                    return Err(io::Error::other(error));
                }
            }
        }
    }

    /// Sends what is left of `bytes`. `true`: all of it is on its way.
    pub fn send(&mut self, bytes: &[u8], sent: &mut usize) -> io::Result<bool> {
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(&bytes[*sent..])?;
            *sent = bytes.len();
            return self.flush();
        }
        while *sent < bytes.len() {
            match self.tcp.write(&bytes[*sent..]) {
                Ok(count) => *sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn flush(&mut self) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else {
            return Ok(true);
        };
        while tls.wants_write() {
            match tls.write_tls(&mut self.tcp) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Receives. `None`: nothing for now; `Some(0)`: the other side has ended.
    pub fn receive(&mut self, scratch: &mut Scratch) -> io::Result<Option<usize>> {
        let Some(tls) = &mut self.tls else {
            return read(&mut self.tcp, &mut scratch.open[..ROOM], &mut self.drained);
        };
        let mut opened = take_open(tls, &mut scratch.open)?;
        // A read may bring no more than a ticket, or a part of a record.
        while opened == 0 {
            let Some(count) = read(&mut self.tcp, &mut scratch.sealed, &mut self.drained)? else {
                return Ok(None);
            };
            if count == 0 {
                return Ok(Some(0));
            }
            let mut sealed = &scratch.sealed[..count];
            while !sealed.is_empty() {
                tls.read_tls(&mut sealed)?;
                let state = tls.process_new_packets().map_err(io::Error::other)?;
                opened += take_open(tls, &mut scratch.open[opened..])?;
                if state.peer_has_closed() && opened == 0 {
                    return Ok(Some(0));
                }
            }
        }
        Ok(Some(opened))
    }

    /// Says goodbye, as far as it can be said without waiting.
    pub fn close(mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _said = self.flush();
        }
    }
}

/// One read. A short one means that there was no more.
fn read(tcp: &mut TcpStream, room: &mut [u8], drained: &mut bool) -> io::Result<Option<usize>> {
    if *drained {
        return Ok(None);
    }
    match tcp.read(room) {
        Ok(count) => {
            *drained = count > 0 && count < room.len();
            Ok(Some(count))
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            *drained = true;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn take_open(tls: &mut Connection, room: &mut [u8]) -> io::Result<usize> {
    let mut taken = 0;
    while taken < room.len() {
        match tls.reader().read(&mut room[taken..]) {
            Ok(0) => break,
            Ok(count) => taken += count,
            // `UnexpectedEof` is told again by the socket itself.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::UnexpectedEof
                ) =>
            {
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}
