//! Certificates of ours, and authorities that we believe, come to their end while the gateway runs.

use std::net::SocketAddr;
use std::time::Duration;

use crmgate::certs::CertificateFacts;
use crmgate::certs::issue::{Authority, Issued, LeafSpec};
use crmgate::config::problem::Problems;
use crmgate::gateway::Gateway;
use crmgate::model::{Side, WallTime};
use crmgate::simulate::{
    CaModel, Caller, Deployment, Ending, FileLayout, PeerTls, Port, SimConnector, TlsRange,
};
use rustls::pki_types::CertificateDer;

use crate::support::{World, free_address};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Lists of both roles hold an authority that lasts for years, and one that ends in 100 days.
struct Scene {
    world: World,
    _side: SimConnector,
    long: Authority,
    ending: Authority,
    /// What we show to sides, for 100 days.
    dialling: CertificateFacts,
    deployment: Deployment,
    listen: SocketAddr,
}

/// A certificate that began years ago, or yesterday, and ends so many days from now.
fn issue(authority: &Authority, name: &str, days: i64, now: WallTime) -> Issued {
    let spec = LeafSpec {
        alternative_names: vec!["127.0.0.1".to_owned()],
        not_before: WallTime(now.0 - if days > 1_000 { days * DAY } else { DAY }),
        not_after: WallTime(now.0 + days * DAY),
        ..LeafSpec::for_name(name, now)
    };
    authority.issue(&spec).expect("issued")
}

fn facts(der: &CertificateDer<'_>) -> CertificateFacts {
    CertificateFacts::of(der).expect("a certificate")
}

impl Scene {
    fn new() -> Self {
        let world = World::with(CaModel::Separate, FileLayout::CertificateFirst);
        let now = world.clock.now();
        let at = |days: i64| WallTime(now.0 + days * DAY);
        let long = Authority::with_validity("Long CA", at(-3_000), at(3_000)).expect("a CA");
        let ending = Authority::with_validity("Ending CA", at(-1), at(100)).expect("a CA");
        let own = issue(&long, "listening", 2_000, now);
        let dialling = issue(&long, "dialling", 100, now);
        for (name, text) in [
            ("both.pem", format!("{}{}", long.pem(), ending.pem())),
            ("listening.pem", own.combined_pem()),
            ("dialling.pem", dialling.combined_pem()),
        ] {
            world.pki.write(name, &text).expect("written");
        }
        let of_side = issue(&long, "side", 2_000, now);
        let tls = PeerTls::new(&of_side, long.der(), &[long.der()]);
        let port = Port::reserve().expect("a port");
        let side = SimConnector::start(Side::A, port, Some(&tls), Duration::ZERO, &world.ledger);
        let side = side.expect("a side");
        let listen = free_address();
        let crm = free_address();
        let mut deployment = world
            .deployment()
            .requests(listen, &side.endpoint(), None)
            .events(
                free_address(),
                &format!("https://{crm}").parse().expect("a URL"),
            );
        // Requests and events are two acceptors with the same files.
        deployment.system.set("Events", "Tls", "yes");
        let ssl = deployment.ssl.as_mut().expect("TLS");
        for (role, own) in [("SSL_SERVER", "listening"), ("SSL_CLIENT", "dialling")] {
            ssl.set(role, "CA_FILE", "./ssl/both.pem");
            ssl.set(role, "PEM_FILE", format!("./ssl/{own}.pem"));
        }
        Self {
            ending,
            dialling: facts(&dialling.der),
            world,
            _side: side,
            long,
            deployment,
            listen,
        }
    }

    fn caller(&self, own: &Issued, versions: TlsRange) -> Caller {
        let authority = self.long.der();
        let mut profile = self.world.crm(self.listen);
        profile.tls = Some(PeerTls::new(own, authority, &[authority]).speaking(versions));
        Caller::new(
            profile.caller().expect("a caller"),
            self.world.ledger.clone(),
        )
    }
}

/// One call on a connection of its own.
async fn call(caller: &mut Caller) -> Ending {
    caller.hang_up().await;
    caller.call().await
}

