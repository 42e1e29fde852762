//! What can go wrong on the way to a peer: name, port, PROXY, TLS and certificates.

use std::sync::Arc;

use crmgate::certs::issue::{Authority, LeafSpec};
use crmgate::model::{Endpoint, HostPort, Scheme, WallTime};
use crmgate::preflight::Status;
use crmgate::simulate::{PeerTls, TlsRange};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use super::fakes::{BlackHole, Fake, HANDSHAKE_FAILURE, PROTOCOL_VERSION, hello_of_tls_1_0};
use super::{Yard, https, issued};
use crate::support::free_address;
use crate::support::recorder::{FINE, Recorder, Step, always};

const DAY: i64 = 86_400;

/// A change of what a good certificate says.
type Change = fn(&mut LeafSpec, WallTime);

#[tokio::test]
async fn a_certificate_of_the_server_that_is_not_good_is_told_by_what_is_wrong_with_it() {
    let cases: [(&str, &str, Change); 6] = [
        ("peer-dates", "expired", |spec, now| {
            spec.not_before = WallTime(now.0 - 9 * DAY);
            spec.not_after = WallTime(now.0 - DAY);
        }),
        ("peer-dates", "not valid before", |spec, now| {
            spec.not_before = WallTime(now.0 + DAY);
        }),
        ("peer-dates", "expires in 5 days", |spec, now| {
            spec.not_after = WallTime(now.0 + 5 * DAY + 60);
        }),
        ("peer-purpose", "server authentication", |spec, _| {
            spec.server_auth = false;
        }),
        ("peer-name", "names no host", |spec, _| {
            spec.alternative_names.clear();
        }),
        ("peer-name", "is for \"other.example\"", |spec, _| {
            spec.alternative_names = vec!["other.example".to_owned()];
        }),
    ];
    for (id, part, change) in cases {
        let mut yard = Yard::without_crm();
        let mut spec = yard.server_spec();
        change(&mut spec, yard.world.clock.now());
        let own = issued(yard.company(), &spec);
        let config = yard.server(&own);
        let _crm = yard.crm_with(config).await;
        yard.finds(id, part).await;
    }
}

#[tokio::test]
async fn a_server_of_another_authority_is_told_with_the_step_in_strust() {
    let mut yard = Yard::without_crm();
    let other = Authority::new("Other CA", yard.world.clock.now()).expect("an authority");
    let config = yard.server(&issued(&other, &yard.server_spec()));
    let _crm = yard.crm_with(config).await;
    let report = yard.finds("peer-trust", "Other CA").await;
    assert!(report.to_text(true).contains("STRUST"));
    let skipped = report
        .lines()
        .find(|line| line.id == "peer-name")
        .expect("asked");
    assert_eq!(skipped.status, Status::Skipped);
    assert_eq!(skipped.needs.as_deref(), Some("peer-trust"));
}

#[tokio::test]
async fn a_server_that_leaves_out_an_intermediate_that_we_know_is_told_so() {
    let mut yard = Yard::without_crm();
    let issuing = yard
        .company()
        .intermediate("Issuing CA")
        .expect("an authority");
    let ours = LeafSpec::for_name("gateway", yard.world.clock.now());
    let ours = issued(&issuing, &ours);
    yard.world
        .pki
        .write("gateway.pem", &ours.combined_pem())
        .expect("written");
    let mut theirs = issued(&issuing, &yard.server_spec());
    theirs.chain_pem = String::new();
    let config = yard.server(&theirs);
    let _crm = yard.crm_with(config).await;
    yard.finds("peer-chain", "sends its own certificate alone")
        .await;
}

