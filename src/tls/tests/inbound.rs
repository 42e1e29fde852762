//! Who is let in, who is refused, and in which words.

use std::sync::Mutex;

use super::*;
use crate::certs::testdata;

fn setting() -> (World, Authority, ServerTls) {
    let world = World::new();
    let ca = authority("Company CA");
    let own = leaf(&ca, "gw.example");
    let settings = world.server(&ca.pem(), &own);
    (world, ca, settings)
}

/// How a client with this certificate is refused, in both versions.
async fn refusal(
    world: &World,
    settings: &ServerTls,
    ca: &Authority,
    own: Option<&Issued>,
) -> HandshakeFailure {
    let acceptor = world.acceptor(settings);
    let old = Peer::new(ca, own).versions(&[&TLS12]);
    let new = Peer::new(ca, own).versions(&[&TLS13]);
    let (old, old_saw) = knock_as(&acceptor, &old, "gw.example").await;
    let (new, new_saw) = knock_as(&acceptor, &new, "gw.example").await;
    let (old, new) = (old.expect_err("refused"), new.expect_err("refused"));
    assert_eq!(old.code(), new.code());
    // The client is told by an alert, not by a closed connection.
    for saw in [old_saw, new_saw] {
        assert_eq!(saw.expect_err("refused").code(), "refused-by-peer");
    }
    new
}

#[tokio::test]
async fn a_client_without_certificate_is_refused_where_one_is_required() {
    let (world, ca, settings) = setting();
    let failure = refusal(&world, &settings, &ca, None).await;
    assert_eq!(failure.code(), "no-client-certificate");
    assert_eq!(failure.certificate(), None);
}

#[tokio::test]
async fn clients_are_refused_over_their_certificate_with_its_subject_in_the_text() {
    let (world, ca, settings) = setting();
    let foreign = authority("Foreign CA");
    let unable = ca.intermediate_with_usage("Unable", false).expect("made");
    let day = |n: i64| WallTime(now().0 + n * DAY);
    let cases = [
        ("unknown-issuer", leaf(&foreign, "sap.example")),
        (
            "unknown-issuer",
            leaf(&authority("Company CA"), "sap.example"),
        ),
        (
            "certificate-expired",
            special(&ca, "sap.example", |spec| spec.not_after = day(-1)),
        ),
        (
            "certificate-not-yet-valid",
            special(&ca, "sap.example", |spec| {
                spec.not_before = day(1);
                spec.not_after = day(2);
            }),
        ),
        (
            "wrong-purpose",
            special(&ca, "sap.example", |spec| spec.client_auth = false),
        ),
        (
            "authority-as-leaf",
            special(&ca, "sap.example", |spec| spec.is_ca = true),
        ),
        // Its issuer's key usage forbids to sign.
        ("unfit-issuer", leaf(&unable, "sap.example")),
    ];
    for (code, client) in cases {
        let failure = refusal(&world, &settings, &ca, Some(&client)).await;
        // An authority of the same name with another key may show as a wrong signature.
        let same = failure.code() == code || failure.code() == "bad-signature";
        assert!(same, "{code}: {failure}");
        assert!(failure.to_string().contains("CN=sap.example"), "{failure}");
    }
}

#[tokio::test]
async fn the_certificate_of_the_chain_that_is_to_blame_is_named_in_every_version() {
    let (world, ca, settings) = setting();
    let unable = ca.intermediate_with_usage("Unable", false).expect("made");
    let client = leaf(&unable, "sap.example");
    for version in [&TLS12, &TLS13] {
        let acceptor = world.acceptor(&settings);
        let peer = Peer::new(&ca, Some(&client)).versions(&[version]);
        let failure = knock(&acceptor, &peer).await.expect_err("refused");
        let text = failure.to_string();
        let blamed = "the certificate of \"CN=Unable,O=crmgate throw-away PKI\" is not accepted: its \
                      key usage does not allow to sign certificates";
        assert!(text.contains(blamed), "{text}");
    }
}

