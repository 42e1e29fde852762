//! [`InForce`]: what a running gateway goes by, and what is to be said of it now.
//!
//! The ini files on the disk may be others by now, or wrong. What was said of those that were read is
//! kept with the attempt that put them in force. The files that they name are looked into again, since
//! a certificate or a list grows old by itself.

use super::build::{Workshop, build};
use super::ca_guard::Stage;
use super::viewer::{Attempt, Viewer};
use crate::config::problem::{Problem, Problems, Topic};
use crate::config::settings::Settings;
use crate::model::Generation;

/// What a running gateway goes by.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The generation.
    pub generation: Generation,
    /// Its settings, as they were read.
    pub settings: Settings,
    /// What is wrong or worth a word: in its ini files as they were read, and in the files that
    /// these name as they are now.
    pub problems: Problems,
}

impl Viewer {
    /// What is in force. Reads files, and changes nothing.
    pub fn in_force(&self) -> InForce {
        let face = self.face();
        let settings = face.snapshot.settings.clone();
        let generation = face.snapshot.generation;
        let by = |attempt: &&Attempt| attempt.generation == Some(generation);
        let published = face.history.iter().rev().find(by);
        let mut problems = Problems::new();
        for problem in published.into_iter().flat_map(|attempt| &attempt.problems) {
            if is_of_ini_files(problem) {
                problems.push(problem.clone());
            }
        }
        let workshop = Workshop::of_its_own(self.clock(), Stage::Change);
        let (_not_needed, found) = build(settings.clone(), None, &workshop);
        problems.extend(found);
        InForce {
            generation,
            settings,
            problems,
        }
    }
}

/// Whether it is about what the ini files say, and not about a file that they name.
fn is_of_ini_files(problem: &Problem) -> bool {
    matches!(problem.topic, Topic::Settings | Topic::Timeouts)
}
