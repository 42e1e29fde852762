//! [`Refusals`]: whoever is refused at the admin listener leaves a trace.
//!
//! Somebody who tries tokens, whose certificate lacks the role, or whose browser is led here by a page
//! of another site is worth a warning with all that tells who it was; each is counted. A browser tab
//! with the token of yesterday asks every second, so lines are few, and the next one tells how many
//! there would have been.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::{Method, Uri};
use tokio::time::Instant;
use tracing::warn;

use super::access::Door;
use super::bodies::Fault;
use crate::model::ListenAddr;
use crate::telemetry::{Counter, Counters};
use crate::tls::HandshakeFailure;

/// Why somebody is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A token that is not the one.
    WrongToken,
    /// A role that does not allow what is asked for.
    Role,
    /// A certificate that is not admitted.
    NotAdmitted,
    /// A name that is not this machine's, as a page has it that was led here.
    ForeignHost,
    /// A change that a page of another origin asks for.
    ForeignOrigin,
    /// A change that is not asked for in JSON, as forms of another page are.
    NotJson,
    /// A handshake that fails.
    Handshake,
}

impl Refusal {
    /// Each of them.
    const ALL: [Self; 7] = [
        Self::WrongToken,
        Self::Role,
        Self::NotAdmitted,
        Self::ForeignHost,
        Self::ForeignOrigin,
        Self::NotJson,
        Self::Handshake,
    ];

    /// The stable word.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::WrongToken => "wrong-token",
            Self::Role => "role",
            Self::NotAdmitted => "not-admitted",
            Self::ForeignHost => "foreign-host",
            Self::ForeignOrigin => "foreign-origin",
            Self::NotJson => "not-json",
            Self::Handshake => "handshake",
        }
    }

    const fn counter(self, counters: &Counters) -> &Counter {
        match self {
            Self::WrongToken => &counters.admin_wrong_token,
            Self::Role => &counters.admin_role,
            Self::NotAdmitted => &counters.admin_not_admitted,
            Self::ForeignHost => &counters.admin_foreign_host,
            Self::ForeignOrigin => &counters.admin_foreign_origin,
            Self::NotJson => &counters.admin_not_json,
            Self::Handshake => &counters.admin_handshake,
        }
    }
}

/// How often each has been said.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<[Pace; Refusal::ALL.len()]>);

/// How often one thing has been said lately.
#[derive(Debug, Default, Clone, Copy)]
struct Pace {
    /// When the first of these lines was written.
    since: Option<Instant>,
    lines: u32,
    unsaid: u64,
}

/// Lines about one reason within [`WHILE`]: enough to see who begins.
const LINES: u32 = 5;

/// See [`LINES`].
const WHILE: Duration = Duration::from_mins(1);

impl Pace {
    /// Asks for a line: how many were held back since the last one, or `None` to hold it back too.
    fn may_say(&mut self, now: Instant) -> Option<u64> {
        let is_over = |since: Instant| now.saturating_duration_since(since) >= WHILE;
        if self.since.is_none_or(is_over) {
            (self.since, self.lines) = (Some(now), 0);
        }
        if self.lines >= LINES {
            self.unsaid = self.unsaid.saturating_add(1);
            return None;
        }
        self.lines = self.lines.saturating_add(1);
        Some(std::mem::take(&mut self.unsaid))
    }
}

impl Refusals {
    /// Notes a request that is answered with a refusal; other faults are nobody's attempt.
    pub(super) fn note(
        &self,
        counters: &Counters,
        (door, peer): (&Door, SocketAddr),
        (method, uri): (&Method, &Uri),
        fault: &Fault,
    ) {
        let Some(refusal) = fault.refusal else {
            return;
        };
        refusal.counter(counters).inc();
        let Some(suppressed) = self.may_say(refusal) else {
            return;
        };
        let subject = match door {
            Door::Local => "-",
            Door::Certificate(client) => cut(&client.principal().subject),
        };
        let (path, what) = (cut(uri.path()), cut(&fault.message));
        warn!(
            %peer, subject, %method, path, code = fault.code, hint = fault.hint, suppressed,
            "refused at the admin listener: {what}"
        );
    }

    /// Notes a handshake that has failed.
    pub(super) fn note_handshake(
        &self,
        counters: &Counters,
        (listen, peer): (ListenAddr, SocketAddr),
        failure: &HandshakeFailure,
    ) {
        Refusal::Handshake.counter(counters).inc();
        if let Some(suppressed) = self.may_say(Refusal::Handshake) {
            warn!(
                %peer, listener = %listen, code = failure.code(), %failure, hint = failure.hint(),
                suppressed, "TLS handshake failed at the admin listener"
            );
        }
    }

    fn may_say(&self, refusal: Refusal) -> Option<u64> {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut each = Refusal::ALL.into_iter().zip(paces.iter_mut());
        let (_, pace) = each.find(|(known, _)| *known == refusal)?;
        pace.may_say(Instant::now())
    }
}

/// The beginning of what a stranger has written.
fn cut(text: &str) -> &str {
    let end = text.floor_char_boundary(LONGEST);
    text.get(..end).unwrap_or(text)
}

/// As long as names in the access line.
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::TABLE;

    #[test]
    fn each_reason_counts_under_its_own_word() {
        let family = TABLE
            .iter()
            .find(|family| family.name == "crmgate_admin_refused_total")
            .expect("in the table");
        assert_eq!(family.series.len(), Refusal::ALL.len());
        for refusal in Refusal::ALL {
            let counters = Counters::default();
            refusal.counter(&counters).inc();
            let snapshot = counters.snapshot();
            let counted = family
                .series
                .iter()
                .filter(|one| (one.read)(&snapshot) == 1);
            let labels: Vec<_> = counted.map(|one| one.labels).collect();
            assert_eq!(labels, [[("reason", refusal.code())]]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reason_is_said_a_few_times_a_minute_and_then_with_the_number_of_the_rest() {
        let refusals = Refusals::default();
        let say = || refusals.may_say(Refusal::WrongToken);
        for _line in 0..LINES {
            assert_eq!(say(), Some(0));
        }
        for _held_back in 0..1_000 {
            assert_eq!(say(), None);
        }
        assert_eq!(refusals.may_say(Refusal::Role), Some(0));
        tokio::time::advance(WHILE).await;
        assert_eq!((say(), say()), (Some(1_000), Some(0)));
    }

    #[test]
    fn what_a_stranger_has_written_is_cut_between_two_letters() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"ä".repeat(200)).len(), LONGEST);
        assert_eq!(cut(&format!("x{}", "ä".repeat(200))).len(), LONGEST - 1);
    }
}
