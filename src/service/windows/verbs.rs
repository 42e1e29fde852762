//! The verbs of `crmgate service`, carried out by the service control manager.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::thread;
use std::time::Duration;

use tokio::time::Instant;
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceExitCode,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceSidType,
    ServiceStartType, ServiceState, ServiceStatus, ServiceType, UserEventCode,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::error::ServiceError;
use super::icacls::{self, Seen};
use super::installation::{
    DESCRIPTION, DISPLAY_NAME, Installation, RECOVERY, RECOVERY_RESET, is_open_to_others,
};
use super::live::cause;
use super::{NAME, event_log, protocol};

/// What came of an installation.
#[derive(Debug)]
pub struct Installed {
    /// Whether it was there before and was brought up to date.
    pub was_there: bool,
    /// What the system would not do, with what follows and what to do.
    pub warnings: Vec<String>,
}

/// How the service stands.
#[derive(Debug)]
pub struct Standing {
    /// In a word.
    pub state: &'static str,
    /// Whether it serves.
    pub is_running: bool,
    /// Its process, if it runs.
    pub process: Option<u32>,
    /// What it ended with, if it did.
    pub exit_code: Option<u32>,
    /// Who it runs as.
    pub account: String,
    /// How it is started.
    pub command_line: String,
    /// When it is started.
    pub start: &'static str,
    /// What somebody should know about how it is installed.
    pub warnings: Vec<String>,
}

