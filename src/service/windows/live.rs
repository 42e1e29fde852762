//! A process under the service control manager: its controls become requests of the daemon, and how the
//! daemon goes becomes its status. The decisions are those of [`Desk`]; here is what calls Windows.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use tokio::time::Instant;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{
    ServiceControlHandlerResult, ServiceStatusHandle, register,
};
use windows_service::service_dispatcher;

use super::error::ServiceError;
use super::event_log::EventLog;
use super::protocol::{Control, Desk, PULSE, Stage, State, Status};
use super::{NAME, events};
use crate::service::{Herald, Host, Requests, Told};

/// Hands the process over to the service control manager, which runs `entry` in it; returns when the
/// service has ended.
pub fn dispatch(entry: extern "system" fn(u32, *mut *mut u16)) -> Result<(), ServiceError> {
    service_dispatcher::start(NAME, entry)
        .map_err(|error| ServiceError::of_system("running as a service", cause(error)))
}

/// Runs the daemon as the service: for the function that [`dispatch`] was given. `daemon` gets whom to
/// listen to and whom to tell, and returns an exit code.
pub fn live(daemon: impl FnOnce(Host) -> u8 + Send + 'static) {
    let desk = Arc::new(Mutex::new(Desk::starting(Instant::now())));
    let (tell, told) = mpsc::sync_channel(QUEUED);
    let (ask, requests) = Requests::by_manager();
    let handle = Arc::new(OnceLock::new());
    let of_handler = (Arc::clone(&desk), Arc::clone(&handle));
    let handler = move |control: ServiceControl| {
        let (desk, handle) = &of_handler;
        let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = desk.hear(meant(&control), Instant::now());
        // Told before the control is answered, and while nobody else can tell something older.
        if let (Some(status), Some(handle)) = (heard.status, handle.get()) {
            tell_manager(*handle, status);
        }
        drop(desk);
        if let Some(request) = heard.request {
            let _ended = ask.send(request);
        }
        if heard.is_known {
            ServiceControlHandlerResult::NoError
        } else {
            ServiceControlHandlerResult::NotImplemented
        }
    };
    let Ok(registered) = register(NAME, handler) else {
        // Without a way to tell anything there is nothing to be told.
        return;
    };
    let _set_once = handle.set(registered);
    let log = EventLog::open();
    tell_manager(registered, lock(&desk).status());
    let host = Host {
        requests: Some(requests),
        herald: Herald::new(),
        news: pass_on_news(),
        has_output: false,
        tell: {
            let tell = tell.clone();
            Box::new(move |what| {
                let _ended = tell.send(Happened::Told(what));
            })
        },
    };
    let thread = thread::Builder::new().name("crmgate-main".into());
    let started = thread.spawn(move || {
        let exit = daemon(host);
        let _ended = tell.send(Happened::Ended(exit));
    });
    if started.is_err() {
        end(registered, &desk, &log, OUT_OF_THREADS);
        return;
    }
    let exit = follow(registered, &desk, &log, &told);
    end(registered, &desk, &log, exit);
}

/// What reaches the thread that speaks with the service control manager.
enum Happened {
    Told(Told),
    Ended(u8),
}

/// Tells how the daemon goes until it ends; returns its exit code.
fn follow(
    handle: ServiceStatusHandle,
    desk: &Mutex<Desk>,
    log: &EventLog,
    told: &mpsc::Receiver<Happened>,
) -> u8 {
    loop {
        let stage = match told.recv_timeout(PULSE) {
            Ok(Happened::Ended(exit)) => return exit,
            // It went without a word: a defect.
            Err(RecvTimeoutError::Disconnected) => return DEFECT,
            Ok(Happened::Told(Told::Complaint(text))) => {
                log.write(&events::complaint(&text));
                continue;
            }
            Ok(Happened::Told(Told::Serving)) => {
                log.write(&events::serving());
                Some(Stage::Serving)
            }
            Ok(Happened::Told(Told::Draining(limit))) => {
                log.write(&events::draining(limit.as_secs()));
                Some(Stage::Draining(limit))
            }
            Err(RecvTimeoutError::Timeout) => None,
        };
        let mut desk = lock(desk);
        let now = Instant::now();
        let status = match stage {
            Some(stage) => desk.enter(stage, now),
            None => desk.tick(now),
        };
        if let Some(status) = status {
            tell_manager(handle, status);
        }
    }
}

fn end(handle: ServiceStatusHandle, desk: &Mutex<Desk>, log: &EventLog, exit: u8) {
    log.write(&events::ended(exit));
    if let Some(status) = lock(desk).enter(Stage::Ended(exit), Instant::now()) {
        tell_manager(handle, status);
    }
}

/// A thread that writes warnings and errors of the log to the event log as well. It has a short queue
/// of its own, so an event log that hangs costs events and holds nobody up.
fn pass_on_news() -> Option<SyncSender<crate::telemetry::Said>> {
    let (give, said) = mpsc::sync_channel(QUEUED);
    let thread = thread::Builder::new().name("crmgate-events".into());
    let started = thread.spawn(move || {
        let log = EventLog::open();
        for said in said.iter().filter(events::is_event) {
            log.write(&events::said(&said));
        }
    });
    started.ok().map(|_runs_until_the_sender_goes| give)
}

fn lock(desk: &Mutex<Desk>) -> std::sync::MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tell_manager(handle: ServiceStatusHandle, status: Status) {
    let (current_state, exit) = match status.state {
        State::StartPending => (ServiceState::StartPending, 0),
        State::Running => (ServiceState::Running, 0),
        State::StopPending => (ServiceState::StopPending, 0),
        State::Stopped(exit) => (ServiceState::Stopped, exit),
    };
    let controls_accepted = if status.accepts {
        ServiceControlAccept::STOP
            | ServiceControlAccept::PRESHUTDOWN
            | ServiceControlAccept::PARAM_CHANGE
    } else {
        ServiceControlAccept::empty()
    };
    let exit_code = match exit {
        0 => ServiceExitCode::NO_ERROR,
        code => ServiceExitCode::ServiceSpecific(code.into()),
    };
    // There is nobody else to tell that it could not be told.
    let _unheard = handle.set_service_status(ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state,
        controls_accepted,
        exit_code,
        checkpoint: status.checkpoint,
        wait_hint: status.wait_hint,
        process_id: None,
    });
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a later version of Windows asks is not implemented here either"
)]
fn meant(control: &ServiceControl) -> Control {
    match control {
        ServiceControl::Stop => Control::Stop,
        ServiceControl::Preshutdown => Control::Preshutdown,
        ServiceControl::Shutdown => Control::Shutdown,
        ServiceControl::ParamChange => Control::ParamChange,
        ServiceControl::Interrogate => Control::Interrogate,
        ServiceControl::UserEvent(code) => Control::User(code.to_raw()),
        _ => Control::Other,
    }
}

/// What Windows says.
pub(super) fn cause(error: windows_service::Error) -> io::Error {
    if let windows_service::Error::Winapi(cause) = error {
        cause
    } else {
        io::Error::other(error.to_string())
    }
}

/// More than a start or a reload of the worst configuration has to say.
const QUEUED: usize = 1_024;

/// The exit codes of the command line for what can only happen here.
const DEFECT: u8 = 70;
const OUT_OF_THREADS: u8 = 71;
