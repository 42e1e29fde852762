//! [`check`]: a configuration as start and reload judge it, of which nothing runs.

use std::path::Path;

use super::build::{Draft, Workshop, load_and_build};
use super::ca_guard::Stage;
use super::describe::describe;
use crate::config::problem::Problems;
use crate::model::Clock;

/// What `crmgate check` found.
#[derive(Debug)]
pub struct Check {
    /// Everything that is wrong or worth a word.
    pub problems: Problems,
    /// What would run, in an operator's words; empty if it would not.
    pub effective: Vec<String>,
}

/// Judges a configuration directory exactly as start and reload do, and opens no socket.
pub fn check(dir: &Path, clock: &Clock) -> Check {
    // What a reload would refuse is refused, whether or not a gateway runs.
    let workshop = Workshop::of_its_own(clock, Stage::Change);
    let Draft {
        snapshot, problems, ..
    } = load_and_build(dir, None, &workshop);
    let effective = snapshot.as_ref().map(describe).unwrap_or_default();
    Check {
        problems,
        effective,
    }
}
