//! Whom the rules of a listener do not admit: told why in his own SOAP, never served, and never
//! taken up again. Whoever they admit notices nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use crmgate::certs::issue::{Issued, LeafSpec};
use crmgate::gateway::{Gateway, check};
use crmgate::simulate::{Deployment, Party, PeerTls, TlsRange};
use rustls::ClientConfig;

use crate::support::raw::Raw;
use crate::support::recorder::Recorder;
use crate::support::stage::polite;
use crate::support::tool::run;
use crate::support::{Daemon, World, free_address, until};

/// A gateway with TLS in front of one side.
struct Scene {
    world: World,
    side: Recorder,
    deployment: Deployment,
    listen: SocketAddr,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        let side = Recorder::start(None, polite()).await;
        let listen = free_address();
        let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
        deployment.gateway.set("Log", "Access", "yes");
        Self {
            world,
            side,
            deployment,
            listen,
        }
    }

    fn rule(&mut self, key: &str, rule: &str) {
        self.deployment.system.set("Requests", key, rule);
    }

    async fn serve(&self) -> Gateway {
        self.world.serve(&self.deployment).await
    }

    async fn reload(&self, gateway: &mut Gateway) {
        self.deployment.write(self.world.path()).expect("ini files");
        let done = gateway.reload().await;
        done.unwrap_or_else(|problems| panic!("refused:\n{problems}"));
    }

    fn issue(&self, name: &str) -> Issued {
        let spec = LeafSpec::for_name(name, self.world.clock.now());
        let authority = self.world.pki.authority(Party::Crm);
        authority.issue(&spec).expect("a certificate")
    }

    fn peer(&self, own: &Issued, range: TlsRange) -> Arc<ClientConfig> {
        let authority = self.world.pki.authority(Party::Crm).der();
        let peer = PeerTls::new(own, authority, &[authority]).speaking(range);
        Arc::new(peer.client().expect("TLS"))
    }

    fn client(&self, name: &str, range: TlsRange) -> Arc<ClientConfig> {
        self.peer(&self.issue(name), range)
    }

    async fn line(&self, client: &Arc<ClientConfig>) -> Raw {
        Raw::tls(self.listen, client).await.expect("a handshake")
    }

    /// A call on a connection of its own: its status, and whether the connection resumed.
    async fn call(&self, client: &Arc<ClientConfig>) -> (u16, bool) {
        let mut line = self.line(client).await;
        line.send(SOAP_1_1.as_bytes()).await.expect("sent");
        let answer = line.answer().await.expect("an answer");
        (answer.status(), line.resumed)
    }
}

const RANGES: [TlsRange; 2] = [TlsRange::Only12, TlsRange::Only13];

const SOAP_1_1: &str = "POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\n\
                        SOAPAction: \"urn:x\"\r\nContent-Length: 4\r\n\r\ncall";

const SOAP_1_2: &str = "POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: application/soap+xml\r\n\
                        Content-Length: 4\r\n\r\ncall";

