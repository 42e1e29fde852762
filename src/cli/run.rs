//! `crmgate run`: from the first breath of the daemon to its first caller.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{error, info, warn};

use super::args::RunArgs;
use super::confine::confine;
use super::exit::Exit;
use super::output::complain;
use super::serving::Serving;
use crate::admin::{Admin, AdminError, Desk};
use crate::config::settings::{LogFormat, LogSettings, Settings};
use crate::gateway::{FileWatch, Inheritance, Prepared, StartError};
use crate::model::Clock;
use crate::net::{BindError, HandedSocket, HandedSockets, raise_descriptor_limit};
use crate::service::{
    Herald, Host, LateSessions, Predecessor, Requests, Told, between, handed_over,
    is_read_by_journal,
};
use crate::telemetry::{self, LogForm, LogGuard, LogOptions, Rotation};

/// Serves until told to stop.
pub(super) fn run(args: &RunArgs) -> Exit {
    if let Some(ended) = between() {
        return of_successor(ended);
    }
    let console = Host {
        requests: None,
        herald: Herald::new(),
        news: None,
        has_output: true,
        tell: Box::new(|told| {
            if let Told::Complaint(text) = told {
                complain(text);
            }
        }),
    };
    run_for(&args.dir.config, console)
}

/// How the process ended that was started to take another one's place.
fn of_successor(ended: std::io::Result<std::process::ExitStatus>) -> Exit {
    match ended {
        Ok(status) => {
            let known = status.code().and_then(Exit::of_code);
            known.unwrap_or_else(|| {
                complain(format_args!("crmgate: the new process ended with {status}"));
                Exit::Software
            })
        }
        Err(error) => {
            complain(format_args!(
                "crmgate: the new process cannot be started: {error}"
            ));
            Exit::Os
        }
    }
}

/// The same for whoever has started the daemon.
pub(super) fn run_for(dir: &Path, host: Host) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            host.complain(format!("crmgate: the system gives no event queue: {error}"));
            return Exit::Os;
        }
    };
    let exit = runtime.block_on(live(dir, host));
    // The log was written out when `live` ended. What is left are threads that wait for the
    // system's resolver, which may take minutes and is of no use to anybody any more.
    runtime.shutdown_background();
    exit
}

async fn live(dir: &Path, host: Host) -> Exit {
    match begin(dir, host).await {
        Ok(serving) => serving.until_told_to_stop().await,
        Err(exit) => exit,
    }
}

/// From nothing to the first caller; otherwise the way it ends, of which everything has been said.
async fn begin(dir: &Path, mut host: Host) -> Result<Serving, Exit> {
    // First of all: what is asked for meanwhile is done later, and does not end the process.
    let requests = host.requests.take().map_or_else(Requests::listen, Ok);
    let mut requests = requests.map_err(|error| {
        host.complain(format!("crmgate: signals cannot be received: {error}"));
        Exit::Os
    })?;
    // Before there is another thread.
    let (mut sockets, useless) = handed_over();
    let program = std::env::current_exe();
    let mut predecessor = Predecessor::find().map_err(|error| {
        host.complain(format!(
            "crmgate: the process that was to be replaced has left nothing that can be read: {error}"
        ));
        Exit::Software
    })?;
    let (settings, files) = read(dir, &mut host)?;
    let clock = Clock::system();
    // Before there is another thread, the log's own included.
    let sandbox = confine(dir, &settings, predecessor.as_ref(), &mut host)?;
    let log = start_log(&settings.log, &clock, dir, &mut host)?;
    log_panics();
    introduce(dir, &settings);
    sandbox.tell();
    let left = predecessor.as_mut().map(Predecessor::left);
    let left = left.unwrap_or_default();
    sockets.extend(left.sockets);
    let handed = sorted((sockets, useless), &settings);
    let access = log.access_log(settings.log.access);
    let watch = FileWatch::new(dir, files, settings.runtime.watch_interval);
    let inheritance = Inheritance {
        sockets: Arc::clone(&handed),
        estate: left.estate,
    };
    let prepared = Prepared::of(dir, &clock, &access, inheritance)
        .map_err(|error| refuse(&error, &mut host))?;
    let desk = Desk {
        viewer: prepared.viewer(),
        recent: log.recent(),
        dir: dir.to_owned(),
        handed,
        token_file: left.token_file,
    };
    let admin = match Admin::start(desk) {
        Ok(admin) => admin,
        Err(error) => {
            prepared.give_up();
            return Err(without_admin(&error, &mut host));
        }
    };
    let (admin, orders) = admin.unzip();
    let mut late = None;
    if let Some(predecessor) = predecessor {
        late = succeed(predecessor, &prepared, &mut requests).await;
        if late.is_none() {
            prepared.give_up();
            return Err(Exit::Ok);
        }
    }
    let gateway = prepared.serve().await;
    Ok(Serving {
        gateway: gateway.map_err(|error| refuse(&error, &mut host))?,
        watch,
        requests,
        orders,
        log,
        host,
        admin,
        program: program.unwrap_or_else(|_unknown| "crmgate".into()),
        late,
        upgrade: None,
    })
}

