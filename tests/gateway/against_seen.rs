//! Who of those that were seen would be refused by what is on the disk: told before it is in force,
//! with real peers that were there before.

use std::process::{Command, Output};
use std::time::Duration;

use crmgate::certs::issue::{Authority, Issued, ListSpec};
use crmgate::gateway::{Part, Refused, Rehearsal, Who, WhoIsUnknown, rehearse};
use crmgate::model::{Side, TlsRole, WallTime};
use crmgate::simulate::{Party, TlsRange};

use crate::authorities::{Scene, calls, end};
use crate::support::{Daemon, World, free_address, until};

const HOUR: i64 = 3_600;
const DAY: Duration = Duration::from_hours(24);

impl Scene {
    /// Somebody of the company's with a certificate of his own.
    fn colleague(&self, name: &str) -> (Issued, crmgate::simulate::Caller) {
        let company = self.world.pki.authority(Party::Gateway);
        let own = self.client_of(company, name);
        let caller = self.caller(&own, company, TlsRange::Both);
        (own, caller)
    }

    pub(crate) fn write(&self) {
        self.deployment.write(self.world.path()).expect("ini files");
    }

    /// What is on the disk now, tried on everybody of the last day.
    pub(crate) fn rehearsed(&self) -> Rehearsal {
        self.write();
        rehearse(self.world.path(), DAY, &self.world.clock).expect("usable")
    }
}

/// Subjects and codes of those that would be refused.
pub(crate) fn refused(found: &Rehearsal) -> Vec<(&str, &str)> {
    let each = found.refused.iter();
    let each = each.map(|one| match &one.peer.who {
        Who::Known(holder) => (holder.subject.as_str(), one.objection.code),
        Who::Nameless(lack) => (lack.code(), one.objection.code),
    });
    each.collect()
}

pub(crate) fn only(found: &Rehearsal) -> &Refused {
    let [one] = &found.refused[..] else {
        panic!("one is refused: {found:?}");
    };
    one
}

