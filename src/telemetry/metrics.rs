//! [`Counters`]: the figures, with fixed names in one table.
//!
//! Each worker owns one set (or one for each SAP system it serves) and nobody else writes to it,
//! so counting costs no contention; whoever reads adds the sets up. Within one snapshot two
//! figures may be a moment apart, since nothing stops the workers while it is taken.

use std::iter::Sum;
use std::ops::{Add, Sub};
use std::sync::Arc;

use super::figure::{Counter, Gauge, Kind};
use super::flow::Flow;
use super::operations::OperationNames;
use super::traffic::Traffic;
use crate::model::{Denial, Outcome};

/// Figures of one name, told apart by labels.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The stable name.
    pub name: &'static str,
    /// Counter or gauge.
    pub kind: Kind,
    /// One sentence for people.
    pub help: &'static str,
    /// The figures.
    pub series: &'static [Series],
}

/// One figure of a family.
#[derive(Debug, Clone, Copy)]
pub struct Series {
    /// Names and values of its labels.
    pub labels: &'static [(&'static str, &'static str)],
    /// Reads it.
    pub read: fn(&Snapshot) -> u64,
}

/// Writes the table three times: as atomics, as plain numbers, and as names.
macro_rules! figures {
    ($(
        $kind:ident $name:literal $help:literal {
            $( $field:ident $( $label:ident = $value:literal )*; )+
        }
    )+) => {
        /// One worker's figures. Aligned, so that no two workers share a cache line.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub struct Counters {
            $($(
                #[doc = concat!("`", $name, "`", $( " ", stringify!($label), "=", $value, )*)]
                ///
                #[doc = $help]
                pub $field: $kind,
            )+)+
            /// What these figures are of, in detail.
            pub traffic: Traffic,
        }

        impl Counters {
            /// The figures as they are now.
            pub fn snapshot(&self) -> Snapshot {
                Snapshot { $($( $field: self.$field.value(), )+)+ }
            }
        }

        /// Figures as plain numbers.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Snapshot {
            $($(
                #[doc = concat!("`", $name, "`", $( " ", stringify!($label), "=", $value, )*)]
                ///
                #[doc = $help]
                pub $field: u64,
            )+)+
        }

        impl Add for Snapshot {
            type Output = Self;

            /// The figures of two workers together.
            fn add(self, other: Self) -> Self {
                Self { $($( $field: self.$field.wrapping_add(other.$field), )+)+ }
            }
        }

        impl Sub for Snapshot {
            type Output = Self;

            /// What happened since an earlier snapshot: the growth of counters. A gauge keeps its
            /// later value, since the difference of two is no number of anything.
            fn sub(self, earlier: Self) -> Self {
                Self { $($( $field: since(Kind::$kind, self.$field, earlier.$field), )+)+ }
            }
        }

        /// Every figure with its name, labels and help, in the order in which they are shown.
        pub const TABLE: &[Family] = &[ $(
            Family {
                name: $name,
                kind: Kind::$kind,
                help: $help,
                series: &[ $(
                    Series {
                        labels: &[ $( (stringify!($label), $value), )* ],
                        read: |snapshot| snapshot.$field,
                    },
                )+ ],
            },
        )+ ];
    };
}

