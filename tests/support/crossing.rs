//! [`Crossing`]: a machine in the middle that passes bytes on and counts connections, as a proxy
//! host does that is not ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// It listens until dropped.
pub struct Crossing {
    addr: SocketAddr,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Crossing {
    /// Passes everything on to this address.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut all = JoinSet::new();
            while let Ok((mut here, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                all.spawn(async move {
                    if let Ok(mut there) = TcpStream::connect(target).await {
                        let _whatever_ends_it = copy_bidirectional(&mut here, &mut there).await;
                    }
                });
            }
        });
        Self {
            addr,
            connections,
            _tasks: tasks,
        }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}
