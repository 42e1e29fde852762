//! Spans as they are sent: what the access line tells, under the names of OpenTelemetry's semantic
//! conventions, and under names of our own where these have none.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::time::Duration;

use super::context::{SpanId, TraceParent};
use super::wire::Message;
use crate::model::{HostPort, Outcome, Principal, Side, SystemName};
use crate::telemetry::access::AccessLine;

/// What every span has.
pub(super) struct Outline<'a> {
    /// The trace, and this span in it.
    pub(super) own: TraceParent,
    /// The span above it, and whether that is another program's.
    pub(super) parent: Option<(SpanId, bool)>,
    /// What other systems of tracing have to say, as it came.
    pub(super) state: &'a [u8],
    pub(super) method: &'a [u8],
    /// The SOAP operation, of which there are not many; none where there is none.
    pub(super) operation: Option<&'a str>,
    /// Since 1970.
    pub(super) began: Duration,
    pub(super) took: Duration,
}

/// An exchange, from the caller's end.
pub(super) struct Served<'a> {
    pub(super) line: &'a AccessLine<'a>,
    /// Of HTTP.
    pub(super) version: &'static str,
}

/// One try at a far end.
#[derive(Debug)]
pub struct Tried<'a> {
    /// The SAP system.
    pub system: &'a SystemName,
    /// The side; `None` is SAP CRM.
    pub side: Option<Side>,
    /// Who was meant.
    pub target: &'a HostPort,
    /// The method, as it came.
    pub method: &'a [u8],
    /// The target of the request, as it came.
    pub path: &'a [u8],
    /// The SOAP operation, as it came.
    pub operation: Option<&'a [u8]>,
    /// 1 for the first.
    pub number: u8,
    /// Whether it went over a kept connection.
    pub reused: bool,
    /// What became of it.
    pub outcome: Outcome,
    /// The status that was answered.
    pub status: Option<u16>,
    /// Why there is no answer, or not all of it: a code and a text.
    pub failure: Option<(&'static str, String)>,
    /// Bytes of body that were sent.
    pub request_bytes: u64,
    /// Bytes of body that came back.
    pub response_bytes: u64,
}

/// The connection that a try got.
#[derive(Debug, Clone, Copy)]
pub struct Reached {
    /// Where it leads: the far end, or a proxy in front of it.
    pub peer: SocketAddr,
    /// Such as `TLSv1.3`.
    pub tls: Option<&'static str>,
}

/// Appends the span of an exchange.
pub(super) fn write_served(out: &mut Vec<u8>, outline: &Outline<'_>, served: &Served<'_>) {
    let line = served.line;
    let status;
    let failure = match (line.status, line.code) {
        (Some(500..) | None, Some(code)) => Some(code),
        (Some(code @ 500..), None) => {
            status = code.to_string();
            Some(status.as_str())
        }
        (None, None) => Some(OTHER),
        // The answer began well and broke off.
        (Some(_), Some(code)) if line.outcome == Outcome::Answered => Some(code),
        (Some(_), _) => None,
    };
    write(out, outline, Kind::Server, |span| {
        span.method(outline.method);
        span.text(
            "url.scheme",
            if line.tls.is_some() { "https" } else { "http" },
        );
        span.outside("url.path", path_of(line.target.unwrap_or_default()));
        if let Some(status) = line.status {
            span.number("http.response.status_code", status.into());
        }
        span.text("network.protocol.version", served.version);
        span.shown("client.address", line.peer.ip().to_canonical());
        span.number("client.port", line.peer.port().into());
        let own = line.listener.ip().to_canonical();
        // A listener on all addresses has none to tell.
        if !own.is_unspecified() {
            span.shown("server.address", own);
        }
        span.number("server.port", line.listener.port().into());
        span.number("http.request.body.size", line.request_bytes);
        span.number("http.response.body.size", line.response_bytes);
        if let Some(tls) = line.tls {
            span.tls(tls.version);
            span.flag("tls.resumed", tls.resumed);
        }
        if let Some(principal) = line.principal {
            span.principal(principal);
        }
        span.place(line.system, line.side);
        span.text("crmgate.route", line.flow.code());
        span.operation(line.operation);
        span.shown("crmgate.exchange.id", line.id);
        span.number("crmgate.tries", line.tries.into());
        span.text("crmgate.outcome", line.outcome.code());
        if let Some(code) = line.code {
            span.text("crmgate.code", code);
        }
        span.number("crmgate.generation", line.generation.0);
        failure.map(|error| (error, ""))
    });
}

