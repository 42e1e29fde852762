//! [`Agents`]: how many of them one core serves.

use crate::figures::Figures;

/// So many use 70 % of one core.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agents {
    /// Every request on a kept connection.
    pub kept: f64,
    /// 1 % of the requests after a full handshake, 9 % after a resumed one, the rest on kept
    /// connections: SAP closes those that rest.
    pub mixed: f64,
    /// The same without TLS, where a handshake is a connection.
    pub plain_kept: f64,
    pub plain_mixed: f64,
}

/// What one agent causes: 360 requests and 200 events an hour. An event is counted as a request.
const PER_SECOND: f64 = 0.100 + 0.056;

/// What the rest is for is that not all agents do the same at the same time.
const LOAD: f64 = 0.7;

impl Agents {
    /// What the costs that were measured come to, if all that is needed was measured.
    pub fn of(figures: &Figures, who: usize) -> Option<Self> {
        let cost = |word| figures.cost(word, who);
        let (kept, plain) = (cost("kept")?, cost("plain")?);
        let (full, resumed, each) = (cost("full")?, cost("resumed")?, cost("plain-each")?);
        let agents = |microseconds: f64| LOAD * 1e6 / (PER_SECOND * microseconds);
        Some(Self {
            kept: agents(kept),
            mixed: agents(0.01 * full + 0.09 * resumed + 0.90 * kept),
            plain_kept: agents(plain),
            plain_mixed: agents(0.10 * each + 0.90 * plain),
        })
    }
}
