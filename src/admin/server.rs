//! [`Admin`]: the listener itself, on a thread of its own.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::access::Door;
use super::checklist::Checklist;
use super::dispatch::{Counter, answered};
use super::orders::Orders;
use super::token::Token;
use crate::config::AdminDoor;
use crate::config::sandbox::{self, Rights};
use crate::gateway::{LentSocket, Viewer, token_places};
use crate::model::ListenAddr;
use crate::net::{BindError, BoundListener, HandedSockets, Listener, Share, Socket, reserve};
use crate::telemetry::Recent;
use crate::tls::Wire;
use crate::tls::failure::Cause;

/// Why there is no admin listener.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// An address cannot be had.
    #[error("{0}")]
    Bind(#[from] BindError),
    /// The token cannot be written anywhere.
    #[error(
        "the token of the admin listener cannot be written to \"{}\": {why}; {hint}",
        path.display()
    )]
    Token {
        /// The best place for it.
        path: PathBuf,
        /// What the system says, or that the sandbox keeps it out of reach.
        why: String,
        /// What to do.
        hint: String,
    },
    /// The system gives no thread or event queue.
    #[error(
        "the thread of the admin listener cannot be started: {0}; the system may be short of threads or memory"
    )]
    Thread(io::Error),
}

fn no_token((path, cause): (PathBuf, io::Error)) -> AdminError {
    let hint =
        "give the account that runs crmgate a folder it may write to, with TokenFile in [Admin]";
    let (why, hint) = sandbox::why(&path, Rights::Write, &cause, hint);
    AdminError::Token { path, why, hint }
}

/// What the listener has in front of it.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The gateway, to look at.
    pub viewer: Viewer,
    /// What was said in the log lately.
    pub recent: Recent,
    /// The configuration directory.
    pub dir: PathBuf,
    /// Listening sockets that this process was given.
    pub handed: Arc<HandedSockets>,
    /// Where the token of the process whose place this one takes stands.
    pub token_file: Option<PathBuf>,
}

/// A running admin listener. It ends with the process.
#[derive(Debug)]
pub struct Admin {
    bound: Vec<SocketAddr>,
    token: Arc<Token>,
    sockets: Vec<LentSocket>,
    closing: watch::Sender<bool>,
}

impl Admin {
    /// Opens the listener that the settings in force ask for, if they do. Orders come out of the
    /// second part.
    pub fn start(desk: Desk) -> Result<Option<(Self, Orders)>, AdminError> {
        let settings = desk.viewer.settings();
        if settings.admin.listen.is_empty() {
            return Ok(None);
        }
        let mut sockets = Vec::new();
        for listen in &settings.admin.listen {
            let socket = match desk.handed.open(*listen, 1)? {
                Some(socket) => socket,
                None => reserve(*listen, 1, false)?,
            };
            sockets.push((*listen, socket));
        }
        let places = token_places(&desk.dir, &AdminDoor::of_settings(&settings));
        let handed = desk.token_file.as_deref();
        let token = match handed.and_then(|file| Token::take_over(file, &places)) {
            Some(token) => token,
            None => Token::issue(&places).map_err(no_token)?,
        };
        let token = Arc::new(token);
        let bound = sockets.iter().map(|(_, socket)| socket.local).collect();
        let lent = lent(&sockets, &desk.handed);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(AdminError::Thread)?;
        let (orders, inbox) = mpsc::channel(QUEUED_ORDERS);
        for (_, socket) in &sockets {
            socket.listen()?;
        }
        let counter = Counter {
            desk,
            token: Arc::clone(&token),
            orders,
            checklist: Checklist::default(),
            refusals: Arc::default(),
        };
        let (closing, closed) = watch::channel(false);
        let thread = std::thread::Builder::new().name("crmgate-admin".into());
        thread
            .spawn(move || LocalSet::new().block_on(&runtime, serve(counter, sockets, closed)))
            .map_err(AdminError::Thread)?;
        let admin = Self {
            bound,
            token,
            sockets: lent,
            closing,
        };
        info!(listen = ?admin.bound, token_file = %admin.token_file().display(), "the admin listener is open");
        Ok(Some((admin, inbox)))
    }

    /// Where it listens.
    pub fn bound(&self) -> &[SocketAddr] {
        &self.bound
    }

    /// What somebody who operates opens in his browser. The token stands behind the `#`, which no
    /// browser sends to anybody; the page takes it from there.
    pub fn console(&self) -> io::Result<String> {
        let token = std::fs::read_to_string(self.token.file())?;
        let at = self.bound.iter().find(|at| at.ip().is_loopback());
        let at = at.ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(format!("http://{at}/#token={}", token.trim()))
    }

    /// Where the token stands.
    pub fn token_file(&self) -> &std::path::Path {
        self.token.file()
    }

