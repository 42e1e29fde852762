//! The texts that operators meet, as they read. A changed text is a changed product: somebody has
//! it in a runbook. Texts that a room's own tests show already are not repeated here.

use std::fs;
use std::io;
use std::net::SocketAddr;

use crmgate::config::load;
use crmgate::config::problem::Problems;
use crmgate::gateway::StartError;
use crmgate::http::BadAnswer;
use crmgate::model::{HostPort, ListenAddr};
use crmgate::net::{BindError, DialError};
use crmgate::telemetry::LogError;
use crmgate::tls::cipher_suites::Selection;

fn address() -> SocketAddr {
    "192.0.2.7:8443".parse().expect("address")
}

fn listen() -> ListenAddr {
    "0.0.0.0:443".parse().expect("listener")
}

fn target() -> HostPort {
    "side-a.example:8443".parse().expect("target")
}

/// What the system says, in words that are the same on every system.
fn system() -> io::Error {
    io::Error::other("the system said no")
}

#[test]
fn a_failed_dial_says_who_could_not_be_reached_and_what_to_look_at() {
    let reason = || "the system said no".to_owned();
    let dialled = [
        (
            DialError::Unresolved {
                host: "side-a.example".to_owned(),
                reason: reason(),
            },
            "the name \"side-a.example\" does not resolve: the system said no",
            "check the name, and the resolver of this host",
        ),
        (
            DialError::Refused { address: address() },
            "192.0.2.7:8443 refused the connection",
            "the host is up but nothing listens there: start the service, or correct the port",
        ),
        (
            DialError::TimedOut { target: target() },
            "side-a.example:8443 did not answer in time",
            "the host is down, or a firewall drops the packets",
        ),
        (
            DialError::Unreachable {
                address: address(),
                reason: reason(),
            },
            "192.0.2.7:8443 cannot be reached: the system said no",
            "check the route and the firewall between the two hosts",
        ),
        (
            DialError::Exhausted { reason: reason() },
            "this machine cannot open another connection: the system said no",
            "raise the limit of open files, or lower MaxConnections",
        ),
    ];
    for (error, text, hint) in dialled {
        assert_eq!((error.to_string().as_str(), error.hint()), (text, hint));
    }
}

#[test]
fn a_listener_that_cannot_be_opened_says_why_and_what_to_do() {
    let bound = [
        (
            BindError::InUse(listen()),
            "the address 0.0.0.0:443 is in use by another program",
            "see who it is with: ss -ltnp 'sport = :443'; stop it, or choose another port",
        ),
        (
            BindError::NotAllowed(listen()),
            "this process may not listen on 0.0.0.0:443",
            "choose a port above 1023, or give the service CAP_NET_BIND_SERVICE",
        ),
        (
            BindError::NotOurs(listen()),
            "the address 0.0.0.0:443 does not belong to this machine",
            "use an address of this machine, or 0.0.0.0 for all of them",
        ),
        (
            BindError::Other(listen(), system()),
            "cannot listen on 0.0.0.0:443: the system said no",
            "check the address and the limit of open files",
        ),
    ];
    for (error, text, hint) in bound {
        assert_eq!(
            (error.to_string().as_str(), error.hint().as_str()),
            (text, hint)
        );
    }
}

#[test]
fn a_gateway_that_does_not_start_says_why() {
    let started = [
        (
            StartError::Config(Problems::new()),
            "the configuration cannot be used",
        ),
        (
            StartError::Bind(BindError::InUse(listen())),
            "the address 0.0.0.0:443 is in use by another program",
        ),
        (
            StartError::Thread(system()),
            "a worker thread cannot be started: the system said no",
        ),
        (
            StartError::WorkerLost,
            "a worker thread has ended unexpectedly",
        ),
    ];
    for (error, text) in started {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn an_answer_that_cannot_be_passed_on_is_told_in_the_words_of_http() {
    let answers = [
        (BadAnswer::Head, "the answer is not well-formed HTTP"),
        (
            BadAnswer::HeadTooLarge,
            "the head of the answer is larger than MaxHeaderSize or MaxHeaders allow",
        ),
        (
            BadAnswer::Length,
            "the answer contradicts itself about the length of its body",
        ),
        (
            BadAnswer::Chunk,
            "the chunked body of the answer is malformed",
        ),
        (
            BadAnswer::Switch,
            "the answer switches to another protocol, which nobody asked for",
        ),
        (BadAnswer::Interim, "too many interim answers"),
        (BadAnswer::Truncated, "the answer broke off before its end"),
    ];
    for (error, text) in answers {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_log_that_cannot_be_written_names_the_key_to_change() {
    let logs = [
        (
            LogError::Stdout(system()),
            "cannot use standard output for the log: the system said no; name a file with File= in [Log]",
        ),
        (
            LogError::Running,
            "the log is already running; it is set up once in a process",
        ),
    ];
    for (error, text) in logs {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_cipher_string_that_leaves_nothing_completes_a_sentence_about_the_key() {
    let refused = |text: &str| Selection::parse(text).expect_err(text).to_string();
    assert_eq!(
        refused("99999999999999999999:HIGH"),
        "begins with the number \"99999999999999999999\", which is too large for a bitmask"
    );
    assert_eq!(
        refused("HIGH::EC_NONE"),
        "leaves no curve that can be served"
    );
    let old = refused("1:HIGH");
    assert!(
        old.starts_with("asks for no TLS version that is served (the mask names "),
        "{old}"
    );
}

#[test]
fn a_file_that_begins_as_utf_16_and_is_not_is_told_so() {
    let dir = tempfile::tempdir().expect("folder");
    fs::write(dir.path().join("crmgate.ini"), b"\xff\xfe[\x00L").expect("file");
    let problems = load(dir.path()).problems.to_string();
    assert!(
        problems.contains("begins as UTF-16 and is not"),
        "{problems}"
    );
}
