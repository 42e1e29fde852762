//! [`Admin`]: the listener itself, on a thread of its own.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::access::{Door, Guest, Judge, Role, is_meant};
use super::answers;
use super::bodies::{Answer, Fault, json, wrong_method};
use super::console;
use super::orders::{
    Deed, DrainBody, LevelBody, Order, Orders, ReasonBody, ReloadAnswer, Reloaded, SwitchBody,
    audit, change_sides,
};
use super::routes::{Ask, Found, find};
use super::token::Token;
use crate::config::AdminDoor;
use crate::gateway::{Viewer, token_places};
use crate::model::{ListenAddr, Side};
use crate::net::{BindError, Listener, Socket, reserve};
use crate::telemetry::Recent;
use crate::tls::Wire;

/// Why there is no admin listener.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// An address cannot be had.
    #[error("{0}")]
    Bind(#[from] BindError),
    /// The token cannot be written anywhere.
    #[error(
        "the token of the admin listener cannot be written to \"{}\": {source}; give the account \
         that runs crmgate a folder it may write to, with TokenFile in [Admin]",
        path.display()
    )]
    Token {
        /// The best place for it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no thread or event queue.
    #[error(
        "the thread of the admin listener cannot be started: {0}; the system may be short of threads or memory"
    )]
    Thread(io::Error),
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
}

/// A running admin listener. It ends with the process.
#[derive(Debug)]
pub struct Admin {
    bound: Vec<SocketAddr>,
    token_file: PathBuf,
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
            sockets.push((*listen, reserve(*listen, 1, false)?));
        }
        let token = Token::issue(&token_places(&desk.dir, &AdminDoor::of_settings(&settings)))
            .map_err(|(path, source)| AdminError::Token { path, source })?;
        let bound = sockets.iter().map(|(_, socket)| socket.local).collect();
        let token_file = token.file().to_owned();
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
            token: Arc::new(token),
            orders,
        };
        let thread = std::thread::Builder::new().name("crmgate-admin".into());
        thread
            .spawn(move || LocalSet::new().block_on(&runtime, serve(counter, sockets)))
            .map_err(AdminError::Thread)?;
        let admin = Self { bound, token_file };
        info!(listen = ?admin.bound, token_file = %admin.token_file.display(), "the admin listener is open");
        Ok(Some((admin, inbox)))
    }

    /// Where it listens.
    pub fn bound(&self) -> &[SocketAddr] {
        &self.bound
    }

    /// What somebody who operates opens in his browser. The token stands behind the `#`, which no
    /// browser sends to anybody; the page takes it from there.
    pub fn console(&self) -> io::Result<String> {
        let token = std::fs::read_to_string(&self.token_file)?;
        let at = self.bound.iter().find(|at| at.ip().is_loopback());
        let at = at.ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(format!("http://{at}/#token={}", token.trim()))
    }

    /// Where the token stands.
    pub fn token_file(&self) -> &std::path::Path {
        &self.token_file
    }
}

/// Orders are carried out one after the other; more than this many at once are a script gone wild.
const QUEUED_ORDERS: usize = 16;

/// Browsers, scripts and monitoring at one address; more are closed at once.
const MOST_CONNECTIONS: usize = 64;

/// For a handshake, a head, and a body of an order.
const PATIENCE: Duration = Duration::from_secs(10);

/// An order is a side and a reason.
const MAX_BODY: usize = 4_096;

/// Longer than any reload takes that somebody still waits for.
const LONGEST_ORDER: Duration = Duration::from_mins(2);

/// What every request needs.
#[derive(Debug, Clone)]
struct Counter {
    desk: Desk,
    token: Arc<Token>,
    orders: mpsc::Sender<Order>,
}

