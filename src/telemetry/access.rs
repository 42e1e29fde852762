//! [`AccessLog`]: one canonical line for each exchange or relayed connection.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use super::flow::Flow;
use super::line::Line;
use super::sink::{LineSink, LogForm, Losses};
use super::stamp;
use crate::model::{Clock, ExchangeId, Generation, HostPort, Outcome, Principal, Side, SystemName};

/// What TLS the caller's connection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsLeg<'a> {
    /// Such as `TLSv1.3`.
    pub version: &'a str,
    /// Whether the handshake resumed an earlier session.
    pub resumed: bool,
}

/// Everything that is told about one exchange. What does not apply is `None` and leaves no trace
/// in the line. A body never gets here.
#[derive(Debug, Clone, Copy)]
pub struct AccessLine<'a> {
    /// The flow.
    pub flow: Flow,
    /// The id that the SOAP Fault carries too.
    pub id: ExchangeId,
    /// The SAP system.
    pub system: &'a SystemName,
    /// The address that was connected to.
    pub listener: SocketAddr,
    /// The caller's address.
    pub peer: SocketAddr,
    /// Who the caller proved to be.
    pub principal: Option<&'a Principal>,
    /// TLS of the caller's connection.
    pub tls: Option<TlsLeg<'a>>,
    /// The HTTP method, as it came.
    pub method: Option<&'a [u8]>,
    /// The request target, as it came. Its query is dropped, since it may carry credentials, and
    /// so is what exceeds 256 bytes.
    pub target: Option<&'a [u8]>,
    /// The SOAP operation, or the `SOAPAction` as it came; the first 128 bytes.
    pub operation: Option<&'a [u8]>,
    /// The side that served, or failed last.
    pub side: Option<Side>,
    /// Where the request went.
    pub upstream: Option<&'a HostPort>,
    /// Whether it went over a kept connection.
    pub upstream_reused: bool,
    /// How often a side was tried.
    pub tries: u8,
    /// What became of it.
    pub outcome: Outcome,
    /// The HTTP status that the caller got.
    pub status: Option<u16>,
    /// The gateway's own error code, where the gateway made the answer.
    pub code: Option<&'a str>,
    /// Bytes of body (or of the connection) from the caller.
    pub request_bytes: u64,
    /// Bytes of body (or of the connection) to the caller.
    pub response_bytes: u64,
    /// From the first byte of the request to the last of the answer.
    pub took: Duration,
    /// The configuration it was served under.
    pub generation: Generation,
}

impl AccessLine<'_> {
    /// Writes the line into a buffer, which is emptied first.
    fn encode(&self, buffer: &mut Vec<u8>, form: LogForm, time: &str) {
        let mut line = Line::begin(buffer, form, time, "access");
        self.encode_caller(&mut line);
        if let Some(method) = self.method {
            line.outside("method", method, WORD_LIMIT);
        }
        if let Some(target) = self.target {
            let path = target.split(|byte| *byte == b'?').next();
            // `target` names the writer of every line.
            line.outside("path", path.unwrap_or_default(), TARGET_LIMIT);
        }
        if let Some(operation) = self.operation {
            line.outside("operation", operation, OPERATION_LIMIT);
        }
        if let Some(side) = self.side {
            line.plain("side", side);
        }
        if let Some(upstream) = self.upstream {
            line.plain("upstream", upstream);
            line.flag("reused", self.upstream_reused);
        }
        line.number("tries", self.tries.into());
        line.word("outcome", self.outcome.code());
        if let Some(status) = self.status {
            line.number("status", status.into());
        }
        if let Some(code) = self.code {
            line.outside("code", code.as_bytes(), WORD_LIMIT);
        }
        line.number("request_bytes", self.request_bytes);
        line.number("response_bytes", self.response_bytes);
        let micros = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX);
        line.millis("ms", micros);
        line.number("generation", self.generation.0);
        line.end();
    }

    fn encode_caller(&self, line: &mut Line<'_>) {
        line.word("flow", self.flow.code());
        line.plain("id", self.id);
        line.word("system", self.system.as_str());
        line.address("listener", self.listener);
        line.address("peer", self.peer);
        if let Some(principal) = self.principal {
            line.outside("principal", principal.subject.as_bytes(), NAME_LIMIT);
            line.outside("issuer", principal.issuer.as_bytes(), NAME_LIMIT);
            line.outside("serial", principal.serial.as_bytes(), WORD_LIMIT);
        }
        if let Some(tls) = self.tls {
            line.outside("tls", tls.version.as_bytes(), WORD_LIMIT);
            line.flag("resumed", tls.resumed);
        }
    }
}