const PLAIN: &str = "GET /ici HTTP/1.1\r\nHost: gw\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_rules_a_client_that_is_not_admitted_is_told_so_in_its_own_soap_and_nothing_is_sent_on()
{
    for (key, code) in [
        ("AllowClient1", "GW-403-NOT-ALLOWED"),
        ("DenyClient2", "GW-403-DENIED"),
    ] {
        let mut scene = Scene::new().await;
        let name = if key == "AllowClient1" {
            "someone"
        } else {
            "agent"
        };
        scene.rule(key, &format!("cn={name}"));
        let gateway = scene.serve().await;
        for range in RANGES {
            let client = scene.client("agent", range);
            for (request, kind, shown) in [
                (
                    SOAP_1_1,
                    "text/xml; charset=utf-8",
                    "<faultcode>s:Client</faultcode>",
                ),
                (
                    SOAP_1_2,
                    "application/soap+xml; charset=utf-8",
                    "<s:Value>s:Sender</s:Value>",
                ),
                (PLAIN, "text/plain; charset=utf-8", "outcome: not-sent"),
            ] {
                let mut line = scene.line(&client).await;
                line.send(request.as_bytes()).await.expect("sent");
                let answer = line.answer().await.expect("an answer");
                let text = answer.text();
                assert_eq!(answer.status(), 403, "{text}");
                assert_eq!(answer.value("content-type"), Some(kind));
                assert_eq!(answer.value("connection"), Some("close"));
                assert!(text.contains(code) && text.contains(shown), "{text}");
                assert!(
                    !text.contains("Client1") && !text.contains("Client2"),
                    "{text}"
                );
                let (rest, in_order) = line.rest().await;
                assert!(rest.is_empty() && in_order, "the connection is closed");
            }
        }
        let figures = gateway.figures();
        let told = [figures.clients_not_allowed, figures.clients_denied];
        let expected = if key == "AllowClient1" {
            [6, 0]
        } else {
            [0, 6]
        };
        assert_eq!(told, expected);
        assert_eq!(figures.requests_not_admitted, 6);
        assert_eq!((scene.side.connections(), scene.side.bytes()), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_rules_a_client_that_is_not_admitted_gets_one_answer_however_much_it_sends() {
    let mut scene = Scene::new().await;
    scene.rule("DenyClient1", "cn=agent");
    let _gateway = scene.serve().await;
    for range in RANGES {
        let client = scene.client("agent", range);
        let head = "POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\n\
                    Content-Length: 2000000\r\n\r\n";
        let large = [head.as_bytes(), &vec![b'x'; 2_000_000]].concat();
        let pipelined = SOAP_1_1.repeat(3).into_bytes();
        let waiting = head.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
        for sent in [large, pipelined, waiting.into_bytes()] {
            let mut line = scene.line(&client).await;
            line.send(&sent).await.expect("taken");
            assert_eq!(line.answer().await.expect("an answer").status(), 403);
            let (rest, in_order) = line.rest().await;
            assert!(rest.is_empty() && in_order);
        }
    }
    assert_eq!(scene.side.connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_rules_a_rule_at_a_reload_ends_the_sessions_that_it_is_about_and_no_others() {
    for tickets in ["yes", "no"] {
        let mut scene = Scene::new().await;
        if let Some(ssl) = &mut scene.deployment.ssl {
            ssl.set("SSL_SERVER_CLIENT", "SESSION_TICKETS", tickets);
        }
        let mut gateway = scene.serve().await;
        for range in RANGES {
            let denied = scene.client("leaver", range);
            let others: Vec<_> = (0..10)
                .map(|n| scene.client(&format!("agent-{n}"), range))
                .collect();
            for client in others.iter().chain([&denied]) {
                assert_eq!(scene.call(client).await, (200, false));
                assert_eq!(scene.call(client).await, (200, true));
            }
            scene.rule("DenyClient1", "cn=Leaver");
            scene.reload(&mut gateway).await;
            assert_eq!(scene.call(&denied).await, (403, false), "tickets={tickets}");
            assert_eq!(scene.call(&denied).await, (403, false), "tickets={tickets}");
            for client in &others {
                assert_eq!(scene.call(client).await, (200, true), "tickets={tickets}");
            }
            scene.deployment.system.remove("Requests", "DenyClient1");
            scene.reload(&mut gateway).await;
            // Whether by a session from before or by a full handshake: he is as good as ever.
            assert_eq!(scene.call(&denied).await.0, 200);
            assert_eq!(scene.call(&denied).await, (200, true));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_rules_the_log_names_the_client_the_rule_and_what_to_do() {
    let mut scene = Scene::new().await;
    scene.rule("DenyClient7", "cn=agent");
    scene
        .deployment
        .write(scene.world.path())
        .expect("ini files");
    let mut daemon = Daemon::serving(scene.world.path()).await;
    let own = scene.issue("agent");
    let client = scene.peer(&own, TlsRange::Both);
    assert_eq!(scene.call(&client).await, (403, false));
    daemon.until_said("status=403").await;
    let said = daemon.said();
    let told = said
        .lines()
        .find(|line| line.contains("client not admitted"));
    let told = told.unwrap_or_else(|| panic!("{said}"));
    let fingerprint = crmgate::certs::CertificateFacts::of(&own.der)
        .expect("one")
        .fingerprint;
    for part in [
        "the rule DenyClient7 denies the client",
        "code=\"GW-403-DENIED\"",
        "subject=\"CN=agent\"",
        "issuer=\"CN=Company CA,O=crmgate throw-away PKI\"",
        "serial=",
        &format!("fingerprint={fingerprint}"),
        "hint=\"if the client should be served",
        "system=SAP1",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let access = said
        .lines()
        .find(|line| line.contains(" access: "))
        .expect("a line");
    for part in [
        "principal=\"CN=agent\"",
        "code=GW-403-DENIED",
        "outcome=not-sent",
        "tries=0",
    ] {
        assert!(access.contains(part), "{part}: {access}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_rules_clients_that_are_not_admitted_cannot_fill_the_log() {
    let mut scene = Scene::new().await;
    scene.rule("DenyClient1", "cn=agent");
    scene.deployment.gateway.set("Log", "Throttle", 2);
    scene
        .deployment
        .write(scene.world.path())
        .expect("ini files");
    let mut daemon = Daemon::serving(scene.world.path()).await;
    let client = scene.client("agent", TlsRange::Both);
    for _ in 0..40 {
        assert_eq!(scene.call(&client).await.0, 403);
    }
    daemon.signal("TERM");
    daemon.ended().await;
    let said = daemon.said();
    let lines = said
        .lines()
        .filter(|line| line.contains("client not admitted") || line.contains("code=GW-403-DENIED"));
    let lines = lines.count();
    assert!((1..40).contains(&lines), "{lines} lines of 80:\n{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_rules_a_name_of_many_kilobytes_is_cut_in_the_line_that_names_it() {
    let mut scene = Scene::new().await;
    scene.rule("AllowClient1", "cn=agent");
    scene
        .deployment
        .write(scene.world.path())
        .expect("ini files");
    let mut daemon = Daemon::serving(scene.world.path()).await;
    let name = format!("\u{fc}{}", "x, \u{1b}".repeat(3_000));
    let spec = LeafSpec {
        alternative_names: Vec::new(),
        ..LeafSpec::for_name(&name, scene.world.clock.now())
    };
    let authority = scene.world.pki.authority(Party::Crm);
    let own = authority.issue(&spec).expect("a certificate");
    let client = scene.peer(&own, TlsRange::Both);
    assert_eq!(scene.call(&client).await.0, 403);
    daemon.until_said("status=403").await;
    let said = daemon.said();
    assert!(said.lines().all(|line| line.len() < 2_000), "{said}");
    assert!(!said.contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_rules_openssl_is_told_in_either_version_and_gets_no_session() {
    let mut scene = Scene::new().await;
    scene.rule(
        "DenyClient1",
        "dns=agent & issuer=CN=Company CA, O=crmgate throw-away PKI",
    );
    let _gateway = scene.serve().await;
    let folder = scene.world.pki.folder();
    let authority = folder.join("company-ca.pem").display().to_string();
    scene
        .world
        .pki
        .write("agent.pem", &scene.issue("agent").combined_pem())
        .expect("written");
    let own = folder.join("agent.pem").display().to_string();
    let session = scene.world.path().join("session").display().to_string();
    let address = scene.listen.to_string();
    let request = SOAP_1_1.replace("Host: gw\r\n", "Host: gw\r\nConnection: close\r\n");
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let mut arguments = vec!["s_client", "-connect", &address, "-CAfile", &authority];
        arguments.extend(["-ign_eof", "-cert", &own, "-key", &own, version]);
        let first = [arguments.as_slice(), &["-sess_out", &session]].concat();
        let said = run("openssl", first, request.as_bytes()).await;
        let said = String::from_utf8_lossy(&said.out).into_owned();
        assert!(said.contains("HTTP/1.1 403 Forbidden"), "{said}");
        assert!(said.contains("GW-403-DENIED"), "{said}");
        if std::path::Path::new(&session).exists() {
            let again = [arguments.as_slice(), &["-sess_in", &session]].concat();
            let said = run("openssl", again, request.as_bytes()).await;
            let said = String::from_utf8_lossy(&said.out).into_owned();
            assert!(said.contains(&format!("New, {name}")), "{said}");
            assert!(said.contains("HTTP/1.1 403 Forbidden"), "{said}");
            std::fs::remove_file(&session).expect("removed");
        }
    }
    assert_eq!(scene.side.connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_rules_whoever_shows_no_certificate_is_served_unless_somebody_is_allowed() {
    let mut scene = Scene::new().await;
    if let Some(ssl) = &mut scene.deployment.ssl {
        ssl.set("SSL_SERVER_CLIENT", "CLIENT_AUTH", "request");
    }
    scene.rule("DenyClient1", "cn=agent");
    let mut gateway = scene.serve().await;
    let mut roots = rustls::RootCertStore::empty();
    let authority = scene.world.pki.authority(Party::Gateway).der().clone();
    roots.add(authority).expect("a root");
    let nobody = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let nobody = Arc::new(nobody);
    assert_eq!(scene.call(&nobody).await, (200, false));
    assert_eq!(scene.call(&nobody).await, (200, true));
    scene.rule("AllowClient1", "cn=someone");
    scene.reload(&mut gateway).await;
    assert_eq!(scene.call(&nobody).await, (403, false));
    assert_eq!(scene.call(&nobody).await, (403, false));
    until("both are counted", || {
        gateway.figures().clients_not_allowed == 2
    })
    .await;
}

/// What is relayed unread cannot be answered: the connection is reset, and the side hears nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v5_rules_hold_where_the_inside_of_tls_is_relayed_unread() {
    let mut scene = Scene::new().await;
    scene.deployment.system.set("Requests", "Mode", "relay");
    scene.rule("DenyClient1", "cn=leaver");
    scene
        .deployment
        .write(scene.world.path())
        .expect("ini files");
    let mut daemon = Daemon::serving(scene.world.path()).await;
    for range in RANGES {
        let (agent, leaver) = (scene.client("agent", range), scene.client("leaver", range));
        assert_eq!(scene.call(&agent).await, (200, false));
        assert_eq!(scene.call(&agent).await, (200, true));
        scene.side.forget();
        for _ in 0..2 {
            // The reset may come before the client has read to the end of the handshake.
            let Ok(mut line) = Raw::tls(scene.listen, &leaver).await else {
                continue;
            };
            assert!(!line.resumed);
            let _gone = line.send(SOAP_1_1.as_bytes()).await;
            line.answer().await.expect_err("no answer");
        }
        assert_eq!(scene.side.bytes(), 0);
    }
    daemon
        .until_said_again("client not admitted: the rule DenyClient1", 3)
        .await;
    daemon.until_said_again("code=GW-403-DENIED", 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_rules_that_come_while_a_client_is_connected_end_his_connection_and_no_other() {
    for mode in ["terminate", "relay"] {
        for range in RANGES {
            let mut scene = Scene::new().await;
            scene.deployment.system.set("Requests", "Mode", mode);
            let mut gateway = scene.serve().await;
            let (agent, leaver) = (scene.client("agent", range), scene.client("leaver", range));
            let mut stays = scene.line(&agent).await;
            let mut goes = scene.line(&leaver).await;
            for line in [&mut stays, &mut goes] {
                line.send(SOAP_1_1.as_bytes()).await.expect("sent");
                assert_eq!(line.answer().await.expect("an answer").status(), 200);
            }
            scene.rule("DenyClient1", "cn=leaver");
            scene.reload(&mut gateway).await;
            let away = || gateway.figures().clients_sent_away == 1;
            until("the client is sent away", away).await;
            let (rest, _) = goes.rest().await;
            assert!(rest.is_empty(), "{mode}, {range:?}");
            stays.send(SOAP_1_1.as_bytes()).await.expect("sent");
            let answer = stays.answer().await.expect("the connection stands");
            assert_eq!(answer.status(), 200, "{mode}, {range:?}");
            assert_eq!(gateway.figures().clients_sent_away, 1);
        }
    }
}

/// Requests and events of one system have the same certificate and rules of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_rules_of_one_listener_say_nothing_at_another_and_neither_do_its_sessions() {
    let mut scene = Scene::new().await;
    let crm = Recorder::start(Some(&scene.world.pki.peer(Party::Crm)), polite()).await;
    let events = free_address();
    scene.deployment = scene.deployment.clone().events(events, &crm.endpoint());
    scene.deployment.system.set("Events", "Tls", "yes");
    scene
        .deployment
        .system
        .set("Events", "DenyClient1", "cn=agent");
    scene.rule("DenyClient1", "cn=connector");
    let _gateway = scene.serve().await;
    let requests = scene.listen;
    for range in RANGES {
        for (name, served, denied) in [("agent", requests, events), ("connector", events, requests)]
        {
            let client = scene.client(name, range);
            scene.listen = served;
            assert_eq!(scene.call(&client).await, (200, false), "{name}");
            assert_eq!(scene.call(&client).await, (200, true), "{name}");
            scene.listen = denied;
            assert_eq!(scene.call(&client).await, (403, false), "{name}");
        }
        // Somebody whom both admit has no session at the other one all the same.
        let client = scene.client("both", range);
        scene.listen = requests;
        assert_eq!(scene.call(&client).await, (200, false));
        scene.listen = events;
        assert_eq!(scene.call(&client).await, (200, false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tells_which_listeners_have_rules() {
    let mut scene = Scene::new().await;
    let line = |scene: &Scene| {
        scene
            .deployment
            .write(scene.world.path())
            .expect("ini files");
        let checked = check(scene.world.path(), &scene.world.clock);
        checked
            .effective
            .first()
            .cloned()
            .unwrap_or_else(|| panic!("{}", checked.problems))
    };
    assert!(line(&scene).contains("(TLS) ->"));
    scene.rule("AllowClient1", "cn=agent");
    assert!(line(&scene).contains("(TLS, clients by rules) ->"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_rules_that_cannot_be_read_leave_those_in_force_as_they_are() {
    let mut scene = Scene::new().await;
    scene.rule("DenyClient1", "cn=agent");
    let mut gateway = scene.serve().await;
    let client = scene.client("agent", TlsRange::Both);
    assert_eq!(scene.call(&client).await.0, 403);
    scene.rule("DenyClient1", "cm=agent");
    scene
        .deployment
        .write(scene.world.path())
        .expect("ini files");
    let problems = gateway.reload().await.expect_err("refused").to_string();
    assert!(
        problems.contains("DenyClient1 has a kind that is not known, \"cm\""),
        "{problems}"
    );
    assert_eq!(scene.call(&client).await.0, 403);
}
