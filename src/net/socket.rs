//! [`Socket`]: a TCP stream that knows how many bytes the kernel took.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A connected TCP stream with a count of the bytes that were handed to the kernel.
///
/// The count is what the replay rule rests on: as long as it has not moved since a request began,
/// not one byte of that request can have left this machine, whatever TLS holds in its buffers.
#[derive(Debug)]
pub struct Socket {
    tcp: TcpStream,
    written: u64,
    peer: SocketAddr,
}

impl Socket {
    /// Takes over a connected stream. Nagle's algorithm is switched off: a head and its body
    /// leave in one write, so waiting for more could only add latency.
    pub fn new(tcp: TcpStream, peer: SocketAddr) -> Self {
        // A socket that was reset in the meantime refuses the option; the first read says so.
        let _reset_meanwhile = tcp.set_nodelay(true);
        Self {
            tcp,
            written: 0,
            peer,
        }
    }

    /// How many bytes the kernel took since the connection was made.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// The far end.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The near end.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Asks the kernel, not the event queue, whether the far end has closed or spoken out of turn.
    ///
    /// An idle connection is fit for a request only if there is nothing at all to read.
    pub fn is_silent_and_open(&self) -> bool {
        is_nothing(self.peek())
    }

    /// The same by what the kernel has told of its own accord; it is asked only if it has told
    /// anything. To be believed right after it was heard. Where news may take their time, as on Windows,
    /// the kernel is asked each time.
    pub fn is_said_to_be_silent_and_open(&self) -> bool {
        if cfg!(windows) {
            return self.is_silent_and_open();
        }
        is_nothing(self.tcp.try_io(Interest::READABLE, || self.peek()))
    }

    fn peek(&self) -> io::Result<usize> {
        let mut byte = [std::mem::MaybeUninit::uninit(); 1];
        socket2::SockRef::from(&self.tcp).peek(&mut byte)
    }

    /// Has what was read acknowledged now, since the rest of a message is waited for.
    ///
    /// Programs write a head and its body one after the other, and their system holds the second
    /// back until the first is acknowledged (Nagle's algorithm). On a connection that goes to and
    /// fro, ours would acknowledge together with the next bytes it sends, or after 40 ms.
    pub fn acknowledge_now(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _only_slower = socket2::SockRef::from(&self.tcp).set_tcp_quickack(true);
    }

    /// Makes the close that follows a reset, so that the far end cannot take a cut answer for a
    /// complete one.
    pub fn reset_on_close(&self) {
        let _already_gone =
            socket2::SockRef::from(&self.tcp).set_linger(Some(std::time::Duration::ZERO));
    }
}

/// Whether a look found neither bytes nor an end nor an error.
fn is_nothing(look: io::Result<usize>) -> bool {
    look.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// A call that a signal interrupted has done nothing, and is made again.
fn uninterrupted<T>(mut call: impl FnMut() -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
    loop {
        match call() {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            other @ (Poll::Ready(_) | Poll::Pending) => return other,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        uninterrupted(|| Pin::new(&mut self.tcp).poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = uninterrupted(|| Pin::new(&mut self.tcp).poll_write(cx, buf));
        if let Poll::Ready(Ok(count)) = &result {
            self.written = self.written.saturating_add(*count as u64);
        }
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = uninterrupted(|| Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs));
        if let Poll::Ready(Ok(count)) = &result {
            self.written = self.written.saturating_add(*count as u64);
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Socket, Socket) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let addr = listener.local_addr().expect("bound");
        let (dialled, accepted) = tokio::join!(TcpStream::connect(addr), listener.accept());
        let (accepted, peer) = accepted.expect("accepted");
        (
            Socket::new(dialled.expect("dialled"), addr),
            Socket::new(accepted, peer),
        )
    }

    #[tokio::test]
    async fn bytes_that_the_kernel_took_are_counted() {
        let (mut near, mut far) = pair().await;
        assert_eq!(near.written(), 0);
        near.write_all(b"hello").await.expect("written");
        assert_eq!(near.written(), 5);
        let mut text = [0; 5];
        far.read_exact(&mut text).await.expect("read");
        assert_eq!(&text, b"hello");
    }

    #[test]
    fn an_interrupted_call_is_made_again() {
        let mut interruptions = 2;
        let result = uninterrupted(|| {
            if interruptions == 0 {
                return Poll::Ready(Ok(7));
            }
            interruptions -= 1;
            Poll::Ready(Err(io::ErrorKind::Interrupted.into()))
        });
        assert!(matches!(result, Poll::Ready(Ok(7))), "{result:?}");
    }

    #[tokio::test]
    async fn an_idle_connection_is_fit_until_the_far_end_closes_or_speaks() {
        let (near, far) = pair().await;
        assert!(near.is_silent_and_open());
        drop(far);
        assert!(
            !near.is_silent_and_open(),
            "a close is seen without waiting for the event queue"
        );

        let (near, mut far) = pair().await;
        far.write_all(b"stray").await.expect("written");
        assert!(!near.is_silent_and_open());
    }
}
