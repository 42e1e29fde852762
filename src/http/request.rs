//! [`RequestHead`]: a request's head, judged, and written on for the next hop.

use std::net::IpAddr;

use crate::http::fields::FieldKind;
use crate::http::framing::Framing;
use crate::http::head::{Head, HeadLimits, Only, Span, StartLine, Version};
use crate::http::refusal::Refusal;
use crate::http::target::{is_host, may_stand_in_target, without_default_port};
use crate::http::text::{decimal, push_address, push_decimal, push_field};
use crate::telemetry::trace::PassedOn;

/// Which SOAP a caller speaks; a fault has to be in the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soap {
    /// `text/xml`.
    V1_1,
    /// `application/soap+xml`.
    V1_2,
}

/// A request's head that is well formed and not ambiguous. Used again for the next request.
#[derive(Debug)]
pub struct RequestHead {
    head: Head,
    method: Span,
    target: Span,
    /// Scheme and authority of an absolute target.
    authority: Option<Span>,
    /// What goes into the request line of the next hop.
    path: Span,
    version: Version,
    framing: Framing,
    keep_alive: bool,
    expects_continue: bool,
}

impl Default for RequestHead {
    fn default() -> Self {
        Self {
            head: Head::default(),
            method: Span::default(),
            target: Span::default(),
            authority: None,
            path: Span::default(),
            version: Version::Http11,
            framing: Framing::None,
            keep_alive: false,
            expects_continue: false,
        }
    }
}

/// What is changed when a request goes on.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestRewrite<'a> {
    /// `Host` for a caller of HTTP/1.0 who sent none.
    pub host_if_missing: &'a str,
    /// `Host` in place of the caller's.
    pub host: Option<&'a str>,
    /// The length of a body that was collected, in place of the caller's framing.
    pub collected_length: Option<u64>,
    /// The caller's address for `X-Forwarded-For`.
    pub forwarded_for: Option<IpAddr>,
    /// The scheme of the caller's leg for SAP's `ClientProtocol`.
    pub client_protocol: Option<&'a str>,
    /// What the next hop is told of the trace, where the request is recorded.
    pub trace: Option<PassedOn>,
}

impl RequestHead {
    /// Takes a whole head (up to and with its empty line) and judges it.
    ///
    /// Also after a refusal the method and target are there for the log, if they were understood.
    pub fn take(&mut self, input: &[u8], limits: HeadLimits) -> Result<(), Refusal> {
        self.clear();
        let StartLine::Request {
            method,
            target,
            version,
        } = self.head.take_request(input, limits)?
        else {
            return Err(Refusal::RequestLine);
        };
        self.method = method;
        self.target = target;
        self.version = version;
        self.judge_target()?;
        self.judge_fields()?;
        self.judge_host()?;
        self.framing = self.judge_framing()?;
        self.expects_continue = self.judge_expect()?;
        let wishes = self
            .head
            .read_connection()
            .map_err(|_names| Refusal::ConnectionNames)?;
        self.keep_alive = wishes.keeps(version);
        Ok(())
    }

    /// Forgets the head, so that nothing of it shows in what is said about the next one.
    pub(super) fn clear(&mut self) {
        let mut head = std::mem::take(&mut self.head);
        head.clear();
        *self = Self {
            head,
            ..Self::default()
        };
    }

    /// The method.
    pub fn method(&self) -> &[u8] {
        self.method.of(&self.head.bytes)
    }

    /// The target as the caller wrote it.
    pub fn target(&self) -> &[u8] {
        self.target.of(&self.head.bytes)
    }

    /// Host and port of an absolute target (`POST http://crm:44300/...`).
    pub fn authority(&self) -> Option<&[u8]> {
        self.authority.map(|span| span.of(&self.head.bytes))
    }