#[tokio::test]
async fn a_device_that_reads_along_is_told_by_its_name_and_by_the_certificate_behind_it() {
    let mut yard = Yard::without_crm();
    let device = Authority::new("Zscaler Intermediate Root CA", yard.world.clock.now());
    let config = yard.server(&issued(&device.expect("an authority"), &yard.server_spec()));
    let _crm = yard.crm_with(config).await;
    yard.finds("peer-inspection", "a product that inspects TLS")
        .await;

    let mut yard = Yard::new().await;
    let device = Authority::new("Firewall", yard.world.clock.now()).expect("an authority");
    let config = yard.server(&issued(&device, &yard.server_spec()));
    let inspecting = Recorder::with(Some(config), always(vec![Step::send(FINE)]), None).await;
    yard.through(inspecting.addr());
    yard.finds(
        "peer-inspection",
        "called directly, the host shows a certificate",
    )
    .await;
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told() {
    let mut yard = Yard::without_crm();
    let target = HostPort::new("no-such-host.invalid", 44300).expect("a name");
    yard.point_at(&Endpoint {
        scheme: Scheme::Https,
        target,
    });
    yard.finds("peer-dns", "no-such-host.invalid").await;
}

#[tokio::test]
async fn a_port_that_is_closed_and_one_that_swallows_what_comes_are_told_apart() {
    let mut yard = Yard::without_crm();
    yard.point_at_tls(free_address());
    yard.finds("peer-port", "refused the connection").await;

    let hole = BlackHole::open();
    let mut yard = Yard::without_crm();
    yard.point_at_tls(hole.at);
    yard.deployment.system.set("Events", "ConnectTimeout", "1s");
    yard.finds("peer-port", "did not answer in time").await;
}

#[tokio::test]
async fn what_is_no_tls_and_too_old_tls_are_told() {
    let cases: [(&str, &str, &'static [u8]); 5] = [
        (
            "peer-tls",
            "is not TLS",
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        ),
        ("peer-tls", "closed the connection", b""),
        ("peer-tls-version", "protocol_version", PROTOCOL_VERSION),
        (
            "peer-tls-version",
            "no TLS version in common",
            hello_of_tls_1_0(),
        ),
        ("peer-suite", "handshake_failure", HANDSHAKE_FAILURE),
    ];
    for (id, part, says) in cases {
        let fake = Fake::saying(says).await;
        let mut yard = Yard::without_crm();
        yard.point_at_tls(fake.at);
        yard.finds(id, part).await;
    }
}

#[tokio::test]
async fn a_server_of_openssl_without_a_suite_that_we_have_is_told() {
    let mut yard = Yard::without_crm();
    let own = issued(yard.company(), &yard.server_spec());
    let at = free_address();
    let _server =
        crate::support::openssl::OpenSslServer::old(at, &own, "ECDHE-ECDSA-AES128-SHA").await;
    yard.point_at_tls(at);
    yard.finds("peer-suite", "handshake_failure").await;
}

#[tokio::test]
async fn a_tls_port_behind_http_is_told() {
    let mut yard = Yard::without_crm();
    let own = issued(yard.company(), &yard.server_spec());
    let crm = Recorder::with(
        Some(yard.server(&own)),
        always(vec![Step::send(FINE)]),
        None,
    )
    .await;
    yard.deployment
        .system
        .set("Requests", "SideA", format!("http://{}", crm.addr()));
    yard.finds("peer-tls", "the port speaks TLS").await;
}

#[tokio::test]
async fn a_proxy_that_is_closed_leads_elsewhere_or_is_a_web_proxy_is_told() {
    let mut yard = Yard::new().await;
    yard.through(free_address());
    yard.finds("peer-port", "PROXY: ").await;

    let mut yard = Yard::new().await;
    let mut spec = yard.server_spec();
    spec.alternative_names = vec!["other.example".to_owned()];
    let config = yard.server(&issued(yard.company(), &spec));
    let other = Recorder::with(Some(config), always(vec![Step::send(FINE)]), None).await;
    let proxy = Fake::relay(other.addr()).await;
    yard.through(proxy.at);
    yard.finds(
        "proxy-route",
        "called directly, the host answers as it should",
    )
    .await;

    let mut yard = Yard::new().await;
    let proxy = Fake::saying(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    yard.through(proxy.at);
    yard.finds("proxy-route", "is not TLS").await;
}

#[tokio::test]
async fn a_server_that_hangs_in_the_handshake_is_told() {
    let fake = Fake::silent().await;
    let mut yard = Yard::without_crm();
    yard.point_at_tls(fake.at);
    yard.deployment.system.set("Events", "ConnectTimeout", "1s");
    yard.finds("peer-tls", "took too long").await;
}

#[tokio::test]
async fn a_server_that_does_not_accept_our_certificate_is_told_in_either_version() {
    for versions in [TlsRange::Only12, TlsRange::Only13] {
        let mut yard = Yard::without_crm();
        let other = Authority::new("Other CA", yard.world.clock.now()).expect("an authority");
        let own = issued(yard.company(), &yard.server_spec());
        let peer = PeerTls::new(&own, yard.company().der(), &[other.der()]).speaking(versions);
        let _crm = yard.crm_with(peer.server().expect("TLS")).await;
        let report = yard.finds("peer-accepts-us", "unknown_ca").await;
        assert!(
            report.to_text(true).contains("SSL server Standard"),
            "{versions:?}"
        );
    }
}

#[tokio::test]
async fn a_side_that_is_relayed_to_and_does_not_accept_our_certificate_is_told() {
    let mut yard = Yard::without_crm();
    let other = Authority::new("Other CA", yard.world.clock.now()).expect("an authority");
    let own = issued(yard.company(), &yard.server_spec());
    let peer = PeerTls::new(&own, yard.company().der(), &[other.der()]);
    let side = Recorder::fine(Some(&peer)).await;
    let system = &mut yard.deployment.system;
    system.set("Requests", "SideA", side.endpoint());
    system.set("Requests", "Mode", "relay");
    yard.finds("peer-accepts-us", "unknown_ca").await;
    assert!(
        side.requests().is_empty(),
        "nothing is asked where nothing is understood"
    );
}

#[tokio::test]
async fn a_server_that_does_not_ask_for_a_certificate_is_told() {
    let mut yard = Yard::without_crm();
    let own = issued(yard.company(), &yard.server_spec());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![own.der.clone()], key_of(&own))
        .expect("a certificate");
    let _crm = yard.crm_with(config).await;
    let report = yard.finds("peer-asks-us", "did not ask").await;
    assert!(report.to_text(true).contains("VCLIENT=2"));
}

#[tokio::test]
async fn a_server_whose_list_of_authorities_lacks_ours_is_told() {
    let mut yard = Yard::without_crm();
    let other = Authority::new("Other CA", yard.world.clock.now()).expect("an authority");
    let own = issued(yard.company(), &yard.server_spec());
    let mut believed = RootCertStore::empty();
    believed
        .add(yard.company().der().clone())
        .expect("an authority");
    let mut named = RootCertStore::empty();
    named.add(other.der().clone()).expect("an authority");
    let verifier = WebPkiClientVerifier::builder(Arc::new(believed))
        .clear_root_hint_subjects()
        .add_root_hint_subjects(named.subjects())
        .build()
        .expect("a verifier");
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own.der.clone()], key_of(&own))
        .expect("a certificate");
    let _crm = yard.crm_with(config).await;
    yard.finds("peer-ca-hints", "Other CA").await;
}

#[tokio::test]
async fn a_server_that_takes_up_no_session_is_told() {
    let mut yard = Yard::without_crm();
    let own = issued(yard.company(), &yard.server_spec());
    let mut config = yard.server(&own);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    let _crm = yard.crm_with(config).await;
    yard.finds("peer-resumes", "full handshake").await;
}

#[tokio::test]
async fn two_faults_of_two_peers_are_both_told() {
    let mut yard = Yard::without_crm();
    yard.point_at_tls(free_address());
    let closed = free_address();
    yard.deployment
        .system
        .set("Requests", "SideB", https(closed));
    yard.finds_all(&[("peer-port", "refused"), ("peer-port", "refused")])
        .await;
}

fn key_of(own: &crmgate::certs::issue::Issued) -> rustls::pki_types::PrivateKeyDer<'static> {
    rustls::pki_types::PrivatePkcs8KeyDer::from(own.key_der.clone()).into()
}
