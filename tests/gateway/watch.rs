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
#[cfg(unix)]
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::support::{Daemon, PATIENCE, World, bound, free_address, pause, soak, trials};

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

/// In which a pair is shown, from the moment that both of its files are written.
const PROMISED: Duration = Duration::from_secs(2);

/// How one renewal is written: which file first, whether each is replaced or written over, and how
/// long it takes until the second one comes.
#[derive(Debug, Clone, Copy)]
struct Course {
    key_first: bool,
    replaced: [bool; 2],
    between: Duration,
}

/// Any course, in which the second file comes after so many milliseconds at most.
fn courses(longest: u64) -> impl Strategy<Value = Course> {
    let parts = (any::<bool>(), any::<[bool; 2]>(), 0..=longest);
    parts.prop_map(|(key_first, replaced, between)| Course {
        key_first,
        replaced,
        between: Duration::from_millis(between),
    })
}

/// Writes both files of a pair.
async fn write_pair(world: &World, issued: &Issued, course: Course) {
    let mut files = [
        ("gateway.crt", &issued.certificate_pem),
        ("gateway.key", &issued.key_pem),
    ];
    if course.key_first {
        files.reverse();
    }
    for (place, (name, text)) in files.into_iter().enumerate() {
        if place == 1 {
            pause(course.between).await;
        }
        if course.replaced[place] {
            world.pki.write(name, text).expect("written");
        } else {
            overwrite(&world.pki.folder().join(name), text);
        }
    }
}

/// One gateway under load that is renewed by these courses. Every handshake meanwhile has to
/// succeed, which it only does with a certificate and the key that belongs to it.
async fn renew_by(courses: Vec<Course>) {
    let world = pair();
    let listen = free_address();
    let side = world.side(Side::A);
    watching(&world, listen, &side);
    let daemon = Daemon::serving(world.path()).await;
    let mut profile = world.crm(listen);
    (profile.agents, profile.pace) = (2, Pace::steady(20.0));
    let crm = SimCrm::start(&profile, &world.ledger).expect("agents");
    for course in courses {
        let issued = renewed(&world);
        let writing = async {
            write_pair(&world, &issued, course).await;
            Instant::now()
        };
        let mut writing = std::pin::pin!(writing);
        let mut written = None;
        loop {
            if written.is_none() {
                let moment = Duration::from_millis(10);
                written = timeout(moment, writing.as_mut()).await.ok();
            }
            let shown = shown(&world, listen).await;
            let shown = shown.unwrap_or_else(|| panic!("{course:?}:\n{}", daemon.said()));
            if shown == *issued.der {
                break;
            }
            let late = written.is_some_and(|at: Instant| at.elapsed() > PROMISED);
            assert!(!late, "{course:?}:\n{}", daemon.said());
        }
        assert!(written.is_some(), "{course:?}: shown before it is written");
    }
    crm.stop().await;
    let tally = world.ledger.tally();
    assert!(
        tally.is_clean() && tally.answered == tally.sent,
        "{tally:?}"
    );
}

/// A thousand of them in the long run, with up to five seconds between the two files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f3_whatever_comes_first_no_mismatched_pair_is_shown_and_the_new_one_is_within_two_seconds()
{
    let (gateways, rounds) = (trials(4, 20), trials(4, 50));
    let longest = if soak() { 5_000 } else { 800 };
    let mut runner = TestRunner::default();
    let mut course = || {
        let tree = courses(longest).new_tree(&mut runner);
        tree.expect("a course").current()
    };
    let mut all = JoinSet::new();
    for _ in 0..gateways {
        all.spawn(renew_by((0..rounds).map(|_| course()).collect()));
    }
    all.join_all().await;
}

/// A gateway whose pair lies where the system reports no change: it reports those of the folder
/// that holds a link, and not of where the link leads to.
#[cfg(unix)]
fn unreported(world: &World, listen: SocketAddr, side: &SimConnector) -> TempDir {
    let mut deployment = watching(world, listen, side);
    deployment.gateway.set("Runtime", "WatchInterval", "3s");
    let elsewhere = tempfile::tempdir().expect("a directory");
    for name in ["gateway.crt", "gateway.key"] {
        let (link, target) = (world.pki.folder().join(name), elsewhere.path().join(name));
        std::fs::rename(&link, &target).expect("moved");
        std::os::unix::fs::symlink(&target, &link).expect("a link");
    }
    deployment.write(world.path()).expect("ini files");
    elsewhere
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_a_change_that_the_system_does_not_report_is_found_by_looking() {
    let world = pair();
    let listen = free_address();
    let side = world.side(Side::A);
    let elsewhere = unreported(&world, listen, &side);
    let _daemon = Daemon::serving(world.path()).await;
    let issued = renewed(&world);
    let file = |name| elsewhere.path().join(name);
    overwrite(&file("gateway.crt"), &issued.certificate_pem);
    overwrite(&file("gateway.key"), &issued.key_pem);
    until_shown(&world, listen, &issued).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f4_what_lies_there_and_cannot_be_loaded_is_said_although_no_change_was_reported() {
    let world = pair();
    let listen = free_address();
    let side = world.side(Side::A);
    let elsewhere = unreported(&world, listen, &side);
    let mut daemon = Daemon::serving(world.path()).await;
    let before = shown(&world, listen).await;
    let issued = renewed(&world);
    overwrite(&elsewhere.path().join("gateway.key"), &issued.key_pem);
    daemon
        .until_said("belongs to none of the certificates")
        .await;
    daemon.until_said("the configuration in force stays").await;
    assert_eq!(shown(&world, listen).await, before);
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
