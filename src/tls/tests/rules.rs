//! Whoever the rules do not admit is through the handshake, is known, and takes up no session.

use super::*;
use crate::config::settings::{ClientRule, Term};
use crate::model::{Denial, TlsRole, folded};

/// A listener with one client that resumes by a mechanism.
struct Setting {
    world: World,
    settings: ServerTls,
    ca: Authority,
    peer: Peer,
}

impl Setting {
    fn new(mechanism: Mechanism) -> Self {
        let world = World::new();
        let ca = authority("Company CA");
        let own = leaf(&ca, "gw.example");
        let mut settings = world.server(&ca.pem(), &own);
        settings.session.tickets = mechanism.tickets();
        let peer = Peer::new(&ca, Some(&leaf(&ca, "sap.example"))).resuming(mechanism);
        Self {
            world,
            settings,
            ca,
            peer,
        }
    }

    /// Puts rules in force, as a reload does.
    fn under(&self, rules: &ClientRules) -> Acceptor {
        let acceptor = self.world.acceptor_with(&self.settings, rules);
        self.world.publish(&acceptor);
        acceptor
    }
}

fn about(key: &str, name: &str) -> ClientRule {
    ClientRule {
        key: key.to_owned(),
        terms: vec![Term::CommonName(folded(name))],
    }
}

fn allowing(name: &str) -> ClientRules {
    ClientRules {
        allow: vec![about("AllowClient1", name)],
        deny: Vec::new(),
    }
}

fn denying(name: &str) -> ClientRules {
    ClientRules {
        allow: Vec::new(),
        deny: vec![about("DenyClient2", name)],
    }
}

fn denied() -> Denial {
    Denial::Denied {
        rule: "DenyClient2".into(),
    }
}

async fn let_in(acceptor: &Acceptor, peer: &Peer) -> SessionFacts {
    knock(acceptor, peer).await.expect("through the handshake")
}

#[tokio::test]
async fn r2_rules_a_client_that_is_not_admitted_is_known_and_never_resumes() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        for (rules, denial) in [
            (allowing("other.example"), Some(Denial::NotAllowed)),
            (denying("SAP.example"), Some(denied())),
        ] {
            let acceptor = setting.under(&rules);
            for _ in 0..3 {
                let facts = let_in(&acceptor, &setting.peer).await;
                assert_eq!(facts.denial, denial, "{mechanism:?}");
                assert!(!facts.resumed, "{mechanism:?}");
                let subject = facts.principal().map(|known| known.subject.clone());
                assert_eq!(subject.as_deref(), Some("CN=sap.example"));
            }
        }
    }
}

#[tokio::test]
async fn r2_rules_a_session_from_before_a_rule_that_denies_is_not_found() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        let before = setting.under(&ClientRules::default());
        assert!(!let_in(&before, &setting.peer).await.resumed);
        assert!(
            let_in(&before, &setting.peer).await.resumed,
            "{mechanism:?}"
        );
        let after = setting.under(&denying("sap.example"));
        let facts = let_in(&after, &setting.peer).await;
        assert_eq!(
            (facts.resumed, facts.denial),
            (false, Some(denied())),
            "{mechanism:?}"
        );
    }
}

#[tokio::test]
async fn r2_rules_a_rule_about_somebody_else_costs_no_session() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        let before = setting.under(&ClientRules::default());
        assert!(!let_in(&before, &setting.peer).await.resumed);
        for rules in [denying("other.example"), allowing("sap.example")] {
            let after = setting.under(&rules);
            assert!(before.universes().eq(after.universes()));
            assert_ne!(before.policy_id(), after.policy_id());
            assert_ne!(before.fingerprint(), after.fingerprint());
            let facts = let_in(&after, &setting.peer).await;
            assert_eq!((facts.resumed, facts.denial), (true, None), "{mechanism:?}");
        }
    }
}

#[tokio::test]
async fn r2_rules_a_client_that_is_admitted_again_resumes_again() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        let_in(&setting.under(&denying("sap.example")), &setting.peer).await;
        let open = setting.under(&ClientRules::default());
        let facts = let_in(&open, &setting.peer).await;
        assert_eq!(
            (facts.resumed, facts.denial),
            (false, None),
            "{mechanism:?}"
        );
        assert!(let_in(&open, &setting.peer).await.resumed, "{mechanism:?}");
    }
}

#[tokio::test]
async fn r2_rules_a_client_with_a_second_certificate_is_asked_for_it_in_a_full_handshake() {
    for mechanism in Mechanism::ALL {
        let mut setting = Setting::new(mechanism);
        let keys = Arc::new(Switchable::new(&leaf(&setting.ca, "sap.example")));
        let resolver = Arc::<Switchable>::clone(&keys);
        setting.peer = setting.peer.clone().with_resolver(resolver);
        let_in(&setting.under(&ClientRules::default()), &setting.peer).await;
        keys.switch_to(&leaf(&setting.ca, "renewed.example"));
        let after = setting.under(&denying("sap.example"));
        let facts = let_in(&after, &setting.peer).await;
        assert_eq!(
            (facts.resumed, facts.denial),
            (false, None),
            "{mechanism:?}"
        );
    }
}

