//! Heads as they came: where one ends, and its fields in place.
//!
//! The only user of `httparse`. A head is copied once, next to an index of its fields, and written
//! on from there; names and values keep their bytes, their order and their spelling, because old
//! connectors mind. Both vectors are used again for the next head.

use std::mem::MaybeUninit;

use crate::http::fields::{FieldKind, classify, same_name};
use crate::http::refusal::{BadAnswer, Refusal};

/// How large a head may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes, with the empty line that ends it.
    pub max_size: usize,
    /// Fields.
    pub max_fields: usize,
}

/// Most fields that can be asked for; the index of a parse lives on the stack.
pub(super) const FIELDS_AT_MOST: usize = 256;

/// A version of HTTP that is spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0, as SAP's client speaks it by default.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// A part of a head, by its place in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The first `length` bytes.
    pub(super) fn first(self, length: usize) -> Self {
        Self {
            start: self.start,
            end: self.start.saturating_add(length).min(self.end),
        }
    }

    /// The part from `skip` bytes on.
    pub(super) fn skip(self, skip: usize) -> Self {
        Self {
            start: self.start.saturating_add(skip).min(self.end),
            end: self.end,
        }
    }
}

/// One field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: Span,
    pub(super) value: Span,
    pub(super) kind: FieldKind,
    /// Named in `Connection`, so meant for this hop only.
    pub(super) hop: bool,
}

/// The bytes of a head and the index of its fields.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    pub(super) fields: Vec<Field>,
}

/// The first line of a head, taken apart.
pub(super) enum StartLine {
    Request {
        method: Span,
        target: Span,
        version: Version,
    },
    Answer {
        status: u16,
        reason: Span,
        version: Version,
    },
}

impl Head {
    /// Takes a whole request head, up to and with its empty line.
    pub(super) fn take_request(
        &mut self,
        input: &[u8],
        limits: HeadLimits,
    ) -> Result<StartLine, Refusal> {
        self.bytes.clear();
        self.bytes.extend_from_slice(input);
        self.fields.clear();
        no_bare_cr(&self.bytes).map_err(|BareCr| Refusal::LineEnd)?;
        let mut fields = [const { MaybeUninit::uninit() }; FIELDS_AT_MOST];
        let mut request = httparse::Request::new(&mut []);
        let parsed = request.parse_with_uninit_headers(&self.bytes, &mut fields);
        match parsed.map_err(|error| refusal_of(error, &self.bytes))? {
            httparse::Status::Complete(length) if length == self.bytes.len() => {}
            httparse::Status::Complete(_) | httparse::Status::Partial => {
                return Err(Refusal::RequestLine);
            }
        }
        if request.headers.len() > limits.max_fields {
            return Err(Refusal::TooManyFields);
        }
        let span = |part: &[u8]| span_of(&self.bytes, part);
        for header in &*request.headers {
            self.fields.push(Field {
                name: span(header.name.as_bytes()),
                value: span(header.value),
                kind: classify(header.name.as_bytes()),
                hop: false,
            });
        }
        match (
            request.method,
            request.path,
            request.version.and_then(version_of),
        ) {
            (Some(method), Some(target), Some(version)) => Ok(StartLine::Request {
                method: span(method.as_bytes()),
                target: span(target.as_bytes()),
                version,
            }),
            (_, _, None) => Err(Refusal::Version),
            _ => Err(Refusal::RequestLine),
        }
    }

    /// Takes a whole answer head, up to and with its empty line.
    pub(super) fn take_answer(
        &mut self,
        input: &[u8],
        limits: HeadLimits,
    ) -> Result<StartLine, BadAnswer> {
        self.bytes.clear();
        self.bytes.extend_from_slice(input);
        self.fields.clear();
        no_bare_cr(&self.bytes).map_err(|BareCr| BadAnswer::Head)?;
        let mut fields = [const { MaybeUninit::uninit() }; FIELDS_AT_MOST];
        let mut answer = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let parsed =
            config.parse_response_with_uninit_headers(&mut answer, &self.bytes, &mut fields);
        match parsed {
            Ok(httparse::Status::Complete(length)) if length == self.bytes.len() => {}
            Err(httparse::Error::TooManyHeaders) => return Err(BadAnswer::HeadTooLarge),
            Ok(_) | Err(_) => return Err(BadAnswer::Head),
        }
        if answer.headers.len() > limits.max_fields {
            return Err(BadAnswer::HeadTooLarge);
        }
        let span = |part: &[u8]| span_of(&self.bytes, part);
        for header in &*answer.headers {
            self.fields.push(Field {
                name: span(header.name.as_bytes()),
                value: span(header.value),
                kind: classify(header.name.as_bytes()),
                hop: false,
            });
        }
        match (answer.code, answer.version.and_then(version_of)) {
            (Some(status @ 100..=599), Some(version)) => Ok(StartLine::Answer {
                status,
                reason: answer
                    .reason
                    .map(|reason| span(reason.as_bytes()))
                    .unwrap_or_default(),
                version,
            }),
            _ => Err(BadAnswer::Head),
        }
    }

