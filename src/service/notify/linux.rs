//! systemd, and whoever speaks its protocol: datagrams to the socket that `NOTIFY_SOCKET` names.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;

use super::Word;

/// Whether anybody asks to be told.
pub(super) fn is_there() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// Says these things in one message. Where nobody asks to be told, that is a success.
pub(in crate::service) fn tell(words: &[Word]) -> io::Result<()> {
    let mut states = Vec::new();
    for word in words {
        match word {
            Word::Ready => states.push(NotifyState::Ready),
            Word::Reloading => {
                states.push(NotifyState::Reloading);
                // From when on a later READY counts as the answer to a reload.
                states.push(NotifyState::monotonic_usec_now()?);
            }
            Word::Stopping => states.push(NotifyState::Stopping),
            Word::Extend(time) => {
                let most = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
                states.push(NotifyState::ExtendTimeoutUsec(most));
            }
            Word::Status(text) => states.push(NotifyState::Status(text)),
            Word::Alive => states.push(NotifyState::Watchdog),
        }
    }
    sd_notify::notify(&states)
}

/// How long the manager waits for a sign of life, if it waits for any.
pub(in crate::service) fn watchdog_limit() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}
