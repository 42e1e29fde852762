//! Who a caller is, only the gateway may say: claims from outside never reach a side or SAP CRM,
//! and only the verified certificate becomes an identity.

use std::sync::Arc;

use crmgate::certs::issue::{Authority, Issued, LeafSpec};
use crmgate::model::{Endpoint, HostPort, Scheme, Side};
use crmgate::simulate::{Party, PeerTls, Pki, Port};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::support::message::Message;
use crate::support::raw::{Door, Raw};
use crate::support::recorder::{FINE, Recorder, Step, always};
use crate::support::scene::{Keeping, Scene, end};
use crate::support::stage::Stage;
use crate::support::visitor::Visit;
use crate::support::{Daemon, World};

/// Names by which servers are told who a caller is, and how he came.
const CLAIMS: &[&str] = &[
    "SSL_CLIENT_CERT",
    "SSL_CLIENT_CERT_CHAIN_1",
    "SSL_CLIENT_CERT_CHAIN_12",
    "SSL_CLIENT_S_DN",
    "SSL_CLIENT_VERIFY",
    "SSL_CIPHER_SUITE",
    "SSL_CIPHER_USEKEYSIZE",
    "ClientProtocol",
    "Client-Cert",
    "Client-Cert-Chain",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "Forwarded",
    "Via",
    "X-SSL-Client-Cert",
    "X-SSL-Client-DN",
    "X-Client-Cert",
    "X-Client-DN",
    "X-Client-Verify",
    "X-ARR-ClientCert",
    "X-Amzn-Mtls-Clientcert",
    "X-Remote-User",
    "X-Real-IP",
    "Proxy-Authorization",
    "Proxy-Connection",
];

/// How somebody might spell a name past a filter.
fn spellings(name: &str) -> Vec<String> {
    let alternate = |(at, sign): (usize, char)| {
        if at % 2 == 0 {
            sign.to_ascii_lowercase()
        } else {
            sign.to_ascii_uppercase()
        }
    };
    let mut all = vec![
        name.to_owned(),
        name.to_ascii_lowercase(),
        name.to_ascii_uppercase(),
        name.replace('_', "-"),
        name.replace('-', "_"),
        name.replacen(['_', '-'], "-", 1).replacen('-', "_", 1),
        name.chars().enumerate().map(alternate).collect(),
    ];
    all.sort_unstable();
    all.dedup();
    all
}

