//! Certificates of our own that follow one another: by the clock, and by a reload.

use std::net::SocketAddr;
use std::time::Duration;

use crmgate::certs::issue::{Issued, LeafSpec};
use crmgate::gateway::{Gateway, check};
use crmgate::model::{Side, WallTime};
use crmgate::simulate::{Caller, Deployment, Ending, Party, SimConnector};

use crate::support::tool::{Came, s_client};
use crate::support::{Daemon, World, free_address};

const HOUR: i64 = 3_600;

/// A gateway with one side whose certificate is followed by another one.
struct Scene {
    world: World,
    _side: SimConnector,
    deployment: Deployment,
    listen: SocketAddr,
    next: Issued,
    from: WallTime,
}

impl Scene {
    /// The other one is shown from so many seconds on.
    fn new(after: i64) -> Self {
        let world = World::new();
        let side = world.side(Side::A);
        let listen = free_address();
        let now = world.clock.now();
        let spec = LeafSpec {
            alternative_names: vec!["127.0.0.1".to_owned()],
            ..LeafSpec::for_name("gateway-2027", now)
        };
        let next = world.pki.authority(Party::Gateway).issue(&spec);
        let next = next.expect("issued");
        let written = world.pki.write("next.pem", &next.combined_pem());
        written.expect("written");
        let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
        let ssl = deployment.ssl.as_mut().expect("TLS");
        let from = WallTime(now.0 + after);
        ssl.set("SSL_SERVER_CLIENT", "NEXT_PEM_FILE", "./ssl/next.pem")
            .set("SSL_SERVER_CLIENT", "NEXT_FROM", from);
        Self {
            world,
            _side: side,
            deployment,
            listen,
            next,
            from,
        }
    }

    fn caller(&self) -> Caller {
        let spec = self.world.crm(self.listen).caller().expect("a caller");
        Caller::new(spec, self.world.ledger.clone())
    }
}

async fn answered(caller: &mut Caller) {
    assert_eq!(caller.call().await, Ending::Answered);
}

async fn end(mut gateway: Gateway) {
    let limit = Duration::from_secs(5);
    gateway.drain(limit, std::future::pending()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_certificate_is_shown_at_its_date_without_a_reload_or_a_closed_connection() {
    let scene = Scene::new(HOUR);
    let gateway = scene.world.serve(&scene.deployment).await;
    let present = scene.world.pki.identity(Party::Gateway).der.clone();
    let (mut kept, mut caller) = (scene.caller(), scene.caller());
    answered(&mut kept).await;
    answered(&mut caller).await;
    assert_eq!(caller.figures().server_certificate, Some(present.clone()));
    scene.world.clock.shift(2 * HOUR);
    caller.hang_up().await;
    answered(&mut caller).await;
    let figures = caller.figures();
    assert_eq!(figures.server_certificate, Some(scene.next.der.clone()));
    assert_eq!((figures.full, figures.resumed, figures.failed), (2, 0, 0));
    answered(&mut kept).await;
    assert_eq!(kept.figures().connections, 1);
    // A clock that was wrong and is set right brings the present one back.
    scene.world.clock.shift(-2 * HOUR);
    caller.hang_up().await;
    answered(&mut caller).await;
    assert_eq!(caller.figures().server_certificate, Some(present));
    end(gateway).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_openssl_is_served_anew_when_the_key_of_its_session_is_no_longer_shown() {
    for tickets in ["yes", "no"] {
        let mut scene = Scene::new(HOUR);
        let ssl = scene.deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_SERVER_CLIENT", "SESSION_TICKETS", tickets);
        let gateway = scene.world.serve(&scene.deployment).await;
        let folder = scene.world.pki.folder();
        let (authority, own) = (folder.join("company-ca.pem"), folder.join("sap-crm.pem"));
        let session = scene.world.path().join("session").display().to_string();
        let come = async |version, direction| {
            let more = [version, direction, session.as_str()];
            Came::of(&s_client(scene.listen, &authority, &own, &more).await)
        };
        for version in ["-tls1_2", "-tls1_3"] {
            assert_eq!(come(version, "-sess_out").await, Came::New);
            assert_eq!(
                come(version, "-sess_in").await,
                Came::Resumed,
                "{version} {tickets}"
            );
            assert_eq!(come(version, "-sess_out").await, Came::New);
            scene.world.clock.shift(2 * HOUR);
            assert_eq!(
                come(version, "-sess_in").await,
                Came::New,
                "{version} {tickets}"
            );
            scene.world.clock.shift(-2 * HOUR);
        }
        end(gateway).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_which_certificate_is_shown_when_and_what_to_do_afterwards() {
    let scene = Scene::new(HOUR);
    scene
        .deployment
        .write(scene.world.path())
        .expect("ini files");
    let found = check(scene.world.path(), &scene.world.clock);
    assert!(found.problems.is_empty(), "{}", found.problems);
    let line = found
        .effective
        .iter()
        .find(|line| line.contains("certificate"));
    let line = line.expect("a line about both");
    assert!(
        line.starts_with("SAP1 listeners: certificate \"CN=gateway\" (serial "),
        "{line}"
    );
    let from = format!(", from {} \"CN=gateway-2027\" (serial ", scene.from);
    for part in [from.as_str(), "ends at 20"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    scene.world.clock.shift(2 * HOUR);
    let found = check(scene.world.path(), &scene.world.clock);
    let said = found.problems.to_string();
    assert!(
        said.starts_with(
            "notice: the certificate of \"CN=gateway-2027\" that follows is shown since NEXT_FROM"
        ),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_says_when_the_next_certificate_has_taken_its_turn() {
    let scene = Scene::new(2);
    scene
        .deployment
        .write(scene.world.path())
        .expect("ini files");
    let mut daemon = Daemon::serving(scene.world.path()).await;
    daemon
        .until_said("NEXT_FROM: new handshakes show another certificate from now on")
        .await;
    let said = daemon.said();
    assert!(
        said.contains("listening") && said.contains("CN=gateway-2027"),
        "{said}"
    );
    let mut caller = scene.caller();
    answered(&mut caller).await;
    let shown = caller.figures().server_certificate;
    assert_eq!(shown.as_ref(), Some(&scene.next.der));
}
