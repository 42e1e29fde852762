//! What the daemon has given up by the time it serves, seen on the real process and on what it can
//! still do.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crmgate::model::Side;
use crmgate::simulate::{Caller, Deployment, Ending, SimConnector};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::raw::Door;
use crate::support::{Daemon, World, free_address, process, until};

/// The real program with one side and an admin listener, and a folder that is none of its business.
struct Stage {
    world: World,
    side: SimConnector,
    deployment: Deployment,
    listen: SocketAddr,
    admin: SocketAddr,
    elsewhere: TempDir,
    daemon: Daemon,
}

impl Stage {
    async fn new() -> Self {
        Self::with(|_, _, _| ()).await
    }

    async fn with(differ: impl FnOnce(&World, &mut Deployment, &Path)) -> Self {
        let world = World::new();
        let side = world.side(Side::A);
        let [listen, admin] = [free_address(), free_address()];
        let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
        deployment
            .gateway
            .set("Admin", "Listen", admin)
            .set("Runtime", "Watch", "no");
        let elsewhere = tempfile::tempdir().expect("a folder");
        differ(&world, &mut deployment, elsewhere.path());
        deployment.write(world.path()).expect("ini files");
        let daemon = Daemon::serving(world.path()).await;
        Self {
            world,
            side,
            deployment,
            listen,
            admin,
            elsewhere,
            daemon,
        }
    }

    fn write(&self) {
        self.deployment.write(self.world.path()).expect("ini files");
    }

    /// A copy of the company's authority in the folder that is none of its business.
    fn authority_elsewhere(&self) -> PathBuf {
        let copy = self.elsewhere.path().join("ca.pem");
        let own = self.world.pki.folder().join("company-ca.pem");
        fs::copy(own, &copy).expect("copied");
        copy
    }

    fn name_authority(&mut self, file: &Path) {
        let ssl = self.deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_SERVER_CLIENT", "CA_FILE", file.display());
        self.write();
    }

    async fn reload(&mut self) {
        let times = self.daemon.said().matches("reloaded:").count();
        self.daemon.signal("HUP");
        self.daemon.until_said_again("reloaded:", times).await;
    }

    async fn answers(&self) {
        let spec = self.world.crm(self.listen).caller().expect("a caller");
        let mut caller = Caller::new(spec, self.world.ledger.clone());
        assert_eq!(caller.call().await, Ending::Answered);
    }

    async fn get(&self, path: &str) -> String {
        let door = Door {
            addr: self.admin,
            tls: None,
        };
        let mut line = door.open().await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        line.send(request.as_bytes()).await.expect("sent");
        let answer = line.answer().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{answer:?}");
        String::from_utf8(answer.body).expect("text")
    }
}

/// A line of what the system knows of each thread.
fn of_each_thread(pid: u32, name: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let lines = threads.filter_map(|thread| {
        let path = thread.expect("a thread").path();
        let text = match fs::read_to_string(path.join("status")) {
            Ok(text) => text,
            // It has ended since it was listed, as those of other tests do in this process.
            Err(_) if !path.exists() => return None,
            Err(error) => panic!("{}: {error}", path.display()),
        };
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        Some(line.expect("Linux says so").trim().to_owned())
    });
    let lines: Vec<_> = lines.collect();
    assert!(!lines.is_empty(), "it runs");
    lines
}

fn assert_confined(pid: u32) {
    let filters = of_each_thread(pid, "Seccomp:");
    assert!(filters.len() >= 3, "workers, log and admin: {filters:?}");
    // Whoever runs the tests may be confined too.
    let here = of_each_thread(std::process::id(), "Seccomp_filters:");
    let before: u32 = here[0].parse().expect("a number");
    let count = (before + 1).to_string();
    for (name, value) in [
        ("Seccomp:", "2"),
        ("Seccomp_filters:", &count),
        ("NoNewPrivs:", "1"),
    ] {
        let of = of_each_thread(pid, name);
        assert!(of.iter().all(|own| own == value), "{name} {of:?}");
    }
}

