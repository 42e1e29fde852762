//! `crmgate run`: the whole life of the daemon on one page.

use std::path::Path;
use std::time::Duration;

use tracing::{error, info, warn};

use super::args::RunArgs;
use super::exit::Exit;
use super::output::complain;
use crate::admin::{Admin, AdminError, Desk, Order, Orders, Refused, Reloaded};
use crate::config::settings::{LogFormat, LogSettings};
use crate::gateway::{FileWatch, Gateway, StartError, Trigger};
use crate::model::Clock;
use crate::net::{BindError, raise_descriptor_limit};
use crate::service::{Host, Request, Requests, Told};
use crate::telemetry::{self, LogForm, LogGuard, LogOptions, Rotation};

/// Serves until told to stop.
pub(super) fn run(args: &RunArgs) -> Exit {
    let console = Host {
        requests: None,
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

/// The same for whoever has started the daemon.
pub(super) fn run_for(dir: &Path, host: Host) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complaint(
                &host,
                format!("crmgate: the system gives no event queue: {error}"),
            );
            return Exit::Os;
        }
    };
    let exit = runtime.block_on(live(dir, host));
    // The log was written out when `live` ended. What is left are threads that wait for the
    // system's resolver, which may take minutes and is of no use to anybody any more.
    runtime.shutdown_background();
    exit
}

fn complaint(host: &Host, text: String) {
    (host.tell)(Told::Complaint(text));
}

async fn live(dir: &Path, mut host: Host) -> Exit {
    // First of all: what is asked for meanwhile is done later, and does not end the process.
    let mut requests = match host.requests.take().map_or_else(Requests::listen, Ok) {
        Ok(requests) => requests,
        Err(error) => {
            complaint(
                &host,
                format!("crmgate: signals cannot be received: {error}"),
            );
            return Exit::Os;
        }
    };
    if !dir.is_dir() {
        let text = format!(
            "crmgate: there is no configuration directory \"{}\"\n  hint: name it with --config DIR, or CRMGATE_CONFIG in the environment",
            dir.display()
        );
        complaint(&host, text);
        return Exit::NoInput;
    }
    let loaded = crate::config::load(dir);
    let Some(settings) = loaded.settings else {
        // The certificates are looked into there, too.
        let found = crate::gateway::check(dir, &Clock::system());
        let text = format!(
            "{}\ncrmgate: the configuration cannot be used",
            found.problems
        );
        complaint(&host, text);
        return Exit::Config;
    };
    let clock = Clock::system();
    let mut options = log_options(&settings.log);
    if !host.has_output {
        keep_in_a_file(&mut options, dir);
    }
    let log = match telemetry::init(&options, &clock) {
        Ok(log) => log,
        Err(error) => {
            complaint(&host, format!("crmgate: {error}"));
            return Exit::Config;
        }
    };
    if let Some(follower) = host.news.take() {
        log.recent().hand_to(follower);
    }
    log_panics();
    let open_files = raise_descriptor_limit();
    info!(version = env!("CARGO_PKG_VERSION"), config = %dir.display(), open_files, "starting");
    let wanted = settings
        .limits
        .max_connections
        .saturating_mul(DESCRIPTORS_EACH);
    if let Some(open_files) = open_files.filter(|limit| *limit < wanted as u64) {
        warn!(
            open_files,
            max_connections = settings.limits.max_connections,
            "the limit of open files is reached before MaxConnections: raise it (LimitNOFILE= in a systemd unit, ulimit -n in a shell), or lower MaxConnections"
        );
    }
    let access = log.access_log(settings.log.access);
    let watch = FileWatch::new(dir, loaded.files, settings.runtime.watch_interval);
    match Gateway::start(dir, &clock, &access).await {
        Ok(gateway) => {
            let desk = Desk {
                viewer: gateway.viewer(),
                recent: log.recent(),
                dir: dir.to_owned(),
            };
            match Admin::start(desk) {
                Ok(admin) => {
                    let orders = admin.map(|(_open, orders)| orders);
                    (host.tell)(Told::Serving);
                    serve(gateway, watch, (&mut requests, orders), (&log, &host)).await
                }
                Err(error) => without_admin(gateway, &error, &host).await,
            }
        }
        Err(error) => refuse(&error, &host),
    }
}

/// Whoever has configured an admin listener relies on it, so without it there is no start.
async fn without_admin(mut gateway: Gateway, admin: &AdminError, host: &Host) -> Exit {
    gateway.drain(Duration::ZERO, std::future::ready(())).await;
    match admin {
        AdminError::Bind(bind) => refuse_bind(bind, host),
        AdminError::Token { .. } => {
            error!("{admin}");
            complaint(host, format!("crmgate: {admin}"));
            Exit::NoPermission
        }
        AdminError::Thread(_) => {
            error!("{admin}");
            complaint(host, format!("crmgate: {admin}"));
            Exit::Os
        }
    }
}

