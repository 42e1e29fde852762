//! [`Wire`]: a connection as the rooms above see it, with or without TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_rustls::TlsStream;

use crate::model::Clock;
use crate::net::{RelayEndpoint, Socket, Turn};
use crate::tls::nameless_uses::{NamelessPresence, NamelessUse};
use crate::tls::outbound::Connected;
use crate::tls::policy::version_name;
use crate::tls::server_uses::ServerPresence;
use crate::tls::wire::version_of;

/// A connection, with or without TLS, in either role.
#[derive(Debug)]
pub enum Wire {
    /// Plain TCP.
    Plain(Socket),
    /// Plain TCP of a client; boxed, since most clients speak TLS.
    Called(Box<Called>),
    /// TLS; boxed, because its state is ten times the size of a socket's.
    Tls(Box<Secured>),
}

/// A connection with TLS.
#[derive(Debug)]
pub struct Secured {
    stream: TlsStream<Socket>,
    /// Of the server that was dialled; it is in use until the connection ends.
    _presence: Option<ServerPresence>,
}

/// A connection of a client without TLS.
#[derive(Debug)]
pub struct Called {
    socket: Socket,
    /// It is here from its first byte until the connection ends.
    presence: NamelessPresence,
}

impl Called {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.presence.speaks();
        }
        read
    }
}

impl Wire {
    /// A connection that was accepted without TLS, with where such clients are noted.
    pub fn called(socket: Socket, uses: &Arc<NamelessUse>, clock: &Clock) -> Self {
        Self::Called(Box::new(Called {
            socket,
            presence: uses.expect(clock),
        }))
    }

    /// A connection that was accepted with TLS.
    pub fn accepted(stream: tokio_rustls::server::TlsStream<Socket>) -> Self {
        Self::Tls(Box::new(Secured {
            stream: TlsStream::Server(stream),
            _presence: None,
        }))
    }

    /// A connection that was dialled with TLS.
    pub fn dialled(connected: Connected) -> Self {
        Self::Tls(Box::new(Secured {
            stream: TlsStream::Client(connected.stream),
            _presence: connected.presence,
        }))
    }

    /// The socket below.
    pub fn socket(&self) -> &Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Called(called) => &called.socket,
            Self::Tls(tls) => tls.stream.get_ref().0,
        }
    }

    /// Whether TLS is spoken.
    pub const fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Such as `TLSv1.3`; `None` without TLS.
    pub fn tls_version(&self) -> Option<&'static str> {
        match self {
            Self::Plain(_) | Self::Called(_) => None,
            Self::Tls(tls) => Some(version_name(version_of(tls.stream.get_ref().1))),
        }
    }

    /// Whether an idle connection can carry a request: still open, and nothing unasked-for in it.
    ///
    /// The kernel is asked, because the event queue may be a moment behind, unless it was heard
    /// since the last `turn` of the connection. With TLS 1.3 session tickets may wait unread; they
    /// are taken in here and are no reason to give up a connection.
    pub fn is_fit_for_request(&mut self, turn: Turn, now: Instant) -> bool {
        if let Self::Tls(tls) = self {
            // The far end may have said farewell in the same breath as its last answer: then TLS
            // knows it and the socket is silent.
            let mut byte = [0; 1];
            let mut buffer = ReadBuf::new(&mut byte);
            let mut cx = Context::from_waker(Waker::noop());
            if Pin::new(&mut tls.stream)
                .poll_read(&mut cx, &mut buffer)
                .is_ready()
            {
                return false;
            }
        }
        if turn.was_followed_by_news(now) {
            self.socket().is_said_to_be_silent_and_open()
        } else {
            self.socket().is_silent_and_open()
        }
    }
}

impl RelayEndpoint for Wire {
    fn reset_on_close(&self) {
        self.socket().reset_on_close();
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Called(called) => called.poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(&mut tls.stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Called(called) => Pin::new(&mut called.socket).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(&mut tls.stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Called(called) => Pin::new(&mut called.socket).poll_flush(cx),
            Self::Tls(tls) => Pin::new(&mut tls.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Called(called) => Pin::new(&mut called.socket).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(&mut tls.stream).poll_shutdown(cx),
        }
    }
}
