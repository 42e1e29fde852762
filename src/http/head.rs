//! Heads as they came: where one ends, and its fields in place.
//!
//! The only user of `httparse`. A head is copied once, next to an index of its fields, and written
//! on from there; names and values keep their bytes, their order and their spelling, because old
//! connectors mind. Both vectors are used again for the next head.

use std::mem::MaybeUninit;

use crate::http::fields::{FieldKind, classify, same_name};
use crate::http::lines::lines_end_properly;
use crate::http::refusal::{BadAnswer, Refusal};

/// How large a head may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes, with the empty line that ends it.
    pub max_size: usize,
    /// Fields.
    pub max_fields: usize,
}

/// The most that `MaxHeaders` can be set to. The index of a parse lives on the stack and is not
/// written to beyond the fields that are there.
const FIELDS_AT_MOST: usize = 1000;

/// A version of HTTP that is spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0, as SAP's client speaks it by default.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Version {
    /// The number alone.
    pub(super) const fn number(self) -> &'static str {
        match self {
            Self::Http10 => "1.0",
            Self::Http11 => "1.1",
        }
    }
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
    /// Forgets the head, and gives back what a large one took.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.fields.clear();
        self.fields.shrink_to(KEPT_FIELDS);
    }

    /// Takes a whole request head, up to and with its empty line.
    pub(super) fn take_request(
        &mut self,
        input: &[u8],
        limits: HeadLimits,
    ) -> Result<StartLine, Refusal> {
        self.bytes.clear();
        self.bytes.extend_from_slice(input);
        self.fields.clear();
        if !input.first().is_some_and(u8::is_ascii_alphabetic) {
            return Err(Refusal::RequestLine);
        }
        if !lines_end_properly(input) {
            return Err(Refusal::LineEnd);
        }
        #[expect(
            clippy::large_stack_arrays,
            reason = "not initialised, so only used pages count"
        )]
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
        if !input.starts_with(b"HTTP/1.") || !lines_end_properly(input) {
            return Err(BadAnswer::Head);
        }
        #[expect(
            clippy::large_stack_arrays,
            reason = "not initialised, so only used pages count"
        )]
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
        let mut names = 0;
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
                    names += 1;
                    if names > NAMES_AT_MOST {
                        return Err(ConnectionNames);
                    }
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

/// Every name is compared with every field; nobody has use for so many.
const NAMES_AT_MOST: usize = 32;

/// Usual heads stay below these; the memory of larger ones is given back.
const KEPT_BYTES: usize = 8 * 1024;
const KEPT_FIELDS: usize = 64;

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

/// `Connection` names a field that every hop needs, or far too many.
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
        | FieldKind::TraceParent
        | FieldKind::TraceState
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
        httparse::Error::TooManyHeaders => Refusal::TooManyFields,
        // All line ends were found right before, so what is wrong stands in the request line.
        httparse::Error::NewLine | httparse::Error::Version if !names_our_version(bytes) => {
            Refusal::Version
        }
        httparse::Error::NewLine
        | httparse::Error::Version
        | httparse::Error::Status
        | httparse::Error::Token => Refusal::RequestLine,
    }
}

/// Whether the first line ends in a version that is spoken here: then a blank too many is what the
/// parser has stumbled over, and not the version.
fn names_our_version(bytes: &[u8]) -> bool {
    let end = memchr::memchr(b'\r', bytes).unwrap_or(bytes.len());
    let line = bytes.get(..end).unwrap_or_default().trim_ascii_end();
    line.ends_with(b" HTTP/1.0") || line.ends_with(b" HTTP/1.1")
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
#[path = "tests/head.rs"]
mod tests;
