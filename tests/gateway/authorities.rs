//! Authorities that come and go: two generations side by side, and none that goes by oversight.

use std::net::SocketAddr;
use std::time::Duration;

use crmgate::certs::issue::{Authority, Issued, LeafSpec};
use crmgate::config::Problems;
use crmgate::gateway::{Gateway, check};
use crmgate::model::{Side, WallTime};
use crmgate::simulate::{Caller, Deployment, Ending, Party, PeerTls, SimConnector, TlsRange};

use crate::support::tool::{Came, s_client};
use crate::support::{Daemon, World, free_address, soon, until};

/// A gateway that believes the company's CA and a second one.
pub(crate) struct Scene {
    pub(crate) world: World,
    _side: SimConnector,
    pub(crate) deployment: Deployment,
    pub(crate) listen: SocketAddr,
    pub(crate) second: Authority,
}

const HOUR: i64 = 3_600;

impl Scene {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let now = world.clock.now();
        Self::with_second(
            world,
            Authority::new("Second CA", now).expect("an authority"),
        )
    }

    pub(crate) fn with_second(world: World, second: Authority) -> Self {
        let side = world.side(Side::A);
        let listen = free_address();
        let deployment = world.deployment().requests(listen, &side.endpoint(), None);
        let scene = Self {
            world,
            _side: side,
            deployment,
            listen,
            second,
        };
        scene.believe_both();
        scene
    }

    pub(crate) fn believe(&self, pem: &str) {
        self.world
            .pki
            .write("company-ca.pem", pem)
            .expect("written");
    }

    pub(crate) fn company(&self) -> String {
        self.world.pki.authority(Party::Gateway).pem()
    }

    pub(crate) fn believe_both(&self) {
        self.believe(&format!("{}{}", self.company(), self.second.pem()));
    }

    pub(crate) async fn serve(&self) -> Gateway {
        self.world.serve(&self.deployment).await
    }

    pub(crate) fn set(&mut self, key: &str, value: &str) {
        let ssl = self.deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_SERVER_CLIENT", key, value);
    }

    /// Writes the files as they are to be now, and has them read.
    pub(crate) async fn reload(&self, gateway: &mut Gateway) -> Result<(), String> {
        self.deployment.write(self.world.path()).expect("ini files");
        let done = gateway.reload().await;
        done.map(|_| ()).map_err(|problems| problems.to_string())
    }

    pub(crate) fn client_of(&self, authority: &Authority, name: &str) -> Issued {
        let spec = LeafSpec::for_name(name, self.world.clock.now());
        authority.issue(&spec).expect("issued")
    }

    /// Somebody with a certificate, who keeps sessions.
    pub(crate) fn caller(&self, own: &Issued, issuer: &Authority, range: TlsRange) -> Caller {
        let company = self.world.pki.authority(Party::Gateway).der();
        let mut profile = self.world.crm(self.listen);
        profile.tls = Some(PeerTls::new(own, issuer.der(), &[company]).speaking(range));
        let spec = profile.caller().expect("a caller");
        Caller::new(spec, self.world.ledger.clone())
    }

    /// Somebody of the second authority.
    pub(crate) fn visitor(&self) -> Caller {
        let own = self.client_of(&self.second, "visitor.example");
        self.caller(&own, &self.second, TlsRange::Both)
    }

    /// SAP CRM with a certificate of the company's CA.
    pub(crate) fn crm(&self) -> Caller {
        let own = self.world.pki.identity(Party::Crm);
        self.caller(own, self.world.pki.authority(Party::Crm), TlsRange::Both)
    }
}

/// A call on a new connection; whether it was answered, and whether a session was resumed.
pub(crate) async fn calls(caller: &mut Caller) -> (bool, bool) {
    caller.hang_up().await;
    let before = caller.figures().resumed;
    let answered = caller.call().await == Ending::Answered;
    (answered, caller.figures().resumed > before)
}

pub(crate) async fn end(mut gateway: Gateway) {
    let limit = Duration::from_secs(5);
    gateway.drain(limit, std::future::pending()).await;
}

/// The line that a message says to write.
fn line_in(message: &str) -> String {
    let (_, behind) = message
        .split_once("write CA_RETIRED=")
        .expect("a line to write");
    behind.split(' ').next().expect("a word").to_owned()
}

