//! Revoked peers are refused in both directions, whether they come anew or resume.

use super::*;
use crate::certs::issue::ListSpec;
use crate::config::settings::{ExpiredLists, ListCoverage, RevocationSettings};

/// Lists of an authority, by the default policies.
fn lists(world: &World, content: &str) -> RevocationSettings {
    RevocationSettings {
        lists: vec![file(world.dir.path(), "ca.crl", content)],
        expired: ExpiredLists::Refuse,
        coverage: ListCoverage::Leaf,
    }
}

fn revoking(ca: &Authority, revoked: &[&Issued]) -> String {
    let list = ca.revocation_list(&ListSpec::revoking(revoked, now()));
    list.expect("a list").pem
}

/// A listener with two clients that resume by a mechanism.
struct Scene {
    world: World,
    ca: Authority,
    settings: ServerTls,
    gone: Issued,
    gone_peer: Peer,
    kept_peer: Peer,
}

impl Scene {
    fn new(mechanism: Mechanism) -> Self {
        let world = World::new();
        let ca = authority("Company CA");
        let own = leaf(&ca, "gw.example");
        let (gone, kept) = (leaf(&ca, "gone.example"), leaf(&ca, "kept.example"));
        let mut settings = world.server(&ca.pem(), &own);
        settings.session.tickets = mechanism.tickets();
        settings.files.revocation = Some(lists(&world, &revoking(&ca, &[])));
        let peer = |own: &Issued| Peer::new(&ca, Some(own)).resuming(mechanism);
        Self {
            gone_peer: peer(&gone),
            kept_peer: peer(&kept),
            world,
            ca,
            settings,
            gone,
        }
    }

    /// An acceptor of the files as they are now, in force.
    fn acceptor(&self) -> Acceptor {
        let acceptor = self.world.acceptor(&self.settings);
        self.world.publish(&acceptor);
        acceptor
    }
}

#[tokio::test]
async fn r2_a_revoked_client_is_refused_on_resumption_and_the_others_go_on_resuming() {
    for mechanism in Mechanism::ALL {
        let mut scene = Scene::new(mechanism);
        let before = scene.acceptor();
        for peer in [&scene.gone_peer, &scene.kept_peer] {
            assert!(!knock(&before, peer).await.expect("let in").resumed);
            assert!(
                knock(&before, peer).await.expect("let in").resumed,
                "{mechanism:?}"
            );
        }
        scene.settings.files.revocation =
            Some(lists(&scene.world, &revoking(&scene.ca, &[&scene.gone])));
        let after = scene.acceptor();
        assert_ne!(before.fingerprint(), after.fingerprint());
        assert_eq!(before.policy_id(), after.policy_id());
        let (refused, saw) = knock_as(&after, &scene.gone_peer, "gw.example").await;
        let refused = refused.expect_err("refused");
        assert_eq!(refused.code(), "certificate-revoked", "{mechanism:?}");
        // The client is told why in a full handshake; a refused session alone is never an alert.
        let saw = saw.expect_err("refused").to_string();
        assert!(saw.contains("certificate_revoked"), "{mechanism:?}: {saw}");
        assert!(
            knock(&after, &scene.kept_peer)
                .await
                .expect("let in")
                .resumed,
            "{mechanism:?}"
        );
    }
}

#[tokio::test]
async fn r2_a_revoked_client_is_refused_by_the_full_handshake_with_all_that_the_list_says() {
    let mut scene = Scene::new(Mechanism::Ticket13);
    scene.settings.files.revocation =
        Some(lists(&scene.world, &revoking(&scene.ca, &[&scene.gone])));
    let acceptor = scene.acceptor();
    for version in [&TLS12, &TLS13] {
        let peer = Peer::new(&scene.ca, Some(&scene.gone)).versions(&[version]);
        let refused = knock(&acceptor, &peer).await.expect_err("refused");
        let said = refused.to_string();
        let serial = &refused.certificate().expect("shown").serial;
        assert!(
            said.contains("it was revoked by \"CN=Company CA,O=crmgate throw-away PKI\" on 20")
                && said.contains("(keyCompromise)")
                && said.contains(&format!("under the serial number {serial}"))
                && said.contains("sent alert certificate_revoked (44)"),
            "{said}"
        );
        assert!(refused.hint().contains("needs a new certificate"));
    }
    assert!(knock(&acceptor, &scene.kept_peer).await.is_ok());
}

