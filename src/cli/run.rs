//! `crmgate run`: from the first breath of the daemon to its first caller.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{error, info, warn};

use super::args::RunArgs;
use super::exit::Exit;
use super::output::complain;
use super::serving::Serving;
use crate::admin::{Admin, AdminError, Desk};
use crate::config::settings::{LogFormat, LogSettings, Settings};
use crate::gateway::{FileWatch, Inheritance, Prepared, StartError};
use crate::model::Clock;
use crate::net::{BindError, HandedSocket, HandedSockets, raise_descriptor_limit};
use crate::service::sandbox::{self, Entered};
use crate::service::{Herald, LateSessions, Predecessor, Requests, handed_over};
use crate::telemetry::{self, LogForm, LogOptions};

/// Serves until told to stop.
pub(super) fn run(args: &RunArgs) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format_args!(
                "crmgate: the system gives no event queue: {error}"
            ));
            return Exit::Os;
        }
    };
    let exit = runtime.block_on(live(args));
    // The log was written out when `live` ended. What is left are threads that wait for the
    // system's resolver, which may take minutes and is of no use to anybody any more.
    runtime.shutdown_background();
    exit
}

async fn live(args: &RunArgs) -> Exit {
    match begin(&args.dir.config).await {
        Ok(serving) => serving.until_told_to_stop().await,
        Err(exit) => exit,
    }
}

/// From nothing to the first caller; otherwise the way it ends, of which everything has been said.
async fn begin(dir: &Path) -> Result<Serving, Exit> {
    // First of all: what is asked for meanwhile is done later, and does not end the process.
    let mut requests = Requests::listen().map_err(|error| {
        complain(format_args!("crmgate: signals cannot be received: {error}"));
        Exit::Os
    })?;
    let mut herald = Herald::new();
    // Before there is another thread.
    let (mut sockets, useless) = handed_over();
    let program = std::env::current_exe();
    let mut predecessor = Predecessor::find().map_err(|error| {
        complain(format_args!(
            "crmgate: the process that was to be replaced has left nothing that can be read: {error}"
        ));
        Exit::Software
    })?;
    let (settings, files) = read(dir, &mut herald)?;
    let clock = Clock::system();
    // Before there is another thread, the log's own included.
    let sandbox = confine(dir, &settings, predecessor.as_ref(), &mut herald)?;
    let log = telemetry::init(&log_options(&settings.log), &clock).map_err(|error| {
        complain(format_args!("crmgate: {error}"));
        Exit::Config
    })?;
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
        .map_err(|error| refuse(&error, &mut herald))?;
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
            return Err(without_admin(&error, &mut herald));
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
        gateway: gateway.map_err(|error| refuse(&error, &mut herald))?,
        watch,
        requests,
        orders,
        log,
        herald,
        admin,
        program: program.unwrap_or_else(|_unknown| "crmgate".into()),
        late,
        upgrade: None,
    })
}

/// The settings, and the files they were read from.
fn read(dir: &Path, herald: &mut Herald) -> Result<(Settings, Vec<PathBuf>), Exit> {
    if !dir.is_dir() {
        herald.status("there is no configuration directory");
        complain(format_args!(
            "crmgate: there is no configuration directory \"{}\"\n  hint: name it with --config DIR, or CRMGATE_CONFIG in the environment",
            dir.display()
        ));
        return Err(Exit::NoInput);
    }
    let loaded = crate::config::load(dir);
    let Some(settings) = loaded.settings else {
        // The certificates are looked into there, too.
        let found = crate::gateway::check(dir, &Clock::system());
        complain(format_args!(
            "{}\ncrmgate: the configuration cannot be used",
            found.problems
        ));
        herald.status("the configuration cannot be used: crmgate check says why");
        return Err(Exit::Config);
    };
    Ok((settings, loaded.files))
}

/// Gives up what the settings do not ask for.
fn confine(
    dir: &Path,
    settings: &Settings,
    predecessor: Option<&Predecessor>,
    herald: &mut Herald,
) -> Result<Entered, Exit> {
    let bequest = predecessor.and_then(Predecessor::sandbox);
    sandbox::enter(dir, settings, bequest).map_err(|error| {
        herald.status(&error.to_string());
        complain(format_args!("crmgate: {error}\n  hint: {}", error.hint()));
        Exit::Config
    })
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
fn without_admin(admin: &AdminError, herald: &mut Herald) -> Exit {
    herald.status(&admin.to_string());
    match admin {
        AdminError::Bind(bind) => refuse_bind(bind),
        AdminError::Token { .. } => {
            error!("{admin}");
            complain(format_args!("crmgate: {admin}"));
            Exit::NoPermission
        }
        AdminError::Thread(_) => {
            error!("{admin}");
            complain(format_args!("crmgate: {admin}"));
            Exit::Os
        }
    }
}

/// A connection that is served has one descriptor, and mostly one more towards a side.
const DESCRIPTORS_EACH: usize = 2;

/// Says why the gateway does not start, in the log and at the terminal.
fn refuse(error: &StartError, herald: &mut Herald) -> Exit {
    herald.status(&error.to_string());
    let (text, exit) = match error {
        StartError::Config(problems) => (format!("{problems}\ncrmgate: {error}"), Exit::Config),
        StartError::Bind(bind) => return refuse_bind(bind),
        StartError::Thread(_) => (format!("crmgate: {error}"), Exit::Os),
        StartError::WorkerLost => (format!("crmgate: {error}"), Exit::Software),
    };
    error!("{text}");
    complain(text);
    exit
}

/// Says why an address cannot be had.
fn refuse_bind(bind: &BindError) -> Exit {
    let text = format!("crmgate: {bind}\n  hint: {}", bind.hint());
    error!("{text}");
    complain(text);
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
    }
}

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
