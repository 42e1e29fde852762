//! [`SystemTally`]: the figures of one SAP system, as plain numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use super::super::flow::Flow;
use super::super::histogram::Histogram;
use super::super::operations::Operation;
use super::{Route, add, bump};
use crate::model::{Outcome, Side};

/// The figures of one SAP system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemTally {
    /// Exchanges and relayed connections.
    pub exchanges: BTreeMap<ExchangeKey, ExchangeTally>,
    /// Body bytes of exchanges: of requests, of answers.
    pub bytes: BTreeMap<Flow, [u64; 2]>,
    /// Bytes of relayed connections: to the target, from the target.
    pub relayed: BTreeMap<Route, [u64; 2]>,
    /// Answers of the gateway's own, by code.
    pub answers: BTreeMap<(Flow, &'static str), u64>,
    /// TLS handshakes.
    pub handshakes: BTreeMap<HandshakeKey, Histogram>,
    /// Health probes, by side and whether they were good.
    pub probes: BTreeMap<(Side, bool), Histogram>,
    /// Switches, by the side that became active and the reason.
    pub switches: BTreeMap<(Side, Switched), u64>,
    /// Connections to far ends.
    pub upstreams: BTreeMap<UpstreamRole, UpstreamTally>,
}

/// Which exchanges are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeKey {
    /// The flow.
    pub flow: Flow,
    /// The side that served, or failed last.
    pub side: Option<Side>,
    /// The SOAP operation.
    pub operation: Operation,
}

/// What became of exchanges that are counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExchangeTally {
    ended: [[u64; Outcome::ALL.len()]; StatusClass::ALL.len()],
    /// How long they took.
    pub took: Histogram,
}

impl ExchangeTally {
    /// One more that ended so.
    pub(super) fn note(&mut self, status: StatusClass, outcome: Outcome) {
        let row = self.ended.get_mut(status as usize);
        if let Some(count) = row.and_then(|row| row.get_mut(outcome.index())) {
            bump(count);
        }
    }

    /// How many ended in which way, without the ways in which none did.
    pub fn ended(&self) -> impl Iterator<Item = (StatusClass, Outcome, u64)> {
        let rows = StatusClass::ALL.into_iter().zip(self.ended);
        let each = rows.flat_map(|(status, row)| {
            let outcomes = Outcome::ALL.into_iter().zip(row);
            outcomes.map(move |(outcome, count)| (status, outcome, count))
        });
        each.filter(|(_, _, count)| *count > 0)
    }

    fn add(&mut self, other: &Self) {
        let own = self.ended.iter_mut().flatten();
        for (own, more) in own.zip(other.ended.iter().flatten()) {
            *own = own.wrapping_add(*more);
        }
        self.took.add(&other.took);
    }
}

/// The first digit of the HTTP status that a caller got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StatusClass {
    /// No answer, or no HTTP.
    None,
    /// 200 to 299.
    Success,
    /// 300 to 399.
    Redirection,
    /// 400 to 499.
    ClientError,
    /// 500 to 599, a SOAP Fault among them.
    ServerError,
    /// Any other number.
    Odd,
}

impl StatusClass {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Success,
        Self::Redirection,
        Self::ClientError,
        Self::ServerError,
        Self::Odd,
    ];

    /// The class of a status.
    pub const fn of(status: Option<u16>) -> Self {
        match status {
            None => Self::None,
            Some(200..=299) => Self::Success,
            Some(300..=399) => Self::Redirection,
            Some(400..=499) => Self::ClientError,
            Some(500..=599) => Self::ServerError,
            Some(_) => Self::Odd,
        }
    }

    /// The stable word for figures.
    pub const fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Success => "2xx",
            Self::Redirection => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
            Self::Odd => "odd",
        }
    }
}

/// A far end, as the configuration has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UpstreamRole {
    /// A side.
    Side(Side),
    /// SAP CRM.
    Crm,
}

impl fmt::Display for UpstreamRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Side(side) => side.fmt(f),
            Self::Crm => f.write_str("crm"),
        }
    }
}

