//! Changed files are taken up by themselves, whoever writes them and in whatever order.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crmgate::certs::issue::{Issued, LeafSpec};
use crmgate::gateway::{FileWatch, Gateway};
use crmgate::model::Side;
use crmgate::simulate::{
    CaModel, Caller, Deployment, FileLayout, Pace, Party, SimConnector, SimCrm,
};
use proptest::prelude::{Strategy, any};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio::time::{Instant, timeout};

use crate::support::{Daemon, PATIENCE, World, bound, free_address, pause};

/// Files of a gateway that watches them, with two files for certificate and key.
fn watching(world: &World, listen: SocketAddr, side: &SimConnector) -> Deployment {
    let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
    deployment.gateway.set("Runtime", "Watch", "yes");
    deployment.write(world.path()).expect("ini files");
    deployment
}

/// A world whose certificate and key lie in two files.
fn pair() -> World {
    World::with(CaModel::One, FileLayout::Pair)
}

/// Another certificate for the gateway, in no file yet.
fn renewed(world: &World) -> Issued {
    let spec = LeafSpec {
        alternative_names: vec!["127.0.0.1".to_owned()],
        ..LeafSpec::for_name("gateway", world.clock.now())
    };
    let authority = world.pki.authority(Party::Gateway);
    authority.issue(&spec).expect("a certificate")
}

/// The certificate that a new connection is shown; `None` if there is no handshake.
async fn shown(world: &World, gateway: SocketAddr) -> Option<Vec<u8>> {
    let caller = world.crm(gateway).caller().expect("a caller");
    let mut caller = Caller::new(caller, world.ledger.clone());
    let _any = caller.call().await;
    caller.hang_up().await;
    let shown = caller.figures().server_certificate;
    shown.map(|certificate| certificate.to_vec())
}