#[tokio::test]
async fn an_intermediate_with_key_cert_sign_leads_to_the_root() {
    let (world, ca, settings) = setting();
    let middle = ca.intermediate("Middle").expect("made");
    let acceptor = world.acceptor(&settings);
    let peer = Peer::new(&ca, Some(&leaf(&middle, "sap.example")));
    let facts = knock(&acceptor, &peer).await.expect("let in");
    let principal = facts.principal().expect("known");
    assert_eq!(principal.issuer, "CN=Middle,O=crmgate throw-away PKI");
}

#[tokio::test]
async fn a_self_signed_host_in_the_bundle_vouches_for_itself_and_nobody_else() {
    let (world, ca, mut settings) = setting();
    let (host, own) = Authority::self_signed_host("side-b.example", now()).expect("made");
    let both = format!("{}{}", ca.pem(), host.pem());
    settings.files.ca = file(world.dir.path(), "both.pem", &both);
    let acceptor = world.acceptor(&settings);
    let known = knock(&acceptor, &Peer::new(&ca, Some(&own))).await;
    let principal = known.expect("let in").client.expect("known");
    assert_eq!(principal.principal().subject, "CN=side-b.example");
    let forged = leaf(&host, "sap.example");
    let failure = refusal(&world, &settings, &ca, Some(&forged)).await;
    assert_eq!(failure.code(), "unknown-issuer");
}

#[tokio::test]
async fn a_client_with_an_umlaut_in_its_mail_address_is_let_in() {
    let (world, ca, mut settings) = setting();
    let address = b"\x30\x11\x81\x0fm\xfcller@sap.test".to_vec();
    let names = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 17], address);
    let mut draft = params("sap.example");
    draft.custom_extensions.push(names);
    let key = rcgen::KeyPair::generate().expect("a key");
    let own = issued(&draft.self_signed(&key).expect("signed"), &key);
    let both = format!("{}{}", ca.pem(), own.certificate_pem);
    settings.files.ca = file(world.dir.path(), "both.pem", both);
    let acceptor = world.acceptor(&settings);
    let facts = knock(&acceptor, &Peer::new(&ca, Some(&own)))
        .await
        .expect("let in");
    assert_eq!(facts.principal().expect("known").subject, "CN=sap.example");
}

#[tokio::test]
async fn a_clock_that_jumps_far_ahead_and_back_does_no_lasting_harm() {
    let (world, ca, settings) = setting();
    let acceptor = world.acceptor(&settings);
    let peer = |name: &str| Peer::new(&ca, Some(&leaf(&ca, name)));
    world.clock.shift(20 * 365 * DAY);
    let failure = knock(&acceptor, &peer("one.example")).await;
    assert_eq!(failure.expect_err("refused").code(), "certificate-expired");
    world.clock.shift(-20 * 365 * DAY);
    let back = knock(&acceptor, &peer("two.example")).await;
    back.expect("let in as before");
}

#[tokio::test]
async fn an_authority_that_was_expired_at_the_start_is_believed_once_the_clock_is_right() {
    let (world, ca) = (World::new(), authority("Company CA"));
    let far = WallTime(now().0 + 30 * 365 * DAY);
    let own = special(&ca, "gw.example", |spec| spec.not_after = far);
    let late = Authority::with_validity("Late CA", WallTime(now().0 - DAY), far).expect("made");
    let settings = world.server(&format!("{}{}", ca.pem(), late.pem()), &own);
    world.clock.shift(20 * 365 * DAY);
    let acceptor = world.acceptor(&settings);
    world.clock.shift(-20 * 365 * DAY);
    let peer = Peer::new(&ca, Some(&leaf(&ca, "sap.example")));
    knock(&acceptor, &peer).await.expect("let in");
}

#[tokio::test]
async fn a_client_may_be_known_by_its_common_name_alone() {
    let (world, ca, settings) = setting();
    let acceptor = world.acceptor(&settings);
    let client = special(&ca, "sap.example", |spec| {
        spec.alternative_names.clear();
        spec.server_auth = false;
        spec.client_auth = false;
    });
    let facts = knock(&acceptor, &Peer::new(&ca, Some(&client)))
        .await
        .expect("let in");
    assert_eq!(facts.principal().expect("known").subject, "CN=sap.example");
}