async fn serve(counter: Counter, sockets: Vec<(ListenAddr, crate::net::BoundListener)>) {
    let mut loops = Vec::new();
    for (listen, socket) in sockets {
        // Each address has its own: strangers at one do not keep the operator from another.
        let open = Rc::new(Cell::new(0));
        for share in socket.shares {
            match Listener::new(share) {
                Ok(listener) => {
                    let accepting = accept(counter.clone(), listen, listener, Rc::clone(&open));
                    loops.push(tokio::task::spawn_local(accepting));
                }
                Err(error) => warn!(%listen, %error, "the admin listener cannot be served"),
            }
        }
    }
    for one in loops {
        let _never_ends = one.await;
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
            Ok(Err(failure)) => {
                debug!(%peer, code = failure.code(), %failure, "TLS handshake failed at the admin listener");
                return;
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

async fn answered(
    counter: &Counter,
    door: &Door,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let answer = answer(counter, door, peer, request).await;
    Ok(answer.unwrap_or_else(|fault| fault.answer()))
}

async fn answer(
    counter: &Counter,
    door: &Door,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Answer, Fault> {
    let uri = request.uri().clone();
    if let Some(asset) = console::find(uri.path()) {
        let is_look = matches!(request.method(), &Method::GET | &Method::HEAD);
        return Ok(if is_look {
            asset.answer(request.headers())
        } else {
            wrong_method(&[Method::GET])
        });
    }
    let settings = counter.desk.viewer.settings().admin;
    let acceptor = counter.desk.viewer.admin_acceptor();
    let judge = Judge {
        token: &counter.token,
        settings: &settings,
        acceptor: acceptor.as_deref(),
    };
    let (ask, role, parts) = match find(request.method(), uri.path()) {
        Found::Route(ask, role, parts) => (ask, role, parts),
        Found::WrongMethod(allowed) => return Ok(wrong_method(&allowed)),
        Found::Nothing => return Err(Fault::not_found(uri.path())),
    };
    // Health is asked for by those who know no name for us.
    if role == Role::Anybody {
        return Ok(health(counter, ask, uri.query()));
    }
    let guest = judge.guest(door, peer, request.headers())?;
    let accept = request.headers().get(ACCEPT).cloned();
    if guest.role < role {
        return Err(Fault::needs(role, guest.role, counter.token.file()));
    }
    if role == Role::Operator {
        is_meant(request.headers())?;
        return ordered(counter, &guest, ask, &parts, request).await;
    }
    let accept = accept.as_ref().and_then(|accept| accept.to_str().ok());
    Ok(looked(counter, &guest, ask, (uri.query(), accept)))
}

fn health(counter: &Counter, ask: Ask, query: Option<&str>) -> Answer {
    if ask == Ask::Alive {
        answers::alive(&counter.desk.viewer)
    } else {
        answers::ready(&counter.desk.viewer, query)
    }
}

fn looked(
    counter: &Counter,
    guest: &Guest,
    ask: Ask,
    (query, accept): (Option<&str>, Option<&str>),
) -> Answer {
    let Desk {
        viewer,
        recent,
        dir,
    } = &counter.desk;
    match ask {
        Ask::Who => answers::who(guest, counter.token.file()),
        Ask::Status => json(StatusCode::OK, &viewer.report()),
        Ask::Systems => json(StatusCode::OK, &viewer.report().systems),
        Ask::Generations => json(StatusCode::OK, &viewer.attempt_reports()),
        Ask::Certificates => json(StatusCode::OK, &viewer.certificates()),
        Ask::Errors => json(StatusCode::OK, &recent.since(number("since", query))),
        Ask::Configuration => answers::configuration(dir),
        Ask::OpenApi => answers::description(),
        Ask::Stream => answers::stream(viewer.clone()),
        Ask::Metrics => answers::metrics(viewer, accept),
        Ask::Alive
        | Ask::Ready
        | Ask::Reload
        | Ask::Switch
        | Ask::Drain
        | Ask::Undrain
        | Ask::LogLevel
        | Ask::Stop => Fault::not_found("").answer(),
    }
}

fn number(name: &str, query: Option<&str>) -> u64 {
    let mut parts = query.unwrap_or_default().split('&');
    let value = parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

async fn ordered(
    counter: &Counter,
    guest: &Guest,
    ask: Ask,
    parts: &[&str],
    request: Request<Incoming>,
) -> Result<Answer, Fault> {
    match (ask, parts) {
        (Ask::Switch, [system]) => {
            let body: SwitchBody = body(request).await?;
            let what = (
                Deed::Switch,
                side(&body.side)?,
                body.reason.as_str(),
                body.dry_run,
            );
            let change = change_sides(&counter.desk.viewer, guest, system, what)?;
            Ok(json(StatusCode::OK, &change))
        }
        (Ask::Drain | Ask::Undrain, [system, letter]) => {
            let body: DrainBody = body(request).await?;
            let deed = if ask == Ask::Drain {
                Deed::Drain
            } else {
                Deed::Undrain
            };
            let what = (deed, side(letter)?, body.reason.as_str(), body.dry_run);
            let change = change_sides(&counter.desk.viewer, guest, system, what)?;
            Ok(json(StatusCode::OK, &change))
        }
        (Ask::Reload, _) => {
            reload(counter, guest, &body::<ReasonBody>(request).await?.reason).await
        }
        (Ask::LogLevel, _) => {
            let LevelBody { level } = body(request).await?;
            set_level(counter, guest, level).await
        }
        (Ask::Stop, _) => {
            let ReasonBody { reason } = body(request).await?;
            let phase = counter.desk.viewer.status().phase;
            audit(guest, "stop", &reason, &phase.to_string(), "draining");
            let by = Arc::clone(&guest.name);
            send(counter, Order::Stop { by }).await?;
            Ok(json(
                StatusCode::OK,
                &serde_json::json!({ "draining": true }),
            ))
        }
        _other => Err(Fault::not_found("")),
    }
}

async fn reload(counter: &Counter, guest: &Guest, reason: &str) -> Result<Answer, Fault> {
    let viewer = &counter.desk.viewer;
    let before = viewer.status().generation;
    let (reply, answer) = oneshot::channel();
    let by = Arc::clone(&guest.name);
    send(counter, Order::Reload { by, reply }).await?;
    if awaited(answer).await? != Reloaded::Tried {
        return Err(Fault::draining());
    }
    let attempt = viewer.attempt_reports().into_iter().next();
    let in_force = attempt
        .as_ref()
        .is_some_and(|attempt| attempt.generation.is_some());
    let after = viewer.status().generation;
    let outcome = if in_force { "in force" } else { "refused" };
    audit(
        guest,
        "reload",
        reason,
        &format!("generation {before}"),
        &format!("generation {after}, {outcome}"),
    );
    Ok(json(StatusCode::OK, &ReloadAnswer { in_force, attempt }))
}

async fn set_level(counter: &Counter, guest: &Guest, level: String) -> Result<Answer, Fault> {
    let (reply, answer) = oneshot::channel();
    let order = Order::LogLevel {
        level: level.clone(),
        reply,
    };
    send(counter, order).await?;
    let before = awaited(answer).await?.map_err(Fault::bad_request)?;
    audit(guest, "log level", "", &before, &level);
    Ok(json(StatusCode::OK, &serde_json::json!({ "level": level })))
}

async fn send(counter: &Counter, order: Order) -> Result<(), Fault> {
    let sent = timeout(PATIENCE, counter.orders.send(order)).await;
    sent.ok().and_then(Result::ok).ok_or_else(Fault::draining)
}

async fn awaited<T>(answer: oneshot::Receiver<T>) -> Result<T, Fault> {
    let answer = timeout(LONGEST_ORDER, answer).await;
    answer.ok().and_then(Result::ok).ok_or_else(Fault::draining)
}

fn side(letter: &str) -> Result<Side, Fault> {
    let mut both = Side::BOTH.into_iter();
    both.find(|side| side.to_string().eq_ignore_ascii_case(letter))
        .ok_or_else(|| {
            Fault::bad_request(format!(
                "\"{}\" is no side: use A or B",
                letter.escape_debug()
            ))
        })
}

/// The body of an order; none is as good as an empty one.
async fn body<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Fault> {
    let collected = timeout(
        PATIENCE,
        Limited::new(request.into_body(), MAX_BODY).collect(),
    )
    .await;
    let bytes = match collected {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) => {
            return Err(Fault::bad_request(
                "the body is cut off or too large".to_owned(),
            ));
        }
        Err(_slow) => {
            return Err(Fault::bad_request(
                "the body did not come in time".to_owned(),
            ));
        }
    };
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(text)
        .map_err(|error| Fault::bad_request(format!("the body is not understood: {error}")))
}