/// Registers the service, makes its folders and lets nobody else into them. One that is there is
/// brought up to date.
pub fn install(installation: &Installation) -> Result<Installed, ServiceError> {
    let manager = manager(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?;
    let mut warnings = Vec::new();
    // First of all: a service whose keys are open to others is worse than none.
    if icacls::make(installation)? == Seen::Unknown {
        warnings.push(format!(
            "it cannot be found out who may read \"{}\"; see its properties under Security",
            installation.config.display()
        ));
    }
    let info = info(installation);
    let no_account = |error: windows_service::Error, doing| {
        let cause = cause(error);
        if cause.raw_os_error() == Some(NO_SUCH_ACCOUNT) {
            ServiceError::NoAccount(installation.account.name.clone())
        } else {
            ServiceError::of_system(doing, cause)
        }
    };
    let (service, was_there) = match manager.open_service(NAME, ServiceAccess::ALL_ACCESS) {
        Ok(service) => {
            let changed = service.change_config(&info);
            changed.map_err(|error| no_account(error, "changing the service"))?;
            (service, true)
        }
        Err(_not_there) => {
            let made = manager.create_service(&info, ServiceAccess::ALL_ACCESS);
            let made = made.map_err(|error| no_account(error, "making the service"))?;
            (made, false)
        }
    };
    warnings.extend(describe(&service, installation));
    icacls::let_in(installation)?;
    if let Err(cause) = event_log::register() {
        warnings.push(format!(
            "the source of the event log cannot be registered: {cause}; events are written and shown \
             with a remark"
        ));
    }
    Ok(Installed {
        was_there,
        warnings,
    })
}

/// Stops the service and removes it with its source in the event log. Folders and files stay. `false`
/// if there was none.
pub fn uninstall() -> Result<bool, ServiceError> {
    let service = match opened(ServiceAccess::ALL_ACCESS, "removing the service") {
        Ok(service) => service,
        Err(ServiceError::NotInstalled) => {
            take_back_source()?;
            return Ok(false);
        }
        Err(other) => return Err(other),
    };
    match stop_and_wait(&service) {
        Ok(_) | Err(ServiceError::Ended(_)) => {}
        Err(other) => return Err(other),
    }
    let deleted = service.delete();
    deleted.map_err(|error| ServiceError::of_system("removing the service", cause(error)))?;
    take_back_source()?;
    Ok(true)
}

fn take_back_source() -> Result<(), ServiceError> {
    event_log::unregister()
        .map_err(|cause| ServiceError::of_system("removing the source of the event log", cause))
}

/// Starts the service, and waits until it serves or has ended. `false` if it ran already.
pub fn start() -> Result<bool, ServiceError> {
    let doing = "starting the service";
    let service = opened(ServiceAccess::START | ServiceAccess::QUERY_STATUS, doing)?;
    let nothing: [&OsStr; 0] = [];
    match service.start(&nothing).map_err(cause) {
        Ok(()) => {}
        Err(cause) if cause.raw_os_error() == Some(RUNS_ALREADY) => return Ok(false),
        Err(cause) => return Err(ServiceError::of_system(doing, cause)),
    }
    let status = wait_for(&service, ServiceState::Running)?;
    if status.current_state == ServiceState::Running {
        return Ok(true);
    }
    Err(ServiceError::Ended(exit_code(&status).unwrap_or_default()))
}

/// Stops the service, and waits until what was in flight has finished. `false` if it did not run.
pub fn stop() -> Result<bool, ServiceError> {
    let service = opened(
        ServiceAccess::STOP | ServiceAccess::QUERY_STATUS,
        "stopping the service",
    )?;
    stop_and_wait(&service)
}

fn stop_and_wait(service: &Service) -> Result<bool, ServiceError> {
    match service.stop().map_err(cause) {
        Ok(_) => {}
        Err(cause) if cause.raw_os_error() == Some(RUNS_NOT) => return Ok(false),
        // It is on its way already, and ends as well if one waits.
        Err(cause) if cause.raw_os_error() == Some(TAKES_NO_CONTROLS) => {}
        Err(cause) => return Err(ServiceError::of_system("stopping the service", cause)),
    }
    wait_for(service, ServiceState::Stopped)?;
    Ok(true)
}

/// Has the service read its configuration and certificates again.
pub fn reload() -> Result<(), ServiceError> {
    let doing = "reloading the service";
    let service = opened(ServiceAccess::USER_DEFINED_CONTROL, doing)?;
    let code = UserEventCode::from_raw(protocol::RELOAD);
    let code = code.map_err(|error| ServiceError::System {
        doing,
        cause: io::Error::other(error.to_string()),
    })?;
    let told = service.notify(code);
    told.map(drop)
        .map_err(|error| ServiceError::of_system(doing, cause(error)))
}

/// How the service stands.
pub fn status() -> Result<Standing, ServiceError> {
    let doing = "looking at the service";
    let service = opened(
        ServiceAccess::QUERY_STATUS | ServiceAccess::QUERY_CONFIG,
        doing,
    )?;
    let failed = |error| ServiceError::of_system(doing, cause(error));
    let status = service.query_status().map_err(failed)?;
    let config = service.query_config().map_err(failed)?;
    let command_line = config.executable_path.display().to_string();
    let mut warnings = Vec::new();
    if is_open_to_others(&command_line) {
        warnings.push(
            "the path of the program has blanks and no quotes, so Windows may start another program \
             in its place; crmgate service install mends it"
                .to_owned(),
        );
    }
    let account = config.account_name.unwrap_or_default();
    Ok(Standing {
        state: named(status.current_state),
        is_running: status.current_state == ServiceState::Running,
        process: status.process_id,
        exit_code: exit_code(&status),
        account: account.to_string_lossy().into_owned(),
        command_line,
        start: match config.start_type {
            ServiceStartType::AutoStart => "with the machine",
            ServiceStartType::OnDemand => "on demand",
            ServiceStartType::Disabled => "never: it is disabled",
            ServiceStartType::SystemStart | ServiceStartType::BootStart => "as a driver",
        },
        warnings,
    })
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crmgate is {}", self.state)?;
        if let Some(process) = self.process.filter(|process| *process != 0) {
            write!(f, " (process {process})")?;
        }
        if let Some(code) = self.exit_code.filter(|code| *code != 0) {
            write!(f, "\n  ended   : with exit code {code}")?;
        }
        write!(f, "\n  starts  : {}", self.start)?;
        write!(f, "\n  account : {}", self.account)?;
        write!(f, "\n  program : {}", self.command_line)?;
        for warning in &self.warnings {
            write!(f, "\n  warning : {warning}")?;
        }
        Ok(())
    }
}

fn info(installation: &Installation) -> ServiceInfo {
    let account = &installation.account;
    let is_system = account.name == "LocalSystem";
    ServiceInfo {
        name: OsString::from(NAME),
        display_name: OsString::from(DISPLAY_NAME),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: installation.program.clone(),
        launch_arguments: installation.arguments(),
        dependencies: Vec::new(),
        account_name: (!is_system).then(|| OsString::from(&account.name)),
        account_password: account.password.clone(),
    }
}

