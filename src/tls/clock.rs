//! [`ClockTime`]: the product's clock, as the TLS library asks for it.

use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::model::Clock;

/// Gives the TLS library the same time as everyone else, so that a moved clock moves it too.
#[derive(Debug)]
pub(super) struct ClockTime(pub(super) Clock);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().0).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