    /// The values of a kind of field.
    pub(super) fn values(&self, kind: FieldKind) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |field| field.kind == kind)
            .map(|field| field.value.of(&self.bytes))
    }

    /// The value of a kind of field that there is exactly once.
    pub(super) fn only(&self, kind: FieldKind) -> Only<'_> {
        let mut values = self.values(kind);
        match (values.next(), values.next()) {
            (None, _) => Only::None,
            (Some(value), None) => Only::One(value),
            (Some(_), Some(_)) => Only::Several,
        }
    }

    /// Reads `Connection`: what it says of the connection itself, and which fields it claims for
    /// this hop, which are marked. `Err` if it claims one that every hop needs.
    pub(super) fn read_connection(&mut self) -> Result<Wishes, ConnectionNames> {
        let mut wishes = Wishes::default();
        let Self { bytes, fields } = self;
        for at in 0..fields.len() {
            let Some(field) = fields
                .get(at)
                .copied()
                .filter(|f| f.kind == FieldKind::Connection)
            else {
                continue;
            };
            for token in field.value.of(bytes).split(|byte| *byte == b',') {
                let token = token.trim_ascii();
                if token.eq_ignore_ascii_case(b"close") {
                    wishes.close = true;
                } else if token.eq_ignore_ascii_case(b"keep-alive") {
                    wishes.keep_alive = true;
                } else if !token.is_empty() {
                    claim(bytes, fields, token)?;
                }
            }
        }
        Ok(wishes)
    }

    /// Writes the fields that are meant for the next hop.
    pub(super) fn write_end_to_end(&self, out: &mut Vec<u8>, keep: impl Fn(FieldKind) -> bool) {
        for field in self
            .fields
            .iter()
            .filter(|field| !field.hop && keep(field.kind))
        {
            out.extend_from_slice(field.name.of(&self.bytes));
            out.extend_from_slice(b": ");
            out.extend_from_slice(field.value.of(&self.bytes));
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// How often a field is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Only<'a> {
    None,
    One(&'a [u8]),
    Several,
}

/// What `Connection` says of the connection itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
}

impl Wishes {
    /// Whether the connection stays open after the exchange.
    pub(super) const fn keeps(self, version: Version) -> bool {
        match version {
            Version::Http10 => self.keep_alive && !self.close,
            Version::Http11 => !self.close,
        }
    }
}

/// `Connection` names a field that every hop needs.
#[derive(Debug)]
pub(super) struct ConnectionNames;

fn claim(bytes: &[u8], fields: &mut [Field], token: &[u8]) -> Result<(), ConnectionNames> {
    match classify(token) {
        FieldKind::Host
        | FieldKind::ContentLength
        | FieldKind::ContentType
        | FieldKind::SoapAction
        | FieldKind::TransferEncoding
        | FieldKind::LookAlike => Err(ConnectionNames),
        FieldKind::Connection
        | FieldKind::HopByHop
        | FieldKind::Upgrade
        | FieldKind::Expect
        | FieldKind::IdentityClaim
        | FieldKind::EndToEnd => {
            for field in fields
                .iter_mut()
                .filter(|field| same_name(field.name.of(bytes), token))
            {
                field.hop = true;
            }
            Ok(())
        }
    }
}

/// Where a head ends: the length up to and with its empty line, once it is there.
///
/// `from` is how many bytes were looked at before; a line feed without its carriage return is
/// refused as soon as it is seen, so a peer that never sends a proper end is not waited for.
pub(super) fn find_end(input: &[u8], from: usize) -> Result<Option<usize>, BareLf> {
    let unseen = input.get(from..).unwrap_or_default();
    for at in memchr::memchr_iter(b'\n', unseen).map(|at| at.saturating_add(from)) {
        let before = input.get(..at).unwrap_or_default();
        if !before.ends_with(b"\r") {
            return Err(BareLf);
        }
        if before.ends_with(b"\r\n\r") {
            return Ok(at.checked_add(1));
        }
    }
    Ok(None)
}

/// A line feed without its carriage return.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BareLf;

struct BareCr;

fn no_bare_cr(bytes: &[u8]) -> Result<(), BareCr> {
    let bare =
        memchr::memchr_iter(b'\r', bytes).any(|at| bytes.get(at.saturating_add(1)) != Some(&b'\n'));
    if bare { Err(BareCr) } else { Ok(()) }
}

const fn version_of(minor: u8) -> Option<Version> {
    match minor {
        0 => Some(Version::Http10),
        1 => Some(Version::Http11),
        _ => None,
    }
}

fn refusal_of(error: httparse::Error, bytes: &[u8]) -> Refusal {
    match error {
        httparse::Error::HeaderName | httparse::Error::HeaderValue => {
            if memchr::memchr(0, bytes).is_some() {
                Refusal::LineEnd
            } else {
                Refusal::Field
            }
        }
        httparse::Error::NewLine => Refusal::LineEnd,
        httparse::Error::TooManyHeaders => Refusal::TooManyFields,
        httparse::Error::Version => Refusal::Version,
        httparse::Error::Status | httparse::Error::Token => Refusal::RequestLine,
    }
}

/// The place of a part that `httparse` cut out of these bytes.
fn span_of(bytes: &[u8], part: &[u8]) -> Span {
    let start = part.as_ptr().addr().saturating_sub(bytes.as_ptr().addr());
    Span {
        start,
        end: start.saturating_add(part.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_head_is_found_wherever_the_reads_cut_it() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        let end = text.len() - 4;
        assert_eq!(find_end(text, 0), Ok(Some(end)));
        for cut in 0..end {
            assert_eq!(find_end(&text[..cut], 0), Ok(None), "cut at {cut}");
            assert_eq!(find_end(text, cut), Ok(Some(end)), "looked at {cut} before");
        }
    }

    #[test]
    fn a_bare_line_feed_is_refused_before_the_head_is_complete() {
        assert_eq!(find_end(b"GET / HTTP/1.1\n", 0), Err(BareLf));
        assert_eq!(find_end(b"GET / HTTP/1.1\r\nHost: a\n", 16), Err(BareLf));
    }
}