/// Everything that is said when the files are read again, whether they are taken or not.
async fn reload(gateway: &mut Gateway) -> Problems {
    match gateway.reload().await {
        Ok(report) => report.problems,
        Err(problems) => problems,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g10_every_alarm_step_of_own_certificates_and_authorities_is_said_once_in_the_words_of_a_load()
 {
    let mut scene = Scene::new();
    let now = scene.world.clock.now();
    // An intermediate ends with its authority, and it is sent.
    let sub = scene.ending.intermediate("Ending Sub").expect("a CA");
    let next = issue(&sub, "next", 100, now);
    let (ending, sub) = (facts(scene.ending.der()), facts(sub.der()));
    let written = scene.world.pki.write("next.pem", &next.combined_pem());
    written.expect("written");
    let from = WallTime(now.0 + 50 * DAY);
    let ssl = scene.deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL_SERVER", "NEXT_PEM_FILE", "./ssl/next.pem")
        .set("SSL_SERVER", "NEXT_FROM", from);
    let mut gateway = scene.world.serve(&scene.deployment).await;
    assert!(gateway.tidy().is_empty());
    let mut passed = 0;
    for (hours, dates) in [
        (41 * 24 + 1, "expires in 58 days"),
        (71 * 24 + 1, "expires in 28 days"),
        (87 * 24 + 1, "expires in 12 days"),
        (94 * 24 + 1, "expires in 5 days"),
        (99 * 24 + 1, "expires within a day"),
        (100 * 24 + 1, "expired today"),
    ] {
        scene.world.clock.shift((hours - passed) * HOUR);
        passed = hours;
        let news = gateway.tidy();
        // Three certificates, and an authority that stands in the files of both roles.
        assert_eq!(news.iter().count(), 5, "{news}");
        assert!(gateway.tidy().is_empty(), "once");
        let said = news.to_string();
        let next = facts(&next.der);
        let is_shown = hours > 50 * 24;
        let until = if is_shown { dates } else { "ends at" };
        for (file, what, facts, dates) in [
            ("both.pem", "authority", &ending, dates),
            ("dialling.pem", "certificate of", &scene.dialling, dates),
            ("next.pem", "certificate of", &next, until),
            ("next.pem", "certificate of", &sub, until),
        ] {
            let (subject, serial) = (&facts.subject, &facts.serial);
            let part =
                format!("{file}\" holds the {what} \"{subject}\" (serial {serial}), which {dates}");
            assert!(said.contains(&part), "{part}\n{said}");
            assert!(said.contains(&facts.not_after.to_string()), "{said}");
        }
        for part in [
            "vouches for nobody",
            "peers refuse it",
            "  hint:    have it ",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
        let read = reload(&mut gateway).await;
        for problem in &news {
            assert!(read.iter().any(|one| one == problem), "{problem}\n{read}");
        }
        assert!(gateway.tidy().is_empty(), "a load has just said it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g10_a_step_that_a_load_has_said_first_is_not_said_again() {
    let scene = Scene::new();
    let mut gateway = scene.world.serve(&scene.deployment).await;
    for days in [41, 30] {
        scene.world.clock.shift(days * DAY + HOUR);
        assert_eq!(reload(&mut gateway).await.iter().count(), 3);
        assert!(gateway.tidy().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g10_a_clock_that_jumps_by_800_days_says_each_step_once_and_fails_nobody_whose_certificate_is_valid()
 {
    for versions in [TlsRange::Only12, TlsRange::Only13] {
        let scene = Scene::new();
        let mut gateway = scene.world.serve(&scene.deployment).await;
        let now = scene.world.clock.now();
        let valid = issue(&scene.long, "valid", 2_000, now);
        let ends = issue(&scene.long, "ends", 100, now);
        let mut kept = scene.caller(&valid, versions);
        let mut kept_until = scene.caller(&ends, versions);
        assert_eq!(kept.call().await, Ending::Answered);
        assert_eq!(kept_until.call().await, Ending::Answered);
        // To and fro, and a day that is neither too late nor too early for what ends.
        for (jump, lines, is_in_date) in [
            (0, 0, true),
            (800, 3, false),
            (-800, 0, true),
            (-800, 0, false),
            (800, 0, true),
            (800, 3, false),
            (-1_600, 0, false),
            (800, 0, true),
        ] {
            scene.world.clock.shift(jump * DAY);
            let said = gateway.tidy();
            assert_eq!(said.iter().count(), lines, "{jump}: {said}");
            for _ in 0..3 {
                assert!(gateway.tidy().is_empty(), "once");
            }
            let mut fresh = scene.caller(&valid, versions);
            assert_eq!(call(&mut fresh).await, Ending::Answered, "{jump}");
            assert_eq!(call(&mut fresh).await, Ending::Answered, "{jump}");
            let figures = fresh.figures();
            let seen = (figures.full, figures.resumed, figures.failed);
            assert_eq!(seen, (1, 1, 0), "{versions:?} {jump}");
            assert_eq!(call(&mut kept).await, Ending::Answered, "{jump}");
            let mut fresh_until = scene.caller(&ends, versions);
            for caller in [&mut fresh_until, &mut kept_until] {
                let is_answered = call(caller).await == Ending::Answered;
                assert_eq!(is_answered, is_in_date, "{versions:?} {jump}");
            }
        }
        assert_eq!(kept.figures().failed, 0);
    }
}
