//! [`Server`]: what the simulated receivers have in common. hyper behind an accept loop that can
//! be stopped in order or killed.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::{HandshakeKind, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::activity::Activity;
use super::cord::{Cord, Knife};
use super::port::Port;
use super::reply::{NoReply, Reply, ReplyBody};

/// What a simulated server says.
pub(super) trait Answerer: Send + Sync + 'static {
    /// Ready when a new connection may be greeted; a server that hangs is not.
    fn ready(&self) -> impl Future<Output = ()> + Send;

    /// The reply to one complete request.
    fn answer(&self, request: Request<Bytes>) -> impl Future<Output = Reply> + Send;
}

/// What a simulated server has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerFigures {
    /// Connections that were accepted.
    pub connections: u64,
    /// TLS handshakes from the beginning.
    pub full: u64,
    /// TLS handshakes that resumed a session.
    pub resumed: u64,
    /// TLS handshakes that failed.
    pub failed: u64,
}

/// A running server. Dropping it ends it at once.
#[derive(Debug)]
pub(super) struct Server {
    orders: watch::Sender<Order>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Opens the port and serves. `idle` is how long a connection may stay unused.
    pub(super) fn start<A: Answerer>(
        port: &Port,
        tls: Option<Arc<ServerConfig>>,
        idle: Duration,
        answerer: Arc<A>,
        counts: Arc<ServerCounts>,
    ) -> io::Result<Self> {
        let listener = port.listen()?;
        let (orders, told) = watch::channel(Order::Serve);
        let house = Arc::new(House {
            tls: tls.map(TlsAcceptor::from),
            idle,
            answerer,
            counts,
            knife: Knife::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(house.accept(listener, told));
        Ok(Self { orders, tasks })
    }

    /// Accepts no more, answers what it has, and returns when the last connection is closed.
    pub(super) async fn stop(mut self) {
        self.orders.send_replace(Order::Leave);
        while self.tasks.join_next().await.is_some() {}
    }

    /// Resets every connection and closes the port, as the death of a process does.
    pub(super) async fn kill(mut self) {
        self.orders.send_replace(Order::Die);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Counts over all lives of a server.
#[derive(Debug, Default)]
pub(super) struct ServerCounts {
    connections: AtomicU64,
    full: AtomicU64,
    resumed: AtomicU64,
    failed: AtomicU64,
}

impl ServerCounts {
    pub(super) fn figures(&self) -> ServerFigures {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ServerFigures {
            connections: read(&self.connections),
            full: read(&self.full),
            resumed: read(&self.resumed),
            failed: read(&self.failed),
        }
    }

    fn handshake(&self, kind: Option<HandshakeKind>) {
        let count = match kind {
            Some(HandshakeKind::Resumed) => &self.resumed,
            Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest) | None => {
                &self.full
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Serve,
    Leave,
    Die,
}

struct House<A> {
    tls: Option<TlsAcceptor>,
    idle: Duration,
    answerer: Arc<A>,
    counts: Arc<ServerCounts>,
    knife: Knife,
}

impl<A: Answerer> House<A> {
    async fn accept(self: Arc<Self>, listener: TcpListener, mut orders: watch::Receiver<Order>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((tcp, _)) => {
                        let (house, orders) = (Arc::clone(&self), orders.clone());
                        connections.spawn(async move { house.connection(tcp, orders).await });
                    }
                    // Out of descriptors: whoever holds some will give them back.
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                Some(_) = connections.join_next() => {}
                _ = orders.changed() => break,
            }
        }
        // A child that another thread is starting holds a copy of the socket for a moment; closing
        // ours would leave it listening. Systems where this is an error close it below.
        let _closed_below = socket2::SockRef::from(&listener).shutdown(Shutdown::Both);
        drop(listener);
        let leaves = *orders.borrow() == Order::Leave;
        if leaves {
            let all = async { while connections.join_next().await.is_some() {} };
            let _cut_below = timeout(LEAVE_LIMIT, all).await;
        } else {
            self.knife.draw();
        }
        connections.shutdown().await;
    }

    async fn connection(self: Arc<Self>, tcp: TcpStream, orders: watch::Receiver<Order>) {
        self.counts.connections.fetch_add(1, Ordering::Relaxed);
        let cord = Cord::new(tcp, self.knife.clone());
        self.answerer.ready().await;
        let Some(acceptor) = &self.tls else {
            return self.serve(cord, orders).await;
        };
        match timeout(HANDSHAKE_LIMIT, acceptor.accept(cord)).await {
            Ok(Ok(stream)) => {
                self.counts.handshake(stream.get_ref().1.handshake_kind());
                self.serve(stream, orders).await;
            }
            Ok(Err(_)) | Err(_) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn serve<S>(&self, stream: S, mut orders: watch::Receiver<Order>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Activity::new();
        let service = service_fn(|request: Request<Incoming>| self.reply(request, &activity));
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut leaving = false;
        loop {
            tokio::select! {
                _ended = connection.as_mut() => return,
                () = activity.idle_for(self.idle), if !leaving => {}
                () = told_to_leave(&mut orders), if !leaving => {}
            }
            leaving = true;
            connection.as_mut().graceful_shutdown();
        }
    }

    async fn reply(
        &self,
        request: Request<Incoming>,
        activity: &Activity,
    ) -> Result<hyper::Response<ReplyBody>, NoReply> {
        let _busy = activity.enter();
        let (head, body) = request.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|_gone_or_too_large| NoReply)?.to_bytes();
        let reply = self.answerer.answer(Request::from_parts(head, body)).await;
        reply.into_response()
    }
}

/// Waits for the order to end politely. Whoever dies does not: its connections are cut from
/// outside, and one that closed by itself before would look like a stop.
async fn told_to_leave(orders: &mut watch::Receiver<Order>) {
    let told = orders
        .wait_for(|order| *order == Order::Leave)
        .await
        .is_ok();
    if !told {
        std::future::pending::<()>().await;
    }
}

/// Long enough for descriptors to come back, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A handshake on one machine takes milliseconds.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// A connection that was opened and never used cannot be told from one whose request is coming.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);

/// More than any simulated message.
const MAX_BODY: usize = 64 * 1024 * 1024;