/// The settings, and the files they were read from.
fn read(dir: &Path, host: &mut Host) -> Result<(Settings, Vec<PathBuf>), Exit> {
    if !dir.is_dir() {
        host.herald.status("there is no configuration directory");
        host.complain(format!(
            "crmgate: there is no configuration directory \"{}\"\n  hint: name it with --config DIR, or CRMGATE_CONFIG in the environment",
            dir.display()
        ));
        return Err(Exit::NoInput);
    }
    let loaded = crate::config::load(dir);
    let Some(settings) = loaded.settings else {
        // The certificates are looked into there, too.
        let found = crate::gateway::check(dir, &Clock::system());
        host.complain(format!(
            "{}\ncrmgate: the configuration cannot be used",
            found.problems
        ));
        host.herald
            .status("the configuration cannot be used: crmgate check says why");
        return Err(Exit::Config);
    };
    Ok((settings, loaded.files))
}

/// The log, as `[Log]` and whoever started the daemon have it.
fn start_log(
    settings: &LogSettings,
    clock: &Clock,
    dir: &Path,
    host: &mut Host,
) -> Result<LogGuard, Exit> {
    let mut options = LogOptions {
        is_journal: is_read_by_journal(),
        ..log_options(settings)
    };
    if !host.has_output {
        keep_in_a_file(&mut options, dir);
    }
    let log = telemetry::init(&options, clock).map_err(|error| {
        host.complain(format!("crmgate: {error}"));
        Exit::Config
    })?;
    if let Some(follower) = host.news.take() {
        log.recent().hand_to(follower);
    }
    Ok(log)
}

/// The first lines of the log.
fn introduce(dir: &Path, settings: &Settings) {
    let open_files = raise_descriptor_limit();
    info!(version = env!("CARGO_PKG_VERSION"), config = %dir.display(), open_files, "starting");
    let connections = settings.limits.max_connections;
    let wanted = connections.saturating_mul(DESCRIPTORS_EACH);
    if let Some(open_files) = open_files.filter(|limit| *limit < wanted as u64) {
        warn!(
            open_files,
            max_connections = connections,
            "the limit of open files is reached before MaxConnections: raise it (LimitNOFILE= in a systemd unit, ulimit -n in a shell), or lower MaxConnections"
        );
    }
}

/// Waits until the other process lets nobody in any more. None if this one is told to stop before.
async fn succeed(
    predecessor: Predecessor,
    prepared: &Prepared,
    requests: &mut Requests,
) -> Option<LateSessions> {
    info!(
        version = predecessor.version(),
        "ready to take the place of a running process"
    );
    tokio::select! {
        late = predecessor.succeed(|sessions| prepared.take_over(sessions)) => match late {
            Ok(late) => Some(late),
            Err(error) => {
                error!(%error, "nothing is heard of the process that was to be replaced: this one ends");
                None
            }
        },
        () = requests.next_stop() => {
            info!("asked to stop before it has taken the other process's place");
            None
        }
    }
}

/// Keeps the sockets of addresses that are listened on. Callers of the others would wait for an answer
/// that nobody gives, so whoever hands such a one over is told.
fn sorted(
    (handed, useless): (Vec<HandedSocket>, Vec<String>),
    settings: &Settings,
) -> Arc<HandedSockets> {
    for what in useless {
        warn!(
            "a descriptor was handed over that is no TCP listener, {what}: see the ListenStream= lines of the socket unit"
        );
    }
    let (kept, unused) = HandedSockets::sort(handed, &settings.addresses());
    for HandedSocket { name, listen, .. } in unused {
        warn!(
            socket = name, local = %listen,
            "a socket was handed over for an address that no listener has, and is closed: make Listen in CRMConnectorSAP_*.ini and ListenStream= in the socket unit name the same address"
        );
    }
    Arc::new(kept)
}

