//! Who a caller is, is the same however he came in, and whatever names he calls the gateway by.

use std::sync::Arc;

use crmgate::certs::issue::{Issued, LeafSpec};
use crmgate::simulate::{Party, PeerTls, TlsRange};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;

use crate::support::message::Message;
use crate::support::raw::Raw;
use crate::support::recorder::Recorder;
use crate::support::stage::polite;
use crate::support::{Daemon, World, free_address};

fn issue(world: &World, name: &str) -> Issued {
    let spec = LeafSpec {
        attributes: vec![(vec![2, 5, 4, 10], "Foo, Bar & Co".to_owned())],
        ..LeafSpec::for_name(name, world.clock.now())
    };
    let authority = world.pki.authority(Party::Crm);
    authority.issue(&spec).expect("a certificate")
}

fn peer(world: &World, own: &Issued, range: TlsRange) -> ClientConfig {
    let authority = world.pki.authority(Party::Crm).der();
    let peer = PeerTls::new(own, authority, &[authority]).speaking(range);
    peer.client().expect("TLS")
}

/// The fields of an access line that tell who called, how, and what became of it. What has to
/// differ between two calls is left out: when, how long, which exchange, from which port.
fn told(line: &str) -> Vec<(String, String)> {
    const OF_THE_MOMENT: [&str; 5] = ["id", "peer", "ms", "resumed", "reused"];
    let (_, fields) = line.split_once(" access: ").expect("an access line");
    let mut told = Vec::new();
    let mut rest = fields;
    while let Some((key, behind)) = rest.split_once('=') {
        let end = match behind.strip_prefix('"') {
            Some(quoted) => quoted.find("\" ").map_or(behind.len(), |at| at + 2),
            None => behind.find(' ').unwrap_or(behind.len()),
        };
        let (value, after) = behind.split_at(end);
        if !OF_THE_MOMENT.contains(&key) {
            told.push((key.to_owned(), value.to_owned()));
        }
        rest = after.trim_start();
    }
    told
}

async fn is_answered(line: &mut Raw, request: &str) {
    line.send(request.as_bytes()).await.expect("sent");
    assert_eq!(line.answer().await.expect("an answer").status(), 200);
}

const CALL: &str = "POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\n\
                    SOAPAction: \"urn:x\"\r\nContent-Length: 4\r\n\r\ncall";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r9_the_access_line_and_the_headers_of_a_resumed_connection_are_those_of_a_full_one() {
    for tickets in ["yes", "no"] {
        let world = World::new();
        let side = Recorder::start(None, polite()).await;
        let crm = Recorder::start(Some(&world.pki.peer(Party::Crm)), polite()).await;
        let doors = [free_address(), free_address()];
        let mut deployment = world
            .deployment()
            .requests(doors[0], &side.endpoint(), None)
            .events(doors[1], &crm.endpoint());
        let system = &mut deployment.system;
        system
            .set("Events", "Tls", "yes")
            .set("Requests", "ForwardedFor", "yes");
        for section in ["Requests", "Events"] {
            system.set(
                section,
                "AllowClient1",
                "subject=CN=agent, O=\"Foo, Bar & Co\"",
            );
            system.set(section, "DenyClient1", "cn=someone else");
        }
        if let Some(ssl) = &mut deployment.ssl {
            ssl.set("SSL_SERVER_CLIENT", "SESSION_TICKETS", tickets);
        }
        deployment.write(world.path()).expect("ini files");
        let mut daemon = Daemon::serving(world.path()).await;
        let own = issue(&world, "agent");
        let mut seen = 0;
        for range in [TlsRange::Only12, TlsRange::Only13] {
            for (door, far_end) in doors.into_iter().zip([&side, &crm]) {
                let client = Arc::new(peer(&world, &own, range));
                far_end.forget();
                for resumed in [false, true, true] {
                    let mut line = Raw::tls(door, &client).await.expect("a handshake");
                    assert_eq!(line.resumed, resumed, "{range:?}, tickets={tickets}");
                    is_answered(&mut line, CALL).await;
                    daemon.until_said_again(" access: ", seen).await;
                    seen += 1;
                }
                let said = daemon.said();
                let lines: Vec<&str> = said
                    .lines()
                    .filter(|line| line.contains(" access: "))
                    .collect();
                let [full, resumed, again] = &lines[seen - 3..] else {
                    panic!("{said}");
                };
                assert!(full.contains(" resumed=false ") && resumed.contains(" resumed=true "));
                let expected = told(full);
                for part in ["principal", "issuer", "serial", "tls", "status"] {
                    assert!(expected.iter().any(|(key, _)| key == part), "{full}");
                }
                assert_eq!(told(resumed), expected, "{range:?}, tickets={tickets}");
                assert_eq!(told(again), expected, "{range:?}, tickets={tickets}");
                let arrived: Vec<Message> = far_end.requests();
                assert_eq!(arrived.len(), 3);
                assert!(
                    arrived.iter().all(|request| *request == arrived[0]),
                    "{arrived:?}"
                );
            }
        }
        let forwarded = side.requests()[0]
            .value("x-forwarded-for")
            .map(str::to_owned);
        assert_eq!(forwarded.as_deref(), Some("127.0.0.1"));
    }
}

