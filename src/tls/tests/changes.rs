//! Certificates and authorities that change over time, with the clock and with a reload.

use super::outbound::{BOTH, server, target};
use super::*;
use crate::config::settings::Successor;

/// A listener whose certificate is followed by another one in an hour.
struct Setting {
    world: World,
    ca: Authority,
    next: Issued,
    settings: ServerTls,
}

impl Setting {
    fn new() -> Self {
        let ca = authority("Company CA");
        let next = leaf(&ca, "gw.example");
        Self::followed_by(ca, next)
    }

    fn followed_by(ca: Authority, next: Issued) -> Self {
        let world = World::new();
        let own = leaf(&ca, "gw.example");
        let mut settings = world.server(&ca.pem(), &own);
        settings.session.lifetime = A_MONTH;
        settings.files.next = Some(successor(&world, &next, IN_AN_HOUR));
        Self {
            world,
            ca,
            next,
            settings,
        }
    }

    fn peer(&self, mechanism: Mechanism) -> Peer {
        let client = leaf(&self.ca, "sap.example");
        Peer::new(&self.ca, Some(&client)).resuming(mechanism)
    }

    fn acceptor(&self, mechanism: Mechanism) -> Acceptor {
        let mut settings = self.settings.clone();
        settings.session.tickets = mechanism.tickets();
        self.world.acceptor(&settings)
    }
}

const IN_AN_HOUR: i64 = 3_600;

fn successor(world: &World, next: &Issued, after: i64) -> Successor {
    let path = world.dir.path();
    Successor {
        identity: IdentityFiles::Combined(file(path, "next.pem", next.combined_pem())),
        passphrase: None,
        from: WallTime(world.clock.now().0 + after),
        place: Place::file(Path::new("ssl.ini"))
            .section("SSL_SERVER_CLIENT")
            .key("NEXT_FROM"),
    }
}

/// What a client with no session is shown.
async fn shown(acceptor: &Acceptor, peer: &Peer) -> CertificateDer<'static> {
    let (dialled, accepted) = sockets().await;
    let name = ServerName::try_from("gw.example").expect("a name");
    let connector = TlsConnector::from(Arc::new(peer.0.clone()));
    let (stream, served) =
        tokio::join!(connector.connect(name, dialled), acceptor.accept(accepted));
    served.expect("let in");
    let stream = stream.expect("connected");
    let chain = stream.get_ref().1.peer_certificates().expect("a chain");
    chain[0].clone().into_owned()
}

#[tokio::test]
async fn the_certificate_that_follows_is_shown_from_its_date_and_while_the_clock_is_behind_it() {
    let setting = Setting::new();
    let acceptor = setting.world.acceptor(&setting.settings);
    let client = leaf(&setting.ca, "sap.example");
    for version in [&TLS12, &TLS13] {
        let peer = Peer::new(&setting.ca, Some(&client)).versions(&[version]);
        let before = shown(&acceptor, &peer).await;
        assert_ne!(before, setting.next.der);
        setting.world.clock.shift(2 * IN_AN_HOUR);
        assert_eq!(shown(&acceptor, &peer).await, setting.next.der);
        setting.world.clock.shift(-2 * IN_AN_HOUR);
        assert_eq!(shown(&acceptor, &peer).await, before);
    }
}

#[tokio::test]
async fn r1_a_session_of_the_former_key_means_a_full_handshake_once_the_next_one_is_shown() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new();
        let acceptor = setting.acceptor(mechanism);
        setting.world.publish(&acceptor);
        let peer = setting.peer(mechanism);
        let resumed = async || knock(&acceptor, &peer).await.expect("let in").resumed;
        assert!(!resumed().await && resumed().await, "{mechanism:?}");
        setting.world.clock.shift(2 * IN_AN_HOUR);
        assert!(!resumed().await, "{mechanism:?}: the former key's session");
        assert!(resumed().await, "{mechanism:?}: the next key's session");
        setting.world.clock.shift(-2 * IN_AN_HOUR);
        assert!(
            !resumed().await,
            "{mechanism:?}: the next key's session, too early"
        );
        assert!(resumed().await, "{mechanism:?}");
    }
}