#[tokio::test]
async fn r2_rules_nobody_without_a_certificate_is_admitted_or_resumes_where_some_are_allowed() {
    for mechanism in Mechanism::ALL {
        let mut setting = Setting::new(mechanism);
        setting.settings.client_auth = ClientAuth::Request;
        setting.peer = Peer::new(&setting.ca, None).resuming(mechanism);
        let open = setting.under(&denying("sap.example"));
        assert_eq!(let_in(&open, &setting.peer).await.denial, None);
        assert!(let_in(&open, &setting.peer).await.resumed, "{mechanism:?}");
        let strict = setting.under(&allowing("sap.example"));
        for _ in 0..2 {
            let facts = let_in(&strict, &setting.peer).await;
            let expected = (false, Some(Denial::NotAllowed), None);
            assert_eq!(
                (facts.resumed, facts.denial.clone(), facts.principal()),
                expected,
                "{mechanism:?}"
            );
        }
    }
}

#[tokio::test]
async fn h3_a_name_with_a_line_break_or_a_nul_is_refused_in_the_handshake() {
    let setting = Setting::new(Mechanism::Ticket13);
    let acceptor = setting.under(&ClientRules::default());
    for name in ["sap\r.example", "sap\n.example", "sap\0.example"] {
        let odd = special(&setting.ca, name, |spec| spec.alternative_names.clear());
        let in_uri = special(&setting.ca, "sap.example", |spec| {
            spec.uris.push(format!("urn:{name}"));
        });
        for client in [odd, in_uri] {
            for version in [&TLS12, &TLS13] {
                let peer = Peer::new(&setting.ca, Some(&client)).versions(&[version]);
                let (refused, saw) = knock_as(&acceptor, &peer, "gw.example").await;
                let refused = refused.expect_err("refused");
                assert_eq!(refused.code(), "unfit-name", "{name:?}: {refused}");
                let saw = saw.expect_err("refused").to_string();
                assert!(saw.contains("bad_certificate (42)"), "{saw}");
            }
        }
    }
}

#[tokio::test]
async fn i2_what_a_client_adds_to_its_chain_meets_no_rule() {
    let setting = Setting::new(Mechanism::Ticket13);
    let mut stuffed = leaf(&setting.ca, "sap.example");
    let (_, foreign) = Authority::self_signed_host("admin.example", now()).expect("made");
    for added in [leaf(&setting.ca, "admin.example"), foreign] {
        stuffed.chain_pem = added.certificate_pem.clone();
        for version in [&TLS12, &TLS13] {
            let peer = Peer::new(&setting.ca, Some(&stuffed)).versions(&[version]);
            let acceptor = setting.under(&allowing("admin.example"));
            let facts = let_in(&acceptor, &peer).await;
            assert_eq!(facts.denial, Some(Denial::NotAllowed));
            let subject = facts.principal().map(|known| known.subject.clone());
            assert_eq!(subject.as_deref(), Some("CN=sap.example"));
            let acceptor = setting.under(&denying("admin.example"));
            assert_eq!(let_in(&acceptor, &peer).await.denial, None);
        }
    }
}

#[tokio::test]
async fn a_client_that_is_in_is_judged_by_another_acceptor_as_a_handshake_would_judge_it() {
    let setting = Setting::new(Mechanism::Ticket13);
    let open = setting.under(&ClientRules::default());
    let client = let_in(&open, &setting.peer).await.client;
    let said = |acceptor: &Acceptor| acceptor.admits(client.as_deref()).map(|said| said.denial);
    assert_eq!(said(&open), Ok(None));
    let strict = setting.under(&denying("sap.example"));
    assert_eq!(said(&strict), Ok(Some(denied())));
    assert_eq!(said(&setting.under(&denying("other.example"))), Ok(None));
    setting.world.clock.shift(400 * DAY);
    let refused = said(&strict).expect_err("expired");
    assert_eq!(
        (refused.code(), refused.alert()),
        ("certificate-expired", None)
    );
    let nobody = strict.admits(None).expect_err("a certificate is required");
    assert_eq!(nobody.code(), "no-client-certificate");
}

/// Taking the authority away costs a client nothing that is served nothing.
#[tokio::test]
async fn whom_the_rules_do_not_admit_uses_no_authority() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new(mechanism);
        let used = || {
            let now = setting.world.clock.now();
            setting.world.uses.since(WallTime(0), now, 10).len()
        };
        let strict = setting.under(&denying("sap.example"));
        let client = let_in(&strict, &setting.peer).await.client;
        let said = strict
            .admits(client.as_deref())
            .expect("a good certificate");
        assert!(said.arrival.is_none(), "{mechanism:?}");
        assert_eq!(used(), 0, "{mechanism:?}");
        let open = setting.under(&ClientRules::default());
        let said = open.admits(client.as_deref()).expect("a good certificate");
        let arrival = said.arrival.expect("one whom the rules admit");
        let _here = arrival.serve(TlsRole::Requests);
        assert_eq!(used(), 1, "{mechanism:?}");
    }
}
