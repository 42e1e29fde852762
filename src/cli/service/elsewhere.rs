//! Where the system has its own tools for services: each verb names them.

use super::InstallArgs;
use crate::cli::args::RunArgs;
use crate::cli::exit::Exit;
use crate::service::windows::ServiceError;

type Done = Result<Exit, ServiceError>;

pub(super) const fn install(_args: &InstallArgs) -> Done {
    Err(ServiceError::NotHere)
}

pub(super) const fn uninstall() -> Done {
    Err(ServiceError::NotHere)
}

pub(super) const fn start() -> Done {
    Err(ServiceError::NotHere)
}

pub(super) const fn stop() -> Done {
    Err(ServiceError::NotHere)
}

pub(super) const fn reload() -> Done {
    Err(ServiceError::NotHere)
}

pub(super) const fn status() -> Done {
    Err(ServiceError::NotHere)
}

pub(super) fn run(_args: RunArgs) -> Done {
    Err(ServiceError::NotHere)
}
