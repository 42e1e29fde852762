//! How the program ends, so that a service manager can tell what will never work from what may
//! work later. What a wrong command line (2), a bad directory (1, 78) and none (66) look like is
//! in the golden files.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::process::Command;
use std::process::{Output, Stdio};

use crmgate::certs::issue::ListSpec;
use crmgate::model::WallTime;
use crmgate::simulate::{Deployment, Party};

#[cfg(unix)]
use crate::support::Daemon;
use crate::support::{World, free_address};
use crate::{crmgate, requests};

fn run(dir: &Path) -> Output {
    let mut command = crmgate();
    command.args(["run", "--config"]).arg(dir);
    command.output().expect("the binary")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_port_in_use_ends_with_69_and_says_how_to_find_who_has_it() {
    let world = World::new();
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let held = other.local_addr().expect("bound");
    let mut deployment = requests(&world);
    deployment.system.set("Requests", "Listen", held);
    deployment.write(world.path()).expect("ini files");
    let output = run(world.path());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    let port = held.port();
    let look = if cfg!(windows) {
        format!("netstat -ano -p TCP | findstr :{port}")
    } else {
        format!("ss -ltnp 'sport = :{port}'")
    };
    let expected = format!(
        "crmgate: the address {held} is in use by another program\n  hint: see who it is with: \
         {look}; stop it, or choose another port\n"
    );
    assert_eq!(said, expected);
}

#[test]
fn an_address_of_another_machine_ends_with_69() {
    let world = World::new();
    let mut deployment = requests(&world);
    deployment
        .system
        .set("Requests", "Listen", "192.0.2.1:8443");
    deployment.write(world.path()).expect("ini files");
    let output = run(world.path());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(
        said.contains("the address 192.0.2.1:8443 does not belong to this machine"),
        "{said}"
    );
}

/// A low port may be anybody's, as in many containers; then nobody can be refused one.
#[cfg(target_os = "linux")]
fn low_ports_are_guarded() -> bool {
    let start = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    let start = std::fs::read_to_string(start).expect("Linux says so");
    start.trim().parse::<u16>().expect("a number") > LOW_PORT
}

/// Below 1024, and nobody's.
#[cfg(target_os = "linux")]
const LOW_PORT: u16 = 999;

#[cfg(target_os = "linux")]
#[test]
fn a_port_without_the_privilege_ends_with_77() {
    if !low_ports_are_guarded() {
        return;
    }
    let world = World::new();
    let mut deployment = requests(&world);
    deployment
        .system
        .set("Requests", "Listen", format!("127.0.0.1:{LOW_PORT}"));
    deployment.write(world.path()).expect("ini files");
    let mut command = crmgate();
    if TcpListener::bind(("127.0.0.1", LOW_PORT)).is_ok() {
        // A superuser, who has to give the privilege up first.
        command = Command::new("setpriv");
        command.args([
            "--bounding-set=-net_bind_service",
            "--inh-caps=-net_bind_service",
        ]);
        command.arg(env!("CARGO_BIN_EXE_crmgate"));
    }
    let command = command.args(["run", "--config"]).arg(world.path());
    let output = command.output().expect("the binary");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(77), "{said}");
    let what = format!("this process may not listen on 127.0.0.1:{LOW_PORT}");
    assert!(
        said.contains(&what) && said.contains("CAP_NET_BIND_SERVICE"),
        "{said}"
    );
}

#[test]
fn an_unusable_log_file_ends_with_78() {
    let world = World::new();
    let mut deployment = requests(&world);
    deployment
        .gateway
        .set("Log", "File", "./nowhere/crmgate.log");
    deployment.write(world.path()).expect("ini files");
    let output = run(world.path());
    assert_eq!(output.status.code(), Some(78), "{}", text(&output.stderr));
}

#[test]
fn the_environment_names_the_directory_and_the_option_has_the_last_word() {
    let (good, empty) = (World::new(), tempfile::tempdir().expect("a directory"));
    requests(&good).write(good.path()).expect("ini files");
    let check = |environment: &Path, option: Option<&Path>| {
        let mut command = crmgate();
        command.arg("check").env("CRMGATE_CONFIG", environment);
        if let Some(dir) = option {
            command.arg("--config").arg(dir);
        }
        command.output().expect("the binary").status.code()
    };
    assert_eq!(check(good.path(), None), Some(0));
    assert_eq!(check(empty.path(), None), Some(1));
    assert_eq!(check(empty.path(), Some(good.path())), Some(0));
    assert_eq!(check(good.path(), Some(empty.path())), Some(1));
}

/// A directory whose revocation list ends so many days from now, and how an expired one is treated.
fn with_list(world: &World, days: i64, policy: &str) -> Deployment {
    let now = world.clock.now();
    let spec = ListSpec {
        this_update: WallTime(now.0 - 30 * 86_400),
        next_update: WallTime(now.0 + days * 86_400),
        ..ListSpec::empty(now)
    };
    let authority = world.pki.authority(Party::Gateway);
    let list = authority.revocation_list(&spec).expect("a list");
    world.pki.write("ca.crl", &list.pem).expect("written");
    let mut deployment = requests(world);
    let ssl = deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL_SERVER_CLIENT", "CRL_FILE", "./ssl/ca.crl")
        .set("SSL_SERVER_CLIENT", "CRL_EXPIRED", policy);
    deployment.write(world.path()).expect("ini files");
    deployment
}