/// Whoever has configured an admin listener relies on it, so without it there is no start.
fn without_admin(admin: &AdminError, host: &mut Host) -> Exit {
    host.herald.status(&admin.to_string());
    match admin {
        AdminError::Bind(bind) => refuse_bind(bind, host),
        AdminError::Token { .. } => {
            error!("{admin}");
            host.complain(format!("crmgate: {admin}"));
            Exit::NoPermission
        }
        AdminError::Thread(_) => {
            error!("{admin}");
            host.complain(format!("crmgate: {admin}"));
            Exit::Os
        }
    }
}

/// A connection that is served has one descriptor, and mostly one more towards a side.
const DESCRIPTORS_EACH: usize = 2;

/// Says why the gateway does not start, in the log and at the terminal.
fn refuse(error: &StartError, host: &mut Host) -> Exit {
    host.herald.status(&error.to_string());
    let (text, exit) = match error {
        StartError::Config(problems) => (format!("{problems}\ncrmgate: {error}"), Exit::Config),
        StartError::Bind(bind) => return refuse_bind(bind, host),
        StartError::Thread(_) => (format!("crmgate: {error}"), Exit::Os),
        StartError::WorkerLost => (format!("crmgate: {error}"), Exit::Software),
    };
    error!("{text}");
    host.complain(text);
    exit
}

/// Says why an address cannot be had.
fn refuse_bind(bind: &BindError, host: &Host) -> Exit {
    let text = format!("crmgate: {bind}\n  hint: {}", bind.hint());
    error!("{text}");
    host.complain(text);
    match bind {
        BindError::NotAllowed(_) => Exit::NoPermission,
        BindError::InUse(_) | BindError::NotOurs(_) | BindError::Other(..) => Exit::Unavailable,
    }
}

/// The log as `[Log]` asks for it.
pub(super) fn log_options(settings: &LogSettings) -> LogOptions {
    LogOptions {
        form: match settings.format {
            LogFormat::Text => LogForm::Text,
            LogFormat::Json => LogForm::Json,
        },
        level: settings.level.clone(),
        file: settings.file.clone(),
        rotation: Rotation {
            size: settings.rotate_size,
            age: settings.rotate_age,
            keep: settings.rotate_keep,
        },
        is_journal: false,
    }
}

/// Nobody reads what it prints, and nobody else moves a file away that has become large.
fn keep_in_a_file(options: &mut LogOptions, dir: &Path) {
    let file = || dir.join("logs").join("crmgate.log");
    options.file.get_or_insert_with(file);
    let rotation = &mut options.rotation;
    if rotation.age.is_none() {
        rotation.size.get_or_insert(LARGE);
    }
}

/// What an editor still opens; ten of them are kept unless `RotateKeep` says otherwise.
const LARGE: u64 = 64 << 20;

/// Panics are contained per connection; what they say belongs in the log.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(String::new, ToString::to_string);
        let text = panic.payload_as_str().unwrap_or("no text");
        error!(place, text, "a defect was met; please report it");
    }));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the log is given where `Level` is accepted.
    fn accepted(level: &str) -> Option<String> {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text);
        write(
            "CRMConnectorSAP_SAP1.ini",
            "[StaticRoutes]\n44300=crm.example.com\n",
        )
        .expect("a file");
        write("crmgate.ini", &format!("[Log]\nLevel={level}\n")).expect("a file");
        let settings = crate::config::load(dir.path()).settings?;
        Some(log_options(&settings.log).level)
    }

    proptest! {
        #[test]
        fn a_level_that_a_check_accepts_is_one_that_the_log_takes(
            level in "(info|Off|crmgate|::|[!-~]|[-_@=,]| ?= ?|, ?){1,3}([=, ](info|DEBUG|a)){0,2}",
        ) {
            if let Some(given) = accepted(&level) {
                let taken = telemetry::parse_level(&given);
                prop_assert!(taken.is_ok(), "{:?}", taken);
            }
        }
    }
}