#[tokio::test]
async fn every_thread_is_confined_by_one_filter_and_it_is_said_everywhere() {
    let stage = Stage::new().await;
    stage.answers().await;
    assert_confined(stage.daemon.pid());
    let said = stage.daemon.said();
    let line = said
        .lines()
        .find(|line| line.contains("the sandbox is in force"));
    assert!(line.is_some_and(|line| line.contains("landlock=") && line.contains("seccomp=true")));
    let status: Value = serde_json::from_str(&stage.get("/api/v1/status").await).expect("JSON");
    let landlock = status["sandbox"]["landlock"].as_u64().expect("a number");
    assert!(
        landlock >= 1 && status["sandbox"]["seccomp"] == true,
        "{status}"
    );
    let state = status["sandbox"]["state"]
        .as_str()
        .expect("a word")
        .to_owned();
    let series = format!(
        "crmgate_sandbox_info{{state=\"{state}\",landlock=\"{landlock}\",seccomp=\"true\"}} 1"
    );
    let metrics = stage.get("/metrics").await;
    assert!(
        metrics.lines().any(|line| line == series),
        "{series}\n{metrics}"
    );
    let shown = Command::new(env!("CARGO_BIN_EXE_crmgate"))
        .args(["status", "--config"])
        .arg(stage.world.path())
        .output()
        .expect("the binary");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(&format!("\n  sandbox {state}")), "{shown}");
}

