//! Sessions are taken up again by every mechanism, and never beyond what they rest on.

use super::*;

/// A listener with one client that resumes by a mechanism.
struct Setting {
    world: World,
    ca: Authority,
    own: Issued,
    client: Issued,
    settings: ServerTls,
    peer: Peer,
}

impl Setting {
    fn new(mechanism: Mechanism) -> Self {
        Self::with_client(mechanism, |_| ())
    }

    fn with_client(mechanism: Mechanism, change: impl FnOnce(&mut LeafSpec)) -> Self {
        let world = World::new();
        let ca = authority("Company CA");
        let own = leaf(&ca, "gw.example");
        let client = special(&ca, "sap.example", change);
        let mut settings = world.server(&ca.pem(), &own);
        settings.session.tickets = mechanism.tickets();
        let peer = Peer::new(&ca, Some(&client)).resuming(mechanism);
        Self {
            world,
            ca,
            own,
            client,
            settings,
            peer,
        }
    }

    fn acceptor(&self) -> Acceptor {
        self.world.acceptor(&self.settings)
    }

    /// Leaves a session at an acceptor.
    async fn leave_session(&self, acceptor: &Acceptor) -> SessionFacts {
        let facts = knock(acceptor, &self.peer).await.expect("let in");
        assert!(!facts.resumed);
        facts
    }
}

#[tokio::test]
async fn every_mechanism_resumes_with_the_same_facts_as_the_full_handshake() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        let acceptor = setting.acceptor();
        let full = setting.leave_session(&acceptor).await;
        let resumed = knock(&acceptor, &setting.peer).await.expect("let in");
        assert!(resumed.resumed, "{mechanism:?}");
        let principal = resumed.principal().expect("known");
        assert_eq!(principal.subject, "CN=sap.example");
        assert_eq!(
            SessionFacts {
                resumed: false,
                ..resumed
            },
            full,
            "{mechanism:?}"
        );
    }
}

#[tokio::test]
async fn tickets_serve_clients_without_them_by_session_id() {
    let mut setting = Setting::new(Mechanism::SessionId12);
    setting.settings.session.tickets = true;
    let acceptor = setting.acceptor();
    setting.leave_session(&acceptor).await;
    assert!(
        knock(&acceptor, &setting.peer)
            .await
            .expect("let in")
            .resumed
    );
}

async fn a_thousand_clients_all_resume(mechanism: Mechanism) {
    let setting = Setting::new(mechanism);
    let acceptor = setting.acceptor();
    let peers: Vec<_> = (0..1_000)
        .map(|_| Peer::new(&setting.ca, Some(&setting.client)).resuming(mechanism))
        .collect();
    for peer in &peers {
        assert!(!knock(&acceptor, peer).await.expect("let in").resumed);
    }
    for peer in &peers {
        assert!(knock(&acceptor, peer).await.expect("let in").resumed);
    }
}

#[tokio::test]
async fn a_thousand_clients_all_resume_by_session_id() {
    a_thousand_clients_all_resume(Mechanism::SessionId12).await;
}

#[tokio::test]
async fn a_thousand_clients_all_resume_by_ticket_in_tls_1_2() {
    a_thousand_clients_all_resume(Mechanism::Ticket12).await;
}

#[tokio::test]
async fn a_thousand_clients_all_resume_by_stored_session_in_tls_1_3() {
    a_thousand_clients_all_resume(Mechanism::Stateful13).await;
}

#[tokio::test]
async fn a_thousand_clients_all_resume_by_ticket_in_tls_1_3() {
    a_thousand_clients_all_resume(Mechanism::Ticket13).await;
}

