//! Systems whose service manager is told in other ways, or not at all.

use std::io;
use std::time::Duration;

use super::Word;

/// Whether anybody asks to be told.
pub(super) fn is_there() -> bool {
    false
}

/// Nobody asks to be told.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same function can fail where there is somebody to tell"
)]
pub(in crate::service) fn tell(_words: &[Word]) -> io::Result<()> {
    Ok(())
}

/// Nobody waits for a sign of life.
pub(in crate::service) fn watchdog_limit() -> Option<Duration> {
    None
}
