//! Counting one exchange in detail, and writing all figures down.

use std::time::Duration;

use crmgate::model::{ConnectionId, ExchangeId, Generation, Outcome, Side, SystemName};
use crmgate::telemetry::exposition::{Form, Scrape, write};
use crmgate::telemetry::{AccessLine, Counters, Flow, TlsLeg, UpstreamRole};
use divan::Bencher;

/// Operations of a connector in everyday work.
const OPERATIONS: [&str; 8] = [
    "setCurrentWorkmode",
    "dial",
    "accept",
    "hangup",
    "hold",
    "retrieve",
    "consult",
    "attachData",
];

fn line<'a>(system: &'a SystemName, operation: &'a [u8]) -> AccessLine<'a> {
    AccessLine {
        flow: Flow::Request,
        id: ExchangeId {
            connection: ConnectionId::of_thread(1, 7),
            number: 3,
        },
        system,
        listener: "10.0.0.1:8443".parse().expect("an address"),
        peer: "10.0.0.9:50123".parse().expect("an address"),
        principal: None,
        tls: Some(TlsLeg {
            version: "TLSv1.3",
            resumed: true,
        }),
        method: Some(b"POST"),
        target: Some(b"/ici/phone"),
        operation: Some(operation),
        side: Some(Side::A),
        upstream: None,
        upstream_reused: true,
        tries: 1,
        outcome: Outcome::Answered,
        status: Some(200),
        code: None,
        request_bytes: 1_500,
        response_bytes: 1_200,
        took: Duration::from_micros(1_700),
        generation: Generation::FIRST,
    }
}

fn systems() -> [SystemName; 2] {
    ["SAP1", "SAP2"].map(|name| name.parse().expect("a name"))
}

/// The second of two systems, one operation after the other: the figures are there already.
#[divan::bench]
fn count_an_exchange_in_detail(bencher: Bencher<'_, '_>) {
    let counters = Counters::default();
    let [first, system] = systems();
    counters.traffic.exchange(&line(&first, b"dial"));
    let lines = OPERATIONS.map(|operation| line(&system, operation.as_bytes()));
    for line in &lines {
        counters.traffic.exchange(line);
    }
    let mut next = lines.iter().cycle();
    bencher.bench_local(|| {
        let line = next.next().expect("it never ends");
        counters.traffic.exchange(divan::black_box(line));
    });
}

/// A name beyond the first 64: looked for among them each time, and remembered nowhere.
#[divan::bench]
fn count_an_exchange_of_an_operation_without_a_place(bencher: Bencher<'_, '_>) {
    let counters = Counters::default();
    let [_, system] = systems();
    for number in 0..64 {
        let operation = format!("operation{number}");
        let line = line(&system, operation.as_bytes());
        counters.traffic.exchange(&line);
    }
    let line = line(&system, b"anotherOperation");
    counters.traffic.exchange(&line);
    bencher.bench_local(|| counters.traffic.exchange(divan::black_box(&line)));
}

#[divan::bench]
fn count_a_kept_connection_to_a_side(bencher: Bencher<'_, '_>) {
    let counters = Counters::default();
    let [_, system] = systems();
    let note = || {
        let role = UpstreamRole::Side(Side::A);
        counters
            .traffic
            .upstream(&system, role, |own| own.reused += 1);
    };
    note();
    bencher.bench_local(note);
}

/// Two systems with 64 operations each at both sides: more than any gateway has to tell.
#[divan::bench]
fn write_all_figures(bencher: Bencher<'_, '_>) {
    let counters = Counters::default();
    for system in systems() {
        for number in 0..64 {
            let operation = format!("operation{number}");
            for side in Side::BOTH {
                counters.traffic.exchange(&AccessLine {
                    side: Some(side),
                    ..line(&system, operation.as_bytes())
                });
            }
        }
    }
    let mut scrape = Scrape {
        figures: counters.snapshot(),
        operations: std::sync::Arc::clone(counters.traffic.names()),
        ..Scrape::default()
    };
    counters.traffic.add_to(&mut scrape.traffic);
    bencher.bench_local(|| write(divan::black_box(&scrape), Form::Text).len());
}