/// Writes access lines. Cheap to clone, usable from every thread, and never waits: what the
/// queue cannot take is counted as lost.
#[derive(Debug, Clone)]
pub struct AccessLog {
    writer: Option<Writer>,
    losses: Option<Losses>,
}

#[derive(Debug, Clone)]
struct Writer {
    sink: LineSink,
    form: LogForm,
    clock: Clock,
}

impl AccessLog {
    /// Writes nothing, and knows of no log.
    pub const fn off() -> Self {
        Self {
            writer: None,
            losses: None,
        }
    }

    /// Whether lines are written at all, so that nobody collects what nobody reads.
    pub const fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Lines that the whole log has lost so far, of whatever kind.
    pub fn lost_lines(&self) -> u64 {
        self.losses.as_ref().map_or(0, Losses::lines)
    }

    /// Writes nothing, beside a log: `Access=no`.
    pub(super) const fn silent(losses: Losses) -> Self {
        Self {
            writer: None,
            losses: Some(losses),
        }
    }

    pub(super) fn new(sink: LineSink, form: LogForm, clock: Clock) -> Self {
        Self {
            losses: Some(sink.losses()),
            writer: Some(Writer { sink, form, clock }),
        }
    }

    /// Writes one line, without an allocation.
    pub fn write(&self, line: &AccessLine<'_>) {
        let Some(writer) = &self.writer else { return };
        BUFFER.with_borrow_mut(|buffer| {
            stamp::with(writer.clock.since_epoch(), |time| {
                line.encode(buffer, writer.form, time);
            });
            writer.sink.send(buffer);
        });
    }
}

