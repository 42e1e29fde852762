//! System tests: a gateway with real sockets and real TLS between simulated SAP systems and
//! connectors, which share no code with it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    clippy::unchecked_time_subtraction,
    clippy::similar_names,
    reason = "a test says no with a panic"
)]

#[path = "../support/mod.rs"]
mod support;

mod admin;
mod against_seen;
mod alarms;
mod authorities;
mod broken_inputs;
mod clients;
mod crowds;
mod demo;
mod deployments;
mod drain;
mod endings;
mod events;
mod failback;
mod failover;
mod faults;
mod handed_over;
mod headers;
mod hostile_answers;
mod identity;
mod issuing_authorities;
mod limits;
mod log_lines;
mod many_clients;
mod nameless;
mod notify;
mod ocsp;
mod outcomes;
mod passthrough;
mod preflight;
mod probes;
mod promise;
mod refusals;
mod relay;
mod reload;
mod renewing;
mod replay;
mod resumption;
mod revocation;
mod rules;
mod sandbox;
mod sharing;
mod signals;
mod small_writes;
mod smoke;
mod static_route;
mod succession;
mod system_calls;
mod traces;
mod trust;
mod upgrade;
mod upstream_sessions;
mod watch;