/// As the servers behind a gateway read a name.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Fields of a request that claim who the caller is.
fn claims_in(request: &Message) -> Vec<String> {
    let claimed: Vec<String> = CLAIMS.iter().map(|name| folded(name)).collect();
    let fields = request.fields.iter();
    fields
        .filter(|(name, _)| claimed.contains(&folded(name)))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

/// A request with some fields; the marker has to arrive.
fn request_with(fields: &str) -> String {
    format!(
        "POST /ici HTTP/1.1\r\nHost: gw\r\nX-Kept: yes\r\n{fields}Content-Type: text/xml\r\n\
         Content-Length: 4\r\n\r\ncall"
    )
}

async fn is_answered(line: &mut Raw, request: &str) {
    line.send(request.as_bytes()).await.expect("sent");
    let answer = line.answer().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{answer:?}");
}

/// Requests that hold every claim in every spelling.
fn requests_full_of_claims() -> Vec<String> {
    let spelled: Vec<String> = CLAIMS.iter().flat_map(|name| spellings(name)).collect();
    // Below the limit of fields of one head.
    let forge = |name: &String| format!("{name}: forged\r\n");
    spelled
        .chunks(60)
        .map(|some| request_with(&some.iter().map(forge).collect::<String>()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_no_claim_from_outside_comes_through_any_door_in_any_spelling() {
    let stage = Stage::set().await;
    for (place, door) in &stage.doors {
        let mut line = door.open().await;
        for request in requests_full_of_claims() {
            is_answered(&mut line, &request).await;
        }
        for request in stage.complete() {
            assert_eq!(claims_in(&request), Vec::<String>::new(), "{place}");
            assert_eq!(request.value("x-kept"), Some("yes"), "{place}");
        }
        assert!(!stage.complete().is_empty(), "{place}");
        stage.forget();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_no_claim_comes_through_on_a_full_or_a_resumed_connection_of_whichever_client() {
    let named = "Connection: ssl-client-cert, X_Private\r\nSSL_CLIENT_CERT: x\r\nX-Private: x\r\n";
    let mut requests = requests_full_of_claims();
    requests.push(request_with(named));
    for keeping in Keeping::ALL {
        let mut scene = Scene::new(keeping).await;
        let (events, crm) = scene.with_events().await;
        let gateway = scene.serve().await;
        for (way, mut client) in scene.crm() {
            for (door, far_end) in [(scene.listen, &scene.side), (events, &crm)] {
                far_end.forget();
                for request in &requests {
                    client.send(request.replace("Host: gw", "Host: gw\r\nConnection: close"));
                    assert_eq!(client.leave(door, 1).await, Visit::Full, "{way:?}");
                    assert_eq!(client.offer(door).await, Visit::Resumed, "{way:?}");
                }
                let arrived = far_end.requests();
                assert_eq!(arrived.len(), 2 * requests.len());
                for request in arrived {
                    let claims = claims_in(&request);
                    assert_eq!(claims, Vec::<String>::new(), "{way:?}, {keeping:?}");
                    assert_eq!(request.value("x-private"), None, "{way:?}, {keeping:?}");
                    assert_eq!(request.value("x-kept"), Some("yes"));
                }
            }
        }
        end(gateway).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_a_claim_in_a_trailer_comes_no_further_than_one_in_the_head() {
    let stage = Stage::set().await;
    for (place, door) in &stage.doors {
        let mut line = door.open().await;
        let request = "POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\
                       Trailer: SSL_CLIENT_CERT\r\n\r\n4\r\ncall\r\n0\r\nSSL_CLIENT_CERT: x\r\n\r\n";
        is_answered(&mut line, request).await;
        for request in stage.complete() {
            assert_eq!(
                (request.value("trailer"), &*request.body),
                (None, &b"call"[..]),
                "{place}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_a_field_that_connection_names_is_dropped_in_every_spelling() {
    let stage = Stage::set().await;
    let request = request_with(
        "Connection: keep-alive, ssl-client-cert, X_Private, x-kept-not\r\n\
         SSL_CLIENT_CERT: x\r\nX-Private: x\r\nx-PRIVATE: y\r\nX_Kept-Not: x\r\n",
    );
    for (place, door) in &stage.doors {
        let mut line = door.open().await;
        is_answered(&mut line, &request).await;
        for request in stage.complete() {
            let names: Vec<String> = request
                .fields
                .iter()
                .map(|(name, _)| folded(name))
                .collect();
            for gone in ["connection", "ssl-client-cert", "x-private", "x-kept-not"] {
                assert!(
                    !names.contains(&gone.to_owned()),
                    "{gone}, {place}: {names:?}"
                );
            }
            assert!(names.contains(&"x-kept".to_owned()), "{place}: {names:?}");
        }
        stage.forget();
    }
}

/// A side that nobody answers for, then one that does: what is sent to the other side is sent
/// without claims too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_no_claim_comes_through_when_the_other_side_has_to_be_tried() {
    let world = World::new();
    let (dead, side) = (Port::reserve().expect("a port"), Recorder::fine(None).await);
    let port = Port::reserve().expect("a port");
    let nobody = Endpoint {
        scheme: Scheme::Http,
        target: HostPort::from_addr(dead.addr()),
    };
    let deployment =
        world
            .plain_deployment()
            .requests(port.addr(), &nobody, Some(&side.endpoint()));
    let _gateway = world.serve(&deployment).await;
    for request in requests_full_of_claims() {
        let mut line = Raw::plain(port.addr()).await;
        is_answered(&mut line, &request).await;
    }
    assert!(!side.requests().is_empty());
    for request in side.requests() {
        assert_eq!(claims_in(&request), Vec::<String>::new());
    }
}

/// A client that shows `identity` and then further certificates.
fn client(pki: &Pki, identity: &Issued, further: &[&Issued]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(pki.authority(Party::Gateway).der().clone())
        .expect("a root");
    let chain = std::iter::once(identity.der.clone())
        .chain(further.iter().map(|other| other.der.clone()))
        .collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key_der.clone()));
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .expect("a certificate");
    Arc::new(config)
}

/// A daemon with one side, and the address of its requests listener.
async fn daemon(world: &World) -> (Daemon, Door, Recorder, Port) {
    let side = Recorder::fine(None).await;
    let port = Port::reserve().expect("a port");
    let deployment = world
        .deployment()
        .requests(port.addr(), &side.endpoint(), None);
    deployment.write(world.path()).expect("ini files");
    let daemon = Daemon::serving(world.path()).await;
    let door = Door {
        addr: port.addr(),
        tls: None,
    };
    (daemon, door, side, port)
}

fn leaf(world: &World, name: &str) -> Issued {
    let spec = LeafSpec {
        alternative_names: vec!["sap-crm".to_owned()],
        ..LeafSpec::for_name(name, world.clock.now())
    };
    let authority = world.pki.authority(Party::Crm);
    authority.issue(&spec).expect("a certificate")
}

/// A client that sends further certificates along with its own.
fn stuffed(own: Issued, further: &[&str]) -> Issued {
    Issued {
        chain_pem: further.concat(),
        ..own
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_certificates_that_a_client_adds_to_its_chain_never_become_its_identity() {
    for keeping in Keeping::ALL {
        let mut scene = Scene::new(keeping).await;
        let system = &mut scene.deployment.system;
        system.set("Requests", "AllowClient1", "cn=agent");
        scene.deployment.write(scene.world.path()).expect("files");
        let mut daemon = Daemon::serving(scene.world.path()).await;
        let (company, now) = (scene.company(), scene.world.clock.now());
        let issue = |name| scene.issue(company, name);
        let other = issue("administrator").certificate_pem;
        // One that is signed by itself, as anybody can make it.
        let made_up = Authority::new("administrator", now).expect("an authority");
        let agent = stuffed(issue("agent"), &[&other, &made_up.pem()]);
        for (way, client) in scene.visitors(Some(&agent), &company.pem()) {
            assert_eq!(client.leave(scene.listen, 1).await, Visit::Full, "{way:?}");
            let visit = client.offer(scene.listen).await;
            assert_eq!(visit, Visit::Resumed, "{way:?}, {keeping:?}");
        }
        daemon.until_said_again("access: ", 7).await;
        for line in daemon.access_lines() {
            assert!(line.contains("principal=\"CN=agent\""), "{line}");
        }
        let said = daemon.said();
        assert!(!said.contains("administrator"), "{said}");
        // Nor does it help whom the rules leave out.
        let own = issue("agent").certificate_pem;
        let leaver = stuffed(issue("leaver"), &[&own]);
        for (way, client) in scene.visitors(Some(&leaver), &company.pem()) {
            let visit = client.leave(scene.listen, 1).await;
            let status = matches!(&visit, Visit::Refused(line) if line.contains(" 403 "));
            assert!(status, "{way:?}, {keeping:?}: {visit:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_certificate_without_its_key_opens_no_door() {
    let world = World::new();
    let (mut daemon, door, side, _port) = daemon(&world).await;
    let (own, other) = (leaf(&world, "agent"), leaf(&world, "administrator"));
    let stolen = Issued {
        der: other.der.clone(),
        ..own.clone()
    };
    let mut config = Arc::unwrap_or_clone(client(&world.pki, &own, &[]));
    let key = Arc::new(rustls::sign::CertifiedKey::new(
        vec![stolen.der.clone()],
        config
            .crypto_provider()
            .key_provider
            .load_private_key(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.key_der)))
            .expect("a key"),
    ));
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(key));
    if let Ok(mut line) = Raw::tls(door.addr, &Arc::new(config)).await {
        // With TLS 1.3 the verdict comes behind the client's own end of the handshake.
        let _gone = line.send(request_with("").as_bytes()).await;
        line.answer().await.expect_err("no answer for a thief");
    }
    daemon.until_said("TLS handshake failed").await;
    assert_eq!(side.bytes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h3_a_name_full_of_odd_characters_stays_in_its_place_on_its_line() {
    let world = World::new();
    let (mut daemon, door, side, _port) = daemon(&world).await;
    let name = "evil 2027-01-01T00:00:00Z  INFO access: id=forged, CN=admin \"q\" \u{1b}[31m\u{202e}\u{2028}\u{85}M\u{fc}ller";
    let door = Door {
        tls: Some(client(&world.pki, &leaf(&world, name), &[])),
        ..door
    };
    let mut line = door.open().await;
    is_answered(&mut line, &request_with("")).await;
    daemon.until_said("outcome=answered").await;
    let said = daemon.said();
    assert_eq!(daemon.access_lines().len(), 1, "{said}");
    for odd in ['\u{1b}', '\u{202e}', '\u{2028}', '\u{85}'] {
        assert!(!said.contains(odd), "{odd:?}: {said}");
    }
    assert!(said.contains("M\u{fc}ller"), "{said}");
    assert!(
        !said.lines().any(|line| line.starts_with("2027-01-01")),
        "{said}"
    );
    assert_eq!(side.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h3_a_name_with_a_line_break_or_a_nul_opens_no_door_and_is_named_on_one_line() {
    let world = World::new();
    let (mut daemon, door, side, _port) = daemon(&world).await;
    let names = ["evil\r\nHost: x", "evil\nINFO forged", "evil\0.example"];
    for (at, name) in names.into_iter().enumerate() {
        let config = client(&world.pki, &leaf(&world, name), &[]);
        if let Ok(mut line) = Raw::tls(door.addr, &config).await {
            // With TLS 1.3 the verdict comes behind the client's own end of the handshake.
            let _gone = line.send(request_with("").as_bytes()).await;
            line.answer().await.expect_err("no answer");
        }
        daemon.until_said_again("code=\"unfit-name\"", at).await;
    }
    let said = daemon.said();
    let told: Vec<&str> = said.lines().filter(|line| line.contains("evil")).collect();
    assert_eq!(told.len(), names.len(), "{said}");
    assert!(
        told.iter().all(|line| line.contains("bad_certificate")),
        "{said}"
    );
    assert_eq!(side.bytes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h3_a_name_of_many_kilobytes_does_not_make_a_line_of_many_kilobytes() {
    let world = World::new();
    let (mut daemon, door, _side, _port) = daemon(&world).await;
    let door = Door {
        tls: Some(client(&world.pki, &leaf(&world, &"x".repeat(10_000)), &[])),
        ..door
    };
    let mut line = door.open().await;
    is_answered(&mut line, &request_with("")).await;
    daemon.until_said("outcome=answered").await;
    let longest = daemon.said().lines().map(str::len).max();
    assert!(longest < Some(2_000), "{longest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_side_says_before_tls_is_no_answer_and_the_request_stays_here() {
    let world = World::new();
    let peer: PeerTls = world.pki.peer(Party::Side(Side::A));
    let greeting = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let script = always(vec![Step::send(FINE)]);
    let side = Recorder::greeting(Some(&peer), script, Some(greeting)).await;
    let port = Port::reserve().expect("a port");
    let deployment = world
        .deployment()
        .requests(port.addr(), &side.endpoint(), None);
    let gateway = world.serve(&deployment).await;
    let of_crm = world.pki.peer(Party::Crm).client().expect("TLS");
    let mut line = Raw::tls(port.addr(), &Arc::new(of_crm))
        .await
        .expect("a handshake");
    line.send(request_with("").as_bytes()).await.expect("sent");
    let answer = line.answer().await.expect("a fault");
    assert_eq!(answer.status(), 500);
    let text = answer.text();
    assert!(
        text.contains("GW-503-UNREACHABLE") && text.contains("\"not-sent\""),
        "{text}"
    );
    assert_eq!(side.requests(), Vec::new());
    assert_eq!(gateway.figures().handshakes_outbound_failed, 1);
}

/// W3C Trace Context: who follows a call through all machines finds it in their logs by these.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_context_of_a_trace_goes_on_untouched_through_any_door() {
    const CONTEXT: [(&str, &str); 3] = [
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        ("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("baggage", "agent=AG42;ttl=1"),
    ];
    let lines = CONTEXT.map(|(name, value)| format!("{name}: {value}\r\n"));
    let fields = lines.concat();
    let stage = Stage::set().await;
    for (place, door) in &stage.doors {
        is_answered(&mut door.open().await, &request_with(&fields)).await;
        let arrived = stage.complete();
        assert!(!arrived.is_empty(), "{place}");
        for request in arrived {
            for (name, value) in CONTEXT {
                assert_eq!(request.values(name), [value], "{place}");
            }
        }
        stage.forget();
    }
}
