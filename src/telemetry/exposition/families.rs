//! The detailed families of traffic: names, labels and meaning, and where each is read.

use std::fmt::Display;

use super::scrape::Scrape;
use super::text::{Labels, Samples, Shape};
use crate::model::SystemName;
use crate::telemetry::traffic::{ExchangeKey, ExchangeTally, Switched, SystemTally};

/// A family whose samples are not known before there was traffic.
pub(super) struct Detail {
    /// The stable name.
    pub(super) name: &'static str,
    /// What it is made of.
    pub(super) shape: Shape,
    /// One sentence for people.
    pub(super) help: &'static str,
    /// Its labels, each with what it says.
    pub(super) labels: Labels,
    /// Writes its samples.
    pub(super) read: fn(&Scrape, &mut Samples<'_>),
}

pub(super) const SYSTEM: (&str, &str) = ("system", "the SAP system");
const FLOW: (&str, &str) = (
    "flow",
    "`request`, `event`, `static-route`, `passthrough` or `relay`",
);
const SIDE: (&str, &str) = ("side", "`A`, `B` or `none`");
const OPERATION: (&str, &str) = (
    "operation",
    "the SOAP operation; `_other` beyond the first 64, `_none` where there is none",
);
const UPSTREAM: (&str, &str) = ("upstream", "`A`, `B` or `crm`");
const LISTENER: (&str, &str) = ("listener", "the address of the listener");

/// Of each SAP system.
fn each(scrape: &Scrape) -> impl Iterator<Item = (&SystemName, &SystemTally)> {
    scrape.traffic.iter()
}

/// Of each group of exchanges: with the texts of its labels.
fn exchanges(
    scrape: &Scrape,
    mut take: impl FnMut([&dyn Display; 4], &ExchangeKey, &ExchangeTally),
) {
    for (system, tally) in each(scrape) {
        for (key, exchanges) in &tally.exchanges {
            let side = key
                .side
                .map_or_else(|| "none".to_owned(), |side| side.to_string());
            let operation = scrape.operations.text(key.operation);
            take([system, &key.flow, &side, &operation], key, exchanges);
        }
    }
}

pub(super) const TRAFFIC: &[Detail] = &[
    Detail {
        name: "crmgate_exchanges_total",
        shape: Shape::Counter,
        help: "Exchanges and relayed connections that ended.",
        labels: &[
            SYSTEM,
            FLOW,
            SIDE,
            OPERATION,
            (
                "status",
                "class of the HTTP status that the caller got: `2xx` to `5xx`, `odd`, or `none`",
            ),
            (
                "outcome",
                "`answered`, `not-sent`, `partly-sent` or `sent-no-answer`",
            ),
        ],
        read: |scrape, out| {
            exchanges(scrape, |[system, flow, side, operation], _, exchanges| {
                for (status, outcome, count) in exchanges.ended() {
                    let (status, outcome) = (status.code(), outcome.code());
                    out.push(&[system, flow, side, operation, &status, &outcome], count);
                }
            });
        },
    },
    Detail {
        name: "crmgate_exchange_duration_seconds",
        shape: Shape::Histogram,
        help: "From the first byte of a request to the last one of its answer; relayed connections are not in it.",
        labels: &[SYSTEM, FLOW, SIDE, OPERATION],
        read: |scrape, out| {
            exchanges(scrape, |labels, key, exchanges| {
                if !key.flow.is_relayed() {
                    out.histogram(&labels, &exchanges.took);
                }
            });
        },
    },
    Detail {
        name: "crmgate_exchange_bytes_total",
        shape: Shape::Counter,
        help: "Body bytes of exchanges.",
        labels: &[SYSTEM, FLOW, ("direction", "`request` or `response`")],
        read: |scrape, out| {
            for (system, tally) in each(scrape) {
                for (flow, bytes) in &tally.bytes {
                    for (direction, count) in ["request", "response"].iter().zip(bytes) {
                        out.push(&[system, flow, direction], *count);
                    }
                }
            }
        },
    },
    Detail {
        name: "crmgate_relayed_bytes_total",
        shape: Shape::Counter,
        help: "Bytes of relayed connections, counted when a connection ends; a static route is told by its listener.",
        labels: &[
            SYSTEM,
            FLOW,
            LISTENER,
            ("direction", "`to-target` or `from-target`"),
        ],
        read: |scrape, out| {
            for (system, tally) in each(scrape) {
                for ((flow, listener), bytes) in &tally.relayed {
                    for (direction, count) in ["to-target", "from-target"].iter().zip(bytes) {
                        out.push(&[system, flow, listener, direction], *count);
                    }
                }
            }
        },
    },
    Detail {
        name: "crmgate_gateway_answers_total",
        shape: Shape::Counter,
        help: "Answers that the gateway made itself.",
        labels: &[
            SYSTEM,
            FLOW,
            (
                "code",
                "the code that the caller got, such as `GW-503-UNREACHABLE`",
            ),
        ],
        read: |scrape, out| {
            for (system, tally) in each(scrape) {
                for ((flow, code), count) in &tally.answers {
                    out.push(&[system, flow, code], *count);
                }
            }
        },
    },
    Detail {
        name: "crmgate_handshakes_total",
        shape: Shape::Counter,
        help: "TLS handshakes.",
        labels: &[
            SYSTEM,
            (
                "direction",
                "`inbound`, `outbound`, or `probe` for those of health probes",
            ),
            (
                "endpoint",
                "the address of the listener, or `A`, `B` or `crm`",
            ),
            (
                "version",
                "such as `TLSv1.3`; `unknown` where it did not come to that",
            ),
            ("result", "`full`, `resumed` or `failed`"),
            (
                "reason",
                "why it failed, such as `unknown-issuer`; else empty",
            ),
        ],
        read: |scrape, out| {
            for (system, tally) in each(scrape) {
                for (key, took) in &tally.handshakes {
                    let (direction, result) = (key.leg.code(), key.end.code());
                    let (version, reason) = (key.version.unwrap_or("unknown"), key.end.reason());
                    let labels: [&dyn Display; 6] =
                        [system, &direction, &key.leg, &version, &result, &reason];
                    out.push(&labels, took.count());
                }
            }
        },
    },
    Detail {
        name: "crmgate_handshake_duration_seconds",
        shape: Shape::Histogram,
        help: "How long TLS handshakes took, the wait for their turn included.",
        labels: &[
            SYSTEM,
            ("direction", "`inbound`, `outbound` or `probe`"),
            ("result", "`full`, `resumed` or `failed`"),
        ],
        read: handshake_durations,
    },
    Detail {
        name: "crmgate_probes_total",
        shape: Shape::Counter,
        help: "Health probes.",
        labels: &[
            SYSTEM,
            ("side", "`A` or `B`"),
            ("result", "`passed` or `failed`"),
        ],
        read: |scrape, out| {
            for (system, tally) in each(scrape) {
                for ((side, passed), took) in &tally.probes {
                    let result = if *passed { "passed" } else { "failed" };
                    out.push(&[system, side, &result], took.count());
                }
            }
        },
    },
    Detail {
        name: "crmgate_probe_duration_seconds",
        shape: Shape::Histogram,
        help: "How long health probes took.",
        labels: &[
            SYSTEM,
            ("side", "`A` or `B`"),
            ("result", "`passed` or `failed`"),
        ],
        read: |scrape, out| {
            for (system, tally) in each(scrape) {
                for ((side, passed), took) in &tally.probes {
                    let result = if *passed { "passed" } else { "failed" };
                    out.histogram(&[system, side, &result], took);
                }
            }
        },
    },
    Detail {
        name: "crmgate_switches_total",
        shape: Shape::Counter,
        help: "Changes of the active side.",
        labels: &[
            SYSTEM,
            ("to", "the side that became active"),
            (
                "reason",
                "`side-down`, `fail-back`, `drained`, `operator` or `removed`",
            ),
        ],
        read: switches,
    },
    Detail {
        name: "crmgate_upstream_connections_total",
        shape: Shape::Counter,
        help: "Connections to sides and to the CRM, by how a request got one; `probed` ones are made for health probes.",
        labels: &[
            SYSTEM,
            UPSTREAM,
            (
                "result",
                "`opened`, `reused`, `stale`, `failed` or `probed`",
            ),
        ],
        read: |scrape, out| {
            for (system, tally) in each(scrape) {
                for (upstream, own) in &tally.upstreams {
                    for (result, count) in [
                        ("opened", own.opened),
                        ("reused", own.reused),
                        ("stale", own.stale),
                        ("failed", own.failed),
                        ("probed", own.probed),
                    ] {
                        out.push(&[system, upstream, &result], count);
                    }
                }
            }
        },
    },
    Detail {
        name: "crmgate_upstream_connections_open",
        shape: Shape::Gauge,
        help: "Connections to sides and to the CRM as they stood within the last second.",
        labels: &[
            SYSTEM,
            UPSTREAM,
            (
                "state",
                "`idle`: kept for the next request; `used`: carrying one",
            ),
        ],
        read: |scrape, out| {
            for (system, tally) in each(scrape) {
                for (upstream, own) in &tally.upstreams {
                    out.push(&[system, upstream, &"idle"], own.pool.idle);
                    out.push(&[system, upstream, &"used"], own.pool.used);
                }
            }
        },
    },
];

/// By direction and result only: a bucket for every listener and reason would be a crowd.
fn handshake_durations(scrape: &Scrape, out: &mut Samples<'_>) {
    for (system, tally) in each(scrape) {
        let mut sums: Vec<((&str, &str), crate::telemetry::Histogram)> = Vec::new();
        for (key, took) in &tally.handshakes {
            let group = (key.leg.code(), key.end.code());
            match sums.iter_mut().find(|(own, _)| *own == group) {
                Some((_, sum)) => sum.add(took),
                None => sums.push((group, *took)),
            }
        }
        sums.sort_by_key(|(group, _)| *group);
        for ((direction, result), sum) in &sums {
            out.histogram(&[system, direction, result], sum);
        }
    }
}

/// A counter that begins at 1 has not grown in the eyes of who reads it, and the first switch is the
/// one that matters. So each that there may be is there from the beginning.
fn switches(scrape: &Scrape, out: &mut Samples<'_>) {
    for own in &scrape.sides {
        let tally = scrape.traffic.get(&own.system);
        for why in Switched::ALL {
            let count = tally.and_then(|tally| tally.switches.get(&(own.side, why)));
            let reason = why.code();
            out.push(
                &[&own.system, &own.side, &reason],
                count.copied().unwrap_or_default(),
            );
        }
    }
}