/// What goes beyond the registration. None of it is needed to serve, and some versions of Windows know
/// less of it, so what is refused becomes a warning.
fn describe(service: &Service, installation: &Installation) -> Vec<String> {
    let restarts = RECOVERY.map(|delay| (ServiceActionType::Restart, delay));
    let actions = restarts
        .into_iter()
        .chain([(ServiceActionType::None, Duration::ZERO)]);
    let actions = actions.map(|(action_type, delay)| ServiceAction { action_type, delay });
    let recovery = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(RECOVERY_RESET),
        reboot_msg: None,
        command: None,
        actions: Some(actions.collect()),
    };
    let tried = [
        (
            "its description",
            service.set_description(DESCRIPTION),
            "it is shown without one",
        ),
        (
            "the actions after a failure",
            service.update_failure_actions(recovery),
            "set them in the window of services, under Recovery",
        ),
        (
            "these actions after an exit code as well",
            service.set_failure_actions_on_non_crash_failures(true),
            "it is started again after a crash only; set it under Recovery",
        ),
        (
            "the delayed start",
            service.set_delayed_auto_start(true),
            "it starts with the first services; where the network is late then, set it to delayed",
        ),
        (
            "the time for a stop of the machine",
            service.set_preshutdown_timeout(installation.stop),
            "when the machine goes down, what is in flight may be cut",
        ),
        (
            "the number of its own for access lists",
            service.set_config_service_sid_info(ServiceSidType::Unrestricted),
            "let its account into the folders by hand: crmgate service status names it",
        ),
    ];
    let refused = tried.into_iter().filter_map(|(what, done, remedy)| {
        let cause = cause(done.err()?);
        Some(format!("Windows refuses {what}: {cause}; {remedy}"))
    });
    refused.collect()
}

/// Waits as long as it tells that it goes on.
fn wait_for(service: &Service, wanted: ServiceState) -> Result<ServiceStatus, ServiceError> {
    let mut seen = (ServiceState::Stopped, 0);
    let mut patience_ends = Instant::now() + STUCK;
    loop {
        let status = service.query_status();
        let status = status
            .map_err(|error| ServiceError::of_system("looking at the service", cause(error)))?;
        let state = status.current_state;
        if state == wanted || state == ServiceState::Stopped {
            return Ok(status);
        }
        let now = Instant::now();
        if seen != (state, status.checkpoint) {
            seen = (state, status.checkpoint);
            patience_ends = now + STUCK.max(status.wait_hint);
        } else if now >= patience_ends {
            return Err(ServiceError::Stuck);
        }
        // A command that waits has nothing else to do.
        thread::park_timeout(LOOK);
    }
}

fn manager(access: ServiceManagerAccess) -> Result<ServiceManager, ServiceError> {
    ServiceManager::local_computer(None::<&str>, access).map_err(|error| {
        ServiceError::of_system("speaking with the service control manager", cause(error))
    })
}

fn opened(access: ServiceAccess, doing: &'static str) -> Result<Service, ServiceError> {
    let service = manager(ServiceManagerAccess::CONNECT)?.open_service(NAME, access);
    service.map_err(|error| ServiceError::of_system(doing, cause(error)))
}

fn exit_code(status: &ServiceStatus) -> Option<u32> {
    if status.current_state != ServiceState::Stopped {
        return None;
    }
    match status.exit_code {
        // It has not been started since the machine was.
        ServiceExitCode::Win32(NEVER_STARTED) => None,
        ServiceExitCode::Win32(code) | ServiceExitCode::ServiceSpecific(code) => Some(code),
    }
}

const fn named(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Stopped => "stopped",
        ServiceState::StartPending => "starting",
        ServiceState::StopPending => "stopping: it lets finish what is in flight",
        ServiceState::Running => "running",
        ServiceState::ContinuePending | ServiceState::PausePending | ServiceState::Paused => {
            "paused"
        }
    }
}

/// How often a command that waits looks.
const LOOK: Duration = Duration::from_millis(100);

/// Without a new checkpoint for so long it hangs.
const STUCK: Duration = Duration::from_secs(30);

const RUNS_ALREADY: i32 = 1056;
const NO_SUCH_ACCOUNT: i32 = 1057;
const TAKES_NO_CONTROLS: i32 = 1061;
const RUNS_NOT: i32 = 1062;
const NEVER_STARTED: u32 = 1077;