    /// Other handles on its sockets, for the process that takes this one's place.
    pub fn lend(&self) -> Vec<LentSocket> {
        let each = self.sockets.iter().filter_map(|lent| {
            let socket = lent.socket.try_clone().ok()?;
            Some(LentSocket { socket, ..*lent })
        });
        each.collect()
    }

    /// Lets nobody in any more; who is in may go on. Whoever calls waits for the process that has
    /// the same sockets.
    pub fn close(&mut self) {
        self.sockets.clear();
        self.closing.send_replace(true);
    }
}

/// Other handles on the sockets.
fn lent(sockets: &[(ListenAddr, BoundListener)], handed: &HandedSockets) -> Vec<LentSocket> {
    let each = sockets.iter().flat_map(|(listen, bound)| {
        let all = bound.shares.iter().flat_map(Share::sockets);
        all.filter_map(|socket| {
            Some(LentSocket {
                listen: *listen,
                socket: socket.try_clone().ok()?,
                stays: handed.stays(*listen),
            })
        })
    });
    each.filter(|_| cfg!(unix)).collect()
}

/// Orders are carried out one after the other; more than this many at once are a script gone wild.
const QUEUED_ORDERS: usize = 16;

/// Browsers, scripts and monitoring at one address; more are closed at once.
const MOST_CONNECTIONS: usize = 64;

/// For a handshake, a head, and a body of an order.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

async fn serve(
    counter: Counter,
    sockets: Vec<(ListenAddr, BoundListener)>,
    closed: watch::Receiver<bool>,
) {
    let mut loops = Vec::new();
    for (listen, socket) in sockets {
        // Each address has its own: strangers at one do not keep the operator from another.
        let open = Rc::new(Cell::new(0));
        for share in socket.shares {
            match Listener::new(share) {
                Ok(listener) => {
                    let accepting = accept(counter.clone(), listen, listener, Rc::clone(&open));
                    let mut closed = closed.clone();
                    loops.push(tokio::task::spawn_local(async move {
                        tokio::select! {
                            () = accepting => {}
                            () = told_to_close(&mut closed) => {}
                        }
                    }));
                }
                Err(error) => warn!(%listen, %error, "the admin listener cannot be served"),
            }
        }
    }
    for one in loops {
        let _closed = one.await;
    }
    // Who is in may go on until the process ends.
    std::future::pending::<()>().await;
}

/// Ends when it is said so; where nobody is left to say it the listener ends with the process.
async fn told_to_close(closed: &mut watch::Receiver<bool>) {
    if closed.wait_for(|closed| *closed).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn accept(
    counter: Counter,
    listen: ListenAddr,
    mut listener: Listener,
    open: Rc<Cell<usize>>,
) {
    loop {
        let tell = |event| debug!(%listen, ?event, "the admin listener cannot accept");
        let (tcp, peer) = listener.accept(tell).await;
        if open.get() >= MOST_CONNECTIONS {
            continue;
        }
        let one = Counted::new(&open);
        let counter = counter.clone();
        tokio::task::spawn_local(async move {
            connection(&counter, listen, tcp, peer).await;
            drop(one);
        });
    }
}

/// One of the connections that are open.
struct Counted(Rc<Cell<usize>>);

impl Counted {
    fn new(open: &Rc<Cell<usize>>) -> Self {
        open.set(open.get().saturating_add(1));
        Self(Rc::clone(open))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

async fn connection(counter: &Counter, listen: ListenAddr, tcp: TcpStream, peer: SocketAddr) {
    let socket = Socket::new(tcp, peer);
    let (wire, door) = if listen.addr().ip().is_loopback() {
        (Wire::Plain(socket), Door::Local)
    } else {
        let Some(acceptor) = counter.desk.viewer.admin_acceptor() else {
            return;
        };
        let accepted = match timeout(PATIENCE, acceptor.accept(socket)).await {
            Ok(Ok(accepted)) => accepted,
            // A port check that closes without a word is no handshake that failed.
            Ok(Err(failure)) if *failure.cause() == Cause::ClosedByPeer => return,
            Ok(Err(failure)) => {
                let counters = counter.desk.viewer.counters();
                let refusals = &counter.refusals;
                return refusals.note_handshake(counters, (listen, peer), &failure);
            }
            Err(_slow) => return,
        };
        let Some(client) = accepted.facts.client else {
            return;
        };
        (Wire::accepted(accepted.stream), Door::Certificate(client))
    };
    let service = service_fn(|request| answered(counter, &door, peer, request));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(wire), service)
        .await;
    if let Err(error) = served {
        debug!(%peer, %error, "a connection to the admin listener ended");
    }
}

/// Of a head.
const MAX_HEAD: usize = 16 * 1_024;
