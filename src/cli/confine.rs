//! [`confine`]: the daemon gives up what its settings do not ask for, or does not start.

use std::path::Path;

use super::exit::Exit;
use crate::config::Settings;
use crate::service::sandbox::{self, Entered};
use crate::service::{Host, Predecessor};

/// Gives up what the settings do not ask for. To be called before there is another thread.
pub(super) fn confine(
    dir: &Path,
    settings: &Settings,
    predecessor: Option<&Predecessor>,
    host: &mut Host,
) -> Result<Entered, Exit> {
    let bequest = predecessor.and_then(Predecessor::sandbox);
    sandbox::enter(dir, settings, bequest).map_err(|error| {
        host.herald.status(&error.to_string());
        host.complain(format!("crmgate: {error}\n  hint: {}", error.hint()));
        Exit::Config
    })
}
