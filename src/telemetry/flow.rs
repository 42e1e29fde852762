//! [`Flow`]: which of the flows a line or a figure is about.

use std::fmt;

/// The way that traffic takes through the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flow {
    /// SAP CRM to a connector, understood as HTTP.
    Request,
    /// A connector to SAP CRM, understood as HTTP.
    Event,
    /// A connector to SAP CRM by a static route, bytes untouched.
    StaticRoute,
    /// SAP CRM to a connector, bytes untouched.
    Passthrough,
    /// SAP CRM to a connector, out of TLS and not looked at.
    Relay,
}

impl Flow {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [
        Self::Request,
        Self::Event,
        Self::StaticRoute,
        Self::Passthrough,
        Self::Relay,
    ];

    /// The stable word that log lines and figures carry.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Event => "event",
            Self::StaticRoute => "static-route",
            Self::Passthrough => "passthrough",
            Self::Relay => "relay",
        }
    }

    /// Whether bytes pass and nobody here knows what is in them.
    pub const fn is_relayed(self) -> bool {
        match self {
            Self::Request | Self::Event => false,
            Self::StaticRoute | Self::Passthrough | Self::Relay => true,
        }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
