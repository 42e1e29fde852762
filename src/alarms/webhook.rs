//! [`Webhook`]: where alarms are posted to.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};

use crate::config::problem::Problems;
use crate::config::settings::{WebhookSettings, WebhookUrl};
use crate::model::{Clock, Scheme};
use crate::net::{DialError, dial};
use crate::tls::{Anonymous, NoConnection, Wire};

/// A place to post to, with what it takes to know it.
#[derive(Debug, Clone)]
pub struct Webhook {
    url: WebhookUrl,
    tls: Option<Anonymous>,
    timeout: Duration,
}

/// Why an alarm is not posted.
#[derive(Debug, thiserror::Error)]
pub enum NotPosted {
    /// The collector's host cannot be reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// There is no TLS with it.
    #[error(transparent)]
    Tls(#[from] NoConnection),
    /// It is silent.
    #[error("it did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It speaks something else.
    #[error("it does not speak HTTP: {0}")]
    Http(#[from] hyper::Error),
    /// It does not want it.
    #[error("it answered with HTTP status {0}")]
    Status(u16),
    /// The path holds what no request line takes.
    #[error("the request could not be written")]
    Request,
}

impl NotPosted {
    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Dial(error) => error.hint().to_owned(),
            Self::Tls(NoConnection::Handshake(failure)) => format!(
                "{}; WebhookCaFile names the authority of the collector",
                failure.hint()
            ),
            Self::Status(401 | 403 | 404 | 410) => {
                "see whether the path behind the host in Webhook is still the one that the collector \
                 shows"
                    .to_owned()
            }
            Self::Tls(NoConnection::Host(_)) | Self::Request => {
                "correct Webhook in crmgate.ini".to_owned()
            }
            Self::TimedOut(_) | Self::Http(_) | Self::Status(_) => {
                "see what stands at the address of Webhook, and whether it is in order".to_owned()
            }
        }
    }

    /// Whether the same post may do better in a while.
    pub const fn may_pass(&self) -> bool {
        match self {
            // It was understood and is not wanted, but for those that ask to wait.
            Self::Status(status) => matches!(*status, 408 | 425 | 429 | 500..),
            Self::Request | Self::Tls(NoConnection::Host(_)) => false,
            Self::Dial(_)
            | Self::Tls(NoConnection::Handshake(_))
            | Self::TimedOut(_)
            | Self::Http(_) => true,
        }
    }
}

impl Webhook {
    /// Reads the authorities; with an error among the problems there is nobody to post to.
    pub fn build(settings: &WebhookSettings, clock: &Clock) -> (Option<Self>, Problems) {
        let mut problems = Problems::new();
        let tls = match settings.url.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                let place = (&settings.place, "WebhookCaFile");
                let (tls, found) = Anonymous::towards(settings.ca.as_ref(), place, clock);
                problems.extend(found);
                if tls.is_none() {
                    return (None, problems);
                }
                tls
            }
        };
        let webhook = Self {
            url: settings.url.clone(),
            tls,
            timeout: settings.timeout,
        };
        (Some(webhook), problems)
    }

    /// Where to, without what may be a secret.
    pub fn shown(&self) -> String {
        self.url.to_string()
    }

    /// Posts once.
    pub async fn post(&self, json: &str) -> Result<(), NotPosted> {
        let deadline = Instant::now() + self.timeout;
        let posted = timeout_at(deadline, self.try_post(json, deadline)).await;
        posted.unwrap_or(Err(NotPosted::TimedOut(self.timeout)))
    }

    async fn try_post(&self, json: &str, deadline: Instant) -> Result<(), NotPosted> {
        let request = hyper::Request::post(self.url.path.expose().as_str())
            .header("Host", self.url.target.to_string())
            .header("Content-Type", "application/json")
            .header("User-Agent", concat!("crmgate/", env!("CARGO_PKG_VERSION")))
            .header("Connection", "close")
            .body(Full::new(Bytes::copy_from_slice(json.as_bytes())))
            .map_err(|_unfit| NotPosted::Request)?;
        let socket = dial(&self.url.target, deadline).await?;
        let wire = match &self.tls {
            Some(tls) => tls.connect(&self.url.target, socket).await?,
            None => Wire::Plain(socket),
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(wire)).await?;
        let answer = sender.send_request(request);
        tokio::pin!(answer);
        let answer = tokio::select! {
            biased;
            answer = &mut answer => answer,
            _ended = connection => answer.await,
        }?;
        match answer.status().as_u16() {
            200..300 => Ok(()),
            status => Err(NotPosted::Status(status)),
        }
    }
}