#[tokio::test]
async fn a_reload_that_names_a_file_outside_is_refused_and_says_why() {
    let mut stage = Stage::new().await;
    let file = stage.authority_elsewhere();
    stage.name_authority(&file);
    stage.daemon.signal("HUP");
    stage.daemon.until_said("reload refused").await;
    let said = stage.daemon.said();
    let home = stage.world.path().canonicalize().expect("there");
    for part in [
        "CA_FILE names a file that cannot be read: it lies outside of the folders that the running \
         process may read ([Runtime] Sandbox)",
        "restart crmgate, for a reload or an upgrade does not widen what it may read; or put the file \
         beneath",
        &home.display().to_string(),
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    // A new process would be confined as this one is, and says the same.
    stage.daemon.signal("USR2");
    stage.daemon.until_said("the upgrade has failed").await;
    stage.answers().await;
    // One that begins anew reads it.
    stage.daemon.signal("TERM");
    assert_eq!(stage.daemon.ended().await.code(), Some(0));
    stage.daemon = Daemon::serving(stage.world.path()).await;
    stage.answers().await;
}

#[tokio::test]
async fn with_the_sandbox_off_nothing_is_confined_and_any_file_is_read() {
    let mut stage = Stage::with(|_, deployment, _| {
        deployment.gateway.set("Runtime", "Sandbox", "off");
    })
    .await;
    for name in ["Seccomp:", "NoNewPrivs:"] {
        let of = of_each_thread(stage.daemon.pid(), name);
        let here = of_each_thread(std::process::id(), name);
        assert!(of.iter().all(|own| *own == here[0]), "{name} {of:?}");
    }
    let file = stage.authority_elsewhere();
    stage.name_authority(&file);
    stage.reload().await;
    stage.answers().await;
    let status: Value = serde_json::from_str(&stage.get("/api/v1/status").await).expect("JSON");
    assert_eq!(status["sandbox"]["state"], "off");
    // What takes effect at the next start only is said to.
    stage.deployment.gateway.set("Runtime", "Sandbox", "auto");
    stage.write();
    stage.reload().await;
    let said = stage.daemon.said();
    let line = said
        .lines()
        .find(|line| line.contains("takes effect at the next start"));
    assert!(line.is_some_and(|line| line.contains("Sandbox")), "{said}");
}

#[tokio::test]
async fn the_process_measures_itself_as_without_a_sandbox() {
    let confined = Stage::new().await;
    let free = Stage::with(|_, deployment, _| {
        deployment.gateway.set("Runtime", "Sandbox", "off");
    })
    .await;
    let mut measured = Vec::new();
    for stage in [&confined, &free] {
        let text = stage.get("/metrics").await;
        let samples = text.lines().filter(|line| line.starts_with("process_"));
        let names = samples.filter_map(|line| line.split(['{', ' ']).next().map(str::to_owned));
        measured.push(names.collect::<BTreeSet<_>>());
    }
    assert!(measured[0].contains("process_resident_memory_bytes"));
    assert!(measured[0].contains("process_open_fds"));
    assert_eq!(measured[0], measured[1]);
}

#[tokio::test]
async fn the_log_is_rotated_and_the_state_is_written_beside_their_files() {
    let mut stage = Stage::with(|_, deployment, elsewhere| {
        for folder in ["log", "state"] {
            fs::create_dir(elsewhere.join(folder)).expect("a folder");
        }
        deployment.gateway.set(
            "Runtime",
            "StateFile",
            elsewhere.join("state/gate.state").display(),
        );
    })
    .await;
    let log = stage.elsewhere.path().join("log/gate.log");
    // The daemon of the stage writes to its standard output, where the others are awaited.
    stage.deployment.gateway.set("Log", "File", log.display());
    stage.write();
    stage.answers().await;
    stage.daemon.signal("TERM");
    assert_eq!(stage.daemon.ended().await.code(), Some(0));
    let state = stage.elsewhere.path().join("state/gate.state");
    assert!(
        fs::read_to_string(&state)
            .expect("written")
            .contains("sap-crm")
    );
    fs::remove_file(&state).expect("there");
    let mut daemon = Daemon::run(stage.world.path());
    let said =
        |path: &Path, text: &str| fs::read_to_string(path).is_ok_and(|own| own.contains(text));
    until("it serves", || said(&log, "serving")).await;
    let rotated = stage.elsewhere.path().join("log/gate.log.1");
    fs::rename(&log, &rotated).expect("renamed");
    daemon.signal("USR1");
    until("there is a new log", || log.exists()).await;
    stage.answers().await;
    until("it is written to", || said(&log, "access:")).await;
    daemon.signal("TERM");
    assert_eq!(daemon.ended().await.code(), Some(0));
    assert!(
        state.exists() && !said(&log, "cannot be"),
        "{:?}",
        fs::read_to_string(&log)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_upgrades_than_the_kernel_has_layers_follow_each_other() {
    let mut stage = Stage::new().await;
    for _upgrade in 0..18 {
        stage.daemon.upgrade().await;
    }
    stage.answers().await;
    assert_confined(stage.daemon.pid());
    let status: Value = serde_json::from_str(&stage.get("/api/v1/status").await).expect("JSON");
    assert!(
        status["sandbox"]["landlock"].as_u64() >= Some(1),
        "{status}"
    );
    // It still knows by what it is confined, reads its own folder anew, and measures itself.
    stage.reload().await;
    assert!(stage.get("/metrics").await.contains("process_open_fds"));
    let file = stage.authority_elsewhere();
    stage.name_authority(&file);
    stage.daemon.signal("HUP");
    stage
        .daemon
        .until_said("it lies outside of the folders")
        .await;
    assert!(
        !stage.daemon.said().contains("asks for more than that"),
        "{}",
        stage.daemon.said()
    );
}

#[tokio::test]
async fn an_upgrade_says_what_it_cannot_have_and_that_it_cannot_let_go() {
    let mut stage = Stage::new().await;
    let state = stage.elsewhere.path().join("gate.state");
    stage
        .deployment
        .gateway
        .set("Runtime", "StateFile", state.display())
        .set("Runtime", "Sandbox", "off");
    stage.write();
    // The token would lie beside it, and nobody can do without that.
    stage.daemon.signal("USR2");
    stage.daemon.until_said("the upgrade has failed").await;
    let said = stage.daemon.said();
    let refusal =
        "gate.token\": it lies outside of the folders that the running process may write to";
    assert!(said.contains(refusal), "{said}");
    let gateway = &mut stage.deployment.gateway;
    gateway.set("Admin", "TokenFile", "./admin.token");
    stage.write();
    stage.daemon.upgrade().await;
    let said = stage.daemon.said();
    let line = said
        .lines()
        .find(|line| line.contains("asks for more than that"));
    let folder = stage.elsewhere.path().canonicalize().expect("there");
    assert!(
        line.is_some_and(|line| line.contains(&folder.display().to_string())),
        "{said}"
    );
    assert!(
        said.contains("Sandbox=off has no effect after an upgrade"),
        "{said}"
    );
    stage.answers().await;
    assert_confined(stage.daemon.pid());
}

/// Puts the files of a folder into a version of a volume, as Kubernetes does.
fn publish(volume: &Path, version: &str, from: &Path) {
    let folder = volume.join(version);
    fs::create_dir(&folder).expect("a folder");
    for entry in fs::read_dir(from).expect("the files") {
        let entry = entry.expect("a file");
        let name = entry.file_name();
        fs::copy(entry.path(), folder.join(&name)).expect("copied");
        let link = volume.join(&name);
        if !link.exists() {
            symlink(Path::new("..data").join(&name), link).expect("a link");
        }
    }
    let new = volume.join("..data_tmp");
    symlink(version, &new).expect("a link");
    fs::rename(new, volume.join("..data")).expect("switched");
}

#[tokio::test]
async fn a_key_that_is_renewed_by_switching_a_link_is_read_by_a_reload() {
    let mut stage = Stage::with(|world, deployment, elsewhere| {
        publish(elsewhere, "..2026_1", world.pki.folder());
        let ssl = deployment.ssl.as_mut().expect("TLS");
        let named = |name: &str| elsewhere.join(name).display().to_string();
        ssl.set("SSL_SERVER_CLIENT", "CA_FILE", named("company-ca.pem"));
        ssl.set("SSL_SERVER_CLIENT", "PEM_FILE", named("gateway.pem"));
    })
    .await;
    let serial = |text: &str| {
        let own: Value = serde_json::from_str(text).expect("JSON");
        own.to_string()
    };
    let before = serial(&stage.get("/api/v1/certificates").await);
    let now = stage.world.clock.now();
    let renewed = stage
        .world
        .pki
        .renew(crmgate::simulate::Party::Gateway, now);
    renewed.expect("renewed");
    publish(stage.elsewhere.path(), "..2026_2", stage.world.pki.folder());
    fs::remove_dir_all(stage.elsewhere.path().join("..2026_1")).expect("removed");
    stage.reload().await;
    stage.answers().await;
    assert_ne!(serial(&stage.get("/api/v1/certificates").await), before);
}

#[tokio::test]
async fn names_are_resolved_inside_of_it() {
    let stage = Stage::with(|_, _, _| ()).await;
    let by_name = stage
        .side
        .endpoint()
        .to_string()
        .replace("127.0.0.1", "localhost");
    assert!(by_name.contains("localhost"), "{by_name}");
    let mut deployment = stage.deployment.clone();
    deployment.system.set("Requests", "SideA", by_name);
    deployment.write(stage.world.path()).expect("ini files");
    let mut stage = stage;
    stage.reload().await;
    stage.answers().await;
}

/// Starts the daemon where the kernel seems to have no Landlock.
fn without_landlock(dir: &Path) -> Daemon {
    use seccompiler::{SeccompAction, SeccompFilter, TargetArch, apply_filter};
    let arch = TargetArch::try_from(std::env::consts::ARCH).expect("known");
    let rules = [(libc::SYS_landlock_create_ruleset, Vec::new())];
    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(rules.into(), SeccompAction::Allow, missing, arch);
    let filter: seccompiler::BpfProgram = filter.expect("a filter").try_into().expect("short");
    let dir = dir.to_owned();
    // Only this thread, and what it starts, is without.
    let thread = std::thread::spawn(move || {
        apply_filter(&filter).expect("this kernel has it");
        Daemon::run(&dir)
    });
    thread.join().expect("no panic")
}

#[tokio::test]
async fn a_kernel_without_landlock_is_told_and_refused_only_where_it_is_required() {
    let mut stage = Stage::new().await;
    stage.daemon.signal("TERM");
    assert_eq!(stage.daemon.ended().await.code(), Some(0));
    stage.daemon = without_landlock(stage.world.path());
    stage.daemon.until_said("serving").await;
    let said = stage.daemon.said();
    let line = said.lines().find(|line| line.contains("but for some gaps"));
    assert!(
        line.is_some_and(|line| line.contains("files, signals to other processes")
            && line.contains("Landlock: the kernel has none")),
        "{said}"
    );
    stage.answers().await;
    stage.daemon.signal("TERM");
    assert_eq!(stage.daemon.ended().await.code(), Some(0));
    stage
        .deployment
        .gateway
        .set("Runtime", "Sandbox", "require");
    stage.write();
    stage.daemon = without_landlock(stage.world.path());
    assert_eq!(stage.daemon.ended().await.code(), Some(78));
    let said = stage.daemon.said();
    for part in [
        "Sandbox=require in [Runtime] of",
        "cannot be met: Landlock: the kernel has none",
        "hint: run a kernel of 5.13 or later",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    stage.daemon = Daemon::serving(stage.world.path()).await;
    stage.answers().await;
    assert!(process::runs(stage.daemon.pid()));
}