#[tokio::test]
async fn clients_keep_their_sessions_when_the_next_certificate_becomes_the_main_one() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new();
        let before = setting.acceptor(mechanism);
        setting.world.publish(&before);
        setting.world.clock.shift(2 * IN_AN_HOUR);
        let peer = setting.peer(mechanism);
        knock(&before, &peer).await.expect("let in");
        let mut settings = setting.settings.clone();
        settings.session.tickets = mechanism.tickets();
        let next = settings.files.next.take().expect("one follows");
        settings.files.identity = next.identity;
        let after = setting.world.acceptor(&settings);
        setting.world.publish(&after);
        assert_ne!(before.fingerprint(), after.fingerprint());
        let facts = knock(&after, &peer).await.expect("let in");
        assert!(facts.resumed, "{mechanism:?}");
    }
}

#[tokio::test]
async fn r4_clients_of_two_generations_of_one_name_resume_side_by_side_until_one_of_them_leaves() {
    for mechanism in Mechanism::ALL {
        let world = World::new();
        let (old, new) = (authority("Company CA"), authority("Company CA"));
        let own = leaf(&new, "gw.example");
        let mut settings = world.server(&format!("{}{}", old.pem(), new.pem()), &own);
        settings.session.tickets = mechanism.tickets();
        let both = world.acceptor(&settings);
        world.publish(&both);
        let peers = [&old, &new].map(|ca| {
            let client = leaf(ca, "sap.example");
            Peer::new(&new, Some(&client)).resuming(mechanism)
        });
        for peer in &peers {
            assert!(!knock(&both, peer).await.expect("let in").resumed);
            assert!(
                knock(&both, peer).await.expect("let in").resumed,
                "{mechanism:?}"
            );
        }
        settings.files.ca = file(world.dir.path(), "new.pem", new.pem());
        let one = world.acceptor(&settings);
        world.publish(&one);
        let refused = knock(&one, &peers[0]).await.expect_err("refused");
        let codes = ["unknown-issuer", "bad-signature"];
        assert!(codes.contains(&refused.code()), "{mechanism:?}: {refused}");
        assert!(
            knock(&one, &peers[1]).await.expect("let in").resumed,
            "{mechanism:?}"
        );
    }
}

/// One connection to a server: whether a session was resumed, and who the server took us for.
async fn called(
    upstream: &UpstreamTls,
    server: &tokio_rustls::TlsAcceptor,
) -> (bool, CertificateDer<'static>) {
    let (dialled, accepted) = sockets().await;
    let serve = async {
        let mut stream = server.accept(accepted).await.expect("let in");
        stream.write_all(b"x").await.expect("written");
        stream.flush().await.expect("flushed");
        let chain = stream.get_ref().1.peer_certificates().expect("a chain");
        chain[0].clone().into_owned()
    };
    let ask = async {
        let mut connected = upstream.connect(dialled).await.expect("connected");
        connected.stream.read_u8().await.expect("an answer");
        connected.resumed
    };
    let (known_as, resumed) = tokio::join!(serve, ask);
    (resumed, known_as)
}

#[tokio::test]
async fn r8_servers_know_us_by_the_next_certificate_from_its_date_and_by_no_session_of_the_former()
{
    let setting = Setting::new();
    let files = setting.settings.files.clone();
    let settings = ClientTls {
        files,
        ..setting
            .world
            .client(&setting.ca.pem(), &leaf(&setting.ca, "gw.example"))
    };
    let crm = leaf(&setting.ca, "crm.example");
    let upstream = setting
        .world
        .connector(&settings)
        .for_upstream(&target("crm.example:1"));
    let upstream = upstream.expect("a host");
    for version in BOTH {
        let server = server(&setting.ca, &crm, &[version]);
        let (resumed, before) = called(&upstream, &server).await;
        assert!(!resumed && before != setting.next.der);
        assert_eq!(called(&upstream, &server).await, (true, before.clone()));
        setting.world.clock.shift(2 * IN_AN_HOUR);
        assert_eq!(
            called(&upstream, &server).await,
            (false, setting.next.der.clone())
        );
        assert_eq!(
            called(&upstream, &server).await,
            (true, setting.next.der.clone())
        );
        // The clock was set back: who we were is who we are, and that session is still good.
        setting.world.clock.shift(-2 * IN_AN_HOUR);
        assert_eq!(called(&upstream, &server).await, (true, before));
    }
}

