//! Clients that do not say who they are: whether a change would shut them out is told beforehand.

use std::time::Duration;

use crmgate::gateway::{Part, WhoIsUnknown, rehearse};
use crmgate::model::TlsRole;
use crmgate::simulate::Caller;

use crate::against_seen::{checked, only, refused};
use crate::authorities::{Scene, calls, end};
use crate::support::raw::Raw;
#[cfg(unix)]
use crate::support::{Daemon, process};
use crate::support::{World, free_address, started, until};

const HOUR: i64 = 3_600;

impl Scene {
    /// One that believes the company alone, and asks for certificates in this way: the visitor,
    /// whose authority is not named to him, shows none.
    fn asking(client_auth: &str) -> Self {
        let mut scene = Self::new();
        scene.believe(&scene.company());
        scene.set("CLIENT_AUTH", client_auth);
        scene
    }

    /// One that speaks plain HTTP.
    fn without_tls() -> Self {
        let mut scene = Self::new();
        let system = &mut scene.deployment.system;
        system.remove("Config", "TpiDllParameter");
        scene
    }

    fn with_tls(&mut self) {
        let system = &mut self.deployment.system;
        system.set("Config", "TpiDllParameter", "SSL");
    }

    fn plain_caller(&self) -> Caller {
        let mut profile = self.world.crm(self.listen);
        profile.tls = None;
        let spec = profile.caller().expect("a caller");
        Caller::new(spec, self.world.ledger.clone())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_clients_without_a_certificate_are_told_before_one_is_required() {
    let mut scene = Scene::asking("request");
    let mut gateway = scene.serve().await;
    assert!(calls(&mut scene.visitor()).await.0 && calls(&mut scene.crm()).await.0);
    gateway.tidy();
    let found = scene.rehearsed();
    assert_eq!((refused(&found), found.go_on), (vec![], 2), "{found:?}");
    scene.set("CLIENT_AUTH", "require");
    let found = scene.rehearsed();
    assert_eq!(
        refused(&found),
        [("no-certificate", "no-client-certificate")]
    );
    assert_eq!((found.go_on, found.unknown.len()), (1, 0), "{found:?}");
    let one = only(&found);
    let part = Part::Client(Some(TlsRole::Requests));
    assert_eq!((one.peer.system.as_str(), &one.peer.part), ("SAP1", &part));
    assert!((scene.world.clock.now().0 - one.peer.last.0).abs() < HOUR);
    let (code, said) = checked(&scene.world, &["--against-seen"]);
    assert_eq!(code, Some(1), "{said}");
    for part in [
        "would be refused: whoever shows no certificate, client for requests of SAP1\n  last seen:   20",
        "\n  by:          no-client-certificate: ",
        "\n  SAP shows:   SSSLERR_SSL_CONNECT (-57)",
        "\n  hint:        SAP shows a certificate only if its issuer is among",
        "against seen: 1 would be refused, 0 are refused already, 1 would go on, 0 are not known\n",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    let (_, json) = checked(&scene.world, &["--against-seen", "--format=json"]);
    for part in [
        "\"lack\":\"no-certificate\"",
        "\"flow\":\"requests\"",
        "\"subject\":null",
        "\"fingerprint\":null",
    ] {
        assert!(json.contains(part), "{part}:\n{json}");
    }
    // And that is what happens.
    scene.reload(&mut gateway).await.expect("in force");
    assert!(!calls(&mut scene.visitor()).await.0 && calls(&mut scene.crm()).await.0);
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_clients_that_nobody_asked_for_a_certificate_are_to_be_asked_before_one_is_required() {
    let mut scene = Scene::asking("none");
    let gateway = scene.serve().await;
    assert!(calls(&mut scene.crm()).await.0);
    end(gateway).await;
    assert_eq!(scene.rehearsed().go_on, 1);
    // Whom nobody has asked may have one: to be asked costs nobody his connection.
    scene.set("CLIENT_AUTH", "request");
    assert_eq!(scene.rehearsed().go_on, 1);
    scene.set("CLIENT_AUTH", "require");
    let found = scene.rehearsed();
    assert_eq!(refused(&found), [("not-asked", "no-client-certificate")]);
    let hint = &only(&found).objection.hint;
    assert!(hint.contains("put CLIENT_AUTH=request in force"), "{hint}");
    let (code, said) = checked(&scene.world, &["--against-seen"]);
    assert_eq!(code, Some(1), "{said}");
    let line = "would be refused: whoever was not asked for a certificate, client for requests";
    assert!(said.contains(line), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_rule_that_admits_some_refuses_clients_without_a_certificate_from_then_on() {
    let mut scene = Scene::asking("request");
    let mut gateway = scene.serve().await;
    assert!(calls(&mut scene.visitor()).await.0);
    gateway.tidy();
    let system = &mut scene.deployment.system;
    system.set("Requests", "AllowClient1", "cn=crm.example");
    let denied = [("no-certificate", "GW-403-NOT-ALLOWED")];
    let found = scene.rehearsed();
    assert_eq!(
        (refused(&found), found.shuts_out()),
        (denied.to_vec(), true)
    );
    // Once that is in force no other change is to blame for it.
    scene.reload(&mut gateway).await.expect("in force");
    end(gateway).await;
    let found = scene.rehearsed();
    assert_eq!(
        (refused(&found), found.shuts_out()),
        (denied.to_vec(), false)
    );
    let already = only(&found).already.as_deref();
    assert_eq!(already, Some("GW-403-NOT-ALLOWED"));
    assert_eq!(checked(&scene.world, &["--against-seen"]).0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_whoever_was_not_admitted_without_a_certificate_is_not_remembered() {
    let mut scene = Scene::asking("request");
    let system = &mut scene.deployment.system;
    system.set("Requests", "AllowClient1", "cn=crm.example");
    let gateway = scene.serve().await;
    assert!(!calls(&mut scene.visitor()).await.0);
    end(gateway).await;
    let found = scene.rehearsed();
    assert_eq!((refused(&found), found.go_on), (vec![], 0), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_clients_without_tls_are_told_before_their_listener_speaks_it() {
    let mut scene = Scene::without_tls();
    let gateway = scene.serve().await;
    assert!(calls(&mut scene.plain_caller()).await.0);
    end(gateway).await;
    assert_eq!(scene.rehearsed().go_on, 1);
    scene.with_tls();
    let found = scene.rehearsed();
    assert_eq!(refused(&found), [("no-tls", "not-tls")]);
    let (code, said) = checked(&scene.world, &["--against-seen"]);
    assert_eq!(code, Some(1), "{said}");
    for part in [
        "would be refused: whoever speaks plain HTTP, client for requests of SAP1\n",
        "\n  by:          not-tls: what the client sent is not TLS\n",
        "switch SSL on in the SM59 destination",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    let system = &mut scene.deployment.system;
    system.set("Requests", "Mode", "passthrough");
    let found = scene.rehearsed();
    let unknown = &found.unknown[0].who;
    assert_eq!(unknown, &WhoIsUnknown::JudgedBySide, "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_whoever_only_looks_whether_the_port_is_open_is_no_client() {
    let scene = Scene::without_tls();
    let gateway = scene.serve().await;
    drop(Raw::plain(scene.listen).await);
    until("it came and went", || {
        let figures = gateway.figures();
        figures.connections_accepted == 1 && figures.connections_open == 0
    })
    .await;
    end(gateway).await;
    let found = scene.rehearsed();
    assert_eq!((found.go_on, found.file), (0, None));
}

/// What is inside of TLS may be anything there, and is noted all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_clients_of_a_relay_are_remembered_with_and_without_tls_and_those_passed_on_are_not() {
    for (mode, with_tls, expected) in [
        ("relay", true, vec![("no-certificate", "no-listener")]),
        ("relay", false, vec![("no-tls", "no-listener")]),
        ("passthrough", false, vec![]),
    ] {
        let mut scene = Scene::asking("request");
        if !with_tls {
            let system = &mut scene.deployment.system;
            system.remove("Config", "TpiDllParameter");
        }
        scene.deployment.system.set("Requests", "Mode", mode);
        let gateway = scene.serve().await;
        let mut caller = if with_tls {
            scene.visitor()
        } else {
            scene.plain_caller()
        };
        assert!(calls(&mut caller).await.0, "{mode}");
        end(gateway).await;
        let (_receiver, crm) = scene.world.receiver();
        scene.deployment = scene.world.deployment().events(free_address(), &crm);
        assert_eq!(refused(&scene.rehearsed()), expected, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_client_without_a_certificate_is_there_for_as_long_as_it_is_connected() {
    let mut scene = Scene::asking("request");
    let mut gateway = scene.serve().await;
    let mut visitor = scene.visitor();
    assert!(calls(&mut visitor).await.0);
    scene.world.clock.shift(25 * HOUR);
    gateway.tidy();
    scene.set("CLIENT_AUTH", "require");
    assert_eq!(refused(&scene.rehearsed()).len(), 1);
    visitor.hang_up().await;
    until("it has left", || gateway.figures().connections_open == 0).await;
    scene.world.clock.shift(25 * HOUR);
    end(gateway).await;
    assert_eq!(refused(&scene.rehearsed()), []);
    let week = Duration::from_hours(168);
    let found = rehearse(scene.world.path(), week, &scene.world.clock).expect("usable");
    assert_eq!(refused(&found).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_the_next_process_remembers_clients_without_a_certificate_until_their_system_goes() {
    let mut scene = Scene::asking("request");
    let gateway = scene.serve().await;
    assert!(calls(&mut scene.visitor()).await.0);
    end(gateway).await;
    let mut gateway = started(scene.world.path(), &scene.world.clock).await;
    gateway.tidy();
    scene.set("CLIENT_AUTH", "require");
    assert_eq!(refused(&scene.rehearsed()).len(), 1);
    // Another system takes the place of this one: whoever is shut out by that is not told twice.
    let file = scene.world.path().join("CRMConnectorSAP_SAP1.ini");
    let other = scene.world.path().join("CRMConnectorSAP_SAP2.ini");
    std::fs::rename(file, &other).expect("renamed");
    let week = Duration::from_hours(168);
    let rehearsed = |world: &World| rehearse(world.path(), week, &world.clock).expect("usable");
    let found = rehearsed(&scene.world);
    assert_eq!(refused(&found), [("no-certificate", "no-listener")]);
    gateway.reload().await.expect("in force");
    assert_eq!(refused(&rehearsed(&scene.world)), []);
    end(gateway).await;
}

/// The file that the old process left is deleted, so what is told then comes from the new one.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_clients_without_a_certificate_are_remembered_over_an_upgrade() {
    let mut scene = Scene::asking("request");
    scene.write();
    let mut daemon = Daemon::serving(scene.world.path()).await;
    let mut visitor = scene.visitor();
    assert!(calls(&mut visitor).await.0);
    visitor.hang_up().await;
    daemon.upgrade().await;
    let kept = scene.world.path().join("crmgate.state");
    std::fs::remove_file(&kept).expect("what the old process has left");
    let heir = daemon.pid();
    daemon.signal("TERM");
    until("the new process ends", || !process::runs(heir)).await;
    scene.set("CLIENT_AUTH", "require");
    assert_eq!(
        refused(&scene.rehearsed()),
        [("no-certificate", "no-client-certificate")]
    );
}
