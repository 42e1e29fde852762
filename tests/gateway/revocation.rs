//! Whom an authority has revoked is out, in both directions, anew and by resumption; everybody else
//! notices nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crmgate::certs::issue::{Authority, Issued, LeafSpec, ListSpec};
use crmgate::config::problem::Problem;
use crmgate::gateway::Gateway;
use crmgate::model::{Side, WallTime};
use crmgate::simulate::{Caller, Deployment, Ending, Party, PeerTls, SimConnector, TlsRange};

use crate::support::raw::Door;
use crate::support::recorder::Recorder;
use crate::support::tool::{Done, run};
use crate::support::{Daemon, World, free_address, until};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Where the lists lie, from the configuration directory.
const LIST: &str = "./ssl/company-ca.crl";

fn company(world: &World) -> &Authority {
    world.pki.authority(Party::Gateway)
}

fn revoking(world: &World, revoked: &[&Issued]) -> String {
    let spec = ListSpec::revoking(revoked, world.clock.now());
    company(world).revocation_list(&spec).expect("a list").pem
}

fn publish(world: &World, revoked: &[&Issued]) {
    let written = world.pki.write("company-ca.crl", &revoking(world, revoked));
    written.expect("written");
}

/// Requests to a plain side, with lists of the company CA.
fn with_lists(world: &World, listen: SocketAddr, side: &SimConnector) -> Deployment {
    let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
    set(&mut deployment, "CRL_FILE", LIST);
    deployment
}

fn set(deployment: &mut Deployment, key: &str, value: &str) {
    let ssl = deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL_SERVER_CLIENT", key, value);
}

/// Another client of the company CA.
fn client(world: &World, name: &str) -> Issued {
    let spec = LeafSpec::for_name(name, world.clock.now());
    company(world).issue(&spec).expect("a certificate")
}

fn caller(world: &World, gateway: SocketAddr, own: &Issued, versions: TlsRange) -> Caller {
    let authority = company(world).der();
    let mut profile = world.crm(gateway);
    profile.tls = Some(PeerTls::new(own, authority, &[authority]).speaking(versions));
    Caller::new(profile.caller().expect("a caller"), world.ledger.clone())
}

/// One call on a connection of its own.
async fn call(caller: &mut Caller) -> Ending {
    caller.hang_up().await;
    caller.call().await
}