#[tokio::test]
async fn a_session_does_not_outlive_the_clients_certificate() {
    for mechanism in Mechanism::ALL {
        let mut setting = Setting::with_client(mechanism, |spec| {
            spec.not_after = WallTime(now().0 + 7 * DAY);
        });
        setting.settings.session.lifetime = A_MONTH;
        let acceptor = setting.acceptor();
        setting.leave_session(&acceptor).await;
        setting.world.clock.shift(6 * DAY);
        assert!(
            knock(&acceptor, &setting.peer)
                .await
                .expect("let in")
                .resumed
        );
        setting.world.clock.shift(2 * DAY);
        let refused = knock(&acceptor, &setting.peer).await.expect_err("refused");
        assert_eq!(refused.code(), "certificate-expired", "{mechanism:?}");
    }
}

#[tokio::test]
async fn a_session_does_not_outlive_the_authority_of_the_client() {
    for mechanism in Mechanism::ALL {
        let mut setting = Setting::new(mechanism);
        let (start, end) = (WallTime(now().0 - DAY), WallTime(now().0 + 3 * DAY));
        let short = Authority::with_validity("Short CA", start, end).expect("made");
        setting.settings = setting.world.server(
            &format!("{}{}", setting.ca.pem(), short.pem()),
            &setting.own,
        );
        setting.settings.session.tickets = mechanism.tickets();
        setting.settings.session.lifetime = A_MONTH;
        let acceptor = setting.acceptor();
        let client = leaf(&short, "sap.example");
        let peer = Peer::new(&setting.ca, Some(&client)).resuming(mechanism);
        knock(&acceptor, &peer).await.expect("let in");
        assert!(knock(&acceptor, &peer).await.expect("let in").resumed);
        setting.world.clock.shift(4 * DAY);
        let refused = knock(&acceptor, &peer).await.expect_err("refused");
        assert_eq!(refused.code(), "certificate-expired", "{mechanism:?}");
    }
}

/// However often a session is renewed, its client proves itself again after one lifetime.
#[tokio::test]
async fn a_client_that_keeps_resuming_does_a_full_handshake_after_one_lifetime() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        let acceptor = setting.acceptor();
        let mut proven = setting.leave_session(&acceptor).await.authenticated_at;
        let mut resumed_count = 0;
        for _ in 0..12 {
            setting.world.clock.shift(1_500);
            let facts = knock(&acceptor, &setting.peer).await.expect("let in");
            let age = setting.world.clock.now().0 - proven.0;
            assert_eq!(facts.resumed, age < 3_600, "{mechanism:?} after {age} s");
            if facts.resumed {
                assert_eq!(facts.authenticated_at, proven, "{mechanism:?}");
                resumed_count += 1;
            } else {
                proven = facts.authenticated_at;
            }
        }
        assert_eq!(resumed_count, 8, "{mechanism:?}");
    }
}

#[tokio::test]
async fn sessions_outlive_a_reload_that_leaves_the_policy_alone() {
    for mechanism in Mechanism::ALL {
        let mut setting = Setting::new(mechanism);
        let before = setting.acceptor();
        setting.leave_session(&before).await;
        // The size of the cache is no part of what a client has proven.
        setting.settings.session.cache_size += 1;
        let after = setting.acceptor();
        assert_ne!(before.fingerprint(), after.fingerprint());
        assert_eq!(before.universe(), after.universe());
        setting.world.publish(&after);
        drop(before);
        assert!(
            knock(&after, &setting.peer).await.expect("let in").resumed,
            "{mechanism:?}"
        );
    }
}

/// How a client with a session fares after a reload that changes something.
async fn after_change(
    setting: &Setting,
    change: impl FnOnce(&mut ServerTls),
) -> Result<SessionFacts, HandshakeFailure> {
    let before = setting.acceptor();
    setting.world.publish(&before);
    setting.leave_session(&before).await;
    let mut settings = setting.settings.clone();
    change(&mut settings);
    let after = setting.world.acceptor(&settings);
    setting.world.publish(&after);
    knock(&after, &setting.peer).await
}