#[tokio::test]
async fn request_lets_in_without_certificate_and_refuses_a_bad_one() {
    let (world, ca, mut settings) = setting();
    settings.client_auth = ClientAuth::Request;
    let acceptor = world.acceptor(&settings);
    let facts = knock(&acceptor, &Peer::new(&ca, None))
        .await
        .expect("let in");
    assert_eq!(facts.principal(), None);
    let good = leaf(&ca, "sap.example");
    let facts = knock(&acceptor, &Peer::new(&ca, Some(&good)))
        .await
        .expect("let in");
    assert!(facts.principal().is_some());
    let bad = leaf(&authority("Foreign CA"), "sap.example");
    let failure = refusal(&world, &settings, &ca, Some(&bad)).await;
    assert_eq!(failure.code(), "unknown-issuer");
}

#[tokio::test]
async fn none_asks_for_no_certificate() {
    let (world, ca, mut settings) = setting();
    settings.client_auth = ClientAuth::None;
    let acceptor = world.acceptor(&settings);
    let client = leaf(&ca, "sap.example");
    let facts = knock(&acceptor, &Peer::new(&ca, Some(&client)))
        .await
        .expect("let in");
    assert_eq!(facts.principal(), None);
}

/// Notes the authorities that a server names.
#[derive(Debug, Default)]
struct Curious(Mutex<Vec<Vec<u8>>>);