/// Waits until new connections are shown a certificate.
async fn until_shown(world: &World, gateway: SocketAddr, issued: &Issued) {
    let deadline = Instant::now() + PATIENCE;
    while shown(world, gateway).await.as_deref() != Some(&*issued.der) {
        assert!(
            Instant::now() < deadline,
            "the new certificate is not shown"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_taken_up_without_a_signal() {
    let mut world = pair();
    let listen = free_address();
    let side = world.side(Side::A);
    watching(&world, listen, &side);
    let _daemon = Daemon::serving(world.path()).await;
    let now = world.clock.now();
    world.pki.renew(Party::Gateway, now).expect("renewed");
    until_shown(&world, listen, world.pki.identity(Party::Gateway)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pair_that_is_written_in_two_steps_is_never_loaded_by_halves() {
    let world = pair();
    let listen = free_address();
    let side = world.side(Side::A);
    watching(&world, listen, &side);
    let mut daemon = Daemon::serving(world.path()).await;
    for key_first in [true, false] {
        let before = shown(&world, listen).await.expect("a certificate");
        let issued = renewed(&world);
        let halves = [
            ("gateway.key", &issued.key_pem),
            ("gateway.crt", &issued.certificate_pem),
        ];
        let [first, second] = if key_first {
            halves
        } else {
            [halves[1], halves[0]]
        };
        let refused = daemon.said().matches("reload refused").count();
        world.pki.write(first.0, first.1).expect("written");
        daemon.until_said_again("reload refused", refused).await;
        let between = shown(&world, listen).await;
        assert_eq!(between.as_ref(), Some(&before), "the old pair goes on");
        world.pki.write(second.0, second.1).expect("written");
        until_shown(&world, listen, &issued).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_renewals_in_random_order_and_with_random_pauses_end_with_the_last_one() {
    let world = pair();
    let listen = free_address();
    let side = world.side(Side::A);
    watching(&world, listen, &side);
    let _daemon = Daemon::serving(world.path()).await;
    let mut profile = world.crm(listen);
    profile.agents = 4;
    profile.pace = Pace::steady(20.0);
    let crm = SimCrm::start(&profile, &world.ledger).expect("agents");
    let mut runner = TestRunner::default();
    let chance = (any::<bool>(), 0_u64..200, 0_u64..700);
    let mut last = renewed(&world);
    for _ in 0..30 {
        let tree = chance.new_tree(&mut runner).expect("numbers");
        let (key_first, between, after) = tree.current();
        last = renewed(&world);
        let halves = [
            ("gateway.key", &last.key_pem),
            ("gateway.crt", &last.certificate_pem),
        ];
        for step in [key_first, !key_first] {
            let (name, text) = halves[usize::from(!step)];
            world.pki.write(name, text).expect("written");
            pause(Duration::from_millis(if step == key_first {
                between
            } else {
                after
            }))
            .await;
        }
    }
    until_shown(&world, listen, &last).await;
    crm.stop().await;
    let tally = world.ledger.tally();
    assert!(
        tally.is_clean() && tally.answered == tally.sent,
        "{tally:?}"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_the_system_does_not_report_is_found_by_looking() {
    let world = pair();
    let listen = free_address();
    let side = world.side(Side::A);
    let mut deployment = watching(&world, listen, &side);
    deployment.gateway.set("Runtime", "WatchInterval", "3s");
    // The system reports changes of the folder that holds the link, not of where it leads to.
    let elsewhere = tempfile::tempdir().expect("a directory");
    for name in ["gateway.crt", "gateway.key"] {
        let (link, target) = (world.pki.folder().join(name), elsewhere.path().join(name));
        std::fs::rename(&link, &target).expect("moved");
        std::os::unix::fs::symlink(&target, &link).expect("a link");
    }
    deployment.write(world.path()).expect("ini files");
    let _daemon = Daemon::serving(world.path()).await;
    let issued = renewed(&world);
    overwrite(
        &elsewhere.path().join("gateway.crt"),
        &issued.certificate_pem,
    );
    overwrite(&elsewhere.path().join("gateway.key"), &issued.key_pem);
    until_shown(&world, listen, &issued).await;
}

/// Writes into the file that is there.
fn overwrite(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_a_refused_configuration_names_is_waited_for() {
    let world = pair();
    let listen = free_address();
    let side = world.side(Side::A);
    let mut deployment = watching(&world, listen, &side);
    let mut daemon = Daemon::serving(world.path()).await;
    let folder = world.path().join("next year");
    std::fs::create_dir(&folder).expect("a folder");
    let ssl = deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL_SERVER_CLIENT", "CRT_FILE", "./next year/gateway.crt");
    ssl.set("SSL_SERVER_CLIENT", "KEY_FILE", "./next year/gateway.key");
    deployment.write(world.path()).expect("ini files");
    daemon.until_said("reload refused").await;
    let issued = renewed(&world);
    overwrite(&folder.join("gateway.crt"), &issued.certificate_pem);
    overwrite(&folder.join("gateway.key"), &issued.key_pem);
    until_shown(&world, listen, &issued).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watching_files_that_rest_costs_no_processor_time() {
    let world = pair();
    let side = world.side(Side::A);
    watching(&world, free_address(), &side);
    let daemon = Daemon::serving(world.path()).await;
    // Start-up, which is work, is behind it when it has said that it serves.
    let before = daemon.processor_time();
    pause(Duration::from_secs(2)).await;
    let taken = daemon.processor_time() - before;
    assert!(
        taken < Duration::from_millis(100),
        "{taken:?} in two seconds"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_while_a_reload_is_under_way_causes_the_next_one() {
    let mut world = pair();
    let listen = free_address();
    let side = world.side(Side::A);
    let deployment = world.deployment().requests(listen, &side.endpoint(), None);
    let mut gateway = world.serve(&deployment).await;
    let (_, files) = gateway.watched();
    let mut watch = FileWatch::new(world.path(), files, Duration::from_millis(100));
    let seen = watch.look();
    gateway.reload().await.expect("reloaded");
    let now = world.clock.now();
    world.pki.renew(Party::Gateway, now).expect("renewed");
    // The renewal came behind the reading; that a reload succeeded must not hide it.
    let (_, files) = gateway.watched();
    watch.follow(files, Duration::from_millis(100), &seen);
    let told = timeout(PATIENCE, watch.changed()).await;
    told.expect("the renewal is noticed");
    gateway.reload().await.expect("reloaded");
    let shown = shown(&world, bound(&gateway, listen)).await;
    assert_eq!(
        shown.as_deref(),
        Some(&*world.pki.identity(Party::Gateway).der)
    );
    drain(gateway).await;
}

async fn drain(mut gateway: Gateway) {
    gateway
        .drain(Duration::from_secs(5), std::future::pending())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_changes_may_be_broken_off_at_any_time_without_losing_one() {
    let mut world = pair();
    let side = world.side(Side::A);
    let deployment = world
        .deployment()
        .requests(free_address(), &side.endpoint(), None);
    deployment.write(world.path()).expect("ini files");
    let folder = world.pki.folder();
    let files = ["gateway.crt", "gateway.key"].map(|name| folder.join(name));
    let mut watch = FileWatch::new(world.path(), files.to_vec(), Duration::from_secs(1));
    let now = world.clock.now();
    world.pki.renew(Party::Gateway, now).expect("renewed");
    let deadline = Instant::now() + PATIENCE;
    while timeout(Duration::from_millis(50), watch.changed())
        .await
        .is_err()
    {
        assert!(Instant::now() < deadline, "the renewal is not noticed");
    }
}