#[test]
fn v2_check_ends_with_1_for_a_list_past_its_end_unless_the_policy_tolerates_it() {
    for (days, policy, code, word) in [
        (2, "refuse", 0, "warning: "),
        (-1, "refuse", 1, "error: "),
        (-1, "grace 48h", 0, "warning: "),
        (-3, "grace 48h", 1, "error: "),
        (-3, "ignore", 0, "warning: "),
    ] {
        let world = World::new();
        with_list(&world, days, policy);
        let mut command = crmgate();
        command.args(["check", "--config"]).arg(world.path());
        let output = command.output().expect("the binary");
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{policy}: {said}");
        assert!(said.starts_with(word), "{policy}: {said}");
        assert!(
            said.contains("holds the revocation list of \"CN=Company CA"),
            "{said}"
        );
        // It would run all the same, and says so.
        assert!(said.contains("would run: SAP1 requests"), "{said}");
        let verdict = if code == 1 {
            "\nusable, and overdue: 1 error"
        } else {
            "\nusable: "
        };
        assert!(said.contains(verdict), "{said}");
        let mut command = crmgate();
        command
            .args(["check", "--format", "json", "--config"])
            .arg(world.path());
        let json = text(&command.output().expect("the binary").stdout);
        assert!(json.contains("\"usable\":true"), "{json}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn v2_run_starts_with_a_list_past_its_end_and_says_so() {
    let world = World::new();
    let mut deployment = with_list(&world, -1, "refuse");
    deployment.system.set("Requests", "Listen", free_address());
    deployment.write(world.path()).expect("ini files");
    let mut daemon = Daemon::serving(world.path()).await;
    daemon
        .until_said("whoever has to be checked by it is refused")
        .await;
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let world = World::new();
    requests(&world).write(world.path()).expect("ini files");
    let mut command = crmgate();
    command.args(["check", "--config"]).arg(world.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary");
    drop(child.stdout.take());
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("a child").code(), Some(0), "{said}");
    assert_eq!(said, "");
}

#[cfg(unix)]
#[tokio::test]
async fn a_stop_in_order_ends_with_0() {
    for signal in ["TERM", "INT", "QUIT"] {
        let world = World::new();
        let mut deployment = requests(&world);
        deployment.system.set("Requests", "Listen", free_address());
        deployment.write(world.path()).expect("ini files");
        let mut daemon = Daemon::serving(world.path()).await;
        daemon.signal(signal);
        assert_eq!(daemon.ended().await.code(), Some(0), "{signal}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_gateway_in_the_same_directory_is_refused_and_the_first_goes_on() {
    let world = World::new();
    let mut deployment = requests(&world);
    let listen = free_address();
    deployment.system.set("Requests", "Listen", listen);
    deployment.write(world.path()).expect("ini files");
    let mut daemon = Daemon::serving(world.path()).await;
    let second = run(world.path());
    assert_eq!(second.status.code(), Some(69), "{}", text(&second.stderr));
    assert!(std::net::TcpStream::connect(listen).is_ok());
    daemon.signal("TERM");
    assert_eq!(daemon.ended().await.code(), Some(0));
}

#[test]
fn a_checklist_ends_with_what_it_found() {
    let world = World::new();
    let mut deployment = requests(&world);
    deployment
        .system
        .set("Requests", "Listen", free_address())
        .set("Requests", "SideA", format!("http://{}", free_address()));
    deployment.gateway.set("Limits", "MaxConnections", 100).set(
        "Limits",
        "MaxConnectionsPerAddress",
        200,
    );
    deployment.write(world.path()).expect("ini files");
    let ends = |arguments: &[&str]| {
        let mut command = crmgate();
        command.args(["preflight", "--config"]).arg(world.path());
        let output = command.args(arguments).output().expect("the binary");
        let said = text(&output.stdout);
        (output.status.code(), said)
    };
    for (arguments, code) in [
        (&["--only", "own"][..], 0),
        (&["--only", "config"], 0),
        (&["--only", "config", "--strict"], 3),
        (&["--only", "peer"], 1),
        (&["--only", "peer", "--strict"], 1),
    ] {
        let (ended, said) = ends(arguments);
        assert_eq!(ended, Some(code), "{arguments:?}: {said}");
    }
    for (form, beginning) in [
        ("json", "{\n"),
        ("html", "<!DOCTYPE html>"),
        ("junit", "<?xml"),
        ("short", "SAP1 side A"),
    ] {
        let (_, said) = ends(&["--only", "peer", "--output", form]);
        assert!(said.starts_with(beginning), "{form}: {said}");
    }
}