figures! {
    Counter "crmgate_connections_accepted_total" "Connections that a listener accepted." {
        connections_accepted;
    }
    Gauge "crmgate_connections_open" "Accepted connections that are open now." {
        connections_open;
    }
    Counter "crmgate_connections_refused_total"
    "Connections closed at once, by the limit that was reached." {
        connections_refused_total limit="all";
        connections_refused_address limit="address";
        connections_refused_handshakes limit="handshakes";
    }
    Counter "crmgate_accept_errors_total"
    "Failures of accepting as such, for want of descriptors for example." {
        accept_errors;
    }
    Counter "crmgate_clients_sent_away_total"
    "Connections that ended because their client would not be let in any more." {
        clients_sent_away;
    }
    Counter "crmgate_handshakes_total" "TLS handshakes, by direction and result." {
        handshakes_inbound_full direction="inbound" result="full";
        handshakes_inbound_resumed direction="inbound" result="resumed";
        handshakes_inbound_failed direction="inbound" result="failed";
        handshakes_outbound_full direction="outbound" result="full";
        handshakes_outbound_resumed direction="outbound" result="resumed";
        handshakes_outbound_failed direction="outbound" result="failed";
    }
    Counter "crmgate_clients_not_admitted_total"
    "Connections of clients that rules or the responder do not admit, by the code of the refusal." {
        clients_not_allowed code="GW-403-NOT-ALLOWED";
        clients_denied code="GW-403-DENIED";
        clients_withdrawn code="GW-403-WITHDRAWN";
        clients_not_issued code="GW-403-NOT-ISSUED";
        clients_unconfirmed code="GW-403-UNCONFIRMED";
    }
    Counter "crmgate_exchanges_total"
    "Exchanges and relayed connections that ended, by flow and by what became of them." {
        exchanges_request_not_sent flow="request" outcome="not-sent";
        exchanges_request_partly_sent flow="request" outcome="partly-sent";
        exchanges_request_sent_no_answer flow="request" outcome="sent-no-answer";
        exchanges_request_answered flow="request" outcome="answered";
        exchanges_event_not_sent flow="event" outcome="not-sent";
        exchanges_event_partly_sent flow="event" outcome="partly-sent";
        exchanges_event_sent_no_answer flow="event" outcome="sent-no-answer";
        exchanges_event_answered flow="event" outcome="answered";
        exchanges_static_route_not_sent flow="static-route" outcome="not-sent";
        exchanges_static_route_partly_sent flow="static-route" outcome="partly-sent";
        exchanges_static_route_sent_no_answer flow="static-route" outcome="sent-no-answer";
        exchanges_static_route_answered flow="static-route" outcome="answered";
        exchanges_passthrough_not_sent flow="passthrough" outcome="not-sent";
        exchanges_passthrough_partly_sent flow="passthrough" outcome="partly-sent";
        exchanges_passthrough_sent_no_answer flow="passthrough" outcome="sent-no-answer";
        exchanges_passthrough_answered flow="passthrough" outcome="answered";
        exchanges_relay_not_sent flow="relay" outcome="not-sent";
        exchanges_relay_partly_sent flow="relay" outcome="partly-sent";
        exchanges_relay_sent_no_answer flow="relay" outcome="sent-no-answer";
        exchanges_relay_answered flow="relay" outcome="answered";
    }
    Counter "crmgate_gateway_answers_total" "Answers that the gateway made itself." {
        gateway_answers;
    }
    Counter "crmgate_requests_refused_total" "Requests that were refused, by reason; of some a part was sent on." {
        requests_malformed reason="malformed";
        requests_not_admitted reason="not-admitted";
        requests_too_large reason="too-large";
        requests_too_slow reason="too-slow";
    }
    Counter "crmgate_replays_total"
    "Requests of which nothing had been sent and that went to the other side." {
        replays;
    }
    Counter "crmgate_upstream_connections_total"
    "Connections to sides and to the CRM, by how a request got one." {
        upstream_opened result="opened";
        upstream_reused result="reused";
        upstream_stale result="stale";
        upstream_failed result="failed";
    }
    Counter "crmgate_exchange_bytes_total" "Body bytes of exchanges, by direction." {
        exchange_request_bytes direction="request";
        exchange_response_bytes direction="response";
    }
    Counter "crmgate_relayed_connections_total" "Connections relayed with their bytes untouched." {
        relayed_connections;
    }
    Gauge "crmgate_relayed_connections_open" "Relayed connections that are open now." {
        relayed_connections_open;
    }
    Counter "crmgate_relayed_bytes_total" "Bytes of relayed connections, by direction." {
        relayed_bytes_to_target direction="to-target";
        relayed_bytes_from_target direction="from-target";
    }
    Counter "crmgate_probes_total" "Health probes, by result." {
        probes_passed result="passed";
        probes_failed result="failed";
    }
    Counter "crmgate_switches_total" "Changes of the active side, by who decided." {
        switches_automatic by="gateway";
        switches_ordered by="operator";
    }
    Counter "crmgate_flap_alarms_total"
    "Switches that were due and that the cap on switches held back." {
        flap_alarms;
    }
    Counter "crmgate_reloads_total" "Reloads of the configuration, by result." {
        reloads_succeeded result="succeeded";
        reloads_failed result="failed";
    }
    Counter "crmgate_admin_refused_total"
    "Requests and handshakes that were refused at the admin listener, by reason." {
        admin_wrong_token reason="wrong-token";
        admin_role reason="role";
        admin_not_admitted reason="not-admitted";
        admin_foreign_host reason="foreign-host";
        admin_foreign_origin reason="foreign-origin";
        admin_not_json reason="not-json";
        admin_handshake reason="handshake";
    }
    Counter "crmgate_panics_total" "Panics that were contained." {
        panics;
    }
    Counter "crmgate_log_lines_lost_total"
    "Log lines that could not be written, counted by the log and not by a worker." {
        log_lines_lost;
    }
    Counter "crmgate_trace_spans_total"
    "Spans of traces, by what became of them; dropped ones found no room in the queue." {
        trace_spans_sent result="sent";
        trace_spans_dropped result="dropped";
        trace_spans_refused result="refused";
        trace_spans_undelivered result="undelivered";
    }
    Counter "crmgate_log_lines_suppressed_total" "Log lines that the throttle held back." {
        log_lines_suppressed;
    }
}

