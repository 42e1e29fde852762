//! Far ends that speak too little to be anything, byte by byte.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A far end that does one thing with each connection. Dropping it closes its port.
pub(crate) struct Fake {
    pub(crate) at: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Fake {
    /// Says this to whatever it hears first, and closes once the other end has.
    pub(crate) async fn saying(says: &'static [u8]) -> Self {
        Self::with(move |mut tcp| async move {
            let mut heard = [0; 4096];
            if tcp.read(&mut heard).await.is_ok_and(|count| count > 0) {
                let _gone = tcp.write_all(says).await;
            }
            let _gone = tcp.shutdown().await;
            while tcp.read(&mut heard).await.is_ok_and(|count| count > 0) {}
        })
        .await
    }

    /// Listens, and says nothing, for as long as the other end stays.
    pub(crate) async fn silent() -> Self {
        Self::with(|mut tcp| async move {
            let mut heard = [0; 4096];
            while tcp.read(&mut heard).await.is_ok_and(|count| count > 0) {}
        })
        .await
    }

    /// Passes bytes on to somebody else, as a PROXY does.
    pub(crate) async fn relay(to: SocketAddr) -> Self {
        Self::with(move |mut tcp| async move {
            if let Ok(mut far) = TcpStream::connect(to).await {
                let _ended = copy_bidirectional(&mut tcp, &mut far).await;
            }
        })
        .await
    }

    async fn with<F>(each: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("bound");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                connections.spawn(each(tcp));
            }
        });
        Self { at, _tasks: tasks }
    }
}

/// A `ServerHello` of TLS 1.0 with a suite of that time, as an old ICM sends it.
pub(crate) fn hello_of_tls_1_0() -> &'static [u8] {
    static HELLO: [u8; 5 + 42] = {
        let mut hello = [0; 5 + 42];
        // A record of 42 bytes, and in it a hello of 38 with an empty session id.
        let head = [0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
        let mut at = 0;
        while at < head.len() {
            hello[at] = head[at];
            at += 1;
        }
        // TLS_RSA_WITH_AES_128_CBC_SHA behind 32 bytes of chance and the empty session id.
        hello[5 + 4 + 2 + 32 + 1] = 0;
        hello[5 + 4 + 2 + 32 + 2] = 0x2f;
        hello
    };
    &HELLO
}

/// An alert of TLS.
pub(crate) const PROTOCOL_VERSION: &[u8] = &[0x15, 3, 1, 0, 2, 2, 70];
pub(crate) const HANDSHAKE_FAILURE: &[u8] = &[0x15, 3, 3, 0, 2, 2, 40];

/// An address whose queue of connections is full, so that the kernel drops what comes: what a
/// firewall in the way looks like.
pub(crate) struct BlackHole {
    pub(crate) at: SocketAddr,
    _listener: socket2::Socket,
    _queue: Vec<socket2::Socket>,
}

impl BlackHole {
    pub(crate) fn open() -> Self {
        let socket = || {
            let tcp = Some(socket2::Protocol::TCP);
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, tcp)
                .expect("a socket")
        };
        let listener = socket();
        listener
            .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .expect("a free port");
        listener.listen(0).expect("a listener");
        let at = listener
            .local_addr()
            .expect("bound")
            .as_socket()
            .expect("an address");
        // The first ones fill the queue; who comes then is not even refused.
        let queue = (0..8).map(|_| {
            let caller = socket();
            caller.set_nonblocking(true).expect("a socket");
            let _in_progress = caller.connect(&at.into());
            caller
        });
        Self {
            at,
            _queue: queue.collect(),
            _listener: listener,
        }
    }
}