/// Connections to one far end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpstreamTally {
    /// Made for traffic.
    pub opened: u64,
    /// Made for health probes.
    pub probed: u64,
    /// Kept ones that carried another request.
    pub reused: u64,
    /// Kept ones that were no good any more.
    pub stale: u64,
    /// That did not come about.
    pub failed: u64,
    /// How they stand.
    pub pool: PoolTally,
}

/// How the connections to a far end stood when a worker looked last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolTally {
    /// Kept for the next request.
    pub idle: u64,
    /// Carrying a request.
    pub used: u64,
}

impl UpstreamTally {
    fn add(&mut self, other: &Self) {
        let Self {
            opened,
            probed,
            reused,
            stale,
            failed,
            pool,
        } = self;
        for (own, more) in [
            (opened, other.opened),
            (probed, other.probed),
            (reused, other.reused),
            (stale, other.stale),
            (failed, other.failed),
            (&mut pool.idle, other.pool.idle),
            (&mut pool.used, other.pool.used),
        ] {
            *own = own.wrapping_add(more);
        }
    }
}

/// Which handshakes are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HandshakeKey {
    /// With whom.
    pub leg: Leg,
    /// Such as `TLSv1.3`; `None` where it did not come to that.
    pub version: Option<&'static str>,
    /// How it ended.
    pub end: HandshakeEnd,
}

/// With whom a handshake was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Leg {
    /// With a caller, at the listener on this address.
    Inbound(SocketAddr),
    /// With a far end, for traffic.
    Outbound(UpstreamRole),
    /// With a far end, for a health probe.
    Probe(UpstreamRole),
}

impl Leg {
    /// The stable word for figures.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Inbound(_) => "inbound",
            Self::Outbound(_) => "outbound",
            Self::Probe(_) => "probe",
        }
    }
}

/// The end that is meant: a listener's address, a side, or the CRM.
impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inbound(listener) => listener.fmt(f),
            Self::Outbound(role) | Self::Probe(role) => role.fmt(f),
        }
    }
}

/// Why another side became the active one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Switched {
    /// The one before went down.
    SideDown,
    /// The preferred one is healthy again.
    FailBack,
    /// The one before is being drained.
    Drained,
    /// An operator ordered it.
    Operator,
    /// A reload took the one before out of the configuration.
    Removed,
}

impl Switched {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [
        Self::SideDown,
        Self::FailBack,
        Self::Drained,
        Self::Operator,
        Self::Removed,
    ];

    /// The stable word for figures.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SideDown => "side-down",
            Self::FailBack => "fail-back",
            Self::Drained => "drained",
            Self::Operator => "operator",
            Self::Removed => "removed",
        }
    }
}

/// How a handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HandshakeEnd {
    /// With both ends proven anew.
    Full,
    /// With an earlier session taken up.
    Resumed,
    /// With nothing; the code is one of a closed list.
    Failed(&'static str),
}

impl HandshakeEnd {
    /// The stable word for figures.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
            Self::Failed(_) => "failed",
        }
    }

    /// Why it failed, if it did.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Full | Self::Resumed => "",
            Self::Failed(code) => code,
        }
    }
}

impl SystemTally {
    /// Takes in what another thread has seen.
    pub fn add(&mut self, other: &Self) {
        merge(&mut self.exchanges, &other.exchanges, ExchangeTally::add);
        merge(&mut self.bytes, &other.bytes, |own, more| add(own, *more));
        merge(&mut self.relayed, &other.relayed, |own, more| {
            add(own, *more);
        });
        let sum = |own: &mut u64, more: &u64| *own = own.wrapping_add(*more);
        merge(&mut self.answers, &other.answers, sum);
        merge(&mut self.handshakes, &other.handshakes, Histogram::add);
        merge(&mut self.probes, &other.probes, Histogram::add);
        merge(&mut self.switches, &other.switches, sum);
        merge(&mut self.upstreams, &other.upstreams, UpstreamTally::add);
    }
}

fn merge<K: Ord + Copy, V: Default>(
    own: &mut BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
    add: impl Fn(&mut V, &V),
) {
    for (key, more) in other {
        add(own.entry(*key).or_default(), more);
    }
}