/// Appends the span of a try.
pub(super) fn write_tried(
    out: &mut Vec<u8>,
    outline: &Outline<'_>,
    tried: &Tried<'_>,
    reached: Option<Reached>,
    is_tls: bool,
) {
    let status;
    let failure = match (&tried.failure, tried.status) {
        (Some((code, text)), _) => Some((*code, text.as_str())),
        (None, Some(code @ 400..)) => {
            status = code.to_string();
            Some((status.as_str(), ""))
        }
        (None, _) => None,
    };
    write(out, outline, Kind::Client, |span| {
        span.method(outline.method);
        let scheme = if is_tls { "https" } else { "http" };
        let path = String::from_utf8_lossy(path_of(tried.path));
        let path = path.get(..path.floor_char_boundary(LIMIT)).unwrap_or(&path);
        span.shown(
            "url.full",
            format_args!("{scheme}://{}{path}", tried.target),
        );
        span.text("server.address", tried.target.host());
        span.number("server.port", tried.target.port().into());
        if let Some(reached) = reached {
            span.shown("network.peer.address", reached.peer.ip().to_canonical());
            span.number("network.peer.port", reached.peer.port().into());
            if let Some(version) = reached.tls {
                span.tls(version);
            }
        }
        span.text("network.protocol.version", "1.1");
        if let Some(status) = tried.status {
            span.number("http.response.status_code", status.into());
        }
        if let Some(again) = tried.number.checked_sub(1).filter(|again| *again > 0) {
            span.number("http.request.resend_count", again.into());
        }
        span.number("http.request.body.size", tried.request_bytes);
        span.number("http.response.body.size", tried.response_bytes);
        span.place(tried.system, tried.side);
        span.operation(tried.operation);
        span.flag("crmgate.reused", tried.reused);
        span.text("crmgate.outcome", tried.outcome.code());
        failure
    });
}

/// From which end an exchange is told.
#[derive(Clone, Copy)]
enum Kind {
    Server = 2,
    Client = 3,
}

/// Appends a span as a field of the message that it is sent in. `fill` writes its attributes and says
/// what went wrong: a code and a text.
fn write<'f>(
    out: &mut Vec<u8>,
    outline: &Outline<'_>,
    kind: Kind,
    fill: impl FnOnce(&mut Attributes<'_, '_>) -> Option<(&'f str, &'f str)>,
) {
    const HAS_REMOTE: u32 = 0x100;
    const IS_REMOTE: u32 = 0x200;
    Message::behind(out).within(super::SPANS, |span| {
        span.bytes(1, &outline.own.trace.0);
        span.bytes(2, &outline.own.span.0);
        if !outline.state.is_empty() {
            span.outside(3, outline.state, usize::MAX);
        }
        let mut flags = u32::from(outline.own.flags()) | HAS_REMOTE;
        if let Some((parent, is_remote)) = outline.parent {
            span.bytes(4, &parent.0);
            flags |= if is_remote { IS_REMOTE } else { 0 };
        }
        let method = known(outline.method).unwrap_or("HTTP");
        match outline.operation {
            Some(operation) => span.shown(5, format_args!("{method} {operation}")),
            None => span.bytes(5, method.as_bytes()),
        }
        span.number(6, kind as u64);
        let ended = outline.began.saturating_add(outline.took);
        span.fixed64(7, nanos(outline.began));
        span.fixed64(8, nanos(ended));
        if let Some((code, text)) = fill(&mut Attributes(span)) {
            Attributes(span).text("error.type", code);
            span.within(15, |status| {
                if !text.is_empty() {
                    status.outside(2, text.as_bytes(), LIMIT);
                }
                status.number(3, ERROR);
            });
        }
        span.fixed32(16, flags);
    });
}

