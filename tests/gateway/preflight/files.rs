//! What can be wrong with the files, the machine and the listeners, before anybody is called.

use crmgate::certs::issue::{Authority, Issued, LeafSpec, ListSpec};
use crmgate::model::{Side, WallTime};
use crmgate::preflight::Phase;
use crmgate::simulate::{CaModel, FileLayout, Party};

use super::{Yard, found, issued};
use crate::support::host::private;
use crate::support::{World, free_address};

const DAY: i64 = 86_400;

/// Puts another certificate in the gateway's place.
fn wear(yard: &Yard, own: &Issued) {
    yard.world
        .pki
        .write("gateway.pem", &own.combined_pem())
        .expect("written");
}

fn own_spec(yard: &Yard) -> LeafSpec {
    LeafSpec::for_name("gateway", yard.world.clock.now())
}

/// A change of what a good certificate says.
type Change = fn(&mut LeafSpec, WallTime);

#[tokio::test]
async fn our_own_certificate_is_judged_before_a_peer_does() {
    let cases: [(&str, &str, Change); 6] = [
        ("own-dates", "expired", |spec, now| {
            spec.not_after = WallTime(now.0 - DAY / 2);
        }),
        ("own-dates", "not valid yet", |spec, now| {
            spec.not_before = WallTime(now.0 + DAY);
        }),
        ("own-dates", "expires in 5 days", |spec, now| {
            spec.not_after = WallTime(now.0 + 5 * DAY + 60);
        }),
        ("own-purpose", "clientAuth", |spec, _| {
            spec.server_auth = false;
        }),
        ("own-names", "no subject alternative name", |spec, _| {
            spec.alternative_names.clear();
        }),
        ("own-strength", "one of an authority", |spec, _| {
            spec.is_ca = true;
        }),
    ];
    for (id, part, change) in cases {
        let yard = Yard::without_crm();
        let mut spec = own_spec(&yard);
        change(&mut spec, yard.world.clock.now());
        wear(&yard, &issued(yard.company(), &spec));
        let report = yard.report().await;
        let found = found(&report);
        assert!(
            !found.is_empty() && found.iter().all(|(own, _)| *own == id),
            "{}",
            report.to_text(false)
        );
        let text = report.to_text(true);
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_key_of_another_certificate_is_told_and_nobody_is_called_with_it() {
    let mut yard = Yard::new().await;
    let one = issued(yard.company(), &own_spec(&yard));
    let other = issued(yard.company(), &own_spec(&yard));
    let mixed = format!("{}{}", one.certificate_pem, other.key_pem);
    yard.world
        .pki
        .write("gateway.pem", &mixed)
        .expect("written");
    let report = yard
        .finds("own-key", "belongs to none of the certificates")
        .await;
    assert!(!report.usable);
    let skipped = report
        .lines()
        .find(|line| line.id == "peer-tls" && line.needs.is_some());
    assert_eq!(
        skipped.and_then(|line| line.needs.as_deref()),
        Some("own-key")
    );
    yard.options.side = Some(Side::A);
    assert!(!yard.report().await.usable);
}

#[tokio::test]
async fn a_certificate_file_that_is_missing_or_no_pem_is_told() {
    let yard = Yard::without_crm();
    std::fs::remove_file(yard.world.pki.folder().join("gateway.pem")).expect("removed");
    yard.finds("own-files", "does not exist").await;

    let yard = Yard::without_crm();
    yard.world
        .pki
        .write("gateway.pem", "no certificate\n")
        .expect("written");
    let report = yard.report().await;
    let found = found(&report);
    assert!(!found.is_empty(), "{}", report.to_text(false));
    assert!(
        found.iter().all(|(id, _)| *id == "own-files"),
        "{}",
        report.to_text(false)
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_can_read_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let yard = Yard::without_crm();
    let file = yard.world.pki.folder().join("gateway.pem");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).expect("its owner");
    yard.finds("own-key-access", "0644").await;
}

#[tokio::test]
async fn an_intermediate_that_is_believed_and_not_sent_is_told() {
    let yard = Yard::without_crm();
    let issuing = yard
        .company()
        .intermediate("Issuing CA")
        .expect("an authority");
    let mut own = issued(&issuing, &own_spec(&yard));
    own.chain_pem = String::new();
    wear(&yard, &own);
    let both = format!("{}{}", yard.company().pem(), issuing.pem());
    yard.world
        .pki
        .write("company-ca.pem", &both)
        .expect("written");
    yard.finds("own-chain", "is not sent").await;
}

#[tokio::test]
async fn authorities_that_cannot_be_used_or_end_are_told() {
    let yard = Yard::without_crm();
    yard.world
        .pki
        .write("company-ca.pem", "nothing\n")
        .expect("written");
    let report = yard.report().await;
    let all = found(&report);
    assert!(
        !all.is_empty() && all.iter().all(|(id, _)| *id == "trust-files"),
        "{}",
        report.to_text(false)
    );

    let yard = Yard::without_crm();
    let now = yard.world.clock.now();
    let (from, to) = (WallTime(now.0 - 9 * DAY), WallTime(now.0 - DAY));
    let old = Authority::with_validity("Former CA", from, to).expect("an authority");
    let both = format!("{}{}", yard.company().pem(), old.pem());
    yard.world
        .pki
        .write("company-ca.pem", &both)
        .expect("written");
    yard.finds("trust-dates", "Former CA").await;
}

/// Goes by this list from now on.
fn publish(yard: &mut Yard, pem: &str) {
    private(&yard.world.pki.folder().join("company.crl"), pem);
    let ssl = yard.deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL_SERVER_CLIENT", "CRL_FILE", "./ssl/company.crl");
}

/// A list of this authority.
fn list(of: &Authority, spec: &ListSpec) -> String {
    of.revocation_list(spec).expect("a list").pem
}

#[tokio::test]
async fn a_revocation_list_out_of_date_is_told() {
    for (from, to, part) in [(-9, -1, "ended on"), (1, 9, "not valid before")] {
        let mut yard = Yard::without_crm();
        let now = yard.world.clock.now();
        let spec = ListSpec {
            this_update: WallTime(now.0 + from * DAY),
            next_update: WallTime(now.0 + to * DAY),
            ..ListSpec::empty(now)
        };
        let made = list(yard.company(), &spec);
        publish(&mut yard, &made);
        yard.finds("crl-dates", part).await;
    }
}

#[tokio::test]
async fn an_authority_without_a_list_is_told() {
    let mut yard = Yard::without_crm();
    let now = yard.world.clock.now();
    let other = Authority::new("Other CA", now).expect("an authority");
    let both = format!("{}{}", yard.company().pem(), other.pem());
    yard.world
        .pki
        .write("company-ca.pem", &both)
        .expect("written");
    publish(&mut yard, &list(&other, &ListSpec::empty(now)));
    yard.finds("crl-coverage", "no revocation list of its authority")
        .await;
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_told() {
    let mut yard = Yard::without_crm();
    publish(&mut yard, "no list\n");
    let report = yard.report().await;
    let all = found(&report);
    assert!(
        !all.is_empty() && all.iter().all(|(id, _)| *id == "crl-files"),
        "{}",
        report.to_text(false)
    );
}

#[tokio::test]
async fn our_own_certificate_on_our_own_list_is_told() {
    let mut yard = Yard::without_crm();
    let own = yard.world.pki.identity(Party::Gateway).clone();
    let spec = ListSpec::revoking(&[&own], yard.world.clock.now());
    let made = list(yard.company(), &spec);
    publish(&mut yard, &made);
    yard.finds("own-revoked", "was revoked by").await;
}

#[tokio::test]
async fn a_server_on_our_list_is_told() {
    let mut yard = Yard::new().await;
    let crm = yard.world.pki.identity(Party::Crm).clone();
    let spec = ListSpec::revoking(&[&crm], yard.world.clock.now());
    let made = list(yard.company(), &spec);
    publish(&mut yard, &made);
    yard.finds("peer-revocation", "revoked").await;
}

#[tokio::test]
async fn a_mistake_a_slip_and_a_time_out_in_the_ini_files_are_told() {
    let mut yard = Yard::without_crm();
    yard.deployment.gateway.set("Runtime", "Threads", "many");
    let report = yard.finds("config-files", "Threads").await;
    assert!(!report.usable);

    let mut yard = Yard::without_crm();
    yard.deployment
        .gateway
        .set("Limits", "MaxConnectionsPerAddress", 200);
    yard.finds("config-advice", "MaxConnectionsPerAddress")
        .await;

    let mut yard = Yard::without_crm();
    yard.deployment.gateway.set("Limits", "IdleTimeout", "5s");
    yard.finds("config-timeouts", "IdleTimeout").await;
}

#[tokio::test]
async fn a_port_that_somebody_has_and_a_gateway_that_does_not_listen_are_told() {
    let mut yard = Yard::without_crm();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = taken.local_addr().expect("bound");
    yard.deployment.system.set("Requests", "Listen", at);
    yard.finds("host-ports", "is in use by another program")
        .await;

    let mut yard = Yard::without_crm();
    yard.options.phase = Phase::BeforeGolive;
    yard.finds("host-listeners", "refused the connection").await;
}

#[tokio::test]
async fn a_cipher_string_of_saps_without_a_suite_in_common_is_told() {
    for (text, part) in [
        ("544:kRSA", "leaves no cipher suite"),
        ("128:PFS:HIGH", "asks for no TLS version"),
    ] {
        let mut yard = Yard::without_crm();
        yard.options.sap_ciphers = Some(text.to_owned());
        yard.finds("listener-suites", part).await;
    }
    let mut yard = Yard::without_crm();
    yard.options.sap_ciphers = Some("545:PFS".to_owned());
    let ssl = yard.deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL", "MIN_VERSION", "1.3");
    yard.finds("listener-suites", "have no suite in common")
        .await;
}

#[tokio::test]
async fn a_listener_that_does_not_name_the_authority_of_sap_crm_is_told() {
    let world = World::with(CaModel::Separate, FileLayout::CertificateFirst);
    let (_receiver, crm) = world.receiver();
    let mut yard = Yard::around(world);
    yard.deployment = yard.deployment.clone().events(free_address(), &crm);
    let ssl = yard.deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL_SERVER", "CA_FILE", "./ssl/company-ca.pem");
    yard.finds("listener-hints", "CRM Side CA").await;
}
