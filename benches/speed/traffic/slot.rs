//! [`Slot`]: one client, from its connect to the end of an answer, again and again.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, Connection, HandshakeKind};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::time::Instant;

use super::tls::Own;
use super::{Habit, Load};
use crate::wire::{Channel, Poll, Scratch, head};

/// What all clients of a process share.
#[derive(Debug)]
pub struct Shared {
    to: SocketAddr,
    habit: Habit,
    request: Vec<u8>,
    answer_length: u64,
    scratch: Scratch,
    /// How many connections were opened.
    opened: u32,
}

impl Shared {
    pub fn new(load: &Load) -> Self {
        let length = load.target.answer_length();
        Self {
            to: load.to,
            habit: load.habit,
            request: load.target.request(),
            answer_length: u64::try_from(length).expect("64 bits"),
            scratch: Scratch::new(),
            opened: 0,
        }
    }
}

/// One client.
#[derive(Debug)]
pub struct Slot {
    own: Option<Own>,
    channel: Option<Channel>,
    stage: Stage,
    sent: usize,
    head: Vec<u8>,
    left: u64,
    begun: Instant,
    handshake: Option<HandshakeKind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Handshaking,
    Sending,
    Reading,
    ReadingBody,
    Resting,
}

/// An operation that has come to its end.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    /// When it began, or should have.
    pub begun: Instant,
    /// How its connection came about, if it was a new one.
    pub handshake: Option<HandshakeKind>,
}

impl Slot {
    pub fn new(own: Option<Own>) -> Self {
        Self {
            own,
            channel: None,
            stage: Stage::Resting,
            sent: 0,
            head: Vec::new(),
            left: 0,
            begun: Instant::now(),
            handshake: None,
        }
    }

    /// Whether its connection stands.
    pub const fn is_open(&self) -> bool {
        self.channel.is_some()
    }

    /// Whether it has nothing under way.
    pub fn is_resting(&self) -> bool {
        self.stage == Stage::Resting
    }

    /// Begins an operation that is due since `due`.
    pub fn begin(
        &mut self,
        number: usize,
        due: Instant,
        shared: &mut Shared,
        poll: &Poll,
    ) -> io::Result<Option<Done>> {
        self.begun = due;
        (self.sent, self.handshake) = (0, None);
        self.head.clear();
        if shared.habit != Habit::Kept {
            self.close();
        }
        if self.channel.is_none() {
            self.connect(number, shared, poll)?;
            return Ok(None);
        }
        self.stage = Stage::Sending;
        self.drive(shared)
    }

    fn connect(&mut self, number: usize, shared: &mut Shared, poll: &Poll) -> io::Result<()> {
        shared.opened = shared.opened.wrapping_add(1);
        let tcp = dial(shared.to, shared.opened)?;
        poll.add(&tcp, number)?;
        let tls = self.own.as_ref().map(|own| {
            let name = ServerName::try_from("localhost").expect("a name");
            let tls = ClientConnection::new(Arc::clone(own), name).expect("a client");
            Connection::from(tls)
        });
        self.channel = Some(Channel::new(tcp, tls));
        self.stage = Stage::Connecting;
        Ok(())
    }

    /// Says goodbye and closes.
    fn close(&mut self) {
        if let Some(channel) = self.channel.take() {
            channel.close();
        }
    }

    /// Closes without a word, after an error.
    pub fn give_up(&mut self) {
        self.channel = None;
        self.stage = Stage::Resting;
    }

    /// Something has happened at its socket.
    pub fn wake(&mut self, shared: &mut Shared) -> io::Result<Option<Done>> {
        if let Some(channel) = &mut self.channel {
            channel.awake();
        }
        self.drive(shared)
    }

    /// Goes on as far as it can without waiting.
    fn drive(&mut self, shared: &mut Shared) -> io::Result<Option<Done>> {
        let Some(channel) = &mut self.channel else {
            return Ok(None);
        };
        loop {
            match self.stage {
                Stage::Connecting => {
                    if !is_connected(&channel.tcp)? {
                        return Ok(None);
                    }
                    self.stage = Stage::Handshaking;
                }
                Stage::Handshaking => {
                    if !channel.handshake(&mut shared.scratch)? {
                        return Ok(None);
                    }
                    self.handshake = channel.handshake_kind();
                    self.stage = Stage::Sending;
                }
                Stage::Sending => {
                    if !channel.send(&shared.request, &mut self.sent)? {
                        return Ok(None);
                    }
                    self.stage = Stage::Reading;
                }
                Stage::Reading | Stage::ReadingBody => {
                    let Some(count) = channel.receive(&mut shared.scratch)? else {
                        return Ok(None);
                    };
                    if count == 0 {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                    let received = shared.scratch.received(count);
                    if self.stage == Stage::Reading {
                        self.head.extend_from_slice(received);
                        let Some(body) = body_behind(&self.head, shared.answer_length)? else {
                            continue;
                        };
                        self.left = shared.answer_length.saturating_sub(body);
                        self.stage = Stage::ReadingBody;
                    } else {
                        self.left = self.left.saturating_sub(count as u64);
                    }
                    if self.left == 0 {
                        self.stage = Stage::Resting;
                        return Ok(Some(Done {
                            begun: self.begun,
                            handshake: self.handshake,
                        }));
                    }
                }
                // A session may come late; an end must not.
                Stage::Resting => match channel.receive(&mut shared.scratch)? {
                    Some(0) => return Err(ErrorKind::ConnectionAborted.into()),
                    Some(_) => {}
                    None => return Ok(None),
                },
            }
        }
    }
}

/// How much of the body has come with the head, once all of the head has.
fn body_behind(bytes: &[u8], length: u64) -> io::Result<Option<u64>> {
    let Some(end) = head::end(bytes) else {
        return Ok(None);
    };
    let (head, body) = bytes.split_at(end);
    if head::status(head) != Some(b"200") || head::content_length(head) != Some(length) {
        let line = head.split(|&byte| byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line).into_owned();
        return Err(io::Error::other(format!("not the answer: \"{line}\"")));
    }
    Ok(Some(body.len() as u64))
}

fn is_connected(tcp: &TcpStream) -> io::Result<bool> {
    if let Some(error) = tcp.take_error()? {
        return Err(error);
    }
    match tcp.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// Begins to connect. Each connection comes from another address than the last ones, so that ports
/// which the system still keeps for closed connections are in nobody's way.
fn dial(to: SocketAddr, number: u32) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    let last = u8::try_from(1 + number % 250).expect("a byte");
    let from = Ipv4Addr::new(127, 1, 0, last);
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    match socket.connect(&to.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(IN_PROGRESS) => {}
        Err(error) => return Err(error),
    }
    Ok(socket.into())
}

const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();
