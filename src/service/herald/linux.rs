//! systemd, and whoever speaks its protocol: datagrams to the socket that `NOTIFY_SOCKET` names.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;

use super::Word;

const SOCKET: &str = "NOTIFY_SOCKET";

/// Whether anybody asks to be told.
pub(super) fn is_there() -> bool {
    std::env::var_os(SOCKET).is_some()
}

/// Says these things in one message. Where nobody asks to be told, that is a success.
pub(in crate::service) fn tell(words: &[Word]) -> io::Result<()> {
    let Some(name) = std::env::var_os(SOCKET) else {
        return Ok(());
    };
    let mut message = String::new();
    for word in words {
        for state in states(word)? {
            let _infallible = writeln!(message, "{state}");
        }
    }
    let socket = UnixDatagram::unbound()?;
    // The caller has more to do than to wait for a manager that reads nothing.
    socket.set_write_timeout(Some(PATIENCE))?;
    let _all_or_nothing = socket.send_to_addr(message.as_bytes(), &address(&name)?)?;
    Ok(())
}

/// A manager that is alive takes a datagram at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// A file, or with `@` a name that is no file's, which the library does not know how to reach.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}

fn states(word: &Word) -> io::Result<Vec<NotifyState<'_>>> {
    Ok(match word {
        Word::Ready => vec![NotifyState::Ready],
        // From when on a later READY counts as the answer to a reload.
        Word::Reloading => vec![NotifyState::Reloading, NotifyState::monotonic_usec_now()?],
        Word::Stopping => vec![NotifyState::Stopping],
        Word::Extend(time) => {
            let microseconds = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
            vec![NotifyState::ExtendTimeoutUsec(microseconds)]
        }
        Word::SucceededBy(pid) => vec![NotifyState::MainPid(*pid)],
        Word::Status(text) => vec![NotifyState::Status(text)],
        Word::Alive => vec![NotifyState::Watchdog],
    })
}

/// How long the manager waits for a sign of life, if it waits for any.
pub(in crate::service) fn watchdog_limit() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}