#[tokio::test]
async fn a_change_of_authorities_leaves_the_sessions_of_all_other_clients_alone() {
    for mechanism in Mechanism::ALL {
        let mut setting = Setting::new(mechanism);
        let (leaves, comes) = (authority("Leaving CA"), authority("Coming CA"));
        let dir = setting.world.dir.path().to_owned();
        let bundle = |other: &Authority| format!("{}{}", other.pem(), setting.ca.pem());
        let (before, after) = (bundle(&leaves), bundle(&comes));
        setting.settings.files.ca = file(&dir, "before.pem", before);
        let facts = after_change(&setting, |settings| {
            settings.files.ca = file(&dir, "after.pem", after);
        });
        assert!(facts.await.expect("let in").resumed, "{mechanism:?}");
    }
}

#[tokio::test]
async fn a_session_under_a_policy_that_this_listener_never_had_means_a_full_handshake() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        let before = setting.acceptor();
        setting.leave_session(&before).await;
        let mut settings = setting.settings.clone();
        let bundle = format!("{}{}", authority("Other CA").pem(), setting.ca.pem());
        settings.files.ca = file(setting.world.dir.path(), "other.pem", bundle);
        let after = setting.world.acceptor(&settings);
        assert_eq!(before.universe(), after.universe());
        let facts = knock(&after, &setting.peer).await.expect("let in");
        assert!(!facts.resumed, "{mechanism:?}");
    }
}

#[tokio::test]
async fn an_authority_of_the_same_name_with_another_key_takes_up_no_session() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        let twin = authority("Company CA").pem();
        let refused = after_change(&setting, |settings| {
            settings.files.ca = file(setting.world.dir.path(), "twin.pem", twin);
        });
        let refused = refused.await.expect_err("refused");
        let codes = ["unknown-issuer", "bad-signature"];
        assert!(codes.contains(&refused.code()), "{mechanism:?}: {refused}");
    }
}

#[tokio::test]
async fn removing_the_second_authority_of_a_bundle_ends_the_sessions_of_its_clients() {
    for mechanism in Mechanism::ALL {
        let mut setting = Setting::new(mechanism);
        let other = authority("Other CA");
        let bundle = format!("{}{}", other.pem(), setting.ca.pem());
        setting.settings.files.ca = file(setting.world.dir.path(), "bundle.pem", bundle);
        let refused = after_change(&setting, |settings| {
            settings.files.ca = file(setting.world.dir.path(), "one.pem", other.pem());
        });
        let refused = refused.await.expect_err("refused");
        assert_eq!(refused.code(), "unknown-issuer", "{mechanism:?}");
    }
}

#[tokio::test]
async fn a_session_without_certificate_is_never_taken_up_where_one_is_required() {
    for mechanism in Mechanism::ALL {
        let mut setting = Setting::new(mechanism);
        setting.peer = Peer::new(&setting.ca, None).resuming(mechanism);
        setting.settings.client_auth = ClientAuth::Request;
        let acceptor = setting.acceptor();
        let facts = setting.leave_session(&acceptor).await;
        assert_eq!(facts.principal(), None);
        assert!(
            knock(&acceptor, &setting.peer)
                .await
                .expect("let in")
                .resumed
        );
        setting.peer = Peer::new(&setting.ca, None).resuming(mechanism);
        let refused = after_change(&setting, |settings| {
            settings.client_auth = ClientAuth::Require;
        });
        let refused = refused.await.expect_err("refused");
        assert_eq!(refused.code(), "no-client-certificate", "{mechanism:?}");
    }
}

#[tokio::test]
async fn another_own_certificate_means_a_full_handshake_and_no_alert() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        let renewed = leaf(&setting.ca, "gw.example");
        let facts = after_change(&setting, |settings| {
            let pem = file(
                setting.world.dir.path(),
                "renewed.pem",
                renewed.combined_pem(),
            );
            settings.files.identity = IdentityFiles::Combined(pem);
        });
        assert!(!facts.await.expect("let in").resumed, "{mechanism:?}");
    }
}

