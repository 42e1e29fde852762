//! [`Client`]: the command line's way to a running gateway.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::token;
use crate::config::Settings;
use crate::gateway::token_places;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// `GET`, `POST` or `PUT`.
    pub method: &'static str,
    /// The path, with its query.
    pub path: &'a str,
    /// What is sent with it; an order needs a token then.
    pub body: Option<Value>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The configuration has no listener for this machine.
    #[error(
        "the configuration has no admin listener on a loopback address; write Listen=127.0.0.1:9440 into [Admin] of crmgate.ini and start the gateway anew"
    )]
    NoListener,
    /// Nobody answers there.
    #[error("no gateway answers at {address}: {source}; is it running, with this configuration?")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The token cannot be read.
    #[error(
        "the token of the admin listener cannot be read from \"{}\": {source}; run this as root or as \
         the account that runs crmgate",
        path.display()
    )]
    Token {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something else than a gateway answers.
    #[error("what answers at {address} is no crmgate: {what}; see who listens there")]
    NotUs {
        /// Where.
        address: SocketAddr,
        /// What is wrong.
        what: String,
    },
    /// The gateway refuses.
    #[error("{message}; {hint}")]
    Refused {
        /// A stable word.
        code: String,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
}

/// Calls one gateway.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    places: Vec<PathBuf>,
}

impl Client {
    /// The way to the gateway that serves a configuration directory on this machine.
    pub fn of(dir: &std::path::Path, settings: &Settings) -> Result<Self, CallError> {
        let mut local = settings.admin.listen.iter().map(|listen| listen.addr());
        let address = local.find(|address| address.ip().is_loopback());
        Ok(Self {
            address: address.ok_or(CallError::NoListener)?,
            places: token_places(dir, settings),
        })
    }

    /// Where the gateway is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token that makes an operator.
    pub fn token(&self) -> Result<String, CallError> {
        token::read(&self.places).map_err(|(path, source)| CallError::Token { path, source })
    }

    /// Asks, and waits for the answer.
    pub async fn call(&self, call: Call<'_>) -> Result<Value, CallError> {
        let token = call.body.is_some().then(|| self.token()).transpose()?;
        let body = call.body.map_or_else(String::new, |body| body.to_string());
        let mut request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header(HOST, self.host());
        if let Some(token) = token {
            request = request
                .header(AUTHORIZATION, format!("Bearer {token}"))
                .header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::new(bytes::Bytes::from(body)))
            .map_err(|error| self.not_us(&error))?;
        let (status, text) = self.exchange(request).await?;
        let value: Value = serde_json::from_str(&text).map_err(|error| self.not_us(&error))?;
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

    async fn exchange(
        &self,
        request: Request<Full<bytes::Bytes>>,
    ) -> Result<(u16, String), CallError> {
        let unreachable = |source| CallError::Unreachable {
            address: self.address,
            source,
        };
        let is_get = request.method() == Method::GET;
        let slow = || unreachable(io::ErrorKind::TimedOut.into());
        let connected = timeout(CONNECT, TcpStream::connect(self.address)).await;
        let tcp = connected.map_err(|_slow| slow())?.map_err(unreachable)?;
        let handshake = http1::handshake(TokioIo::new(tcp)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.not_us(&error))?;
        let asking = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let bytes = answer.into_body().collect().await?.to_bytes();
            Ok::<_, hyper::Error>((status, String::from_utf8_lossy(&bytes).into_owned()))
        };
        let limit = if is_get { LOOK } else { ORDER };
        let answered = timeout(limit, async {
            tokio::select! {
                answer = asking => answer,
                ended = connection => match ended {
                    Err(error) => Err(error),
                    Ok(()) => std::future::pending().await,
                },
            }
        });
        answered
            .await
            .map_err(|_slow| slow())?
            .map_err(|error| self.not_us(&error))
    }

    fn host(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        SocketAddr::new(ip, self.address.port()).to_string()
    }

    fn not_us(&self, what: &impl fmt::Display) -> CallError {
        CallError::NotUs {
            address: self.address,
            what: what.to_string(),
        }
    }
}

/// A gateway on this machine is there or it is not.
const CONNECT: Duration = Duration::from_secs(3);

/// To look costs it nothing.
const LOOK: Duration = Duration::from_secs(10);

/// A reload reads certificates and lists.
const ORDER: Duration = Duration::from_mins(2);