impl ResolvesClientCert for Curious {
    fn resolve(
        &self,
        hints: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        *self.0.lock().expect("not poisoned") = hints.iter().map(|hint| hint.to_vec()).collect();
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn the_certificate_request_names_every_authority() {
    let (world, ca, mut settings) = setting();
    let other = authority("Other CA");
    let bundle = format!("{}{}", ca.pem(), other.pem());
    settings.files.ca = file(world.dir.path(), "bundle.pem", bundle);
    let acceptor = world.acceptor(&settings);
    for version in [&TLS12, &TLS13] {
        let curious = Arc::new(Curious::default());
        let resolver = Arc::<Curious>::clone(&curious);
        let peer = Peer::new(&ca, None)
            .versions(&[version])
            .with_resolver(resolver);
        knock(&acceptor, &peer).await.expect_err("refused");
        let hints = curious.0.lock().expect("not poisoned").clone();
        let expected: Vec<_> = [&ca, &other]
            .map(|authority| {
                let facts = crate::certs::CertificateFacts::of(authority.der()).expect("facts");
                facts.subject_der().to_vec()
            })
            .to_vec();
        assert_eq!(hints, expected);
    }
}

#[tokio::test]
async fn clients_without_server_name_and_with_any_protocol_offer_are_served() {
    let (world, ca, settings) = setting();
    let acceptor = world.acceptor(&settings);
    let client = leaf(&ca, "sap.example");
    let offers: [&[&[u8]]; 4] = [&[], &[b"http/1.0"], &[b"http/1.1"], &[b"h2", b"spdy/3"]];
    for offer in offers {
        let mut peer = Peer::new(&ca, Some(&client));
        peer.0.enable_sni = false;
        peer.0.alpn_protocols = offer.iter().map(|name| name.to_vec()).collect();
        let facts = knock(&acceptor, &peer).await.expect("let in");
        assert_eq!(facts.server_name, None);
    }
}

#[tokio::test]
async fn a_client_that_brings_the_hybrid_group_is_served() {
    let (world, ca, settings) = setting();
    let acceptor = world.acceptor(&settings);
    let client = leaf(&ca, "sap.example");
    let peer = Peer::with_groups(&ca, Some(&client), &[NamedGroup::X25519MLKEM768]);
    let facts = knock(&acceptor, &peer.versions(&[&TLS13]))
        .await
        .expect("let in");
    assert_eq!(facts.version, TlsVersion::V1_3);
}

#[tokio::test]
async fn rsa_and_ecdsa_certificates_serve_both_versions() {
    use crate::certs::issue::KeyChoice;
    for key in [KeyChoice::P256, KeyChoice::Rsa2048] {
        let (world, ca, mut settings) = setting();
        let own = special(&ca, "gw.example", |spec| spec.key = key);
        settings.files.identity =
            IdentityFiles::Combined(file(world.dir.path(), "own2.pem", own.combined_pem()));
        let acceptor = world.acceptor(&settings);
        let client = special(&ca, "sap.example", |spec| spec.key = key);
        for (version, expected) in [(&TLS12, TlsVersion::V1_2), (&TLS13, TlsVersion::V1_3)] {
            let peer = Peer::new(&ca, Some(&client)).versions(&[version]);
            let facts = knock(&acceptor, &peer).await.expect("let in");
            assert_eq!(facts.version, expected);
            assert!(facts.suite.starts_with("TLS_"), "{}", facts.suite);
        }
    }
}

#[tokio::test]
async fn no_version_suite_or_curve_in_common_is_told_apart() {
    let (world, ca, mut settings) = setting();
    let client = leaf(&ca, "sap.example");
    let old = Peer::new(&ca, Some(&client)).versions(&[&TLS12]);
    settings.parameters = parameters(Some("1056:PFS"));
    let failure = knock(&world.acceptor(&settings), &old)
        .await
        .expect_err("refused");
    assert_eq!(failure.code(), "no-common-version");
    settings.parameters = parameters(Some("545:ECDHE-ECDSA-AES256-GCM-SHA384"));
    let acceptor = world.acceptor(&settings);
    assert_eq!(
        knock(&acceptor, &old).await.expect("let in").suite,
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
    );
    settings.parameters = parameters(Some("545:PFS::EC_P384"));
    let failure = knock(&world.acceptor(&settings), &old)
        .await
        .expect_err("refused");
    assert!(
        ["no-common-group", "no-common-suite"].contains(&failure.code()),
        "{failure}"
    );
}

#[tokio::test]
async fn a_written_order_of_suites_is_the_listeners() {
    let (world, ca, mut settings) = setting();
    settings.parameters = parameters(Some("545:eAES_GCM:+eAES256"));
    let peer = Peer::new(&ca, Some(&leaf(&ca, "sap.example")));
    let facts = knock(&world.acceptor(&settings), &peer)
        .await
        .expect("let in");
    assert_eq!(facts.suite, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
}

/// What comes of bytes that a client sends before it closes.
async fn after_bytes(bytes: &[u8]) -> HandshakeFailure {
    let (world, _ca, settings) = setting();
    let acceptor = world.acceptor(&settings);
    let (mut dialled, accepted) = sockets().await;
    dialled.write_all(bytes).await.expect("written");
    dialled.shutdown().await.expect("closed");
    acceptor.accept(accepted).await.expect_err("refused")
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_named() {
    let failure = after_bytes(b"POST /ici HTTP/1.0\r\nHost: gw\r\n\r\n").await;
    assert_eq!(failure.code(), "not-tls");
    assert!(failure.hint().contains("SM59"));
}

#[tokio::test]
async fn a_client_that_goes_away_is_no_protocol_error() {
    assert_eq!(after_bytes(b"").await.code(), "closed-by-peer");
    assert_eq!(after_bytes(b"\x16\x03\x01").await.code(), "closed-by-peer");
}

#[tokio::test]
async fn what_clients_would_refuse_about_our_certificate_is_told_at_load() {
    let (world, ca, mut settings) = setting();
    let own = special(&ca, "gw.example", |spec| {
        spec.alternative_names.clear();
        spec.server_auth = false;
    });
    settings.files.identity =
        IdentityFiles::Combined(file(world.dir.path(), "own2.pem", own.combined_pem()));
    let (acceptor, problems) = world.try_acceptor(&settings);
    assert!(acceptor.is_some());
    let text = problems.to_string();
    let reason = "its extended key usage does not allow server authentication";
    assert!(text.contains(reason), "{text}");
    assert!(text.contains("no subject alternative name"), "{text}");
}

#[tokio::test]
async fn a_key_usage_that_peers_refuse_is_told_at_load() {
    let (world, ca, mut settings) = setting();
    let mut limited = params("gw.example");
    limited.key_usages = vec![rcgen::KeyUsagePurpose::KeyEncipherment];
    let key = rcgen::KeyPair::generate().expect("a key");
    let own = issued(&limited.self_signed(&key).expect("signed"), &key);
    settings.files.identity =
        IdentityFiles::Combined(file(world.dir.path(), "own2.pem", own.combined_pem()));
    let (_, problems) = world.try_acceptor(&settings);
    assert!(!problems.to_string().contains("key usage"), "{problems}");
    let mut client = world.client(&ca.pem(), &own);
    client.files.identity = settings.files.identity;
    let (connector, problems) = Connector::build(&client, &world.clock);
    let text = problems.to_string();
    assert!(connector.is_some());
    assert!(
        text.contains("not allowed to be a client's: its key usage has neither digitalSignature"),
        "{text}"
    );
    assert!(text.contains("most servers refuse it"), "{text}");
}

#[tokio::test]
async fn a_client_whose_key_usage_lacks_a_signature_is_refused_in_both_versions() {
    let (world, ca, mut settings) = setting();
    let mut limited = params("sap.example");
    limited.key_usages = vec![rcgen::KeyUsagePurpose::KeyEncipherment];
    let key = rcgen::KeyPair::generate().expect("a key");
    let own = issued(&limited.self_signed(&key).expect("signed"), &key);
    let both = format!("{}{}", ca.pem(), own.certificate_pem);
    settings.files.ca = file(world.dir.path(), "both.pem", both);
    let failure = refusal(&world, &settings, &ca, Some(&own)).await;
    assert_eq!(failure.code(), "wrong-key-usage");
    let text = failure.to_string();
    assert!(
        text.contains("neither digitalSignature nor keyAgreement"),
        "{text}"
    );
}

#[tokio::test]
async fn broken_files_make_no_acceptor_and_all_of_them_are_reported() {
    let (world, _ca, mut settings) = setting();
    settings.files.ca = file(world.dir.path(), "broken.pem", "");
    settings.files.identity =
        IdentityFiles::Combined(file(world.dir.path(), "none.pem", testdata::PKCS7));
    settings.parameters = parameters(Some("545:kRSA"));
    let (acceptor, problems) = world.try_acceptor(&settings);
    assert!(acceptor.is_none());
    let text = problems.to_string();
    for part in [
        "is empty",
        "crmgate certs convert ",
        "leaves no cipher suite",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

/// Something else in the settings.
type Change<'a> = &'a dyn Fn(&mut ServerTls);

#[test]
fn the_fingerprint_changes_with_every_setting_and_file_and_with_nothing_else() {
    let (world, ca, settings) = setting();
    let same = world.acceptor(&settings).fingerprint();
    assert_eq!(world.acceptor(&settings).fingerprint(), same);
    let changes: [Change<'_>; 7] = [
        &|settings| settings.client_auth = ClientAuth::Request,
        &|settings| settings.session.tickets = false,
        &|settings| settings.session.cache_size = 9_000,
        &|settings| settings.session.lifetime = Duration::from_hours(2),
        &|settings| settings.parameters = parameters(Some("545:PFS")),
        &|settings| {
            settings.files.ca = file(world.dir.path(), "ca2.pem", authority("New CA").pem());
        },
        &|settings| {
            let pem = leaf(&ca, "gw.example").combined_pem();
            settings.files.identity =
                IdentityFiles::Combined(file(world.dir.path(), "own2.pem", pem));
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut other = settings.clone();
        change(&mut other);
        assert_ne!(world.acceptor(&other).fingerprint(), same, "change {index}");
    }
}

#[test]
fn neither_acceptor_nor_problems_print_a_key() {
    let (world, ca, settings) = setting();
    let acceptor = world.acceptor(&settings);
    let text = format!("{acceptor:?} {:?}", world.vault);
    assert!(text.contains("CN=gw.example"), "{text}");
    assert!(!text.contains("PRIVATE"), "{text}");
    drop(ca);
}