impl Counters {
    /// A worker's figures, whose operations are those of the whole process.
    pub fn of(operations: &Arc<OperationNames>) -> Self {
        Self {
            traffic: Traffic::new(Arc::clone(operations)),
            ..Self::default()
        }
    }

    /// The counter of clients that are not admitted for one reason.
    pub const fn clients_not_admitted(&self, denial: &Denial) -> &Counter {
        match denial {
            Denial::NotAllowed => &self.clients_not_allowed,
            Denial::Denied { .. } => &self.clients_denied,
            Denial::Withdrawn { .. } => &self.clients_withdrawn,
            Denial::NotIssued => &self.clients_not_issued,
            Denial::Unconfirmed => &self.clients_unconfirmed,
        }
    }

    /// The counter of exchanges of one flow that ended in one way.
    pub const fn exchanges(&self, flow: Flow, outcome: Outcome) -> &Counter {
        match (flow, outcome) {
            (Flow::Request, Outcome::NotSent) => &self.exchanges_request_not_sent,
            (Flow::Request, Outcome::PartlySent) => &self.exchanges_request_partly_sent,
            (Flow::Request, Outcome::SentNoAnswer) => &self.exchanges_request_sent_no_answer,
            (Flow::Request, Outcome::Answered) => &self.exchanges_request_answered,
            (Flow::Event, Outcome::NotSent) => &self.exchanges_event_not_sent,
            (Flow::Event, Outcome::PartlySent) => &self.exchanges_event_partly_sent,
            (Flow::Event, Outcome::SentNoAnswer) => &self.exchanges_event_sent_no_answer,
            (Flow::Event, Outcome::Answered) => &self.exchanges_event_answered,
            (Flow::StaticRoute, Outcome::NotSent) => &self.exchanges_static_route_not_sent,
            (Flow::StaticRoute, Outcome::PartlySent) => &self.exchanges_static_route_partly_sent,
            (Flow::StaticRoute, Outcome::SentNoAnswer) => {
                &self.exchanges_static_route_sent_no_answer
            }
            (Flow::StaticRoute, Outcome::Answered) => &self.exchanges_static_route_answered,
            (Flow::Passthrough, Outcome::NotSent) => &self.exchanges_passthrough_not_sent,
            (Flow::Passthrough, Outcome::PartlySent) => &self.exchanges_passthrough_partly_sent,
            (Flow::Passthrough, Outcome::SentNoAnswer) => {
                &self.exchanges_passthrough_sent_no_answer
            }
            (Flow::Passthrough, Outcome::Answered) => &self.exchanges_passthrough_answered,
            (Flow::Relay, Outcome::NotSent) => &self.exchanges_relay_not_sent,
            (Flow::Relay, Outcome::PartlySent) => &self.exchanges_relay_partly_sent,
            (Flow::Relay, Outcome::SentNoAnswer) => &self.exchanges_relay_sent_no_answer,
            (Flow::Relay, Outcome::Answered) => &self.exchanges_relay_answered,
        }
    }
}