/// The real command, with more arguments.
pub(crate) fn checked(world: &World, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crmgate"));
    command.args(["check", "--config"]).arg(world.path());
    let Output { status, stdout, .. } = command.args(more).output().expect("the binary");
    (status.code(), String::from_utf8(stdout).expect("UTF-8"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_new_authority_without_the_old_one_names_whom_it_would_refuse_and_why() {
    let scene = Scene::new();
    let mut gateway = scene.serve().await;
    assert!(calls(&mut scene.visitor()).await.0 && calls(&mut scene.crm()).await.0);
    gateway.tidy();
    scene.believe(&scene.company());
    let found = scene.rehearsed();
    assert_eq!(refused(&found), [("CN=visitor.example", "unknown-issuer")]);
    assert_eq!((found.go_on, found.unknown.len()), (1, 0), "{found:?}");
    assert!(found.shuts_out());
    let Refused {
        peer,
        objection,
        already,
        followed_by,
    } = only(&found);
    assert_eq!(
        (peer.system.as_str(), &peer.part),
        ("SAP1", &Part::Client(Some(TlsRole::Requests)))
    );
    let issuer = "CN=Second CA,O=crmgate throw-away PKI";
    let holder = peer.who.holder().expect("a certificate");
    assert_eq!(holder.issuer.as_deref(), Some(issuer));
    assert!((scene.world.clock.now().0 - peer.last.0).abs() < HOUR);
    assert!(
        objection.text.contains("sent alert unknown_ca"),
        "{objection:?}"
    );
    assert!(objection.hint.contains("CA_FILE"), "{objection:?}");
    let shown = objection.seen_in_sap.as_deref().expect("of SAP");
    assert!(shown.contains("SSSLERR_SSL_CONNECT (-57)"), "{shown}");
    assert_eq!((already, followed_by), (&None, &None));
    // The code is that of the handshake that fails then.
    let (code, said) = checked(&scene.world, &["--against-seen"]);
    assert_eq!(code, Some(1), "{said}");
    for part in [
        "error: CA_FILE no longer holds the authority",
        "would be refused: \"CN=visitor.example\", client for requests of SAP1\n",
        "\n  issuer:      CN=Second CA,O=crmgate throw-away PKI\n",
        "\n  by:          unknown-issuer: ",
        "\n  SAP shows:   SSSLERR_SSL_CONNECT (-57)",
        "against seen: 1 would be refused, 0 are refused already, 1 would go on, 0 are not known\n",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    end(gateway).await;
}

/// The guard is told that the authority may go; the rehearsal says all the same what that means.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_an_authority_that_may_go_still_names_its_clients_and_fails_the_check() {
    let mut scene = Scene::new();
    let gateway = scene.serve().await;
    assert!(calls(&mut scene.visitor()).await.0);
    end(gateway).await;
    scene.believe(&scene.company());
    scene.set("CA_DROP_GUARD", "0");
    scene.write();
    assert_eq!(checked(&scene.world, &[]).0, Some(0));
    let (code, said) = checked(&scene.world, &["--against-seen=1"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("\"CN=visitor.example\""), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_revocation_list_that_names_one_of_two_refuses_that_one() {
    let mut scene = Scene::new();
    let mut gateway = scene.serve().await;
    let (gone, mut of_gone) = scene.colleague("gone.example");
    let (_, mut of_kept) = scene.colleague("kept.example");
    assert!(calls(&mut of_gone).await.0 && calls(&mut of_kept).await.0);
    gateway.tidy();
    let spec = ListSpec::revoking(&[&gone], scene.world.clock.now());
    let company = scene.world.pki.authority(Party::Gateway);
    let list = company.revocation_list(&spec).expect("a list").pem;
    scene
        .world
        .pki
        .write("company.crl", &list)
        .expect("written");
    scene.set("CRL_FILE", "./ssl/company.crl");
    let found = scene.rehearsed();
    assert_eq!(
        refused(&found),
        [("CN=gone.example", "certificate-revoked")]
    );
    assert_eq!(found.go_on, 1);
    // And that is what happens.
    scene.reload(&mut gateway).await.expect("in force");
    assert!(!calls(&mut of_gone).await.0 && calls(&mut of_kept).await.0);
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_rule_that_denies_is_named_and_binds_its_own_listener_only() {
    let mut scene = Scene::new();
    let (_receiver, crm) = scene.world.receiver();
    let events = free_address();
    scene.deployment = scene.deployment.clone().events(events, &crm);
    scene.deployment.system.set("Events", "Tls", "yes");
    let mut gateway = scene.serve().await;
    let (_, mut both) = scene.colleague("both.example");
    assert!(calls(&mut both).await.0);
    scene.listen = events;
    let (_, mut sender) = scene.colleague("sender.example");
    assert!(calls(&mut sender).await.0);
    gateway.tidy();
    for name in ["both", "sender"] {
        let system = &mut scene.deployment.system;
        let (key, rule) = (
            format!("DenyClient{}", name.len()),
            format!("cn={name}.example"),
        );
        system.set("Events", &key, rule);
    }
    let found = scene.rehearsed();
    assert_eq!(refused(&found), [("CN=sender.example", "GW-403-DENIED")]);
    let one = only(&found);
    assert_eq!(one.peer.part, Part::Client(Some(TlsRole::Events)));
    assert_eq!(one.objection.text, "the rule DenyClient6 denies the client");
    assert_eq!(one.objection.seen_in_sap, None, "the connector is not SAP");
    // The server of the events is known as well, and goes on.
    assert_eq!((found.go_on, found.unknown.len()), (2, 0), "{found:?}");
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_set_of_rules_that_leaves_one_out_refuses_that_one_and_sap_sees_403() {
    let mut scene = Scene::new();
    let mut gateway = scene.serve().await;
    let (_, mut named) = scene.colleague("named.example");
    let (_, mut left_out) = scene.colleague("left-out.example");
    assert!(calls(&mut named).await.0 && calls(&mut left_out).await.0);
    gateway.tidy();
    let system = &mut scene.deployment.system;
    system.set("Requests", "AllowClient1", "cn=named.example");
    let found = scene.rehearsed();
    assert_eq!(
        refused(&found),
        [("CN=left-out.example", "GW-403-NOT-ALLOWED")]
    );
    let shown = only(&found).objection.seen_in_sap.as_deref();
    let expected = "HTTP 403 with a SOAP Fault that names GW-403-NOT-ALLOWED";
    assert_eq!(shown, Some(expected));
    end(gateway).await;
}

/// Refused by rules that are in force: whatever is changed besides is not to blame.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_whoever_is_refused_already_is_told_apart_and_does_not_fail_the_check() {
    let mut scene = Scene::new();
    let mut gateway = scene.serve().await;
    let (_, mut caller) = scene.colleague("denied.example");
    assert!(calls(&mut caller).await.0);
    let system = &mut scene.deployment.system;
    system.set("Requests", "DenyClient1", "cn=denied.example");
    scene.reload(&mut gateway).await.expect("in force");
    end(gateway).await;
    let found = scene.rehearsed();
    let one = only(&found);
    assert_eq!(one.already.as_deref(), Some("GW-403-DENIED"));
    assert!(!found.shuts_out());
    let (code, said) = checked(&scene.world, &["--against-seen"]);
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "refused already: \"CN=denied.example\"",
        "\n  already by:  GW-403-DENIED\n",
        "against seen: 0 would be refused, 1 are refused already, 0 would go on",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
}

/// A client sends its issuing authority along, which ends before its root and before itself.
fn with_a_short_intermediate() -> Scene {
    let world = World::new();
    let now = world.clock.now();
    let (from, to) = (WallTime(now.0 - HOUR), WallTime(now.0 + HOUR));
    let short = Authority::with_validity("Second CA", from, to).expect("made");
    let later = WallTime(now.0 + 9_000 * HOUR);
    let root = short.renewed_pem("Second CA", from, later).expect("a root");
    let scene = Scene::with_second(world, short);
    scene.believe(&format!("{}{root}", scene.company()));
    scene
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_an_intermediate_that_has_expired_is_named_and_blamed_on_no_change_of_today() {
    let scene = with_a_short_intermediate();
    let sub = scene.second.intermediate("Sub CA").expect("an authority");
    let own = scene.client_of(&sub, "visitor.example");
    let mut visitor = scene.caller(&own, &scene.second, TlsRange::Both);
    let mut gateway = scene.serve().await;
    assert!(calls(&mut visitor).await.0);
    visitor.hang_up().await;
    until("the visitor has left", || {
        gateway.figures().connections_open == 0
    })
    .await;
    gateway.tidy();
    assert_eq!(refused(&scene.rehearsed()), []);
    scene.world.clock.shift(2 * HOUR);
    // As the state file has it, it was served; by now it would be refused.
    let found = scene.rehearsed();
    assert_eq!(
        refused(&found),
        [("CN=visitor.example", "certificate-expired")]
    );
    let text = &only(&found).objection.text;
    assert!(text.contains("\"CN=Sub CA,"), "{text}");
    assert!(found.shuts_out());
    end(gateway).await;
    // The gateway has found out as well.
    let found = scene.rehearsed();
    assert_eq!(only(&found).already.as_deref(), Some("certificate-expired"));
    assert!(!found.shuts_out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_servers_whose_authority_goes_or_that_are_revoked_are_named_with_their_sides() {
    let mut scene = Scene::new();
    let side = scene.world.tls_side(Side::A);
    let (_receiver, crm) = scene.world.receiver();
    let (requests, events) = (free_address(), free_address());
    let deployment = scene.world.deployment();
    let deployment = deployment.requests(requests, &side.endpoint(), None);
    scene.deployment = deployment.events(events, &crm);
    scene.deployment.system.set("Events", "Tls", "yes");
    let gateway = scene.serve().await;
    for listen in [requests, events] {
        scene.listen = listen;
        assert!(calls(&mut scene.crm()).await.0);
    }
    end(gateway).await;
    let second = scene.world.pki.write("second-ca.pem", &scene.second.pem());
    second.expect("written");
    let dialling = |scene: &mut Scene, key: &str, value: &str| {
        let ssl = scene.deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_CLIENT", key, value);
    };
    dialling(&mut scene, "CA_FILE", "./ssl/second-ca.pem");
    let found = scene.rehearsed();
    // SAP CRM calls both, and is called: the listeners go on.
    assert_eq!((found.go_on, found.refused.len()), (2, 2), "{found:?}");
    let of_side = |found: &Rehearsal, side: Option<Side>| {
        let each = found.refused.iter();
        let mut each = each
            .filter(|one| matches!(&one.peer.part, Part::Server { side: own, .. } if *own == side));
        each.next().cloned()
    };
    let to_side = of_side(&found, Some(Side::A)).expect("the side");
    assert_eq!(to_side.objection.code, "unknown-issuer");
    assert_eq!(to_side.objection.seen_in_sap, None);
    let to_crm = of_side(&found, None).expect("SAP CRM");
    let shown = to_crm.objection.seen_in_sap.as_deref();
    assert_eq!(shown, Some("SSSLERR_SSL_ACCEPT (-56)"));
    // The same authority as before, and a list that names the side alone.
    let company = scene.world.pki.authority(Party::Gateway);
    let own = scene.world.pki.identity(Party::Side(Side::A));
    let spec = ListSpec::revoking(&[own], scene.world.clock.now());
    let list = company.revocation_list(&spec).expect("a list").pem;
    scene.world.pki.write("sides.crl", &list).expect("written");
    dialling(&mut scene, "CA_FILE", "./ssl/company-ca.pem");
    dialling(&mut scene, "CRL_FILE", "./ssl/sides.crl");
    let found = scene.rehearsed();
    assert_eq!(only(&found).objection.code, "certificate-revoked");
    assert!(of_side(&found, Some(Side::A)).is_some() && found.go_on == 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_nobody_is_refused_by_what_is_in_force_while_the_gateway_runs() {
    let scene = Scene::new();
    scene.write();
    let mut daemon = Daemon::serving(scene.world.path()).await;
    assert!(calls(&mut scene.visitor()).await.0 && calls(&mut scene.crm()).await.0);
    // It is written within seconds at first, and every minute from then on.
    let mut said = (None, String::new());
    until("both are known", || {
        said = checked(&scene.world, &["--against-seen", "--format", "json"]);
        said.1.contains("\"go_on\":2")
    })
    .await;
    let (code, json) = said;
    assert_eq!(code, Some(0), "{json}");
    for part in [
        "\"would_be_refused\":[]",
        "\"refused_already\":[]",
        "\"not_known\":[]",
        "\"written\":\"20",
        "crmgate.state\"",
    ] {
        assert!(json.contains(part), "{part}:\n{json}");
    }
    assert!(
        !checked(&scene.world, &["--format", "json"])
            .1
            .contains("against_seen")
    );
    daemon.signal("TERM");
    assert!(daemon.ended().await.success());
}

#[test]
fn o2_where_nobody_was_seen_it_is_said_that_nothing_is_known() {
    let scene = World::new();
    let side = "http://127.0.0.1:9".parse().expect("a URL");
    let deployment = scene.deployment().requests(free_address(), &side, None);
    deployment.write(scene.path()).expect("ini files");
    let (code, said) = checked(&scene, &["--against-seen"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("against seen: nothing is known of any peer"),
        "{said}"
    );
    let (_, json) = checked(&scene, &["--against-seen=2", "--format=json"]);
    assert!(json.contains("\"state_file\":null"), "{json}");
    std::fs::write(scene.path().join("ssl/company-ca.pem"), "").expect("written");
    let (code, said) = checked(&scene, &["--against-seen"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("against seen: not tried"), "{said}");
    let (_, json) = checked(&scene, &["--against-seen", "--format=json"]);
    assert!(json.contains("\"against_seen\":null"), "{json}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_clients_beyond_those_that_the_state_file_lists_are_not_known_and_said_so() {
    let scene = Scene::new();
    let gateway = scene.serve().await;
    for number in 0..WhoIsUnknown::LISTED + 3 {
        let (_, mut caller) = scene.colleague(&format!("crm-{number}.example"));
        assert!(calls(&mut caller).await.0);
    }
    end(gateway).await;
    let found = scene.rehearsed();
    assert_eq!(found.go_on, WhoIsUnknown::LISTED);
    let [unknown] = &found.unknown[..] else {
        panic!("{:?}", found.unknown);
    };
    assert_eq!(unknown.count, 3);
    let (code, said) = checked(&scene.world, &["--against-seen"]);
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "not known: 3 more whom \"CN=Company CA,O=crmgate throw-away PKI\" let in to SAP1: the state \
         file lists the latest 100 of an authority",
        "100 would go on, 3 are not known",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_whoever_came_before_the_hours_that_are_asked_for_is_left_out() {
    let scene = Scene::new();
    let gateway = scene.serve().await;
    assert!(calls(&mut scene.visitor()).await.0);
    end(gateway).await;
    scene.believe(&scene.company());
    scene.world.clock.shift(25 * HOUR);
    assert_eq!(refused(&scene.rehearsed()), []);
    let week = Duration::from_hours(168);
    let found = rehearse(scene.world.path(), week, &scene.world.clock).expect("usable");
    assert_eq!(refused(&found), [("CN=visitor.example", "unknown-issuer")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_certificate_that_was_renewed_since_is_told_by_the_new_one() {
    let scene = Scene::new();
    let gateway = scene.serve().await;
    let (old, mut caller) = scene.colleague("crm.example");
    assert!(calls(&mut caller).await.0);
    caller.hang_up().await;
    until("it has left", || gateway.figures().connections_open == 0).await;
    scene.world.clock.shift(60);
    let (new, mut caller) = scene.colleague("crm.example");
    assert!(calls(&mut caller).await.0);
    end(gateway).await;
    let mut scene = scene;
    let spec = ListSpec::revoking(&[&old], scene.world.clock.now());
    let company = scene.world.pki.authority(Party::Gateway);
    let list = company.revocation_list(&spec).expect("a list").pem;
    scene
        .world
        .pki
        .write("company.crl", &list)
        .expect("written");
    scene.set("CRL_FILE", "./ssl/company.crl");
    let found = scene.rehearsed();
    let one = only(&found);
    let serial = crmgate::certs::CertificateFacts::of(&new.der)
        .expect("one")
        .serial;
    assert_eq!(one.followed_by, Some(serial));
    assert!(found.shuts_out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_listener_that_goes_or_ends_no_tls_any_more_has_no_place_for_its_clients() {
    let mut scene = Scene::new();
    let gateway = scene.serve().await;
    assert!(calls(&mut scene.crm()).await.0);
    end(gateway).await;
    let before = scene.deployment.clone();
    scene.deployment.system.remove("Config", "TpiDllParameter");
    let found = scene.rehearsed();
    let objection = &only(&found).objection;
    assert_eq!(objection.code, "no-tls");
    assert_eq!(
        objection.text,
        "the listener of SAP1 for requests speaks plain HTTP"
    );
    scene.deployment = before.clone();
    scene
        .deployment
        .system
        .set("Requests", "Mode", "passthrough");
    let found = scene.rehearsed();
    assert_eq!(
        found.unknown[0].who,
        WhoIsUnknown::JudgedBySide,
        "{found:?}"
    );
    scene.deployment = before;
    let (_receiver, crm) = scene.world.receiver();
    let mut other = scene.world.deployment().events(free_address(), &crm);
    other.system.set("Events", "Tls", "yes");
    scene.deployment = other;
    let found = scene.rehearsed();
    let objection = &only(&found).objection;
    assert_eq!(
        (objection.code, objection.text.as_str()),
        ("no-listener", "SAP1 has no listener for requests")
    );
}

/// As a release before this one has written it: it did not say for what a client came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_state_file_of_the_release_before_is_read_and_what_it_lacks_is_not_guessed() {
    let mut scene = Scene::new();
    let (_receiver, crm) = scene.world.receiver();
    scene.deployment = scene.deployment.clone().events(free_address(), &crm);
    scene.deployment.system.set("Events", "Tls", "yes");
    let kept = &mut scene.deployment.gateway;
    kept.set("Runtime", "StateFile", "./kept.state");
    let gateway = scene.serve().await;
    assert!(calls(&mut scene.visitor()).await.0);
    end(gateway).await;
    let path = scene.world.path().join("kept.state");
    let text = std::fs::read_to_string(&path).expect("written");
    let is_new = |line: &&str| {
        ["written ", "seen ", "server "]
            .iter()
            .any(|new| line.starts_with(new))
    };
    let old: Vec<&str> = text
        .lines()
        .filter(|line| !is_new(line) && !line.starts_with("end "))
        .collect();
    let old = old.join("\n").replace("crmgate state 3", "crmgate state 2");
    let end = format!("{old}\nend {}\n", old.lines().count() - 1);
    std::fs::write(&path, end).expect("written");
    assert_eq!(scene.rehearsed().go_on, 1);
    let deny = |scene: &mut Scene, section: &str| {
        let system = &mut scene.deployment.system;
        system.set(section, "DenyClient1", "cn=visitor.example");
    };
    deny(&mut scene, "Events");
    let found = scene.rehearsed();
    let unknown: Vec<_> = found
        .unknown
        .iter()
        .map(|one| (one.count, one.who.code()))
        .collect();
    assert_eq!(unknown, [(1, "no-role"), (1, "not-seen")]);
    assert!(!found.shuts_out());
    deny(&mut scene, "Requests");
    let found = scene.rehearsed();
    assert_eq!(refused(&found), [("CN=visitor.example", "GW-403-DENIED")]);
    assert_eq!(only(&found).peer.part, Part::Client(None));
    let (code, said) = checked(&scene.world, &["--against-seen"]);
    assert_eq!(code, Some(1), "{said}");
    for part in [
        "which an earlier release has written",
        "would be refused: \"CN=visitor.example\", client of SAP1\n",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
}

/// A responder that nobody has started: it is not asked, and that is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_rehearsal_asks_no_responder_and_says_which_one_it_has_not_asked() {
    let mut scene = Scene::new();
    let gateway = scene.serve().await;
    assert!(calls(&mut scene.crm()).await.0);
    end(gateway).await;
    scene.set("OCSP_RESPONDER", "http://127.0.0.1:9/");
    let found = scene.rehearsed();
    assert_eq!((found.go_on, found.refused.len()), (1, 0));
    assert_eq!(found.responder_not_asked, ["SAP1"]);
}
