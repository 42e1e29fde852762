//! The simulated peers against each other, without a gateway between them: what they claim to do
//! to it, they do.

use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tempfile::TempDir;

use super::*;
use crate::model::{Clock, HostPort, Side};

struct Pair {
    ledger: Ledger,
    side: SimConnector,
    pki: Pki,
    _dir: TempDir,
}

fn pair(tls: bool) -> Pair {
    let dir = tempfile::tempdir().expect("a directory");
    let now = Clock::system().now();
    let pki = Pki::create(dir.path(), CaModel::One, FileLayout::Pair, now).expect("a PKI");
    let ledger = Ledger::new();
    let port = Port::reserve().expect("a port");
    let identity = pki.peer(Party::Side(Side::A));
    let tls = tls.then_some(&identity);
    let side = SimConnector::start(Side::A, port, tls, Duration::ZERO, &ledger).expect("a side");
    Pair {
        ledger,
        side,
        pki,
        _dir: dir,
    }
}

impl Pair {
    fn profile(&self, tls: Option<TlsRange>) -> CrmProfile {
        CrmProfile {
            tls: tls.map(|versions| self.pki.peer(Party::Crm).speaking(versions)),
            ..CrmProfile::new(self.side.addr())
        }
    }

    fn caller(&self, tls: Option<TlsRange>) -> Caller {
        let spec = self.profile(tls).caller().expect("certificates");
        Caller::new(spec, self.ledger.clone())
    }
}

/// Lets the others work until it is so.
async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    let limit = tokio::time::timeout(Duration::from_secs(20), wait);
    limit.await.expect("it came to pass");
}

fn reason(ending: &Ending) -> &str {
    match ending {
        Ending::Broken(reason) => reason,
        Ending::Answered | Ending::Faulted | Ending::Reported { .. } => "",
    }
}

#[tokio::test]
async fn a_caller_of_either_version_of_http_keeps_its_connection() {
    let pair = pair(false);
    for version in [HttpVersion::Http10, HttpVersion::Http11] {
        let profile = CrmProfile {
            version,
            ..pair.profile(None)
        };
        let spec = profile.caller().expect("plain");
        let mut caller = Caller::new(spec, pair.ledger.clone());
        for _ in 0..3 {
            assert_eq!(caller.call().await, Ending::Answered);
        }
        assert_eq!(caller.figures().connections, 1, "{version:?}");
    }
    let tally = pair.ledger.tally();
    assert!(tally.is_clean());
    assert_eq!((tally.executions, pair.side.executed()), (6, 6));
}

#[tokio::test]
async fn a_second_connection_resumes_the_session_in_either_version_of_tls() {
    let pair = pair(true);
    for versions in [TlsRange::Only12, TlsRange::Only13] {
        let mut caller = pair.caller(Some(versions));
        for _ in 0..2 {
            assert_eq!(caller.call().await, Ending::Answered);
            caller.hang_up().await;
        }
        let figures = caller.figures();
        assert_eq!((figures.full, figures.resumed), (1, 1), "{versions:?}");
        let shown = figures.server_certificate.expect("a certificate");
        assert_eq!(shown, pair.pki.identity(Party::Side(Side::A)).der);
    }
    let figures = pair.side.figures();
    assert_eq!((figures.full, figures.resumed), (2, 2));
}

#[tokio::test]
async fn a_side_with_tls_turns_a_caller_of_a_foreign_authority_away() {
    let (pair, foreign) = (pair(true), pair(true));
    let profile = CrmProfile {
        tls: Some(foreign.pki.peer(Party::Crm)),
        ..pair.profile(None)
    };
    let spec = profile.caller().expect("certificates");
    let mut caller = Caller::new(spec, pair.ledger.clone());
    let ending = caller.call().await;
    assert!(
        reason(&ending).starts_with("the TLS handshake failed"),
        "{ending:?}"
    );
    assert_eq!(pair.ledger.tally().lost.len(), 1);
}

#[tokio::test]
async fn a_client_certificate_is_not_shown_to_a_server_that_does_not_name_its_issuer() {
    let pair = pair(true);
    // The server believes the caller's certificate, and asks for those of another issuer only.
    let now = Clock::system().now();
    let stranger = crate::certs::issue::Authority::new("Somebody else", now).expect("a CA");
    let own = pair.pki.identity(Party::Crm);
    let company = pair.pki.authority(Party::Crm).der();
    for (issuer, answered) in [(company, true), (stranger.der(), false)] {
        let profile = CrmProfile {
            tls: Some(PeerTls::new(own, issuer, &[company])),
            ..pair.profile(None)
        };
        let mut caller = Caller::new(profile.caller().expect("certificates"), Ledger::new());
        let ending = caller.call().await;
        assert_eq!(reason(&ending).is_empty(), answered, "{ending:?}");
    }
}