async fn reload(gateway: &mut Gateway) {
    let done = gateway.reload().await;
    done.unwrap_or_else(|problems| panic!("refused:\n{problems}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_a_reload_with_a_new_list_shuts_the_revoked_client_out_and_the_others_go_on_resuming() {
    for (versions, tickets) in [
        (TlsRange::Only12, "yes"),
        (TlsRange::Only12, "no"),
        (TlsRange::Only13, "yes"),
        (TlsRange::Only13, "no"),
    ] {
        let world = World::new();
        let side = world.side(Side::A);
        let listen = free_address();
        let (gone, kept) = (client(&world, "gone"), client(&world, "kept"));
        publish(&world, &[]);
        let mut deployment = with_lists(&world, listen, &side);
        set(&mut deployment, "SESSION_TICKETS", tickets);
        let mut gateway = world.serve(&deployment).await;
        let mut gone_caller = caller(&world, listen, &gone, versions);
        let mut kept_caller = caller(&world, listen, &kept, versions);
        for _ in 0..2 {
            assert_eq!(call(&mut gone_caller).await, Ending::Answered);
            assert_eq!(call(&mut kept_caller).await, Ending::Answered);
        }
        assert_eq!(gone_caller.figures().resumed, 1, "{versions:?} {tickets}");
        publish(&world, &[&gone]);
        reload(&mut gateway).await;
        let out = call(&mut gone_caller).await;
        assert!(
            matches!(out, Ending::Broken(_)),
            "{versions:?} {tickets}: {out:?}"
        );
        assert_eq!(call(&mut kept_caller).await, Ending::Answered);
        let figures = kept_caller.figures();
        assert_eq!(
            (figures.full, figures.resumed),
            (1, 2),
            "{versions:?} {tickets}"
        );
        // Taken off the list again, as after a suspension, the client comes in.
        publish(&world, &[]);
        reload(&mut gateway).await;
        assert_eq!(call(&mut gone_caller).await, Ending::Answered);
    }
}

/// A program that is revoked, in front of the real daemon.
struct Foreigners {
    world: World,
    listen: SocketAddr,
    daemon: Daemon,
    _side: SimConnector,
    gone: PathBuf,
    kept: PathBuf,
}

impl Foreigners {
    async fn set() -> Self {
        let world = World::new();
        let side = world.side(Side::A);
        let listen = free_address();
        let (gone, kept) = (client(&world, "gone"), client(&world, "kept"));
        publish(&world, &[&gone]);
        let deployment = with_lists(&world, listen, &side);
        deployment.write(world.path()).expect("ini files");
        let write =
            |name: &str, own: &Issued| world.pki.write(name, &own.combined_pem()).expect("written");
        let (gone, kept) = (write("gone.pem", &gone), write("kept.pem", &kept));
        let daemon = Daemon::serving(world.path()).await;
        Self {
            world,
            listen,
            daemon,
            _side: side,
            gone,
            kept,
        }
    }

    async fn curl(&self, own: &Path, version: &str) -> Done {
        let authority = self.world.pki.folder().join("company-ca.pem");
        let url = format!("https://{}/ici", self.listen);
        let [authority, own] = [authority.as_path(), own].map(|path| path.display().to_string());
        let arguments = [
            "--silent",
            "--show-error",
            "--max-time",
            "25",
            "--noproxy",
            "*",
            "--tls-max",
            version,
            "--cacert",
            &authority,
            "--cert",
            &own,
            "--data",
            "<status/>",
            &url,
        ];
        run("curl", arguments, b"").await
    }

    async fn openssl(&self, own: &Path, version: &str) -> Done {
        let authority = self.world.pki.folder().join("company-ca.pem");
        let address = self.listen.to_string();
        let [authority, own] = [authority.as_path(), own].map(|path| path.display().to_string());
        let arguments = [
            "s_client", "-connect", &address, "-CAfile", &authority, "-ign_eof", version, "-cert",
            &own, "-key", &own,
        ];
        let request = "POST /ici HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\
                       Content-Type: text/xml\r\nContent-Length: 9\r\n\r\n<status/>";
        run("openssl", arguments, request.as_bytes()).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_curl_with_a_revoked_certificate_is_told_so_and_the_log_says_who_revoked_it_and_why() {
    let mut scene = Foreigners::set().await;
    for version in ["1.2", "1.3"] {
        let done = scene.curl(&scene.gone.clone(), version).await;
        assert!(
            !done.success && done.err.contains("revoked"),
            "{version}: {}",
            done.err
        );
        let done = scene.curl(&scene.kept.clone(), version).await;
        assert!(done.success, "{version}: {}", done.err);
    }
    for said in [
        "refused the client: its certificate, or one of its chain, has been revoked",
        "certificate of \"CN=gone\"",
        "it was revoked by \"CN=Company CA,O=crmgate throw-away PKI\" on 20",
        "(keyCompromise), under the serial number ",
        "sent alert certificate_revoked (44)",
    ] {
        scene.daemon.until_said_again(said, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_openssl_with_a_revoked_certificate_is_told_so() {
    let scene = Foreigners::set().await;
    for version in ["-tls1_2", "-tls1_3"] {
        let done = scene.openssl(&scene.gone, version).await;
        let all = format!("{}{}", String::from_utf8_lossy(&done.out), done.err);
        assert!(
            all.contains("alert certificate revoked"),
            "{version}: {all}"
        );
        assert!(!all.contains("HTTP/1.1 200"), "{version}: {all}");
        let served = scene.openssl(&scene.kept, version).await.said();
        assert!(served.contains("HTTP/1.1 "), "{version}: {served}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_put_into_the_folder_counts_without_a_signal() {
    let world = World::new();
    let side = world.side(Side::A);
    let listen = free_address();
    let gone = client(&world, "gone");
    let folder = world.pki.folder().join("lists");
    std::fs::create_dir(&folder).expect("a folder");
    let put = |name: &str, revoked: &[&Issued], number: u64| {
        let spec = ListSpec {
            number,
            ..ListSpec::revoking(revoked, world.clock.now())
        };
        let list = company(&world).revocation_list(&spec).expect("a list");
        // As a tool does that fetches lists: written under another name and renamed.
        let part = folder.join(format!(".{name}.part"));
        std::fs::write(&part, &list.der).expect("written");
        std::fs::rename(&part, folder.join(name)).expect("renamed");
    };
    put("1.crl", &[], 1);
    let mut deployment = with_lists(&world, listen, &side);
    set(&mut deployment, "CRL_FILE", "./ssl/lists");
    deployment.gateway.set("Runtime", "Watch", "yes");
    deployment.write(world.path()).expect("ini files");
    let mut daemon = Daemon::serving(world.path()).await;
    let mut gone_caller = caller(&world, listen, &gone, TlsRange::Both);
    assert_eq!(call(&mut gone_caller).await, Ending::Answered);
    put("2.crl", &[&gone], 2);
    daemon.until_said("reloaded:").await;
    assert!(matches!(call(&mut gone_caller).await, Ending::Broken(_)));
    // Something that is no list keeps what is in force, and says so.
    std::fs::write(folder.join("README"), "fetched every night").expect("written");
    daemon.until_said("reload refused").await;
    daemon
        .until_said("README\" is text that holds no PEM block")
        .await;
    assert!(matches!(call(&mut gone_caller).await, Ending::Broken(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f2_a_list_that_cannot_be_read_at_a_reload_keeps_the_old_one_in_force() {
    let world = World::new();
    let side = world.side(Side::A);
    let listen = free_address();
    let (gone, kept) = (client(&world, "gone"), client(&world, "kept"));
    publish(&world, &[&gone]);
    let mut gateway = world.serve(&with_lists(&world, listen, &side)).await;
    let mut gone_caller = caller(&world, listen, &gone, TlsRange::Both);
    let mut kept_caller = caller(&world, listen, &kept, TlsRange::Both);
    let good = revoking(&world, &[]);
    let twin = Authority::new("Company CA", world.clock.now()).expect("an authority");
    let forged = twin
        .revocation_list(&ListSpec::empty(world.clock.now()))
        .expect("a list");
    for (broken, said) in [
        ("", "names an empty file"),
        ("<html>404</html>", "is text that holds no PEM block"),
        (&good[..good.len() / 2], "has no END"),
        (
            &forged.pem,
            "that the authority of this name in CA_FILE did not sign",
        ),
        (&company(&world).pem(), "holds no revocation list"),
    ] {
        world.pki.write("company-ca.crl", broken).expect("written");
        let problems = gateway.reload().await.expect_err("refused");
        assert!(problems.to_string().contains(said), "{problems}");
        assert!(matches!(call(&mut gone_caller).await, Ending::Broken(_)));
        assert_eq!(call(&mut kept_caller).await, Ending::Answered);
    }
    std::fs::remove_file(world.pki.folder().join("company-ca.crl")).expect("removed");
    gateway.reload().await.expect_err("refused");
    assert!(matches!(call(&mut gone_caller).await, Ending::Broken(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_crm_gets_no_event() {
    let world = World::new();
    let crm = Recorder::fine(Some(&world.pki.peer(Party::Crm))).await;
    let listen = free_address();
    publish(&world, &[]);
    let mut deployment = world.deployment().events(listen, &crm.endpoint());
    set(&mut deployment, "CRL_FILE", LIST);
    let mut gateway = world.serve(&deployment).await;
    let door = Door {
        addr: listen,
        tls: None,
    };
    let event = "POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\n\
                 Content-Length: 11\r\n\r\n<ring>1</r>";
    let ask = async || {
        let mut line = door.open().await;
        line.send(event.as_bytes()).await.expect("sent");
        line.answer().await.expect("an answer")
    };
    assert_eq!(ask().await.status(), 200);
    publish(&world, &[world.pki.identity(Party::Crm)]);
    reload(&mut gateway).await;
    let answer = ask().await;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    for part in ["it was revoked by", "outcome=\"not-sent\""] {
        assert!(body.contains(part), "{body}");
    }
    assert_eq!(crm.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v2_a_list_past_its_end_is_gone_by_as_the_policy_says_and_announced_before() {
    for (policy, lets_in) in [
        ("refuse", [true, false, false]),
        ("grace 48h", [true, true, false]),
        ("ignore", [true, true, true]),
    ] {
        let world = World::new();
        let side = world.side(Side::A);
        let listen = free_address();
        let kept = client(&world, "kept");
        publish(&world, &[]);
        let mut deployment = with_lists(&world, listen, &side);
        set(&mut deployment, "CRL_EXPIRED", policy);
        let mut gateway = world.serve(&deployment).await;
        assert!(gateway.tidy().is_empty());
        let mut kept_caller = caller(&world, listen, &kept, TlsRange::Both);
        // A week: five days, then another one and a half, then over the end and over the grace.
        let mut said = Vec::new();
        for (shift, is_let_in) in [
            (5 * DAY, true),
            (36 * HOUR, lets_in[0]),
            (DAY, lets_in[1]),
            (2 * DAY, lets_in[2]),
        ] {
            world.clock.shift(shift);
            said.push(gateway.tidy());
            assert!(gateway.tidy().is_empty(), "once");
            let is_answered = call(&mut kept_caller).await == Ending::Answered;
            assert_eq!(is_answered, is_let_in, "{policy}");
        }
        let count: Vec<usize> = said.iter().map(|said| said.iter().count()).collect();
        let of_grace = usize::from(policy.starts_with("grace"));
        assert_eq!(count, [1, 1, 1, of_grace], "{policy}");
        for said in &said[..3] {
            let said = said.to_string();
            assert!(said.contains("company-ca.crl\" holds the revocation list of \"CN=Company CA"));
        }
        // A clock that comes back makes the list good again.
        world.clock.shift(-7 * DAY);
        assert_eq!(call(&mut kept_caller).await, Ending::Answered);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v2_a_clock_that_jumps_by_years_costs_a_line_and_no_more() {
    let world = World::new();
    let side = world.side(Side::A);
    publish(&world, &[]);
    let mut gateway = world
        .serve(&with_lists(&world, free_address(), &side))
        .await;
    for _ in 0..3 {
        world.clock.shift(800 * DAY);
        // Our own certificate, which lasts for a year, has ended as well.
        let said = gateway.tidy();
        let of_lists = |problem: &&Problem| problem.what.contains("the revocation list of");
        assert_eq!(said.iter().filter(of_lists).count(), 1, "{said}");
        assert_eq!(said.iter().count(), 2, "{said}");
        world.clock.shift(-800 * DAY);
        assert!(gateway.tidy().is_empty());
        world.clock.shift(-800 * DAY);
        assert!(gateway.tidy().is_empty());
        world.clock.shift(800 * DAY);
        assert!(gateway.tidy().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v3_clients_of_an_intermediate_without_a_list_are_refused_as_the_coverage_says() {
    let world = World::new();
    let side = world.side(Side::A);
    let listen = free_address();
    let sub = company(&world)
        .intermediate("Sub CA")
        .expect("an intermediate");
    let own = sub
        .issue(&LeafSpec::for_name("sap", world.clock.now()))
        .expect("a certificate");
    publish(&world, &[]);
    let mut deployment = with_lists(&world, listen, &side);
    let mut gateway = world.serve(&deployment).await;
    let mut of_sub = caller(&world, listen, &own, TlsRange::Both);
    assert!(matches!(call(&mut of_sub).await, Ending::Broken(_)));
    set(&mut deployment, "CRL_COVERAGE", "any");
    deployment.write(world.path()).expect("ini files");
    reload(&mut gateway).await;
    assert_eq!(call(&mut of_sub).await, Ending::Answered);
    set(&mut deployment, "CRL_COVERAGE", "leaf");
    set(
        &mut deployment,
        "CRL_FILE",
        "./ssl/company-ca.crl;./ssl/sub.crl",
    );
    let list = sub
        .revocation_list(&ListSpec::empty(world.clock.now()))
        .expect("a list");
    world.pki.write("sub.crl", &list.pem).expect("written");
    deployment.write(world.path()).expect("ini files");
    reload(&mut gateway).await;
    assert_eq!(call(&mut of_sub).await, Ending::Answered);
    // Revoking the intermediate shuts out everybody below it.
    let spec = ListSpec {
        revoked: vec![sub.der().clone()],
        ..ListSpec::empty(world.clock.now())
    };
    let list = company(&world).revocation_list(&spec).expect("a list");
    world
        .pki
        .write("company-ca.crl", &list.pem)
        .expect("written");
    reload(&mut gateway).await;
    assert!(matches!(call(&mut of_sub).await, Ending::Broken(_)));
    until("the refusals are counted", || {
        gateway.figures().handshakes_inbound_failed >= 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v2_a_gateway_starts_and_reloads_with_a_list_past_its_end() {
    let world = World::new();
    let side = world.side(Side::A);
    let listen = free_address();
    let now = world.clock.now();
    let spec = ListSpec {
        this_update: WallTime(now.0 - 9 * DAY),
        next_update: WallTime(now.0 - DAY),
        ..ListSpec::empty(now)
    };
    let list = company(&world).revocation_list(&spec).expect("a list");
    world
        .pki
        .write("company-ca.crl", &list.pem)
        .expect("written");
    let deployment = with_lists(&world, listen, &side);
    deployment.write(world.path()).expect("ini files");
    let mut gateway = world.serve(&deployment).await;
    assert!(gateway.tidy().is_empty(), "it was said at the start");
    let report = gateway.reload().await.expect("reloaded");
    let said = report.problems.to_string();
    assert!(
        said.contains("whoever has to be checked by it is refused"),
        "{said}"
    );
    let kept = client(&world, "kept");
    let mut kept_caller = caller(&world, listen, &kept, TlsRange::Both);
    assert!(matches!(call(&mut kept_caller).await, Ending::Broken(_)));
    publish(&world, &[]);
    reload(&mut gateway).await;
    assert_eq!(call(&mut kept_caller).await, Ending::Answered);
}