pub(crate) fn errors(problems: &Problems) -> Vec<String> {
    let errors = problems.iter().map(ToString::to_string);
    errors.filter(|text| text.starts_with("error")).collect()
}

const RANGES: [TlsRange; 2] = [TlsRange::Only12, TlsRange::Only13];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_reload_that_drops_an_authority_in_use_is_refused_and_names_its_clients() {
    let scene = Scene::new();
    let mut gateway = scene.serve().await;
    let mut visitor = scene.visitor();
    assert_eq!(calls(&mut visitor).await, (true, false));
    scene.believe(&scene.company());
    let refused = scene.reload(&mut gateway).await.expect_err("refused");
    for part in [
        "error: CA_FILE no longer holds the authority \"CN=Second CA,O=crmgate throw-away PKI\"",
        "by which 1 client of SAP1 came in within the last 24 h for whom no authority that stays \
         vouches: \"CN=visitor.example\" (serial ",
        "[SSL_SERVER_CLIENT] CA_FILE",
        "to shut them out now, write CA_RETIRED=",
        " into [SSL_SERVER_CLIENT] and reload",
    ] {
        assert!(refused.contains(part), "{part}:\n{refused}");
    }
    assert_eq!(
        calls(&mut visitor).await,
        (true, true),
        "nothing has changed"
    );
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_the_line_of_the_message_drops_the_authority_at_once_and_is_needed_only_once() {
    let mut scene = Scene::new();
    let mut gateway = scene.serve().await;
    let (mut visitor, mut crm) = (scene.visitor(), scene.crm());
    assert!(calls(&mut visitor).await.0 && calls(&mut crm).await.0);
    scene.believe(&scene.company());
    let refused = scene.reload(&mut gateway).await.expect_err("refused");
    let line = line_in(&refused);
    assert_eq!(line.len(), 16, "{refused}");
    scene.set("CA_RETIRED", &line);
    scene.reload(&mut gateway).await.expect("in force");
    assert_eq!(calls(&mut visitor).await, (false, false));
    assert_eq!(calls(&mut crm).await, (true, true));
    let ssl = scene.deployment.ssl.as_mut().expect("TLS");
    ssl.remove("SSL_SERVER_CLIENT", "CA_RETIRED");
    scene
        .reload(&mut gateway)
        .await
        .expect("it has gone already");
    let found = check(scene.world.path(), &scene.world.clock);
    assert_eq!(errors(&found.problems), Vec::<String>::new());
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_check_refuses_what_the_reload_would_refuse() {
    let scene = Scene::new();
    let mut gateway = scene.serve().await;
    assert!(calls(&mut scene.visitor()).await.0);
    gateway.tidy();
    scene.believe(&scene.company());
    let found = check(scene.world.path(), &scene.world.clock);
    let refused = scene.reload(&mut gateway).await.expect_err("refused");
    let errors = errors(&found.problems);
    assert_eq!(errors.len(), 1, "{}", found.problems);
    let until_when = |text: &str| text.split("last at").next().map(str::to_owned);
    let of_reload = refused
        .find("error: ")
        .map(|at| &refused[at..])
        .expect("an error");
    assert_eq!(until_when(&errors[0]), until_when(of_reload));
    scene.believe_both();
    let found = check(scene.world.path(), &scene.world.clock);
    assert!(found.problems.is_empty(), "{}", found.problems);
    end(gateway).await;
}

/// What a reload without the second authority comes to, after its client was there once and then
/// something has happened.
async fn dropped_after(happens: impl AsyncFnOnce(&mut Scene)) -> Result<(), String> {
    let mut scene = Scene::new();
    let mut gateway = scene.serve().await;
    let mut visitor = scene.visitor();
    assert!(calls(&mut visitor).await.0);
    visitor.hang_up().await;
    // The gateway has seen it leave; then no connection keeps the authority in use.
    until("the visitor has left", || {
        gateway.figures().connections_open == 0
    })
    .await;
    scene.believe(&scene.company());
    happens(&mut scene).await;
    let done = scene.reload(&mut gateway).await;
    end(gateway).await;
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_an_authority_goes_unasked_when_the_guard_has_passed_or_is_off() {
    let late = dropped_after(async |scene| scene.world.clock.shift(25 * HOUR));
    late.await.expect("nobody came for a day");
    let early = dropped_after(async |scene| scene.world.clock.shift(23 * HOUR));
    early.await.expect_err("somebody came within a day");
    let longer = dropped_after(async |scene| {
        scene.set("CA_DROP_GUARD", "168h");
        scene.world.clock.shift(25 * HOUR);
    });
    let refused = longer.await.expect_err("somebody came within a week");
    assert!(refused.contains("within the last 168 h"), "{refused}");
    let off = dropped_after(async |scene| scene.set("CA_DROP_GUARD", "0"));
    off.await.expect("the guard is off");
    let open = dropped_after(async |scene| scene.set("CLIENT_AUTH", "none"));
    open.await.expect("nobody is asked for a certificate");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_client_that_stays_connected_keeps_its_authority_in_use() {
    let scene = Scene::new();
    let mut gateway = scene.serve().await;
    let mut visitor = scene.visitor();
    assert_eq!(visitor.call().await, Ending::Answered);
    scene.world.clock.shift(100 * HOUR);
    scene.believe(&scene.company());
    let refused = scene.reload(&mut gateway).await.expect_err("refused");
    assert!(refused.contains("\"CN=visitor.example\""), "{refused}");
    end(gateway).await;
}

/// Both believe the same file, so there is one question, whichever of them a client came to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_requests_and_events_of_a_system_ask_once_for_the_clients_of_both() {
    let mut scene = Scene::new();
    let (_receiver, crm) = scene.world.receiver();
    let (requests, events) = (scene.listen, free_address());
    scene.deployment = scene.deployment.clone().events(events, &crm);
    scene.deployment.system.set("Events", "Tls", "yes");
    let mut gateway = scene.serve().await;
    for (listen, name) in [(requests, "caller.example"), (events, "sender.example")] {
        scene.listen = listen;
        let own = scene.client_of(&scene.second, name);
        let mut client = scene.caller(&own, &scene.second, TlsRange::Both);
        assert!(calls(&mut client).await.0, "{name}");
    }
    scene.believe(&scene.company());
    let refused = scene.reload(&mut gateway).await.expect_err("refused");
    assert_eq!(refused.matches("CA_FILE no longer holds").count(), 1);
    for part in [
        "by which 2 clients of SAP1 came in",
        "CN=caller.example",
        "CN=sender.example",
    ] {
        assert!(refused.contains(part), "{part}:\n{refused}");
    }
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_client_that_the_rules_deny_keeps_no_authority_in_use() {
    let mut scene = Scene::new();
    let system = &mut scene.deployment.system;
    system.set("Requests", "DenyClient1", "cn=visitor.example");
    let mut gateway = scene.serve().await;
    let mut visitor = scene.visitor();
    let ending = visitor.call().await;
    assert!(
        matches!(&ending, Ending::Reported { code, .. } if code.starts_with("GW-403-")),
        "{ending:?}"
    );
    scene.believe(&scene.company());
    scene.reload(&mut gateway).await.expect("in force");
    end(gateway).await;
}

/// An authority below another takes its place in the file, and the client stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_client_that_stays_connected_uses_the_authority_by_which_it_is_in_now() {
    let mut scene = Scene::new();
    scene.set("CA_DROP_GUARD", "1s");
    let sub = scene.second.intermediate("Sub CA").expect("an authority");
    let mut gateway = scene.serve().await;
    let own = scene.client_of(&sub, "visitor.example");
    let mut visitor = scene.caller(&own, &scene.second, TlsRange::Both);
    assert_eq!(visitor.call().await, Ending::Answered);
    let (company, second) = (scene.company(), scene.second.pem());
    scene.believe(&format!("{company}{second}{}", sub.pem()));
    scene.reload(&mut gateway).await.expect("in force");
    scene.believe(&format!("{company}{}", sub.pem()));
    let without_the_second = async {
        while scene.reload(&mut gateway).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(without_the_second).await;
    scene.believe(&company);
    let refused = scene.reload(&mut gateway).await.expect_err("refused");
    assert!(
        refused.contains("no longer holds the authority \"CN=Sub CA,"),
        "{refused}"
    );
    assert_eq!(visitor.call().await, Ending::Answered);
    assert_eq!(visitor.figures().connections, 1);
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_an_authority_that_has_expired_is_no_loss() {
    let world = World::new();
    let now = world.clock.now();
    let (from, to) = (WallTime(now.0 - HOUR), WallTime(now.0 + HOUR));
    let short = Authority::with_validity("Second CA", from, to).expect("made");
    let scene = Scene::with_second(world, short);
    let mut gateway = scene.serve().await;
    assert!(calls(&mut scene.visitor()).await.0);
    scene.world.clock.shift(2 * HOUR);
    scene.believe(&scene.company());
    scene.reload(&mut gateway).await.expect("in force");
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_renewed_certificate_of_the_same_key_is_no_loss_and_its_clients_resume() {
    let scene = Scene::new();
    let mut gateway = scene.serve().await;
    let mut visitor = scene.visitor();
    assert!(calls(&mut visitor).await.0);
    let now = scene.world.clock.now();
    let (from, to) = (WallTime(now.0 - HOUR), WallTime(now.0 + 9_000 * HOUR));
    let renewed = scene.second.renewed_pem("Second CA", from, to);
    let renewed = renewed.expect("a certificate");
    assert_ne!(renewed, scene.second.pem());
    scene.believe(&format!("{}{renewed}", scene.company()));
    scene.reload(&mut gateway).await.expect("in force");
    assert_eq!(calls(&mut visitor).await, (true, true));
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_an_authority_that_is_retired_and_still_believed_is_an_error() {
    let mut scene = Scene::new();
    let mut gateway = scene.serve().await;
    assert!(calls(&mut scene.visitor()).await.0);
    scene.believe(&scene.company());
    let refused = scene.reload(&mut gateway).await.expect_err("refused");
    scene.set("CA_RETIRED", &line_in(&refused));
    scene.believe_both();
    let refused = scene.reload(&mut gateway).await.expect_err("refused");
    let said = "CA_RETIRED names the authority \"CN=Second CA,O=crmgate throw-away PKI\", which \
                CA_FILE still holds";
    assert!(refused.contains(said), "{refused}");
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_ten_clients_are_named_and_the_others_counted() {
    let scene = Scene::new();
    let mut gateway = scene.serve().await;
    for number in 0..12 {
        let own = scene.client_of(&scene.second, &format!("visitor-{number}.example"));
        let mut caller = scene.caller(&own, &scene.second, TlsRange::Both);
        assert!(calls(&mut caller).await.0);
    }
    scene.believe(&scene.company());
    let refused = scene.reload(&mut gateway).await.expect_err("refused");
    assert!(
        refused.contains("by which 12 clients of SAP1 came in"),
        "{refused}"
    );
    assert!(refused.contains(", and 2 more\n"), "{refused}");
    assert_eq!(refused.matches("\"CN=visitor-").count(), 10, "{refused}");
    end(gateway).await;
}

/// At a start the old authorities are gone already, and whoever starts the gateway wants it to run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_start_without_an_authority_that_was_in_use_says_so_and_serves() {
    let scene = Scene::new();
    scene
        .deployment
        .write(scene.world.path())
        .expect("ini files");
    let mut daemon = Daemon::serving(scene.world.path()).await;
    assert!(calls(&mut scene.visitor()).await.0);
    daemon.signal("TERM");
    assert!(daemon.ended().await.success());
    scene.believe(&scene.company());
    let dir = scene.world.path();
    let arguments = ["check", "--config", dir.to_str().expect("UTF-8")];
    let mut judged = Daemon::start(dir, &arguments);
    assert!(!judged.ended().await.success(), "{}", judged.said());
    assert!(
        judged.said().contains("write CA_RETIRED="),
        "{}",
        judged.said()
    );
    let mut daemon = Daemon::serving(dir).await;
    daemon
        .until_said("CA_FILE no longer holds the authority")
        .await;
    let said = daemon.said();
    assert!(said.contains("CN=visitor.example"), "{said}");
    assert!(said.contains("they are refused from now on"), "{said}");
    assert!(calls(&mut scene.crm()).await.0);
    assert!(!calls(&mut scene.visitor()).await.0);
    // Said once is enough: what is in force now is what was asked for.
    daemon.signal("HUP");
    daemon.until_said("reloaded:").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_file_that_cannot_be_written_is_told_once_and_everybody_is_served() {
    let mut scene = Scene::new();
    let gateway = &mut scene.deployment.gateway;
    gateway.set("Runtime", "StateFile", "./nowhere/x.state");
    scene
        .deployment
        .write(scene.world.path())
        .expect("ini files");
    let mut daemon = Daemon::serving(scene.world.path()).await;
    assert!(calls(&mut scene.crm()).await.0);
    let said = "the state file cannot be written";
    daemon.until_said(said).await;
    assert!(calls(&mut scene.crm()).await.0);
    daemon.signal("TERM");
    assert!(daemon.ended().await.success());
    assert_eq!(daemon.said().matches(said).count(), 1, "{}", daemon.said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_without_the_second_authority_of_a_bundle_its_clients_neither_resume_nor_come_in() {
    for range in RANGES {
        let mut scene = Scene::new();
        scene.set("CA_DROP_GUARD", "0");
        let mut gateway = scene.serve().await;
        let own = scene.client_of(&scene.second, "visitor.example");
        let mut visitor = scene.caller(&own, &scene.second, range);
        let mut crm = scene.crm();
        assert_eq!(calls(&mut visitor).await, (true, false));
        assert_eq!(calls(&mut visitor).await, (true, true), "{range:?}");
        assert!(calls(&mut crm).await.0);
        scene.believe(&scene.company());
        scene.reload(&mut gateway).await.expect("in force");
        assert_eq!(calls(&mut visitor).await, (false, false), "{range:?}");
        assert_eq!(calls(&mut crm).await, (true, true), "{range:?}");
        end(gateway).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_two_generations_of_one_name_are_both_served_and_the_old_one_ends_with_its_key() {
    for range in RANGES {
        let world = World::new();
        // The same subject as the company's CA, and another key.
        let old = Authority::new("Company CA", world.clock.now()).expect("an authority");
        let mut scene = Scene::with_second(world, old);
        scene.set("CA_DROP_GUARD", "0");
        let mut gateway = scene.serve().await;
        let own = scene.client_of(&scene.second, "old.example");
        let mut old = scene.caller(&own, &scene.second, range);
        let mut new = scene.crm();
        for caller in [&mut old, &mut new] {
            assert_eq!(calls(caller).await, (true, false), "{range:?}");
            assert_eq!(calls(caller).await, (true, true), "{range:?}");
        }
        scene.believe(&scene.company());
        scene.reload(&mut gateway).await.expect("in force");
        assert_eq!(calls(&mut old).await, (false, false), "{range:?}");
        assert_eq!(calls(&mut new).await, (true, true), "{range:?}");
        end(gateway).await;
    }
}

/// With OpenSSL's client, by ticket and by stored session: first both generations, then one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_r4_openssl_neither_resumes_nor_comes_in_by_an_authority_that_has_left() {
    for (tickets, name) in [("yes", "Second CA"), ("no", "Company CA")] {
        let world = World::new();
        let second = Authority::new(name, world.clock.now()).expect("an authority");
        let mut scene = Scene::with_second(world, second);
        scene.set("CA_DROP_GUARD", "0");
        scene.set("SESSION_TICKETS", tickets);
        let mut gateway = scene.serve().await;
        let folder = scene.world.pki.folder().to_owned();
        let company = scene.world.pki.write("company-alone.pem", &scene.company());
        let company = company.expect("written");
        let visitor = scene.client_of(&scene.second, "visitor.example");
        let written = scene
            .world
            .pki
            .write("visitor.pem", &visitor.combined_pem());
        written.expect("written");
        let come = async |own: &str, version: &str, direction: &str| {
            let session = folder.join(format!("{own}{version}.session"));
            let session = session.to_str().expect("UTF-8");
            let more = [version, direction, session];
            Came::of(&s_client(scene.listen, &company, &folder.join(own), &more).await)
        };
        let versions = ["-tls1_2", "-tls1_3"];
        for version in versions {
            for own in ["visitor.pem", "sap-crm.pem"] {
                assert_eq!(come(own, version, "-sess_out").await, Came::New, "{own}");
                assert_eq!(come(own, version, "-sess_in").await, Came::Resumed, "{own}");
                assert_eq!(come(own, version, "-sess_out").await, Came::New, "{own}");
            }
        }
        scene.believe(&scene.company());
        scene.reload(&mut gateway).await.expect("in force");
        for version in versions {
            assert_eq!(
                come("visitor.pem", version, "-sess_in").await,
                Came::Refused
            );
            assert_eq!(
                come("sap-crm.pem", version, "-sess_in").await,
                Came::Resumed
            );
        }
        end(gateway).await;
    }
}
