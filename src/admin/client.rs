//! [`Client`]: the command line's way to a running gateway, on this machine or on another one.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::call_error::CallError;
use super::token;
use crate::config::settings::ClientTls;
use crate::config::{AdminDoor, Problems};
use crate::gateway::token_places;
use crate::model::{Clock, Endpoint, HostPort, Scheme};
use crate::net::Socket;
use crate::tls::{Connector, HandshakeFailure, UpstreamTls, Wire};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    method: &'static str,
    path: &'a str,
    body: Option<Value>,
    is_operator: bool,
}

impl<'a> Call<'a> {
    /// To look.
    pub const fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            body: None,
            is_operator: false,
        }
    }

    /// To look as somebody who may operate.
    pub fn get_as_operator(path: &'a str) -> Self {
        Self {
            is_operator: true,
            ..Self::get(path)
        }
    }

    /// To have something done.
    pub fn post(path: &'a str, body: Value) -> Self {
        Self {
            method: "POST",
            path,
            body: Some(body),
            is_operator: true,
        }
    }

    /// To set something.
    pub fn put(path: &'a str, body: Value) -> Self {
        Self {
            method: "PUT",
            ..Self::post(path, body)
        }
    }
}

/// Calls one gateway.
#[derive(Debug, Clone)]
pub struct Client(Way);

#[derive(Debug, Clone)]
enum Way {
    /// Over the loopback address; the token file makes an operator.
    Local {
        address: SocketAddr,
        places: Vec<PathBuf>,
    },
    /// Over TLS; the certificate says who it is.
    Remote {
        target: HostPort,
        tls: Box<UpstreamTls>,
    },
}

impl Client {
    /// The way to the gateway that serves a configuration directory on this machine.
    pub fn of(dir: &Path, door: &AdminDoor) -> Result<Self, CallError> {
        let mut local = door.listen.iter().map(|listen| listen.addr());
        let address = local.find(|address| address.ip().is_loopback());
        Ok(Self(Way::Local {
            address: address.ok_or(CallError::NoListener)?,
            places: token_places(dir, door),
        }))
    }

    /// The way to a gateway that is reached by TLS, and what is to be said about the files for it.
    pub fn over_tls(
        url: &Endpoint,
        tls: &ClientTls,
        clock: &Clock,
    ) -> Result<(Self, Problems), CallError> {
        if url.scheme != Scheme::Https {
            return Err(CallError::Url(url.to_string()));
        }
        let (connector, problems) = Connector::build(tls, clock);
        let Some(connector) = connector else {
            return Err(CallError::Files(problems));
        };
        let tls = connector.for_upstream(&url.target);
        let way = Way::Remote {
            target: url.target.clone(),
            tls: Box::new(tls.map_err(|_unfit| CallError::Url(url.to_string()))?),
        };
        Ok((Self(way), problems))
    }

    /// Where a browser finds it.
    pub fn url(&self) -> String {
        match &self.0 {
            Way::Local { address, .. } => format!("http://{address}/"),
            Way::Remote { target, .. } => format!("https://{target}/"),
        }
    }

    /// The token that makes an operator; none where certificates say who is one.
    pub fn token(&self) -> Result<Option<String>, CallError> {
        match &self.0 {
            Way::Local { places, .. } => token::read(places)
                .map(Some)
                .map_err(|(path, source)| CallError::Token { path, source }),
            Way::Remote { .. } => Ok(None),
        }
    }

    /// Asks, and waits for the answer.
    pub async fn call(&self, call: Call<'_>) -> Result<Value, CallError> {
        let token = if call.is_operator {
            self.token()?
        } else {
            None
        };
        let mut request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header(HOST, self.at());
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = call.body.map_or_else(String::new, |body| body.to_string());
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| self.not_us(&error))?;
        let (status, text) = self.exchange(request).await?;
        let value: Value = serde_json::from_str(&text).map_err(|_error| {
            self.not_us(&format!("its answer, HTTP status {status}, is not JSON"))
        })?;
        if status < 300 {
            return Ok(value);
        }
        let part = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        match (part("code"), part("message")) {
            (Some(code), Some(message)) => Err(CallError::Refused {
                code,
                message,
                hint: part("hint").unwrap_or_default(),
            }),
            _other => Err(self.not_us(&format!("it answers with HTTP status {status}"))),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(u16, String), CallError> {
        let is_get = request.method() == Method::GET;
        let connected = timeout(CONNECT, self.connect()).await;
        let wire = connected.map_err(|_slow| self.slow())??;
        let handshake = http1::handshake(TokioIo::new(wire)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.broken(&error))?;
        let asking = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let bytes = answer.into_body().collect().await?.to_bytes();
            Ok::<_, hyper::Error>((status, String::from_utf8_lossy(&bytes).into_owned()))
        };
        let limit = if is_get { LOOK } else { ORDER };
        let answered = timeout(limit, beside(asking, connection)).await;
        let answered = answered.map_err(|_slow| self.slow())?;
        answered.map_err(|error| self.broken(&error))
    }

    async fn connect(&self) -> Result<Wire, CallError> {
        let unreachable = |source| CallError::Unreachable {
            at: self.at(),
            source,
        };
        match &self.0 {
            Way::Local { address, .. } => {
                let tcp = TcpStream::connect(address).await.map_err(unreachable)?;
                Ok(Wire::Plain(Socket::new(tcp, *address)))
            }
            Way::Remote { target, tls } => {
                let tcp = TcpStream::connect((target.host(), target.port()))
                    .await
                    .map_err(unreachable)?;
                let peer = tcp.peer_addr().map_err(unreachable)?;
                let connected = tls.connect(Socket::new(tcp, peer)).await;
                let connected = connected.map_err(|failure| CallError::Tls {
                    at: self.at(),
                    failure,
                })?;
                Ok(Wire::dialled(connected))
            }
        }
    }

    /// Host and port, as they stand in messages and in `Host`.
    fn at(&self) -> String {
        match &self.0 {
            Way::Local { address, .. } => address.to_string(),
            Way::Remote { target, .. } => target.to_string(),
        }
    }

    fn slow(&self) -> CallError {
        CallError::Unreachable {
            at: self.at(),
            source: io::ErrorKind::TimedOut.into(),
        }
    }

    /// Why a connection that stood brought no answer. In TLS 1.3 a refusal of our certificate comes
    /// with the first read.
    fn broken(&self, error: &hyper::Error) -> CallError {
        let cause = error
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>());
        match cause.and_then(HandshakeFailure::in_stream) {
            Some(failure) => CallError::Tls {
                at: self.at(),
                failure,
            },
            None => self.not_us(error),
        }
    }

    fn not_us(&self, what: &impl fmt::Display) -> CallError {
        CallError::NotUs {
            at: self.at(),
            what: what.to_string(),
        }
    }
}

/// Asks while the connection is driven. That may end before the answer has been read: whoever answers
/// and closes has answered.
async fn beside<T, E>(
    asking: impl Future<Output = Result<T, E>>,
    connection: impl Future<Output = Result<(), E>>,
) -> Result<T, E> {
    let (mut asking, mut connection) = (pin!(asking), pin!(connection));
    tokio::select! {
        biased;
        answer = &mut asking => answer,
        ended = &mut connection => {
            ended?;
            asking.await
        }
    }
}

/// A gateway is there or it is not.
const CONNECT: Duration = Duration::from_secs(5);

/// To look costs it nothing.
const LOOK: Duration = Duration::from_secs(10);

/// A reload reads certificates and lists.
const ORDER: Duration = Duration::from_mins(2);