    /// The port that an absolute target means when it names none.
    pub fn default_port(&self) -> Option<u16> {
        self.authority.map(|_| {
            let https = self
                .target()
                .get(..6)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"https:"));
            if https { 443 } else { 80 }
        })
    }

    /// The version.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// How long the body is.
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether the caller wants to keep the connection.
    pub const fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Whether the caller waits for a word before it sends the body.
    pub const fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// Whether the method is `HEAD`, whose answer has no body.
    pub fn is_head(&self) -> bool {
        self.method() == b"HEAD"
    }

    /// Which SOAP the caller speaks, if any.
    pub fn soap(&self) -> Option<Soap> {
        let starts = |value: &[u8], with: &[u8]| {
            value
                .get(..with.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        let content_type = self
            .head
            .values(FieldKind::ContentType)
            .next()
            .unwrap_or_default();
        if starts(content_type, b"application/soap+xml") {
            Some(Soap::V1_2)
        } else if starts(content_type, b"text/xml") || self.soap_action().is_some() {
            Some(Soap::V1_1)
        } else {
            None
        }
    }

    /// The value of `SOAPAction` without its quotes, unless it is empty.
    pub fn soap_action(&self) -> Option<&[u8]> {
        let value = self.head.values(FieldKind::SoapAction).next()?;
        let bare = value
            .strip_prefix(b"\"")
            .and_then(|v| v.strip_suffix(b"\""))
            .unwrap_or(value);
        Some(bare).filter(|action| !action.is_empty())
    }

    /// Whether a `SOAPAction` field is there at all, be it empty.
    pub fn has_soap_action(&self) -> bool {
        self.head.values(FieldKind::SoapAction).next().is_some()
    }

    /// The value of `traceparent`, where there is exactly one.
    pub fn traceparent(&self) -> Option<&[u8]> {
        match self.head.only(FieldKind::TraceParent) {
            Only::One(value) => Some(value),
            Only::None | Only::Several => None,
        }
    }

    /// The values of `tracestate`, which may be spread over several fields.
    pub fn tracestate(&self) -> impl Iterator<Item = &[u8]> {
        self.head.values(FieldKind::TraceState)
    }

    /// Writes the head for the next hop: HTTP/1.1, origin form, nothing that was for this hop
    /// only, no claim about who the caller is but ours.
    pub fn write_to(&self, out: &mut Vec<u8>, rewrite: &RequestRewrite<'_>) {
        out.extend_from_slice(self.method());
        out.push(b' ');
        let path = self.path.of(&self.head.bytes);
        if path.first() != Some(&b'/') && path != b"*" {
            out.push(b'/');
        }
        out.extend_from_slice(path);
        out.extend_from_slice(b" HTTP/1.1\r\n");
        match rewrite.host {
            Some(host) => push_field(out, "Host", host),
            None if self.head.only(FieldKind::Host) == Only::None => {
                push_field(out, "Host", rewrite.host_if_missing);
            }
            None => {}
        }
        self.head.write_end_to_end(out, |kind| match kind {
            FieldKind::Host => rewrite.host.is_none(),
            FieldKind::ContentType | FieldKind::SoapAction | FieldKind::EndToEnd => true,
            FieldKind::ContentLength | FieldKind::TransferEncoding => {
                rewrite.collected_length.is_none()
            }
            FieldKind::TraceParent => rewrite.trace.is_none(),
            FieldKind::TraceState => rewrite.trace.is_none_or(|trace| !trace.begins_here),
            FieldKind::Connection
            | FieldKind::HopByHop
            | FieldKind::Upgrade
            | FieldKind::Expect
            | FieldKind::IdentityClaim
            | FieldKind::LookAlike => false,
        });
        if let Some(length) = rewrite.collected_length {
            out.extend_from_slice(b"Content-Length: ");
            push_decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        if let Some(address) = rewrite.forwarded_for {
            push_address(out, "X-Forwarded-For", address);
        }
        if let Some(scheme) = rewrite.client_protocol {
            push_field(out, "ClientProtocol", scheme);
        }
        if let Some(trace) = rewrite.trace {
            out.extend_from_slice(b"traceparent: ");
            trace.parent.write_to(out);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    fn judge_target(&mut self) -> Result<(), Refusal> {
        self.authority = None;
        self.path = self.target;
        let bytes = &self.head.bytes;
        let (method, target) = (self.method.of(bytes), self.target.of(bytes));
        if method.eq_ignore_ascii_case(b"CONNECT") {
            return Err(Refusal::Connect);
        }
        if method.eq_ignore_ascii_case(b"TRACE") {
            return Err(Refusal::Trace);
        }
        if !target.iter().all(|byte| may_stand_in_target(*byte)) {
            return Err(Refusal::Target);
        }
        match target {
            [b'/', ..] => Ok(()),
            b"*" if method == b"OPTIONS" => Ok(()),
            _ => self.take_absolute_target(),
        }
    }

    fn take_absolute_target(&mut self) -> Result<(), Refusal> {
        let target = self.target.of(&self.head.bytes);
        let scheme = [&b"http://"[..], b"https://"]
            .into_iter()
            .find(|scheme| {
                target
                    .get(..scheme.len())
                    .is_some_and(|t| t.eq_ignore_ascii_case(scheme))
            })
            .ok_or(Refusal::Target)?;
        let rest = target.get(scheme.len()..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b'/' | b'?'))
            .unwrap_or(rest.len());
        let authority = rest.get(..length).unwrap_or_default();
        if !is_host(authority) {
            return Err(Refusal::Target);
        }
        let after_scheme = self.target.skip(scheme.len());
        self.authority = Some(after_scheme.first(length));
        self.path = after_scheme.skip(length);
        Ok(())
    }

    fn judge_fields(&self) -> Result<(), Refusal> {
        for field in &self.head.fields {
            if field.kind == FieldKind::LookAlike {
                return Err(Refusal::LookAlike);
            }
            if field.kind == FieldKind::Upgrade {
                return Err(Refusal::Upgrade);
            }
        }
        Ok(())
    }

    fn judge_host(&self) -> Result<(), Refusal> {
        match self.head.only(FieldKind::Host) {
            Only::None if self.version == Version::Http10 => Ok(()),
            Only::None | Only::Several => Err(Refusal::Host),
            Only::One(host) if !is_host(host) => Err(Refusal::Host),
            Only::One(host) => match self.authority() {
                Some(authority) => {
                    let port = self.default_port();
                    let named = without_default_port(host, port);
                    if without_default_port(authority, port).eq_ignore_ascii_case(named) {
                        Ok(())
                    } else {
                        Err(Refusal::HostMismatch)
                    }
                }
                None => Ok(()),
            },
        }
    }

    fn judge_framing(&self) -> Result<Framing, Refusal> {
        let length = self.head.only(FieldKind::ContentLength);
        match (self.head.only(FieldKind::TransferEncoding), length) {
            (Only::None, Only::None) => Ok(Framing::None),
            (Only::None, Only::One(text)) => decimal(text)
                .map(Framing::Length)
                .ok_or(Refusal::ContentLength),
            (Only::None, Only::Several) => Err(Refusal::ContentLength),
            (Only::One(_) | Only::Several, Only::One(_) | Only::Several) => {
                Err(Refusal::LengthAndChunked)
            }
            (Only::One(coding), Only::None)
                if coding.eq_ignore_ascii_case(b"chunked") && self.version == Version::Http11 =>
            {
                Ok(Framing::Chunked)
            }
            (Only::One(_) | Only::Several, Only::None) => Err(Refusal::TransferEncoding),
        }
    }

    fn judge_expect(&self) -> Result<bool, Refusal> {
        let mut expects = false;
        for value in self.head.values(FieldKind::Expect) {
            if !value.eq_ignore_ascii_case(b"100-continue") {
                return Err(Refusal::Expect);
            }
            expects = true;
        }
        // A client of HTTP/1.0 would take the interim answer for the answer.
        Ok(expects && self.version == Version::Http11)
    }
}

#[cfg(test)]
#[path = "tests/request.rs"]
mod tests;

#[cfg(test)]
#[path = "tests/rewrite.rs"]
mod rewrite_tests;
