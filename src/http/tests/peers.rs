//! Raw callers and scripted sides, which know nothing of the product.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::timeout;

/// Nothing on loopback takes so long; a test that waits longer has failed.
pub(super) const SOON: Duration = Duration::from_secs(10);

pub(super) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(SOON, what).await.expect("this comes soon")
}

/// A raw connection, of a caller or of a side.
pub(super) struct Raw {
    pub(super) tcp: TcpStream,
    read: Vec<u8>,
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Message {
    pub(super) fn says(&self, line: &str) -> bool {
        self.head.split("\r\n").any(|other| other == line)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Raw {
    pub(super) async fn connect(to: SocketAddr) -> Self {
        Self::of(TcpStream::connect(to).await.expect("connected"))
    }

    pub(super) fn of(tcp: TcpStream) -> Self {
        tcp.set_nodelay(true).expect("no delay");
        Self {
            tcp,
            read: Vec::new(),
        }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.tcp.write_all(bytes.as_ref()))
            .await
            .expect("sent");
    }

    /// Sends as far as the other end takes it.
    pub(super) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _refused = soon(self.tcp.write_all(bytes.as_ref())).await;
    }

    pub(super) async fn finish_sending(&mut self) {
        self.tcp.shutdown().await.expect("half-closed");
    }

    /// Breaks the connection off with a reset.
    pub(super) fn reset(self) {
        socket2::SockRef::from(&self.tcp)
            .set_linger(Some(Duration::ZERO))
            .expect("an option");
    }

    async fn more(&mut self) -> bool {
        matches!(soon(self.tcp.read_buf(&mut self.read)).await, Ok(1..))
    }

    /// Exactly so many bytes, or fewer if the connection ends.
    pub(super) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count && self.more().await {}
        self.read.drain(..count.min(self.read.len())).collect()
    }

    /// Everything until the connection ends, and whether it ended in order.
    pub(super) async fn rest(&mut self) -> (Vec<u8>, bool) {
        let end = soon(self.tcp.read_to_end(&mut self.read)).await;
        (std::mem::take(&mut self.read), end.is_ok())
    }

    pub(super) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.read.drain(..at + 4).collect();
                return Some(String::from_utf8(head).expect("ASCII"));
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// A message with its body, however that is framed; `None` if it does not come whole.
    pub(super) async fn message(&mut self) -> Option<Message> {
        let head = self.head().await?;
        let lower = head.to_ascii_lowercase();
        let value = |name: &str| {
            lower
                .split("\r\n")
                .find_map(|line| line.strip_prefix(name))
                .map(str::to_owned)
        };
        let mut body = Vec::new();
        if let Some(length) = value("content-length: ") {
            let length = length.parse().expect("a length");
            body = self.bytes(length).await;
            if body.len() < length {
                return None;
            }
        } else if value("transfer-encoding: ").is_some() {
            loop {
                let line = self.line().await?;
                let size = usize::from_str_radix(&line, 16).expect("a size");
                let chunk = self.bytes(size + 2).await;
                body.extend_from_slice(chunk.strip_suffix(b"\r\n")?);
                if size == 0 {
                    break;
                }
            }
        }
        Some(Message { head, body })
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.read.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.read.drain(..at + 2).collect();
                return Some(String::from_utf8_lossy(line.strip_suffix(b"\r\n")?).into_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    pub(super) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Message {
        self.send(request).await;
        self.message().await.expect("an answer")
    }
}

/// A side that does what it is told with each connection.
#[derive(Clone)]
pub(super) struct Side {
    pub(super) address: SocketAddr,
    accepted: Rc<Cell<usize>>,
    /// What it has understood completely.
    pub(super) executed: Rc<RefCell<Vec<Message>>>,
}

impl Side {
    pub(super) async fn doing<F, R>(script: F) -> Self
    where
        F: Fn(Raw, Self) -> R + 'static,
        R: Future<Output = ()> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let side = Self {
            address: listener.local_addr().expect("bound"),
            accepted: Rc::default(),
            executed: Rc::default(),
        };
        let me = side.clone();
        spawn_local(async move {
            loop {
                let (tcp, _) = listener.accept().await.expect("accepted");
                me.accepted.set(me.accepted.get() + 1);
                spawn_local(script(Raw::of(tcp), me.clone()));
            }
        });
        side
    }

    /// Answers every request on every connection with these bytes, and keeps the connection.
    pub(super) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = Rc::new(answer.into());
        Self::doing(move |mut raw, side| {
            let answer = Rc::clone(&answer);
            async move {
                while side.execute(&mut raw).await {
                    raw.try_send(&*answer).await;
                }
            }
        })
        .await
    }

    /// Answers the first request of a connection with these bytes, and closes.
    pub(super) async fn answering_once(answer: impl Into<Vec<u8>>) -> Self {
        let answer = Rc::new(answer.into());
        Self::doing(move |mut raw, side| {
            let answer = Rc::clone(&answer);
            async move {
                if side.execute(&mut raw).await {
                    raw.try_send(&*answer).await;
                }
            }
        })
        .await
    }

    /// Takes a whole request, as far as one comes.
    pub(super) async fn execute(&self, raw: &mut Raw) -> bool {
        let message = raw.message().await;
        let whole = message.is_some();
        self.executed.borrow_mut().extend(message);
        whole
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.get()
    }

    pub(super) fn executed(&self) -> usize {
        self.executed.borrow().len()
    }
}

/// An address that nothing listens on, for as long as it is held.
pub(super) struct Nobody {
    pub(super) address: SocketAddr,
    _bound: tokio::net::TcpSocket,
}

pub(super) fn nobody() -> Nobody {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket
        .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .expect("loopback");
    Nobody {
        address: socket.local_addr().expect("bound"),
        _bound: socket,
    }
}

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

pub(super) fn post(body: &str) -> String {
    format!(
        "POST /ici HTTP/1.1\r\nHost: side\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