/// A connection that is served has one descriptor, and mostly one more towards a side.
const DESCRIPTORS_EACH: usize = 2;

/// Serves, and does what the system asks for.
async fn serve(
    mut gateway: Gateway,
    mut watch: FileWatch,
    (requests, mut orders): (&mut Requests, Option<Orders>),
    (log, host): (&LogGuard, &Host),
) -> Exit {
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    loop {
        let request = tokio::select! {
            request = requests.next() => request,
            () = watch.changed(), if gateway.watches() => {
                info!("a file of the configuration has changed");
                reopen(log);
                reload(&mut gateway, &mut watch, log, Trigger::FileChange).await;
                continue;
            }
            order = next_order(&mut orders) => match order {
                Order::Reload { by, reply } => {
                    reopen(log);
                    reload(&mut gateway, &mut watch, log, Trigger::Operator(by)).await;
                    let _gone = reply.send(Reloaded::Tried);
                    continue;
                }
                Order::LogLevel { level, reply } => {
                    let _gone = reply.send(log.set_level_for_now(&level).map_err(|error| error.to_string()));
                    continue;
                }
                Order::Stop { by } => {
                    info!(who = %by, "asked to stop");
                    Request::Drain
                }
            },
            _ = heartbeat.tick() => {
                let _said = gateway.tidy();
                if gateway.is_whole() {
                    continue;
                }
                error!("a worker thread has ended: stopping, so that the service manager starts a whole gateway");
                gateway.drain(Duration::ZERO, std::future::ready(())).await;
                return Exit::Software;
            }
        };
        match request {
            Request::Reload => {
                reopen(log);
                reload(&mut gateway, &mut watch, log, Trigger::System).await;
            }
            Request::ReopenLog => reopen(log),
            Request::Drain => {
                let limit = gateway.drain_timeout();
                (host.tell)(Told::Draining(limit));
                gateway
                    .drain(limit, second_word(requests, &mut orders, log))
                    .await;
                return Exit::Ok;
            }
            Request::Quit => {
                gateway.drain(Duration::ZERO, std::future::ready(())).await;
                return Exit::Ok;
            }
        }
    }
}

/// The next order of an operator; never, where there is no admin listener.
async fn next_order(orders: &mut Option<Orders>) -> Order {
    let next = match orders {
        Some(orders) => orders.recv().await,
        None => None,
    };
    match next {
        Some(order) => order,
        None => std::future::pending().await,
    }
}

async fn reload(gateway: &mut Gateway, watch: &mut FileWatch, log: &LogGuard, trigger: Trigger) {
    let before = watch.look();
    let reloaded = gateway.reload_for(trigger).await;
    let (interval, files) = gateway.watched();
    watch.follow(files, interval, &before);
    match reloaded {
        Ok(_report) => {
            if let Err(error) = log.set_level(gateway.log_level()) {
                warn!(%error, "the log keeps its level");
            }
        }
        Err(_told) => watch.failed(),
    }
}

/// How often the workers are looked after.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// While draining, a second request to stop means now; a reload comes too late.
async fn second_word(requests: &mut Requests, orders: &mut Option<Orders>, log: &LogGuard) {
    loop {
        let request = tokio::select! {
            request = requests.next() => request,
            order = next_order(orders) => match order {
                Order::Reload { reply, .. } => {
                    let _gone = reply.send(Reloaded::Refused(Refused::Draining));
                    continue;
                }
                Order::LogLevel { level, reply } => {
                    let _gone = reply.send(log.set_level_for_now(&level).map_err(|error| error.to_string()));
                    continue;
                }
                Order::Stop { .. } => Request::Drain,
            },
        };
        match request {
            Request::Drain | Request::Quit => {
                warn!("asked to stop a second time: cutting what is in flight");
                return;
            }
            Request::Reload => info!("draining: no reload any more"),
            Request::ReopenLog => reopen(log),
        }
    }
}

fn reopen(log: &LogGuard) {
    if let Err(error) = log.reopen() {
        warn!(%error, "the log file cannot be opened again; lines go on to the old one");
    }
}

/// Says why the gateway does not start, in the log and at the terminal.
fn refuse(error: &StartError, host: &Host) -> Exit {
    let (text, exit) = match error {
        StartError::Config(problems) => (format!("{problems}\ncrmgate: {error}"), Exit::Config),
        StartError::Bind(bind) => return refuse_bind(bind, host),
        StartError::Thread(_) => (format!("crmgate: {error}"), Exit::Os),
        StartError::WorkerLost => (format!("crmgate: {error}"), Exit::Software),
    };
    error!("{text}");
    complaint(host, text);
    exit
}

/// Says why an address cannot be had.
fn refuse_bind(bind: &BindError, host: &Host) -> Exit {
    let text = format!("crmgate: {bind}\n  hint: {}", bind.hint());
    error!("{text}");
    complaint(host, text);
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