#[tokio::test]
#[cfg_attr(
    windows,
    ignore = "under Wine 8 a socket of an event loop ends in order where a reset was asked for"
)]
async fn a_killed_side_resets_what_it_has_and_comes_back_at_its_address() {
    let mut pair = pair(false);
    pair.side.behave(Behaviour::Serve(Duration::from_hours(1)));
    let mut caller = pair.caller(None);
    let side = &mut pair.side;
    let (ending, ()) = tokio::join!(caller.call(), async {
        until(|| side.executed() > 0).await;
        side.kill().await;
    });
    assert!(
        reason(&ending).starts_with("the answer cannot be read"),
        "{ending:?}"
    );
    assert!(!pair.side.is_running());
    let refused = caller.call().await;
    assert!(
        reason(&refused).starts_with("the connection cannot be opened"),
        "{refused:?}"
    );
    pair.side.behave(Behaviour::Serve(Duration::ZERO));
    pair.side.restart().expect("the same port");
    assert_eq!(caller.call().await, Ending::Answered);
}

#[tokio::test]
async fn a_side_that_hangs_goes_on_with_what_it_has_once_it_wakes_up() {
    let pair = pair(false);
    pair.side.behave(Behaviour::Hang);
    let mut caller = pair.caller(None);
    let (ending, ()) = tokio::join!(caller.call(), async {
        until(|| pair.side.figures().connections > 0).await;
        assert_eq!(pair.side.executed(), 0);
        pair.side.behave(Behaviour::Serve(Duration::ZERO));
    });
    assert_eq!(ending, Ending::Answered);
}

#[tokio::test]
async fn every_bad_behaviour_is_told_from_the_others() {
    let pair = pair(false);
    let mut caller = pair.caller(None);
    pair.side.behave(Behaviour::Fault);
    assert_eq!(caller.call().await, Ending::Faulted);
    pair.side.behave(Behaviour::BreakOff);
    let ending = caller.call().await;
    assert_eq!(reason(&ending), "the answer broke off");
    pair.side.behave(Behaviour::Vanish);
    let ending = caller.call().await;
    assert_eq!(
        reason(&ending),
        "the connection was closed without an answer"
    );
    let tally = pair.ledger.tally();
    assert_eq!(
        (tally.executions, tally.faulted, tally.lost.len()),
        (3, 1, 2)
    );
}

#[tokio::test]
async fn a_caller_closes_a_connection_that_it_has_not_used_for_long_enough() {
    let pair = pair(false);
    let profile = CrmProfile {
        idle: Duration::from_millis(20),
        ..pair.profile(None)
    };
    let mut caller = Caller::new(profile.caller().expect("plain"), pair.ledger.clone());
    assert_eq!(caller.call().await, Ending::Answered);
    assert!(caller.is_connected());
    caller
        .rest(tokio::time::Instant::now() + Duration::from_secs(2))
        .await;
    assert!(!caller.is_connected());
}

#[tokio::test]
async fn a_receiver_closes_an_idle_connection_and_its_caller_notices() {
    let ledger = Ledger::new();
    let port = Port::reserve().expect("a port");
    let receiver = EventReceiver::start(&port, None, Duration::from_millis(20), &ledger);
    let _receiver = receiver.expect("a receiver");
    let path = EventPath::Listener(port.addr());
    let mut caller = Caller::new(path.caller().expect("plain"), ledger);
    assert_eq!(caller.call().await, Ending::Answered);
    caller
        .rest(tokio::time::Instant::now() + Duration::from_secs(2))
        .await;
    assert!(!caller.is_connected());
}

#[tokio::test]
async fn events_of_one_source_arrive_in_their_order() {
    let pair = pair(false);
    let ledger = Ledger::new();
    let port = Port::reserve().expect("a port");
    let crm = pair.pki.peer(Party::Crm);
    let receiver = EventReceiver::start(&port, Some(&crm), ICM_IDLE, &ledger).expect("a receiver");
    let path = EventPath::StaticRoute {
        route: port.addr(),
        tls: pair.pki.peer(Party::Side(Side::A)),
        crm: port.addr(),
    };
    let source = EventSource::start("A", &path, Pace::steady(1000.0), &ledger).expect("a source");
    until(|| receiver.received() >= 20).await;
    let figures = source.stop().await;
    assert_eq!((figures.connections, receiver.out_of_order()), (1, 0));
    assert!(ledger.tally().is_clean());
    receiver.stop().await;
}

#[tokio::test]
async fn agents_finish_their_requests_when_they_are_told_to_stop() {
    let pair = pair(true);
    pair.side.behave(Behaviour::Serve(Duration::from_millis(5)));
    let profile = CrmProfile {
        agents: 8,
        pace: Pace {
            interval: Duration::from_millis(1),
            burst: 3,
            pause: Duration::from_millis(5),
        },
        idle: Duration::from_millis(2),
        ..pair.profile(Some(TlsRange::Both))
    };
    let crm = SimCrm::start(&profile, &pair.ledger).expect("agents");
    until(|| pair.side.executed() >= 100).await;
    let figures = crm.stop().await;
    let tally = pair.ledger.tally();
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!(tally.sent, tally.answered);
    assert!(figures.resumed > 0, "{figures:?}");
}

