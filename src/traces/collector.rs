//! [`Collector`]: where spans are posted to, and what it takes to know it.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::fields;
use super::partial::{Rejected, rejected};
use crate::config::problem::Problems;
use crate::config::settings::{TraceSettings, WebhookUrl};
use crate::model::{Clock, Scheme, WallTime};
use crate::net::{DialError, dial};
use crate::telemetry::host_name;
use crate::telemetry::trace::{Batch, Resource, request};
use crate::tls::{Anonymous, NoConnection, Wire};

/// A collector of OpenTelemetry.
#[derive(Debug)]
pub struct Collector {
    url: WebhookUrl,
    tls: Option<Anonymous>,
    fields: HeaderMap,
    timeout: Duration,
    resource: Resource,
    clock: Clock,
}

/// A connection that is kept between two posts. Dropping it closes it.
#[derive(Debug)]
pub struct Kept {
    sender: SendRequest<Full<Bytes>>,
    _driver: JoinSet<()>,
}

/// The collector has taken a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What it has not taken of it.
    pub rejected: Option<Rejected>,
}

/// Why spans were not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// The collector's host cannot be reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// There is no TLS with it.
    #[error(transparent)]
    Tls(#[from] NoConnection),
    /// It is silent.
    #[error("the collector did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It speaks something else, or hung up.
    #[error("the collector does not speak HTTP: {0}")]
    Http(#[from] hyper::Error),
    /// It does not want them, or not now.
    #[error("the collector answered with HTTP status {status}")]
    Status {
        /// What it answered.
        status: u16,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The path holds what no request line takes.
    #[error("the post to the collector could not be written")]
    Request,
}

impl NotTaken {
    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Dial(error) => error.hint().to_owned(),
            Self::Tls(NoConnection::Handshake(failure)) => format!(
                "{}; CaFile of [Traces] names the authority of the collector",
                failure.hint()
            ),
            Self::Status {
                status: 401 | 403, ..
            } => "see whether HeadersFile of [Traces] holds what the collector asks for".to_owned(),
            Self::Status {
                status: 404 | 405 | 415,
                ..
            } => "see whether Endpoint of [Traces] is where the collector takes OTLP over HTTP; mostly \
                  port 4318 and the path /v1/traces"
                .to_owned(),
            Self::Status {
                status: 429 | 503, ..
            } => "the collector has too much to do: lower SampleRatio, or give it more".to_owned(),
            Self::Tls(NoConnection::Host(_)) | Self::Request => {
                "correct Endpoint of [Traces] in crmgate.ini".to_owned()
            }
            Self::TimedOut(_) | Self::Http(_) | Self::Status { .. } => {
                "see what stands at the address of Endpoint, and whether it is in order".to_owned()
            }
        }
    }

    /// Whether the same spans are to be posted again, as OTLP has it.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(*status, 429 | 502 | 503 | 504),
            Self::Request | Self::Tls(NoConnection::Host(_)) => false,
            Self::Dial(_)
            | Self::Tls(NoConnection::Handshake(_))
            | Self::TimedOut(_)
            | Self::Http(_) => true,
        }
    }

    /// How long the collector wants to be left alone.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Dial(_) | Self::Tls(_) | Self::TimedOut(_) | Self::Http(_) | Self::Request => {
                None
            }
        }
    }
}

impl Collector {
    /// Reads the files; with an error among the problems there is nobody to post to.
    pub fn build(settings: &TraceSettings, clock: &Clock) -> (Option<Self>, Problems) {
        let mut problems = Problems::new();
        let tls = match settings.endpoint.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                let place = (&settings.place, "CaFile");
                let (tls, found) = Anonymous::towards(settings.ca.as_ref(), place, clock);
                problems.extend(found);
                if tls.is_none() {
                    return (None, problems);
                }
                tls
            }
        };
        let (fields, found) = settings
            .headers
            .as_ref()
            .map_or_else(Default::default, fields::read);
        let is_read = !found.has_errors();
        problems.extend(found);
        let collector = Self {
            url: settings.endpoint.clone(),
            tls,
            fields,
            timeout: settings.timeout,
            resource: Resource {
                service: settings.service.clone(),
                host: host_name(),
            },
            clock: clock.clone(),
        };
        (is_read.then_some(collector), problems)
    }

    /// Where to, without what may be a secret.
    pub fn shown(&self) -> String {
        self.url.to_string()
    }

    /// Posts spans once, over the connection that was kept if there is one.
    pub async fn post(&self, kept: &mut Option<Kept>, batch: &Batch) -> Result<Taken, NotTaken> {
        let body = Bytes::from(request(&self.resource, batch));
        let deadline = Instant::now() + self.timeout;
        let posted = timeout_at(deadline, self.try_post(kept, body, deadline)).await;
        posted.unwrap_or_else(|_elapsed| {
            // What may still come on it would be taken for the answer to something else.
            *kept = None;
            Err(NotTaken::TimedOut(self.timeout))
        })
    }

    async fn try_post(
        &self,
        kept: &mut Option<Kept>,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Taken, NotTaken> {
        if let Some(mut own) = kept.take().filter(|own| !own.sender.is_closed()) {
            // It may have been closed in this moment; then a new one is as good as it was.
            if let Ok(answer) = own.sender.send_request(self.request(body.clone())?).await {
                return self.judge(answer, own, kept).await;
            }
        }
        let mut fresh = self.connect(deadline).await?;
        let answer = fresh.sender.send_request(self.request(body)?).await?;
        self.judge(answer, fresh, kept).await
    }

    async fn connect(&self, deadline: Instant) -> Result<Kept, NotTaken> {
        let socket = dial(&self.url.target, deadline).await?;
        let wire = match &self.tls {
            Some(tls) => tls.connect(&self.url.target, socket).await?,
            None => Wire::Plain(socket),
        };
        let (sender, connection) = http1::handshake(TokioIo::new(wire)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // Whoever waits for an answer on it hears the same.
            let _told_to_the_sender = connection.await;
        });
        Ok(Kept {
            sender,
            _driver: driver,
        })
    }

    fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>, NotTaken> {
        let mut request = Request::post(self.url.path.expose().as_str())
            .header("Host", self.url.target.to_string())
            .header("Content-Type", "application/x-protobuf")
            .header("User-Agent", concat!("crmgate/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))
            .map_err(|_unfit| NotTaken::Request)?;
        request.headers_mut().extend(self.fields.clone());
        Ok(request)
    }

    /// Reads the answer to its end, so that the connection can carry the next post.
    async fn judge(
        &self,
        answer: Response<Incoming>,
        own: Kept,
        kept: &mut Option<Kept>,
    ) -> Result<Taken, NotTaken> {
        let status = answer.status().as_u16();
        let retry_after = self.retry_after(answer.headers());
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER);
        // What it has to say is of use only if it is whole.
        let said = body.collect().await.ok().map(Collected::to_bytes);
        if said.is_some() {
            *kept = Some(own);
        }
        match status {
            200..300 => Ok(Taken {
                rejected: said.as_deref().and_then(rejected),
            }),
            status => Err(NotTaken::Status {
                status,
                retry_after,
            }),
        }
    }

    /// `Retry-After`, in seconds or as a date.
    fn retry_after(&self, fields: &HeaderMap) -> Option<Duration> {
        let value = fields.get("Retry-After")?.to_str().ok()?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let WallTime(at) = WallTime::parse_http(value)?;
        let left = at.saturating_sub(self.clock.now().0);
        Some(Duration::from_secs(u64::try_from(left).unwrap_or_default()))
    }
}

/// More than any collector has to say about a post.
const LONGEST_ANSWER: usize = 64 * 1024;
