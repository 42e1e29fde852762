//! Who a caller is, is the same however he came in, and whatever names he calls the gateway by.

use crmgate::certs::issue::{Issued, LeafSpec};

use crate::support::Daemon;
use crate::support::scene::{Keeping, Scene, end};
use crate::support::visitor::{Visit, Visitor};

/// A client whose name has to be written with care.
fn agent(scene: &Scene) -> Issued {
    let spec = LeafSpec {
        attributes: vec![(vec![2, 5, 4, 10], "Foo, Bar & Co".to_owned())],
        ..LeafSpec::for_name("agent", scene.world.clock.now())
    };
    scene.company().issue(&spec).expect("a certificate")
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

/// Comes three times, twice with a session, and says what lines that left.
async fn comes_and_comes_back(
    client: &Visitor,
    door: std::net::SocketAddr,
    daemon: &mut Daemon,
) -> Vec<String> {
    let before = daemon.access_lines().len();
    assert_eq!(client.leave(door, 1).await, Visit::Full);
    assert_eq!(client.renew(door).await, Visit::Resumed);
    assert_eq!(client.renew(door).await, Visit::Resumed);
    daemon.until_said_again(" access: ", before + 2).await;
    daemon.access_lines().split_off(before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r9_the_access_line_and_the_headers_of_a_resumed_connection_are_those_of_a_full_one() {
    for keeping in Keeping::ALL {
        let mut scene = Scene::new(keeping).await;
        let (events, crm) = scene.with_events().await;
        let system = &mut scene.deployment.system;
        system.set("Requests", "ForwardedFor", "yes");
        for section in ["Requests", "Events"] {
            let rule = "subject=CN=agent, O=\"Foo, Bar & Co\"";
            system.set(section, "AllowClient1", rule);
            system.set(section, "DenyClient1", "cn=someone else");
        }
        scene.deployment.write(scene.world.path()).expect("files");
        let mut daemon = Daemon::serving(scene.world.path()).await;
        let own = agent(&scene);
        for (way, client) in scene.visitors(Some(&own), &scene.company().pem()) {
            for (door, far_end) in [(scene.listen, &scene.side), (events, &crm)] {
                far_end.forget();
                let lines = comes_and_comes_back(&client, door, &mut daemon).await;
                let [full, resumed, again] = lines.as_slice() else {
                    panic!("{lines:?}");
                };
                assert!(full.contains(" resumed=false ") && resumed.contains(" resumed=true "));
                let expected = told(full);
                for part in ["principal", "issuer", "serial", "tls", "status"] {
                    assert!(expected.iter().any(|(key, _)| key == part), "{full}");
                }
                assert_eq!(told(resumed), expected, "{way:?}, {keeping:?}");
                assert_eq!(told(again), expected, "{way:?}, {keeping:?}");
                let arrived = far_end.requests();
                assert_eq!(arrived.len(), 3);
                assert!(arrived.iter().all(|request| *request == arrived[0]));
            }
        }
        let forwarded = scene.side.requests();
        assert_eq!(forwarded[0].value("x-forwarded-for"), Some("127.0.0.1"));
    }
}

/// A request for a target, to a host.
fn call(target: &str, host: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/xml\r\n\
         Connection: close\r\nContent-Length: 4\r\n\r\ncall"
    )
}

fn refused_with(visit: &Visit, status: &str) -> bool {
    matches!(visit, Visit::Refused(line) if line.starts_with(status))
}

/// A listener has one policy, whatever it is called. So a name cannot lead to another policy, and
/// there is nothing that 421 would have to keep apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_another_host_than_the_server_name_leads_to_no_other_policy() {
    for keeping in Keeping::ALL {
        let mut scene = Scene::new(keeping).await;
        let system = &mut scene.deployment.system;
        system.set("Requests", "DenyClient1", "cn=leaver");
        let gateway = scene.serve().await;
        let company = scene.company().pem();
        let names = [
            ("/ici", "localhost"),
            ("/ici", "other.example"),
            ("http://other.example/ici", "other.example"),
            ("https://other.example:444/ici", "other.example:444"),
        ];
        let (agent, leaver) = (
            scene.issue(scene.company(), "agent"),
            scene.issue(scene.company(), "leaver"),
        );
        for server in [Some("localhost"), None] {
            for (way, mut client) in scene.visitors(Some(&agent), &company) {
                client.ask_for(server);
                assert_eq!(client.leave(scene.listen, 1).await, Visit::Full, "{way:?}");
                for (target, host) in names {
                    client.send(call(target, host));
                    let visit = client.renew(scene.listen).await;
                    assert_eq!(visit, Visit::Resumed, "{way:?}, {keeping:?}, {host}");
                }
            }
            for (way, mut client) in scene.visitors(Some(&leaver), &company) {
                client.ask_for(server);
                for (target, host) in names {
                    client.send(call(target, host));
                    let visit = client.renew(scene.listen).await;
                    let is_denied = refused_with(&visit, "HTTP/1.1 403 ");
                    assert!(is_denied, "{way:?}, {keeping:?}, {host}: {visit:?}");
                }
            }
        }
        assert_eq!(gateway.figures().clients_denied, 2 * 4 * 4);
        end(gateway).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_two_names_in_one_request_are_refused_before_anybody_could_choose_between_them() {
    for keeping in Keeping::ALL {
        let scene = Scene::new(keeping).await;
        let gateway = scene.serve().await;
        for (way, mut client) in scene.crm() {
            client.leave(scene.listen, 1).await;
            scene.side.forget();
            client.send(call("http://one.example/ici", "gw"));
            for visit in [
                client.offer(scene.listen).await,
                client.leave(scene.listen, 1).await,
            ] {
                let is_refused = refused_with(&visit, "HTTP/1.1 400 ");
                assert!(is_refused, "{way:?}, {keeping:?}: {visit:?}");
            }
            assert_eq!(scene.side.bytes(), 0);
        }
        end(gateway).await;
    }
}

/// A session that was granted under one name is not taken up under another; whether it is or not,
/// the rules are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_a_session_under_one_server_name_opens_no_other_door() {
    for keeping in Keeping::ALL {
        let scene = Scene::new(keeping).await;
        let gateway = scene.serve().await;
        for (way, mut client) in scene.crm() {
            client.send(call("/ici", "other.example"));
            client.ask_for(Some("localhost"));
            client.leave(scene.listen, 2).await;
            for (server, expected) in [(Some("localhost"), Visit::Resumed), (None, Visit::Full)] {
                client.ask_for(server);
                let visit = client.offer(scene.listen).await;
                assert_eq!(visit, expected, "{way:?}, {keeping:?}, {server:?}");
            }
        }
        end(gateway).await;
    }
}