impl Sum for Snapshot {
    fn sum<I: Iterator<Item = Self>>(sets: I) -> Self {
        sets.fold(Self::default(), Add::add)
    }
}

const fn since(kind: Kind, now: u64, earlier: u64) -> u64 {
    match kind {
        Kind::Counter => now.saturating_sub(earlier),
        Kind::Gauge => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_follow_the_conventions_and_no_figure_is_there_twice() {
        let mut seen = HashSet::new();
        for family in TABLE {
            let is_total = family.name.ends_with("_total");
            assert_eq!(is_total, family.kind == Kind::Counter, "{}", family.name);
            let clean = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(family.name.starts_with("crmgate_") && clean(family.name));
            assert!(family.help.ends_with('.') && !family.help.contains(['\\', '\n', '"']));
            assert!(seen.insert((family.name, Vec::new())), "{}", family.name);
            for series in family.series {
                assert!(series.labels.iter().all(|(name, _)| clean(name)));
                assert_eq!(
                    series.labels.is_empty(),
                    family.series.len() == 1,
                    "{}",
                    family.name
                );
                let labels = series.labels.to_vec();
                assert!(labels.is_empty() || seen.insert((family.name, labels)));
            }
        }
    }

    #[test]
    fn every_flow_and_outcome_counts_under_its_own_labels() {
        let family = TABLE
            .iter()
            .find(|family| family.name == "crmgate_exchanges_total")
            .expect("in the table");
        for flow in Flow::ALL {
            for outcome in Outcome::ALL {
                let counters = Counters::default();
                counters.exchanges(flow, outcome).inc();
                let snapshot = counters.snapshot();
                let counted: Vec<_> = family
                    .series
                    .iter()
                    .filter(|series| (series.read)(&snapshot) == 1)
                    .map(|series| series.labels)
                    .collect();
                let labels = [("flow", flow.code()), ("outcome", outcome.code())];
                assert_eq!(counted, [&labels]);
            }
        }
    }

    #[test]
    fn a_client_that_is_not_admitted_counts_under_the_code_that_it_is_told() {
        let denied = Denial::Denied {
            rule: "DenyClient1".into(),
        };
        let family = TABLE
            .iter()
            .find(|family| family.name == "crmgate_clients_not_admitted_total")
            .expect("in the table");
        let since = crate::model::WallTime(0);
        for denial in [
            Denial::NotAllowed,
            denied,
            Denial::Withdrawn { since },
            Denial::NotIssued,
            Denial::Unconfirmed,
        ] {
            let counters = Counters::default();
            counters.clients_not_admitted(&denial).inc();
            let snapshot = counters.snapshot();
            let counted = family
                .series
                .iter()
                .filter(|one| (one.read)(&snapshot) == 1);
            let labels: Vec<_> = counted.map(|one| one.labels).collect();
            assert_eq!(labels, [[("code", denial.code())]]);
        }
    }

    #[test]
    fn the_sum_is_right_when_one_worker_closes_what_another_opened() {
        let (one, two) = (Counters::default(), Counters::default());
        one.connections_open.inc();
        one.connections_open.inc();
        two.connections_open.dec();
        let sum: Snapshot = [&one, &two].into_iter().map(Counters::snapshot).sum();
        assert_eq!(sum.connections_open, 1);
    }

    #[test]
    fn a_difference_holds_the_growth_of_counters_and_the_last_value_of_gauges() {
        let counters = Counters::default();
        counters.relayed_bytes_to_target.add(100);
        counters.connections_open.inc();
        let before = counters.snapshot();
        counters.relayed_bytes_to_target.add(11);
        let growth = counters.snapshot() - before;
        assert_eq!(growth.relayed_bytes_to_target, 11);
        assert_eq!(growth.connections_open, 1);
    }

    #[test]
    fn nothing_is_lost_when_threads_count_at_once() {
        let counters = Arc::new(Counters::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|_| counters.replays.inc()));
            }
        });
        assert_eq!(counters.replays.value(), 4_000);
    }
}
