//! Whom we believe, what we show, and which sessions we offer to whom.

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::model::HostPort;

/// A server as plain as the TLS library makes it, that asks for a client certificate.
pub(super) fn server(
    ca: &Authority,
    own: &Issued,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> TlsAcceptor {
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).expect("a root");
    let provider = Arc::new(provider::with(
        &SUITES.map(|suite| suite.id),
        &[NamedGroup::X25519],
    ));
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .expect("a verifier");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.key_der.clone()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("a version")
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain_of(own), key)
        .expect("a key");
    TlsAcceptor::from(Arc::new(config))
}

pub(super) const BOTH: [&rustls::SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// One connection to a server, up to the first byte of its answer.
async fn call(upstream: &UpstreamTls, server: &TlsAcceptor) -> Result<bool, HandshakeFailure> {
    let (dialled, accepted) = sockets().await;
    let serve = async {
        if let Ok(mut stream) = server.accept(accepted).await {
            let _gone = stream.write_all(b"x").await;
            let _gone = stream.flush().await;
        }
    };
    let ask = async {
        let mut connected = upstream.connect(dialled).await?;
        match connected.stream.read_u8().await {
            Ok(_) => Ok(connected.resumed),
            Err(error) => Err(HandshakeFailure::from_io(&error, Direction::Outbound)),
        }
    };
    tokio::join!(serve, ask).1
}

pub(super) fn target(text: &str) -> HostPort {
    text.parse().expect("a target")
}

struct Setting {
    world: World,
    ca: Authority,
    settings: ClientTls,
}

impl Setting {
    fn new() -> Self {
        let world = World::new();
        let ca = authority("Company CA");
        let settings = world.client(&ca.pem(), &leaf(&ca, "gw.example"));
        Self {
            world,
            ca,
            settings,
        }
    }

    fn upstream(&self, host: &str) -> UpstreamTls {
        let connector = self.world.connector(&self.settings);
        connector.for_upstream(&target(host)).expect("a host")
    }

    /// Calls a server with this certificate under a name.
    async fn call(&self, host: &str, own: &Issued) -> Result<bool, HandshakeFailure> {
        call(&self.upstream(host), &server(&self.ca, own, &BOTH)).await
    }
}

#[tokio::test]
async fn a_server_is_known_by_name_wildcard_or_address() {
    let setting = Setting::new();
    let own = special(&setting.ca, "crm.example", |spec| {
        spec.alternative_names = ["crm.example", "*.sides.example", "127.0.0.1", "2001:db8::1"]
            .map(str::to_owned)
            .to_vec();
    });
    for host in [
        "crm.example:44300",
        "CRM.example:1",
        "a.sides.example:1",
        "127.0.0.1:1",
        "[2001:db8::1]:1",
    ] {
        assert!(!setting.call(host, &own).await.expect(host));
    }
    for host in ["other.example:1", "a.b.sides.example:1", "127.0.0.2:1"] {
        let failure = setting.call(host, &own).await.expect_err(host);
        assert_eq!(failure.code(), "name-mismatch", "{host}");
        assert!(failure.to_string().contains("crm.example"), "{failure}");
    }
}

#[tokio::test]
async fn a_common_name_counts_only_with_the_flag_and_without_any_alternative_name() {
    let mut setting = Setting::new();
    let bare = special(&setting.ca, "crm.example", |spec| {
        spec.alternative_names.clear();
    });
    let failure = setting
        .call("crm.example:1", &bare)
        .await
        .expect_err("refused");
    assert_eq!(failure.code(), "no-alternative-name");
    assert!(failure.hint().contains("LEGACY_CN_MATCH=1"));
    setting.settings.legacy_cn_match = true;
    assert!(
        !setting
            .call("crm.example:1", &bare)
            .await
            .expect("believed")
    );
    let failure = setting
        .call("other.example:1", &bare)
        .await
        .expect_err("refused");
    assert_eq!(failure.code(), "no-alternative-name");
    let named = special(&setting.ca, "crm.example", |spec| {
        spec.alternative_names = vec!["other.example".to_owned()];
    });
    let failure = setting
        .call("crm.example:1", &named)
        .await
        .expect_err("refused");
    assert_eq!(failure.code(), "name-mismatch");
    let foreign = special(&authority("Foreign CA"), "crm.example", |spec| {
        spec.alternative_names.clear();
    });
    let failure = setting
        .call("crm.example:1", &foreign)
        .await
        .expect_err("refused");
    assert_eq!(failure.code(), "unknown-issuer");
}

/// An authority that may vouch for the hosts of example.com and no others, in PEM, and a server's
/// certificate of it that has nothing but a common name.
fn of_a_limited_authority(common_name: &str) -> (String, Issued) {
    use rcgen::{BasicConstraints, CertifiedIssuer, GeneralSubtree, IsCa, KeyPair};
    let key = || KeyPair::generate().expect("a key");
    let mut limited = params("Limited CA");
    limited.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    limited.name_constraints = Some(rcgen::NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("example.com".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let ca = CertifiedIssuer::self_signed(limited, key()).expect("an authority");
    let own = key();
    let certificate = params(common_name).signed_by(&own, &ca).expect("issued");
    (ca.pem(), issued(&certificate, &own))
}

#[tokio::test]
async fn a_common_name_that_counts_as_a_host_lies_within_the_limits_of_its_authority() {
    let mut setting = Setting::new();
    setting.settings.legacy_cn_match = true;
    for (host, is_within) in [
        ("a.example.com", true),
        ("a.example.org", false),
        ("gateway", false),
    ] {
        let (ca, own) = of_a_limited_authority(host);
        setting.settings.files.ca = file(setting.world.dir.path(), "limited.pem", ca);
        let outcome = setting.call(&format!("{host}:1"), &own).await;
        match outcome {
            Ok(_) => assert!(is_within, "{host}"),
            Err(failure) => assert_eq!((failure.code(), is_within), ("name-not-allowed", false)),
        }
    }
}

#[test]
fn the_common_name_flag_is_loud() {
    let mut setting = Setting::new();
    setting.settings.legacy_cn_match = true;
    let (connector, problems) = Connector::build(&setting.settings, &setting.world.clock);
    assert!(connector.is_some() && problems.to_string().contains("LEGACY_CN_MATCH is on"));
}

#[tokio::test]
async fn servers_are_refused_over_their_certificate_with_its_subject_in_the_text() {
    let setting = Setting::new();
    let day = |n: i64| WallTime(now().0 + n * DAY);
    let unable = setting
        .ca
        .intermediate_with_usage("Unable", false)
        .expect("made");
    let cases = [
        (
            "unknown-issuer",
            leaf(&authority("Foreign CA"), "crm.example"),
        ),
        ("unfit-issuer", leaf(&unable, "crm.example")),
        (
            "certificate-expired",
            special(&setting.ca, "crm.example", |spec| spec.not_after = day(-1)),
        ),
        (
            "wrong-purpose",
            special(&setting.ca, "crm.example", |spec| spec.server_auth = false),
        ),
        (
            "authority-as-leaf",
            special(&setting.ca, "crm.example", |spec| spec.is_ca = true),
        ),
    ];
    for (code, own) in cases {
        let failure = setting.call("crm.example:1", &own).await.expect_err(code);
        assert_eq!(failure.code(), code, "{failure}");
        assert!(failure.to_string().contains("CN=crm.example"), "{failure}");
    }
}

/// In TLS 1.2 the refusal comes in the handshake, in TLS 1.3 with the first read.
#[tokio::test]
async fn a_server_that_does_not_trust_us_is_understood_in_both_versions() {
    let setting = Setting::new();
    let own = leaf(&setting.ca, "crm.example");
    for version in BOTH {
        let strict = server(&authority("Foreign CA"), &own, &[version]);
        let failure = call(&setting.upstream("crm.example:1"), &strict)
            .await
            .expect_err("refused");
        assert_eq!(failure.code(), "refused-by-peer", "{failure}");
        assert!(
            failure.to_string().contains("does not trust the authority"),
            "{failure}"
        );
        assert!(failure.hint().contains("STRUST"));
    }
}

#[tokio::test]
async fn connections_to_one_upstream_resume_in_both_versions() {
    let setting = Setting::new();
    let own = leaf(&setting.ca, "crm.example");
    for version in BOTH {
        let server = server(&setting.ca, &own, &[version]);
        let upstream = setting.upstream("crm.example:44300");
        assert!(!call(&upstream, &server).await.expect("connected"));
        for _ in 0..3 {
            assert!(call(&upstream, &server).await.expect("connected"));
        }
    }
}

#[tokio::test]
async fn r8_no_session_is_offered_to_another_port_or_name_by_another_identity_or_verifier_or_by_a_probe()
 {
    let setting = Setting::new();
    let own = special(&setting.ca, "crm.example", |spec| {
        spec.alternative_names = ["crm.example", "other.example"].map(str::to_owned).to_vec();
    });
    let dir = setting.world.dir.path();
    let mut as_somebody_else = setting.settings.clone();
    let other = leaf(&setting.ca, "gw2.example").combined_pem();
    as_somebody_else.files.identity = IdentityFiles::Combined(file(dir, "other.pem", other));
    let mut with_other_verifier = setting.settings.clone();
    let bundle = format!("{}{}", setting.ca.pem(), authority("New CA").pem());
    with_other_verifier.files.ca = file(dir, "bundle.pem", bundle);
    for version in BOTH {
        let server = server(&setting.ca, &own, &[version]);
        let upstream = |settings: &ClientTls, host: &str| {
            let connector = setting.world.connector(settings);
            connector.for_upstream(&target(host)).expect("a host")
        };
        let connector = setting.world.connector(&setting.settings);
        let of_one_connector = |host| connector.for_upstream(&target(host)).expect("a host");
        let one = of_one_connector("crm.example:44300");
        call(&one, &server).await.expect("connected");
        let probe = connector.for_probe(&target("crm.example:44300"));
        let probe = probe.expect("a host");
        let others = [
            of_one_connector("crm.example:44301"),
            of_one_connector("other.example:44300"),
            upstream(&as_somebody_else, "crm.example:44300"),
            upstream(&with_other_verifier, "crm.example:44300"),
            probe.clone(),
            probe,
        ];
        for (index, other) in others.iter().enumerate() {
            assert!(!call(other, &server).await.expect("connected"), "{index}");
        }
        assert!(call(&one, &server).await.expect("connected"));
    }
}

#[tokio::test]
async fn a_session_does_not_outlive_the_servers_certificate() {
    let setting = Setting::new();
    for version in BOTH {
        let own = special(&setting.ca, "crm.example", |spec| {
            spec.not_after = WallTime(setting.world.clock.now().0 + 3_600);
            spec.not_before = WallTime(now().0 - DAY);
        });
        let server = server(&setting.ca, &own, &[version]);
        let upstream = setting.upstream("crm.example:1");
        call(&upstream, &server).await.expect("connected");
        assert!(call(&upstream, &server).await.expect("connected"));
        setting.world.clock.shift(3_700);
        let stale = call(&upstream, &server).await.expect_err("refused");
        assert_eq!(stale.code(), "stale-session");
        // The session is forgotten, so the next attempt tells the true reason.
        let full = call(&upstream, &server).await.expect_err("refused");
        assert_eq!(full.code(), "certificate-expired");
        setting.world.clock.shift(-3_700);
    }
}

/// What comes of a server that answers with these bytes, or none, and closes.
async fn after_bytes(bytes: &[u8]) -> HandshakeFailure {
    let setting = Setting::new();
    let upstream = setting.upstream("crm.example:1");
    let (dialled, mut accepted): (Socket, Socket) = sockets().await;
    let answer = async {
        // The whole hello is read first: closing with unread bytes would reset the connection.
        let mut hello = [0; 4_096];
        let _size = accepted.read(&mut hello).await.expect("read");
        accepted.write_all(bytes).await.expect("written");
        accepted.shutdown().await.expect("closed");
    };
    let (result, ()) = tokio::join!(upstream.connect(dialled), answer);
    result.expect_err("refused")
}

#[tokio::test]
async fn a_plain_port_and_a_closed_connection_are_named() {
    let plain = after_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(plain.code(), "not-tls");
    assert!(plain.hint().contains("SMICM"));
    let closed = after_bytes(b"").await;
    assert_eq!(closed.code(), "closed-by-peer");
    assert!(closed.to_string().contains("the server closed"), "{closed}");
}

#[test]
fn a_host_that_no_certificate_can_hold_is_refused_by_name() {
    let setting = Setting::new();
    let connector = setting.world.connector(&setting.settings);
    let odd = HostPort::new("-.example", 1).expect("a target");
    let refused = connector.for_upstream(&odd).expect_err("refused");
    assert!(refused.to_string().starts_with("\"-.example\" is neither"));
}

#[test]
fn the_fingerprint_changes_with_what_it_was_built_from_and_with_nothing_else() {
    let setting = Setting::new();
    let same = setting.world.connector(&setting.settings).fingerprint();
    assert_eq!(
        setting.world.connector(&setting.settings).fingerprint(),
        same
    );
    let mut changed = setting.settings.clone();
    changed.legacy_cn_match = true;
    assert_ne!(setting.world.connector(&changed).fingerprint(), same);
    let mut changed = setting.settings.clone();
    changed.files.ca = file(
        setting.world.dir.path(),
        "ca2.pem",
        authority("New CA").pem(),
    );
    assert_ne!(setting.world.connector(&changed).fingerprint(), same);
}

/// Our two ends against each other, as two gateways stand behind each other.
#[tokio::test]
async fn a_connector_is_let_in_by_an_acceptor_and_known_by_its_subject() {
    let setting = Setting::new();
    let acceptor = setting.world.acceptor(
        &setting
            .world
            .server(&setting.ca.pem(), &leaf(&setting.ca, "side-b.example")),
    );
    let settings = setting
        .world
        .client(&setting.ca.pem(), &leaf(&setting.ca, "gw.example"));
    let upstream = setting
        .world
        .connector(&settings)
        .for_upstream(&target("side-b.example:8443"))
        .expect("a host");
    for expected in [false, true, true] {
        let (dialled, accepted) = sockets().await;
        let serve = async {
            let mut accepted = acceptor.accept(accepted).await.expect("let in");
            accepted.stream.write_all(b"x").await.expect("written");
            accepted.stream.flush().await.expect("flushed");
            accepted.facts
        };
        let ask = async {
            let mut connected = upstream.connect(dialled).await.expect("connected");
            connected.stream.read_u8().await.expect("an answer");
            connected
        };
        let (facts, connected) = tokio::join!(serve, ask);
        assert_eq!((facts.resumed, connected.resumed), (expected, expected));
        assert_eq!(
            (facts.version, facts.suite),
            (connected.version, connected.suite)
        );
        assert_eq!(facts.principal().expect("known").subject, "CN=gw.example");
    }
}