/// A listener has one policy, whatever it is called. So a name cannot lead to another policy, and
/// there is nothing that 421 would have to keep apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_another_host_than_the_server_name_leads_to_no_other_policy() {
    let world = World::new();
    let side = Recorder::start(None, polite()).await;
    let listen = free_address();
    let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
    deployment
        .system
        .set("Requests", "DenyClient1", "cn=leaver");
    let gateway = world.serve(&deployment).await;
    let named: ServerName<'static> = "localhost".try_into().expect("a name");
    let unnamed = ServerName::from(listen.ip());
    for range in [TlsRange::Only12, TlsRange::Only13] {
        for (name, status) in [("agent", 200), ("leaver", 403)] {
            let mut client = peer(&world, &issue(&world, name), range);
            client.enable_sni = true;
            client.resumption = Resumption::disabled();
            let client = Arc::new(client);
            for server in [&named, &unnamed] {
                for (target, host) in [
                    ("/ici", "localhost"),
                    ("/ici", "other.example"),
                    ("http://other.example/ici", "other.example"),
                    ("https://other.example:444/ici", "other.example:444"),
                ] {
                    let request = CALL
                        .replace("/ici", target)
                        .replace("Host: gw", &format!("Host: {host}"));
                    let connected = Raw::tls_to(listen, server.clone(), &client).await;
                    let mut line = connected.expect("a handshake");
                    line.send(request.as_bytes()).await.expect("sent");
                    let answer = line.answer().await.expect("an answer");
                    assert_eq!(
                        answer.status(),
                        status,
                        "{name}, {server:?}, {target}, {host}"
                    );
                }
            }
        }
    }
    assert_eq!(gateway.figures().clients_denied, 16);
    assert_eq!(side.requests().len(), 16);
    // Two names in one request are refused before anybody could choose between them.
    let mismatch = CALL.replace("/ici", "http://one.example/ici");
    let client = Arc::new(peer(&world, &issue(&world, "agent"), TlsRange::Both));
    let mut line = Raw::tls(listen, &client).await.expect("a handshake");
    line.send(mismatch.as_bytes()).await.expect("sent");
    assert_eq!(line.answer().await.expect("an answer").status(), 400);
}

/// A session that was granted under one name is not taken up under another; whether it is or not,
/// the rules are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_a_session_under_one_server_name_opens_no_other_door() {
    let world = World::new();
    let side = Recorder::start(None, polite()).await;
    let listen = free_address();
    let deployment = world.deployment().requests(listen, &side.endpoint(), None);
    let _gateway = world.serve(&deployment).await;
    let named: ServerName<'static> = "localhost".try_into().expect("a name");
    for range in [TlsRange::Only12, TlsRange::Only13] {
        let mut client = peer(&world, &issue(&world, "agent"), range);
        client.enable_sni = true;
        let client = Arc::new(client);
        for (server, resumed) in [
            (&named, false),
            (&named, true),
            (&ServerName::from(listen.ip()), false),
        ] {
            let connected = Raw::tls_to(listen, server.clone(), &client).await;
            let mut line = connected.expect("a handshake");
            assert_eq!(line.resumed, resumed, "{range:?}, {server:?}");
            is_answered(&mut line, &CALL.replace("Host: gw", "Host: other.example")).await;
        }
    }
}