thread_local! {
    /// Bounded by the limits below, each of which an escape may blow up eightfold: 8 kB.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What a path of the ICI interface needs several times over.
const TARGET_LIMIT: usize = 256;

/// A SOAP action is a URI with the operation at its end, where a cut would hurt most.
const OPERATION_LIMIT: usize = 128;

/// A distinguished name; X.520 allows 64 characters for each of its parts.
const NAME_LIMIT: usize = 256;

/// Words that are short unless somebody plays: methods, versions, serial numbers (20 bytes at
/// most, in hexadecimal).
const WORD_LIMIT: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConnectionId, Fingerprint};
    use proptest::prelude::*;

    fn full<'a>(
        system: &'a SystemName,
        principal: &'a Principal,
        upstream: &'a HostPort,
    ) -> AccessLine<'a> {
        AccessLine {
            flow: Flow::Request,
            id: ExchangeId {
                connection: ConnectionId::of_thread(1, 7),
                number: 3,
            },
            system,
            listener: "10.0.0.1:8443".parse().expect("address"),
            peer: "[2001:db8::9]:50123".parse().expect("address"),
            principal: Some(principal),
            tls: Some(TlsLeg {
                version: "TLSv1.3",
                resumed: true,
            }),
            method: Some(b"POST"),
            target: Some(b"/ici/phone?session=secret"),
            operation: Some(b"urn:sap-com:ici#getState"),
            side: Some(Side::B),
            upstream: Some(upstream),
            upstream_reused: true,
            tries: 2,
            outcome: Outcome::Answered,
            status: Some(200),
            code: None,
            request_bytes: 812,
            response_bytes: 1_944,
            took: Duration::from_micros(12_345),
            generation: Generation::FIRST,
        }
    }

    fn system() -> SystemName {
        "SAP1".parse().expect("name")
    }

    fn principal(subject: &str) -> Principal {
        Principal {
            subject: subject.to_owned(),
            issuer: "CN=Company CA".to_owned(),
            serial: "0a1b".to_owned(),
            fingerprint: Fingerprint([7; 32]),
        }
    }

    fn upstream() -> HostPort {
        "side-b.example:8443".parse().expect("address")
    }

    fn encode(line: &AccessLine<'_>, form: LogForm) -> String {
        let mut buffer = Vec::new();
        line.encode(&mut buffer, form, "2027-03-01T00:00:00.000250Z");
        String::from_utf8(buffer).expect("a line is UTF-8")
    }

    #[test]
    fn a_text_line_tells_everything_but_the_query() {
        let (system, principal, upstream) = (system(), principal("CN=crm"), upstream());
        let line = encode(&full(&system, &principal, &upstream), LogForm::Text);
        assert_eq!(
            line,
            "2027-03-01T00:00:00.000250Z  INFO access: flow=request id=1000000000007.3 \
             system=SAP1 listener=10.0.0.1:8443 peer=[2001:db8::9]:50123 principal=\"CN=crm\" \
             issuer=\"CN=Company CA\" serial=0a1b tls=TLSv1.3 resumed=true method=POST \
             path=/ici/phone operation=urn:sap-com:ici#getState side=B \
             upstream=side-b.example:8443 reused=true tries=2 outcome=answered status=200 \
             request_bytes=812 response_bytes=1944 ms=12.345 generation=1\n"
        );
    }

    #[test]
    fn a_json_line_has_numbers_flags_and_texts_of_their_own_kind() {
        let (system, principal, upstream) = (system(), principal("CN=crm"), upstream());
        let line = encode(&full(&system, &principal, &upstream), LogForm::Json);
        let json: serde_json::Value = serde_json::from_str(&line).expect("json");
        assert_eq!(json["timestamp"], "2027-03-01T00:00:00.000250Z");
        assert_eq!(json["principal"], "CN=crm");
        assert_eq!(json["resumed"], true);
        assert_eq!(json["status"], 200);
        assert_eq!(json["ms"], 12.345);
        assert_eq!(json.get("code"), None);
    }

    /// The keys of a line as they stand in its text: a parser would keep one of two that are the
    /// same. For values without quotes.
    fn keys(json: &str) -> Vec<&str> {
        let parts: Vec<_> = json.split('"').collect();
        let named = parts.windows(2).filter(|pair| pair[1].starts_with(':'));
        named.map(|pair| pair[0]).collect()
    }

    #[test]
    fn no_key_of_a_json_line_comes_twice() {
        let (system, principal, upstream) = (system(), principal("CN=crm"), upstream());
        let line = AccessLine {
            code: Some("GW-502-NO-ANSWER"),
            ..full(&system, &principal, &upstream)
        };
        let json = encode(&line, LogForm::Json);
        let mut keys = keys(&json);
        assert_eq!(keys.len(), 27, "{json}");
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 27, "{json}");
        assert!(json.contains("\"path\":\"/ici/phone\""), "{json}");
    }

    #[test]
    fn what_does_not_apply_leaves_no_trace() {
        let (system, principal, upstream) = (system(), principal("CN=crm"), upstream());
        let line = AccessLine {
            flow: Flow::StaticRoute,
            principal: None,
            tls: None,
            method: None,
            target: None,
            operation: None,
            side: None,
            upstream: None,
            status: None,
            ..full(&system, &principal, &upstream)
        };
        let text = encode(&line, LogForm::Text);
        for key in [
            "principal",
            "tls",
            "method",
            "path",
            "side",
            "status",
            "reused",
        ] {
            assert!(!text.contains(&format!(" {key}=")), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_field_give_exactly_one_line(
            subject in ".{0,300}",
            code in any::<String>(),
            method in proptest::collection::vec(any::<u8>(), 0..300),
            target in proptest::collection::vec(any::<u8>(), 0..300),
            operation in "[\u{0}-\u{9f}\u{2028}\u{202e}\"\\\\ =]{0,200}",
        ) {
            let (system, principal, upstream) = (system(), principal(&subject), upstream());
            let line = AccessLine {
                method: Some(&method),
                target: Some(&target),
                operation: Some(operation.as_bytes()),
                code: Some(&code),
                ..full(&system, &principal, &upstream)
            };
            for form in [LogForm::Text, LogForm::Json] {
                let written = encode(&line, form);
                let body = written.strip_suffix('\n').expect("ends its line");
                prop_assert!(!body.chars().any(super::super::escape::is_unsafe), "{body:?}");
            }
            let json: serde_json::Value =
                serde_json::from_str(&encode(&line, LogForm::Json)).expect("json");
            if operation.len() <= OPERATION_LIMIT {
                prop_assert_eq!(json["operation"].as_str(), Some(operation.as_str()));
            }
            let fields = json.as_object().expect("object").len();
            prop_assert_eq!(fields, 27);
        }
    }
}