#[tokio::test]
async fn v2_a_session_does_not_outlive_the_list_unless_the_policy_says_so() {
    for mechanism in Mechanism::ALL {
        for (policy, is_let_in) in [
            (ExpiredLists::Refuse, [true, false, false]),
            (
                ExpiredLists::Grace(Duration::from_hours(48)),
                [true, true, false],
            ),
            (ExpiredLists::Ignore, [true, true, true]),
        ] {
            let mut scene = Scene::new(mechanism);
            scene.settings.session.lifetime = A_MONTH;
            if let Some(revocation) = &mut scene.settings.files.revocation {
                revocation.expired = policy;
            }
            let acceptor = scene.acceptor();
            knock(&acceptor, &scene.kept_peer).await.expect("let in");
            // The list lasts a week.
            for (days, is_let_in) in [6, 2, 2].into_iter().zip(is_let_in) {
                scene.world.clock.shift(days * DAY);
                let outcome = knock(&acceptor, &scene.kept_peer).await;
                assert_eq!(outcome.is_ok(), is_let_in, "{mechanism:?} {policy:?}");
                match outcome {
                    Ok(facts) => assert!(facts.resumed, "{mechanism:?} {policy:?}"),
                    Err(refused) => {
                        assert_eq!(refused.code(), "revocation-unknown");
                        let said = refused.to_string();
                        assert!(said.contains("\" expired on "), "{said}");
                        assert!(refused.hint().contains("CRL_EXPIRED"));
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn v3_a_missing_list_of_an_intermediate_is_named_with_the_authority() {
    let world = World::new();
    let root = authority("Root");
    let sub = root.intermediate("Sub CA").expect("an intermediate");
    let own = leaf(&root, "gw.example");
    let client = Peer::new(&root, Some(&leaf(&sub, "sap.example")));
    let mut settings = world.server(&root.pem(), &own);
    settings.files.revocation = Some(lists(&world, &revoking(&root, &[])));
    let refused = knock(&world.acceptor(&settings), &client)
        .await
        .expect_err("refused");
    assert_eq!(refused.code(), "revocation-unknown");
    let said = refused.to_string();
    assert!(
        said.contains("no revocation list of its authority \"CN=Sub CA,O="),
        "{said}"
    );
    let both = format!("{}{}", revoking(&root, &[]), revoking(&sub, &[]));
    settings.files.revocation = Some(lists(&world, &both));
    assert!(knock(&world.acceptor(&settings), &client).await.is_ok());
    // Its list alone is enough: a root has none to publish as long as its intermediates are good.
    settings.files.revocation = Some(lists(&world, &revoking(&sub, &[])));
    assert!(knock(&world.acceptor(&settings), &client).await.is_ok());
}

#[test]
fn lists_that_cannot_be_read_leave_no_acceptor_and_no_connector() {
    let world = World::new();
    let ca = authority("Company CA");
    let own = leaf(&ca, "gw.example");
    let mut server = world.server(&ca.pem(), &own);
    server.files.revocation = Some(lists(&world, "404 not found"));
    let (acceptor, problems) = world.try_acceptor(&server);
    assert!(acceptor.is_none() && problems.has_errors());
    let mut client = world.client(&ca.pem(), &own);
    client.files.revocation = server.files.revocation;
    let (connector, problems) = Connector::build(&client, &world.clock);
    assert!(connector.is_none() && problems.has_errors());
}