#[test]
fn the_forward_proxy_form_names_the_crm_in_its_target() {
    let gateway: SocketAddr = "127.0.0.1:8081".parse().expect("an address");
    let crm: HostPort = "crm.example.com:44300".parse().expect("an address");
    let caller = EventPath::ForwardProxy(gateway, crm)
        .caller()
        .expect("plain");
    assert_eq!(caller.path, "http://crm.example.com:44300/sap/bc/soap/ici");
    assert_eq!(caller.host, "crm.example.com:44300");
}

#[tokio::test]
async fn the_name_that_a_server_has_to_prove_can_be_another_than_its_address() {
    let pair = pair(true);
    for (name, answered) in [("localhost", true), ("crm.example.com", false)] {
        let profile = CrmProfile {
            server_name: Some(ServerName::try_from(name).expect("a name")),
            ..pair.profile(Some(TlsRange::Both))
        };
        let mut caller = Caller::new(profile.caller().expect("certificates"), Ledger::new());
        let ending = caller.call().await;
        assert_eq!(ending == Ending::Answered, answered, "{ending:?}");
    }
}

#[tokio::test]
async fn written_files_are_a_configuration_without_mistakes() {
    for model in [CaModel::One, CaModel::Separate] {
        for layout in [
            FileLayout::CertificateFirst,
            FileLayout::KeyFirst,
            FileLayout::Pair,
        ] {
            let dir = tempfile::tempdir().expect("a directory");
            let clock = Clock::system();
            let mut pki = Pki::create(dir.path(), model, layout, clock.now()).expect("a PKI");
            pki.renew(Party::Gateway, clock.now()).expect("renewed");
            pki.roll_company_ca(clock.now()).expect("rolled");
            let addr = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
            let endpoint = |text: &str| text.parse().expect("an endpoint");
            let a = endpoint("https://127.0.0.1:18081");
            let b = endpoint("https://127.0.0.1:18082");
            Deployment::new("SAP1")
                .tls(&pki)
                .requests(addr(18443), &a, Some(&b))
                .events(addr(18090), &endpoint("https://127.0.0.1:18044"))
                .static_route(addr(18300), addr(18044))
                .write(dir.path())
                .expect("written");
            let check = crate::gateway::check(dir.path(), &clock);
            assert_eq!(check.problems.to_string(), "", "{model:?} {layout:?}");
        }
    }
}

#[tokio::test]
async fn a_caller_does_not_wait_longer_than_its_patience() {
    let pair = pair(false);
    pair.side.behave(Behaviour::Hang);
    let profile = CrmProfile {
        patience: Duration::from_millis(20),
        ..pair.profile(None)
    };
    let mut caller = Caller::new(profile.caller().expect("plain"), pair.ledger.clone());
    let ending = caller.call().await;
    assert_eq!(reason(&ending), "no answer within the time-out");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_request_on_a_connection_that_was_reset_is_broken_and_not_sent_again() {
    let mut pair = pair(false);
    let mut caller = pair.caller(None);
    assert_eq!(caller.call().await, Ending::Answered);
    pair.side.kill().await;
    pair.side.restart().expect("the same port");
    let ending = caller.call().await;
    // Whether the write or the read meets the reset first is the network's affair.
    let why = reason(&ending);
    assert!(
        why.starts_with("the request cannot be written: ")
            || why == "the connection was closed without an answer",
        "{ending:?}"
    );
    assert_eq!(pair.side.executed(), 1);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let ledger = Ledger::new();
    let port = Port::reserve().expect("a port");
    let _first = EventReceiver::start(&port, None, ICM_IDLE, &ledger).expect("a receiver");
    let error = EventReceiver::start(&port, None, ICM_IDLE, &ledger).expect_err("it is taken");
    let text = format!("the simulated peer cannot listen on {}: ", port.addr());
    assert!(error.to_string().starts_with(&text), "{error}");
}

#[test]
fn a_peer_that_believes_nobody_cannot_be_a_server() {
    let now = Clock::system().now();
    let authority = crate::certs::issue::Authority::new("CA", now).expect("a CA");
    let spec = crate::certs::issue::LeafSpec::for_name("peer", now);
    let issued = authority.issue(&spec).expect("a certificate");
    let error = PeerTls::new(&issued, authority.der(), &[]).server();
    let text = error.expect_err("nobody is believed").to_string();
    assert!(
        text.starts_with("the simulated peer cannot verify clients: "),
        "{text}"
    );
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let now = Clock::system().now();
    let pki = Pki::create(dir.path(), CaModel::One, FileLayout::Pair, now).expect("a PKI");
    let error = pki.write("no/such/folder.pem", "").expect_err("no folder");
    let path = pki.folder().join("no/such/folder.pem");
    let text = format!("the file \"{}\" cannot be written: ", path.display());
    assert!(error.to_string().starts_with(&text), "{error}");
}