#[test]
fn the_fingerprint_of_a_listener_changes_with_what_follows_and_with_its_date() {
    let setting = Setting::new();
    let fingerprint = |settings: &ServerTls| setting.world.acceptor(settings).fingerprint();
    let with_next = fingerprint(&setting.settings);
    assert_eq!(fingerprint(&setting.settings), with_next);
    let mut later = setting.settings.clone();
    later.files.next.as_mut().expect("one follows").from.0 += 1;
    assert_ne!(fingerprint(&later), with_next);
    later.files.next = None;
    assert_ne!(fingerprint(&later), with_next);
}

/// What is said of a successor with these dates, in days from now; it takes its turn tomorrow.
fn said_of(from: i64, to: i64) -> Problems {
    let ca = authority("Company CA");
    let day = |n: i64| WallTime(now().0 + n * DAY + IN_AN_HOUR);
    let next = special(&ca, "next.example", |spec| {
        (spec.not_before, spec.not_after) = (day(from), day(to));
    });
    let mut setting = Setting::followed_by(ca, next);
    setting.settings.files.next = Some(successor(&setting.world, &setting.next, DAY));
    setting.world.try_acceptor(&setting.settings).1
}

#[test]
fn a_successor_is_judged_for_its_own_date() {
    assert!(said_of(0, 400).is_empty(), "{}", said_of(0, 400));
    let early = said_of(2, 400);
    assert!(
        early.has_errors() && early.to_string().contains("after NEXT_FROM"),
        "{early}"
    );
    let late = said_of(-5, 0);
    assert!(
        late.has_errors() && late.to_string().contains("before NEXT_FROM"),
        "{late}"
    );
    let short = said_of(-5, 20);
    assert!(
        !short.has_errors() && short.to_string().contains("soon after NEXT_FROM"),
        "{short}"
    );
}

#[test]
fn a_date_after_the_end_of_the_present_certificate_is_told() {
    let mut setting = Setting::new();
    let days = 400;
    setting.settings.files.next = Some(successor(&setting.world, &setting.next, days * DAY));
    let long = special(&setting.ca, "gw.example", |spec| {
        spec.not_after = WallTime(now().0 + 1_000 * DAY);
    });
    let next = setting.settings.files.next.as_mut().expect("one follows");
    let path = setting.world.dir.path();
    next.identity = IdentityFiles::Combined(file(path, "long.pem", long.combined_pem()));
    let (built, problems) = setting.world.try_acceptor(&setting.settings);
    assert!(built.is_some(), "{problems}");
    let said = problems.to_string();
    assert!(
        said.contains("comes after the end of the present certificate of \"CN=gw.example\""),
        "{said}"
    );
}

#[test]
fn once_it_is_shown_a_notice_says_what_to_do_and_the_end_of_the_former_one_is_no_matter() {
    let ca = authority("Company CA");
    let next = leaf(&ca, "gw.example");
    let mut setting = Setting::followed_by(ca, next);
    let over = special(&setting.ca, "gw.example", |spec| {
        spec.not_after = WallTime(now().0 - IN_AN_HOUR);
    });
    let path = setting.world.dir.path();
    setting.settings.files.identity =
        IdentityFiles::Combined(file(path, "over.pem", over.combined_pem()));
    let (refused, problems) = setting.world.try_acceptor(&setting.settings);
    assert!(
        refused.is_none() && problems.to_string().contains("expired today"),
        "{problems}"
    );
    setting
        .settings
        .files
        .next
        .as_mut()
        .expect("one follows")
        .from
        .0 -= 2 * IN_AN_HOUR;
    let (built, problems) = setting.world.try_acceptor(&setting.settings);
    let leaf = built.expect("built").leaf().fingerprint;
    assert_eq!(leaf.0, crate::certs::digest::sha256(&setting.next.der));
    let said = problems.to_string();
    assert!(said.starts_with("notice: the certificate of \"CN=gw.example\" that follows is shown"));
    assert_eq!(problems.iter().count(), 1, "{said}");
}

