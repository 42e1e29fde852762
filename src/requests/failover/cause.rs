//! Why a side is taken for down, and by whom.

use std::fmt;

/// In which way a request or a probe failed at a side. Log lines print it as the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The connection was refused, or the host or its name was not found.
    Connect,
    /// No connection within the limit.
    ConnectTimeout,
    /// The TLS handshake failed.
    Handshake,
    /// The connection ended before an answer.
    Closed,
    /// Connected, and then silence beyond the limit.
    NoAnswer,
    /// An answer that is no well-formed HTTP.
    BadAnswer,
    /// A probe's answer with a status that does not mean "alive".
    Status(u16),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("cannot connect"),
            Self::ConnectTimeout => f.write_str("no connection in time"),
            Self::Handshake => f.write_str("TLS handshake failed"),
            Self::Closed => f.write_str("connection closed without an answer"),
            Self::NoAnswer => f.write_str("no answer in time"),
            Self::BadAnswer => f.write_str("malformed answer"),
            Self::Status(status) => write!(f, "unexpected HTTP status {status}"),
        }
    }
}

/// Whose failures took a side down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Witness {
    /// Only requests failed; the latest probe, if there are any, was good.
    Requests,
    /// Only probes failed.
    Probes,
    /// Both.
    Both,
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requests => "requests",
            Self::Probes => "probes",
            Self::Both => "requests and probes",
        })
    }
}
