//! [`Cord`]: a TCP stream that can be cut instead of closed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The knife for all cords of one server.
#[derive(Debug, Clone, Default)]
pub(super) struct Knife(Arc<AtomicBool>);

impl Knife {
    /// From now on every cord that is dropped resets its connection.
    pub(super) fn draw(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A stream whose drop is a reset once the knife is drawn: what the far end sees of a process that
/// was killed with unread data, or of a host that comes back without memory of its connections.
#[derive(Debug)]
pub(super) struct Cord {
    tcp: TcpStream,
    knife: Knife,
}

impl Cord {
    pub(super) fn new(tcp: TcpStream, knife: Knife) -> Self {
        // Refused only by a socket that was reset in the meantime; the first read says so.
        let _reset_meanwhile = tcp.set_nodelay(true);
        Self { tcp, knife }
    }
}

impl Drop for Cord {
    fn drop(&mut self) {
        if self.knife.0.load(Ordering::Acquire) {
            let _reset_already = self.tcp.set_zero_linger();
        }
    }
}

impl AsyncRead for Cord {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Cord {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