#[test]
fn what_peers_would_refuse_is_said_of_the_certificate_that_follows_as_well() {
    let ca = authority("Company CA");
    let next = special(&ca, "next.example", |spec| {
        (spec.server_auth, spec.client_auth) = (false, true);
    });
    let setting = Setting::followed_by(ca, next);
    let said = setting.world.try_acceptor(&setting.settings).1.to_string();
    assert!(
        said.contains("\"CN=next.example\" is not allowed to be a server's"),
        "{said}"
    );
    let ca = authority("Company CA");
    let next = special(&ca, "next.example", |spec| {
        (spec.server_auth, spec.client_auth) = (true, false);
    });
    let setting = Setting::followed_by(ca, next);
    let settings = ClientTls {
        files: setting.settings.files.clone(),
        parameters: parameters(None),
        legacy_cn_match: false,
    };
    let said = Connector::build(&settings, &setting.world.clock)
        .1
        .to_string();
    assert!(
        said.contains("\"CN=next.example\" is not allowed to be a client's"),
        "{said}"
    );
}

#[tokio::test]
async fn a_client_is_remembered_with_its_authority_after_a_full_and_after_a_resumed_handshake() {
    for mechanism in Mechanism::ALL {
        let setting = Setting::new();
        let acceptor = setting.acceptor(mechanism);
        let peer = setting.peer(mechanism);
        let last = || {
            let (uses, now) = (&setting.world.uses, setting.world.clock.now());
            let known = uses.since(WallTime(0), now, 10);
            assert_eq!(
                (known.len(), known[0].clients.len()),
                (1, 1),
                "{mechanism:?}"
            );
            assert_eq!(
                (known[0].role.as_str(), known[0].clients[0].subject.as_str()),
                ("SAP1", "CN=sap.example")
            );
            let key = crate::certs::CertificateFacts::of(setting.ca.der())
                .expect("a certificate")
                .spki;
            assert_eq!(known[0].authority.key.0, key);
            known[0].last().expect("used")
        };
        assert!(!knock(&acceptor, &peer).await.expect("let in").resumed);
        let full = last();
        setting.world.clock.shift(600);
        assert!(
            knock(&acceptor, &peer).await.expect("let in").resumed,
            "{mechanism:?}"
        );
        assert!(last().0 >= full.0 + 600, "{mechanism:?}");
    }
}

/// A certificate is no secret: whoever shows it without its key is nobody.
#[tokio::test]
async fn a_client_that_is_refused_is_not_remembered() {
    let setting = Setting::new();
    let acceptor = setting.world.acceptor(&setting.settings);
    let (one, other) = (
        leaf(&setting.ca, "one.example"),
        leaf(&setting.ca, "other.example"),
    );
    let thief = Issued {
        key_der: other.key_der.clone(),
        ..one
    };
    for version in [&TLS12, &TLS13] {
        let stolen = Arc::new(Switchable::new(&thief));
        let peer = Peer::new(&setting.ca, Some(&other)).versions(&[version]);
        let refused = knock(&acceptor, &peer.with_resolver(stolen)).await;
        assert_eq!(refused.expect_err("refused").code(), "bad-signature");
    }
    let uses = setting
        .world
        .uses
        .since(WallTime(0), setting.world.clock.now(), 10);
    assert_eq!(uses, []);
}
