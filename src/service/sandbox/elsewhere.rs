//! Systems on which a process cannot confine itself by safe means.

use std::path::Path;

use super::Taken;
use crate::config::Settings;
use crate::config::sandbox::Root;

/// Nothing, since nobody asks.
pub(super) fn asked_for(_dir: &Path, _settings: &Settings) -> Vec<Root> {
    Vec::new()
}

/// Takes nothing.
pub(super) fn confine(_roots: &[Root]) -> Taken {
    Taken {
        refusals: vec!["only Linux has Landlock and seccomp".to_owned()],
        ..Taken::default()
    }
}