#[tokio::test]
async fn another_scope_takes_up_no_session() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        let one = setting.acceptor();
        setting.leave_session(&one).await;
        let World { clock, vault, .. } = &setting.world;
        let (other, _) = Acceptor::build(&setting.settings, "SAP2", clock, vault);
        let facts = knock(&other.expect("built"), &setting.peer)
            .await
            .expect("let in");
        assert!(!facts.resumed, "{mechanism:?}");
    }
}

#[tokio::test]
async fn a_forgotten_universe_means_a_full_handshake_and_no_alert() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        setting.leave_session(&setting.acceptor()).await;
        setting.world.publish_none();
        setting.world.publish_none();
        let facts = knock(&setting.acceptor(), &setting.peer)
            .await
            .expect("let in");
        assert!(!facts.resumed, "{mechanism:?}");
    }
}

#[tokio::test]
async fn a_listener_that_is_only_built_takes_no_session_from_the_one_in_force() {
    let mut setting = Setting::new(Mechanism::Stateful13);
    setting.settings.session.cache_size = 1_000;
    let acceptor = setting.acceptor();
    let resuming = || Peer::new(&setting.ca, Some(&setting.client)).resuming(Mechanism::Stateful13);
    let peers: Vec<_> = (0..200).map(|_| resuming()).collect();
    for peer in &peers {
        knock(&acceptor, peer).await.expect("let in");
    }
    // A reload builds it, and is then refused for another reason.
    let mut smaller = setting.settings.clone();
    smaller.session.cache_size = 1;
    let _never_published = setting.world.acceptor(&smaller);
    for peer in &peers {
        assert!(knock(&acceptor, peer).await.expect("let in").resumed);
    }
}

#[tokio::test]
async fn with_neither_cache_nor_tickets_nothing_resumes_and_everyone_is_served() {
    for mechanism in Mechanism::ALL {
        let mut setting = Setting::new(mechanism);
        setting.settings.session.tickets = false;
        setting.settings.session.cache_size = 0;
        let acceptor = setting.acceptor();
        setting.leave_session(&acceptor).await;
        assert!(
            !knock(&acceptor, &setting.peer)
                .await
                .expect("let in")
                .resumed,
            "{mechanism:?}"
        );
    }
}

/// A client that has renewed its certificate still holds a session of the old one.
#[tokio::test]
async fn a_client_whose_old_certificate_has_expired_is_asked_for_the_new_one() {
    for mechanism in Mechanism::ALL {
        let mut setting = Setting::with_client(mechanism, |spec| {
            spec.not_after = WallTime(now().0 + 7 * DAY);
        });
        setting.settings.session.lifetime = A_MONTH;
        let acceptor = setting.acceptor();
        let keys = Arc::new(Switchable::new(&setting.client));
        setting.peer = setting
            .peer
            .clone()
            .with_resolver(Arc::<Switchable>::clone(&keys));
        setting.leave_session(&acceptor).await;
        setting.world.clock.shift(8 * DAY);
        keys.switch_to(&leaf(&setting.ca, "renewed.example"));
        let facts = knock(&acceptor, &setting.peer).await.expect("let in");
        assert!(!facts.resumed, "{mechanism:?}");
        let subject = facts.principal().map(|principal| principal.subject.clone());
        assert_eq!(
            subject.as_deref(),
            Some("CN=renewed.example"),
            "{mechanism:?}"
        );
    }
}

#[tokio::test]
async fn a_session_under_another_host_name_means_a_full_handshake_and_no_alert() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        let acceptor = setting.acceptor();
        let one = knock_as(&acceptor, &setting.peer, "gw.example").await.0;
        assert!(!one.expect("let in").resumed);
        let other = knock_as(&acceptor, &setting.peer, "other.example").await.0;
        let other = other.expect("let in");
        assert!(!other.resumed, "{mechanism:?}");
        assert_eq!(other.server_name.as_deref(), Some("other.example"));
    }
}
