//! What is said of a chain beforehand is what the handshake with it says.

use super::outbound::{BOTH, server, target};
use super::*;
use crate::config::settings::{ClientRule, Term};
use crate::model::{Denial, folded};
use crate::tls::ServerUses;
use crate::tls::authority_uses::Chain;

fn shown(own: &Issued) -> Chain {
    let chain = chain_of(own).into_iter();
    chain
        .map(|one| one.to_vec())
        .collect::<Vec<Vec<u8>>>()
        .into()
}

fn expired(ca: &Authority, name: &str) -> Issued {
    special(ca, name, |spec| spec.not_after = WallTime(now().0 - 1))
}

#[tokio::test]
async fn a_client_is_refused_in_a_rehearsal_in_the_words_of_its_handshake() {
    let world = World::new();
    let ca = authority("Company CA");
    let settings = world.server(&ca.pem(), &leaf(&ca, "gw.example"));
    let acceptor = world.acceptor(&settings);
    let unable = ca.intermediate_with_usage("Unable", false).expect("made");
    for own in [
        leaf(&authority("Foreign CA"), "sap.example"),
        expired(&ca, "sap.example"),
        leaf(&unable, "sap.example"),
    ] {
        let failure = knock(&acceptor, &Peer::new(&ca, Some(&own))).await;
        let failure = failure.expect_err("refused").to_string();
        let rehearsed = acceptor.would_admit(&shown(&own)).expect_err("refused");
        assert_eq!(rehearsed.to_string(), failure);
    }
    let good = leaf(&ca, "sap.example");
    assert_eq!(acceptor.would_admit(&shown(&good)).expect("let in"), None);
    assert!(
        world.uses.since(WallTime(0), now(), 9).is_empty(),
        "nobody was there"
    );
}

#[test]
fn a_client_that_the_rules_deny_is_denied_in_a_rehearsal() {
    let world = World::new();
    let ca = authority("Company CA");
    let mut settings = world.server(&ca.pem(), &leaf(&ca, "gw.example"));
    let rules = ClientRules {
        allow: vec![ClientRule {
            key: "AllowClient1".to_owned(),
            terms: vec![Term::CommonName(folded("sap.example"))],
        }],
        deny: Vec::new(),
    };
    let acceptor = world.acceptor_with(&settings, &rules);
    let said = |name: &str| {
        acceptor
            .would_admit(&shown(&leaf(&ca, name)))
            .expect("proven")
    };
    assert_eq!(said("sap.example"), None);
    assert_eq!(said("other.example"), Some(Denial::NotAllowed));
    // Where nobody is asked for a certificate, whoever has one is nobody.
    settings.client_auth = ClientAuth::None;
    let foreign = shown(&leaf(&authority("Foreign CA"), "sap.example"));
    let open = world.acceptor(&settings);
    assert_eq!(open.would_admit(&foreign).expect("not asked"), None);
    let closed = world.acceptor_with(&settings, &rules);
    let denial = closed.would_admit(&foreign).expect("not asked");
    assert_eq!(denial, Some(Denial::NotAllowed));
}

#[tokio::test]
async fn a_server_is_refused_in_a_rehearsal_in_the_words_of_its_handshake() {
    let world = World::new();
    let ca = authority("Company CA");
    let connector = world.connector(&world.client(&ca.pem(), &leaf(&ca, "gw.example")));
    let foreign = authority("Foreign CA");
    let uses = ServerUses::default();
    let own = leaf(&ca, "side.example");
    let good = shown(&own);
    for (own, is_good) in [
        (own, true),
        (leaf(&ca, "other.example"), false),
        (leaf(&foreign, "side.example"), false),
        (expired(&ca, "side.example"), false),
    ] {
        let host = target("side.example:443");
        let upstream = connector.for_upstream(&host).expect("a target");
        let upstream = upstream.noted_in(uses.of("SAP1", &host));
        let server = server(&ca, &own, &BOTH);
        let (dialled, accepted) = sockets().await;
        let (_, connected) = tokio::join!(server.accept(accepted), upstream.connect(dialled));
        let rehearsed = upstream.would_accept(&shown(&own));
        if is_good {
            assert!(connected.is_ok() && rehearsed.is_ok(), "{rehearsed:?}");
        } else {
            let failure = connected.expect_err("refused").to_string();
            assert_eq!(rehearsed.expect_err("refused").to_string(), failure);
        }
    }
    let noted = uses.since(WallTime(0), now());
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].chain, good, "the others were not let count");
}