/// The attributes of a span that is being written.
struct Attributes<'s, 'm>(&'s mut Message<'m>);

impl Attributes<'_, '_> {
    fn value(&mut self, key: &str, fill: impl FnOnce(&mut Message<'_>)) {
        attribute(self.0, 9, key, fill);
    }

    fn text(&mut self, key: &str, value: &str) {
        self.value(key, |any| any.bytes(1, value.as_bytes()));
    }

    fn outside(&mut self, key: &str, value: &[u8]) {
        self.value(key, |any| any.outside(1, value, LIMIT));
    }

    fn shown(&mut self, key: &str, value: impl Display) {
        self.value(key, |any| any.shown(1, value));
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.value(key, |any| any.number(2, value.into()));
    }

    fn number(&mut self, key: &str, value: u64) {
        self.value(key, |any| any.number(3, value));
    }

    fn method(&mut self, method: &[u8]) {
        let known = known(method);
        self.text("http.request.method", known.unwrap_or(OTHER));
        if known.is_none() {
            self.outside("http.request.method_original", method);
        }
    }

    fn tls(&mut self, version: &str) {
        let number = version.strip_prefix("TLSv").unwrap_or(version);
        self.text("tls.protocol.name", "tls");
        self.text("tls.protocol.version", number);
    }

    fn principal(&mut self, principal: &Principal) {
        self.outside("tls.client.subject", principal.subject.as_bytes());
        self.outside("tls.client.issuer", principal.issuer.as_bytes());
        let fingerprint = UpperCase(&principal.fingerprint.0);
        self.shown("tls.client.hash.sha256", fingerprint);
    }

    fn place(&mut self, system: &SystemName, side: Option<Side>) {
        self.text("crmgate.system", system.as_str());
        if let Some(side) = side {
            self.shown("crmgate.side", side);
        }
    }

    fn operation(&mut self, operation: Option<&[u8]>) {
        if let Some(operation) = operation {
            self.outside("crmgate.soap.action", operation);
        }
    }
}

/// Appends an attribute, as spans and resources have them.
pub(super) fn attribute(
    message: &mut Message<'_>,
    field: u32,
    key: &str,
    fill: impl FnOnce(&mut Message<'_>),
) {
    message.within(field, |pair| {
        pair.bytes(1, key.as_bytes());
        pair.within(2, fill);
    });
}

/// Bytes in hexadecimal, as the conventions want digests.
struct UpperCase<'a>(&'a [u8]);

impl Display for UpperCase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// A method of which there are not many.
fn known(method: &[u8]) -> Option<&'static str> {
    METHODS.into_iter().find(|known| known.as_bytes() == method)
}

/// The path of a target, without the query, which may carry credentials, and without the host that
/// an absolute one names.
fn path_of(target: &[u8]) -> &[u8] {
    let whole = target.split(|byte| *byte == b'?').next();
    let whole = whole.unwrap_or_default();
    let Some(scheme) = memchr::memmem::find(whole, b"://").filter(|_| !whole.starts_with(b"/"))
    else {
        return whole;
    };
    let behind = whole.get(scheme.saturating_add(3)..).unwrap_or_default();
    let start = memchr::memchr(b'/', behind);
    start.and_then(|at| behind.get(at..)).unwrap_or(b"/")
}

/// Nanoseconds, which is what a time is told in.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The word of the conventions for what has none of its own.
const OTHER: &str = "_OTHER";

/// Those of RFC 9110 and RFC 5789: what the conventions count as known.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// What a status says that is no good one.
const ERROR: u64 = 2;

/// As much as an access line has of a path or of a name.
const LIMIT: usize = 256;
