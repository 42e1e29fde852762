//! [`AnswerHead`]: an answer's head, judged, and written on for the caller.

use crate::http::fields::FieldKind;
use crate::http::framing::Framing;
use crate::http::head::{Field, Head, HeadLimits, Only, Span, StartLine, Version};
use crate::http::refusal::BadAnswer;
use crate::http::text::{decimal, push_decimal};

/// How the body of an answer goes to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerFraming {
    /// As the length field of the answer says, or without a body.
    AsIs,
    /// In chunks.
    Chunked,
    /// With this length.
    Length(u64),
    /// Until the connection closes.
    UntilClose,
}

/// An answer's head that is well formed. Used again for the next answer.
#[derive(Debug)]
pub struct AnswerHead {
    head: Head,
    status: u16,
    reason: Span,
    framing: Framing,
    keep_alive: bool,
}

impl Default for AnswerHead {
    fn default() -> Self {
        Self {
            head: Head::default(),
            status: 0,
            reason: Span::default(),
            framing: Framing::None,
            keep_alive: false,
        }
    }
}

impl AnswerHead {
    /// Takes a whole head (up to and with its empty line) and judges it. `to_head`: the request
    /// was a `HEAD`, so no body follows whatever the fields say.
    pub fn take(
        &mut self,
        input: &[u8],
        limits: HeadLimits,
        to_head: bool,
    ) -> Result<(), BadAnswer> {
        let StartLine::Answer {
            status,
            reason,
            version,
        } = self.head.take_answer(input, limits)?
        else {
            return Err(BadAnswer::Head);
        };
        self.status = status;
        self.reason = reason;
        self.framing = self.judge_framing(version, to_head)?;
        let wishes = self
            .head
            .read_connection()
            .map_err(|_names| BadAnswer::Head)?;
        self.keep_alive = wishes.keeps(version) && self.framing != Framing::UntilClose;
        Ok(())
    }

    /// Forgets the head.
    pub(super) fn clear(&mut self) {
        let mut head = std::mem::take(&mut self.head);
        head.clear();
        *self = Self {
            head,
            ..Self::default()
        };
    }

    /// The status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The value of a field, as text; the first if there are several.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let bytes = &self.head.bytes;
        let is_it = |field: &&Field| field.name.of(bytes).eq_ignore_ascii_case(name.as_bytes());
        let field = self.head.fields.iter().find(is_it)?;
        std::str::from_utf8(field.value.of(bytes)).ok()
    }

    /// Whether this is an interim answer, after which the real one follows.
    pub const fn is_interim(&self) -> bool {
        self.status < 200
    }

    /// How long the body is.
    pub const fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether the connection to the side can carry another request afterwards.
    pub const fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Writes the head for the caller.
    pub fn write_to(
        &self,
        out: &mut Vec<u8>,
        version: Version,
        framing: AnswerFraming,
        keep_alive: bool,
    ) {
        out.extend_from_slice(match version {
            Version::Http10 => b"HTTP/1.0 ",
            Version::Http11 => b"HTTP/1.1 ",
        });
        push_decimal(out, u64::from(self.status));
        out.push(b' ');
        out.extend_from_slice(self.reason.of(&self.head.bytes));
        out.extend_from_slice(b"\r\n");
        self.head.write_end_to_end(out, |kind| match kind {
            // An answer that never has a body has no length either (RFC 9110, 8.6).
            FieldKind::ContentLength => framing == AnswerFraming::AsIs && self.status != 204,
            FieldKind::TransferEncoding
            | FieldKind::Connection
            | FieldKind::HopByHop
            | FieldKind::Upgrade
            | FieldKind::LookAlike => false,
            FieldKind::Host
            | FieldKind::ContentType
            | FieldKind::SoapAction
            | FieldKind::Expect
            | FieldKind::IdentityClaim
            | FieldKind::TraceParent
            | FieldKind::TraceState
            | FieldKind::EndToEnd => true,
        });
        match framing {
            AnswerFraming::AsIs | AnswerFraming::UntilClose => {}
            AnswerFraming::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            AnswerFraming::Length(length) => {
                out.extend_from_slice(b"Content-Length: ");
                push_decimal(out, length);
                out.extend_from_slice(b"\r\n");
            }
        }
        out.extend_from_slice(connection_field(version, keep_alive));
        out.extend_from_slice(b"\r\n");
    }

    fn judge_framing(&self, version: Version, to_head: bool) -> Result<Framing, BadAnswer> {
        if self.status == 101 {
            return Err(BadAnswer::Switch);
        }
        if self
            .head
            .fields
            .iter()
            .any(|field| field.kind == FieldKind::LookAlike)
        {
            return Err(BadAnswer::Length);
        }
        let length = match self.head.only(FieldKind::ContentLength) {
            Only::None => None,
            Only::One(text) => Some(decimal(text).ok_or(BadAnswer::Length)?),
            Only::Several => return Err(BadAnswer::Length),
        };
        let chunked = match self.head.only(FieldKind::TransferEncoding) {
            Only::None => false,
            Only::One(coding)
                if coding.eq_ignore_ascii_case(b"chunked") && version == Version::Http11 =>
            {
                true
            }
            Only::One(_) | Only::Several => return Err(BadAnswer::Length),
        };
        if to_head || self.is_interim() || matches!(self.status, 204 | 304) {
            return Ok(Framing::None);
        }
        match (length, chunked) {
            (Some(_), true) => Err(BadAnswer::Length),
            (Some(length), false) => Ok(Framing::Length(length)),
            (None, true) => Ok(Framing::Chunked),
            (None, false) => Ok(Framing::UntilClose),
        }
    }
}

/// The `Connection` field, where the version's default does not say it already.
pub(super) const fn connection_field(version: Version, keep_alive: bool) -> &'static [u8] {
    match (version, keep_alive) {
        (Version::Http11, true) => b"",
        (Version::Http10, true) => b"Connection: keep-alive\r\n",
        (Version::Http10 | Version::Http11, false) => b"Connection: close\r\n",
    }
}

#[cfg(test)]
#[path = "tests/response.rs"]
mod tests;
