//! The ids that tie log lines, faults and figures together.

use std::fmt;

/// A configuration as it was loaded once: 1 at start, one more for every reload that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u64);

impl Generation {
    /// The first generation of a process.
    pub const FIRST: Self = Self(1);

    /// The one that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One accepted connection, unique in a process.
///
/// The upper 16 bits number the thread that serves it, so that threads need no shared counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// The `n`th connection of a thread.
    pub const fn of_thread(thread: u16, n: u64) -> Self {
        Self(((thread as u64) << 48) | (n & 0xffff_ffff_ffff))
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// One request with its answer: the connection, and which request on it.
///
/// It stands in the access line and in the SOAP Fault, so an operator who reads one in SAP finds
/// the other in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId {
    /// The connection.
    pub connection: ConnectionId,
    /// 1 for the first request on that connection.
    pub number: u32,
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.connection, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_two_threads_never_share_an_id() {
        assert_ne!(ConnectionId::of_thread(1, 7), ConnectionId::of_thread(2, 7));
        let exchange = ExchangeId {
            connection: ConnectionId::of_thread(1, 7),
            number: 3,
        };
        assert_eq!(exchange.to_string(), "1000000000007.3");
    }
}
