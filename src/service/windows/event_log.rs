//! The event log of Windows: writing to it, and the registration of its source.

use std::io;

use winsafe::guard::DeregisterEventSourceGuard;
use winsafe::{HEVENTLOG, HKEY, RegistryValue, co};

use super::NAME;
use super::events::{Entry, Mark};

/// The event log, or nothing where it cannot be had: the daemon serves without it.
pub(super) struct EventLog(Option<DeregisterEventSourceGuard>);

impl EventLog {
    /// Opens it. Without a registered source events are written all the same, and shown with a remark.
    pub(super) fn open() -> Self {
        Self(HEVENTLOG::RegisterEventSource(None, NAME).ok())
    }

    /// Writes an event.
    pub(super) fn write(&self, entry: &Entry) {
        let kind = match entry.mark {
            Mark::Information => co::EVENTLOG::INFORMATION_TYPE,
            Mark::Warning => co::EVENTLOG::WARNING_TYPE,
            Mark::Error => co::EVENTLOG::ERROR_TYPE,
        };
        if let Some(log) = &self.0 {
            let text = [entry.text.as_str()];
            // The log file has the same line; there is nobody else to tell.
            let _full = log.ReportEvent(kind, 0, entry.id.into(), None, &text, &[]);
        }
    }
}

/// Registers the source, with the texts of the system's own program for events of any source.
pub(super) fn register() -> io::Result<()> {
    let (key, _) = HKEY::LOCAL_MACHINE
        .RegCreateKeyEx(
            &key(),
            None,
            co::REG_OPTION::default(),
            co::KEY::SET_VALUE,
            None,
        )
        .map_err(cause)?;
    let values = [
        (
            "EventMessageFile",
            RegistryValue::ExpandSz(r"%SystemRoot%\System32\EventCreate.exe".to_owned()),
        ),
        ("TypesSupported", RegistryValue::Dword(ALL_TYPES)),
        ("CustomSource", RegistryValue::Dword(1)),
    ];
    for (name, value) in values {
        key.RegSetValueEx(Some(name), value).map_err(cause)?;
    }
    Ok(())
}

/// Takes the registration back; events that were written stay.
pub(super) fn unregister() -> io::Result<()> {
    match HKEY::LOCAL_MACHINE.RegDeleteKey(&key()) {
        Ok(()) => Ok(()),
        Err(error) if error == co::ERROR::FILE_NOT_FOUND => Ok(()),
        Err(error) => Err(cause(error)),
    }
}

fn key() -> String {
    format!(r"SYSTEM\CurrentControlSet\Services\EventLog\Application\{NAME}")
}

fn cause(error: co::ERROR) -> io::Error {
    io::Error::from_raw_os_error(i32::try_from(error.raw()).unwrap_or(i32::MAX))
}

/// Errors, warnings and information.
const ALL_TYPES: u32 = 7;
