//! [`Refusal`]: why a request is not understood, and [`BadAnswer`]: why an answer is not.
//!
//! A gateway that guesses what an ambiguous message means guesses differently from the server
//! behind it, and the difference is an attack. So nothing here is repaired.

use std::fmt;

/// Why a request is refused before anything of it is sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The request line is none.
    RequestLine,
    /// A line ends with a bare line feed, or holds a bare carriage return or a NUL.
    LineEnd,
    /// A field is malformed: blank in or after the name, continuation line, control character.
    Field,
    /// More fields than `MaxHeaders`.
    TooManyFields,
    /// A head longer than `MaxHeaderSize`.
    HeadTooLarge,
    /// Another version than HTTP/1.0 and HTTP/1.1.
    Version,
    /// `CONNECT`: this is no open proxy.
    Connect,
    /// `TRACE`: it would send the caller's own secrets back.
    Trace,
    /// A request target of a form that this method has not, or with a character that no URI has.
    Target,
    /// No `Host` with HTTP/1.1, several, or one that names no host.
    Host,
    /// The target and `Host` name two hosts.
    HostMismatch,
    /// `Content-Length` and `Transfer-Encoding` together.
    LengthAndChunked,
    /// Several `Content-Length`, or one that is no plain number.
    ContentLength,
    /// `Transfer-Encoding` other than exactly `chunked`, several of them, or with HTTP/1.0.
    TransferEncoding,
    /// A field whose name only differs from a framing field by `_`.
    LookAlike,
    /// `Upgrade`: no other protocol is spoken here.
    Upgrade,
    /// `Connection` names a field that must not be dropped, or far too many.
    ConnectionNames,
    /// `Expect` other than `100-continue`.
    Expect,
}

impl Refusal {
    /// Every refusal, for tables and tests.
    pub const ALL: [Self; 18] = [
        Self::RequestLine,
        Self::LineEnd,
        Self::Field,
        Self::TooManyFields,
        Self::HeadTooLarge,
        Self::Version,
        Self::Connect,
        Self::Trace,
        Self::Target,
        Self::Host,
        Self::HostMismatch,
        Self::LengthAndChunked,
        Self::ContentLength,
        Self::TransferEncoding,
        Self::LookAlike,
        Self::Upgrade,
        Self::ConnectionNames,
        Self::Expect,
    ];

    /// The stable code in logs and answers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::RequestLine => "GW-400-REQUEST-LINE",
            Self::LineEnd => "GW-400-LINE-END",
            Self::Field => "GW-400-FIELD",
            Self::TooManyFields => "GW-431-FIELDS",
            Self::HeadTooLarge => "GW-431-HEAD",
            Self::Version => "GW-400-VERSION",
            Self::Connect => "GW-400-CONNECT",
            Self::Trace => "GW-400-TRACE",
            Self::Target => "GW-400-TARGET",
            Self::Host => "GW-400-HOST",
            Self::HostMismatch => "GW-400-HOST-MISMATCH",
            Self::LengthAndChunked => "GW-400-LENGTH-AND-CHUNKED",
            Self::ContentLength => "GW-400-CONTENT-LENGTH",
            Self::TransferEncoding => "GW-400-TRANSFER-ENCODING",
            Self::LookAlike => "GW-400-LOOK-ALIKE",
            Self::Upgrade => "GW-400-UPGRADE",
            Self::ConnectionNames => "GW-400-CONNECTION",
            Self::Expect => "GW-417-EXPECT",
        }
    }

    /// The HTTP status of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::TooManyFields | Self::HeadTooLarge => 431,
            Self::Expect => 417,
            Self::RequestLine
            | Self::LineEnd
            | Self::Field
            | Self::Version
            | Self::Connect
            | Self::Trace
            | Self::Target
            | Self::Host
            | Self::HostMismatch
            | Self::LengthAndChunked
            | Self::ContentLength
            | Self::TransferEncoding
            | Self::LookAlike
            | Self::Upgrade
            | Self::ConnectionNames => 400,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RequestLine => "the request line is malformed",
            Self::LineEnd => "a line does not end with CR LF, or holds a bare CR or a NUL",
            Self::Field => "a header field is malformed",
            Self::TooManyFields => "the request has more header fields than MaxHeaders allows",
            Self::HeadTooLarge => "the head of the request is larger than MaxHeaderSize allows",
            Self::Version => "only HTTP/1.0 and HTTP/1.1 are spoken here",
            Self::Connect => "the method CONNECT is not served",
            Self::Trace => "the method TRACE is not served",
            Self::Target => {
                "the request target has a form that this method does not allow, or a character \
                 that has to be written as %XX"
            }
            Self::Host => "the Host header is missing, repeated or names no host",
            Self::HostMismatch => "the request target and the Host header name two hosts",
            Self::LengthAndChunked => "Content-Length and Transfer-Encoding contradict each other",
            Self::ContentLength => "Content-Length is repeated or is no plain number",
            Self::TransferEncoding => {
                "Transfer-Encoding is repeated, is not exactly \"chunked\", or came with HTTP/1.0"
            }
            Self::LookAlike => "a header field is a look-alike of a framing field",
            Self::Upgrade => {
                "no upgrade to another protocol is served; set the client to HTTP/1.1 \
                 (Java: HttpClient.Version.HTTP_1_1)"
            }
            Self::ConnectionNames => {
                "Connection names a field that every hop needs, or too many fields"
            }
            Self::Expect => "only the expectation 100-continue is known",
        })
    }
}

/// Why an answer of a side or of the CRM cannot be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadAnswer {
    /// Not HTTP, or a malformed head.
    #[error("the answer is not well-formed HTTP")]
    Head,
    /// A head longer than `MaxHeaderSize` or with more fields than `MaxHeaders`.
    #[error("the head of the answer is larger than MaxHeaderSize or MaxHeaders allow")]
    HeadTooLarge,
    /// Several lengths, length and chunked together, or another coding than chunked.
    #[error("the answer contradicts itself about the length of its body")]
    Length,
    /// The chunked body is malformed.
    #[error("the chunked body of the answer is malformed")]
    Chunk,
    /// 101 without having been asked for.
    #[error("the answer switches to another protocol, which nobody asked for")]
    Switch,
    /// Interim answers without end.
    #[error("too many interim answers")]
    Interim,
    /// The connection ended before the answer was complete.
    #[error("the answer broke off before its end")]
    Truncated,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_target_is_told_of_its_form_and_of_its_characters() {
        let text = Refusal::Target.to_string();
        assert!(text.contains("form") && text.contains("%XX"), "{text}");
    }

    #[test]
    fn every_refusal_has_a_code_of_its_own_that_begins_with_its_status() {
        let mut codes: Vec<_> = Refusal::ALL.iter().map(|refusal| refusal.code()).collect();
        for refusal in Refusal::ALL {
            let status = format!("GW-{}-", refusal.status());
            assert!(refusal.code().starts_with(&status), "{}", refusal.code());
            assert!(!refusal.to_string().ends_with('.'));
        }
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Refusal::ALL.len());
    }
}
