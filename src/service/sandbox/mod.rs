//! What the daemon gives up of its own accord, before it lets anybody in.
//!
//! Once it has read its configuration it knows what it needs: to read what that names, to write its log
//! and its state, to connect and to listen. The rest is handed back to the kernel: by Landlock, which
//! confines files and signals, and by a filter of system calls. Both hold for every thread and every
//! process that it starts, and until its end: neither a reload nor an upgrade can widen them.
//!
//! | file | what it gives |
//! |---|---|
//! | `wants` | what has to stay in reach, from the settings; pure |
//! | `links` | where that really is |
//! | `linux` | the kernel is asked |
//! | `elsewhere` | systems that have no such thing |
//!
//! What is in force is noted in [`crate::config::sandbox`], for whoever has to say why a file cannot be
//! read. What is not here: what the service manager keeps from the daemon (`service/linux/`).

#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod way;
#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod way;

#[cfg(target_os = "linux")]
mod links;
#[cfg(target_os = "linux")]
mod wants;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::config::Settings;
use crate::config::sandbox::{Rights, Root, Sandbox};
use crate::config::settings::SandboxMode;
use crate::model::Confinement;

/// What a process is confined to, for the one that takes its place: that is confined by birth, and the
/// kernel would not tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bequest {
    #[serde(default)]
    landlock: u8,
    #[serde(default)]
    seccomp: bool,
    home: PathBuf,
    #[serde(default)]
    roots: Vec<WrittenRoot>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WrittenRoot {
    path: PathBuf,
    device: u64,
    number: u64,
    rights: WrittenRights,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenRights {
    Read,
    Run,
    Write,
}

/// What the kernel has taken, and why not the rest.
#[derive(Debug, Default)]
struct Taken {
    confinement: Confinement,
    refusals: Vec<String>,
}

/// What came of it, to be told once there is a log.
#[derive(Debug)]
#[must_use]
pub struct Entered {
    confinement: Confinement,
    refusals: Vec<String>,
    /// Of a process that was confined by birth: what it asks for and cannot have.
    missing: Vec<PathBuf>,
    is_by_birth: bool,
    is_wanted: bool,
}

/// Why the daemon does not start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// `Sandbox=require`, and there is no whole one.
    #[error("Sandbox=require in [Runtime] of \"{file}\" cannot be met: {why}")]
    Lacking {
        /// The file that asks for it.
        file: String,
        /// What is missing.
        why: String,
    },
}

impl SandboxError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Lacking { .. } => {
                "run a kernel of 5.13 or later that has landlock in its lsm= list, and a container or \
                 service manager that permits landlock_* and seccomp; or write Sandbox=auto"
            }
        }
    }
}

/// Gives up what the settings do not ask for. To be called once and before there are other threads, for
/// those that are there already would stay as they are.
pub fn enter(
    dir: &Path,
    settings: &Settings,
    bequest: Option<&Bequest>,
) -> Result<Entered, SandboxError> {
    let mode = settings.runtime.sandbox;
    let mut entered = Entered {
        confinement: Confinement::default(),
        refusals: Vec::new(),
        missing: Vec::new(),
        is_by_birth: bequest.is_some(),
        is_wanted: mode != SandboxMode::Off,
    };
    if let Some(bequest) = bequest {
        let sandbox = bequest.read();
        entered.confinement = sandbox.confinement;
        let asked = way::asked_for(dir, settings).into_iter();
        let missing = asked.filter(|root| !sandbox.reaches(&root.path, root.rights));
        entered.missing = missing.map(|root| root.path).collect();
        entered.missing.dedup();
        sandbox.note();
    } else if entered.is_wanted {
        let roots = way::asked_for(dir, settings);
        let Taken {
            confinement,
            refusals,
        } = way::confine(&roots);
        entered.confinement = confinement;
        entered.refusals = refusals;
        if confinement != Confinement::default() {
            let sandbox = Sandbox {
                confinement,
                home: dir.to_owned(),
                roots,
            };
            sandbox.note();
        }
    }
    let Confinement { landlock, seccomp } = entered.confinement;
    if mode == SandboxMode::Require && (landlock == 0 || !seccomp) {
        return Err(SandboxError::Lacking {
            file: dir.join("crmgate.ini").display().to_string(),
            why: entered.why(),
        });
    }
    Ok(entered)
}

impl Entered {
    fn why(&self) -> String {
        if self.refusals.is_empty() {
            "the process whose place this one takes has less, and hands on what it has".to_owned()
        } else {
            self.refusals.join("; ")
        }
    }

    /// Says what is in force and what is not.
    pub fn tell(&self) {
        let Confinement { landlock, seccomp } = self.confinement;
        let gaps = self.confinement.gaps().join(", ");
        match (self.confinement.word(), self.is_wanted) {
            ("on", _) => info!(
                landlock,
                seccomp,
                "the sandbox is in force: this process reaches what its configuration names, and nothing else"
            ),
            ("partial", _) => info!(
                landlock,
                seccomp,
                gaps,
                why = self.refusals.join("; "),
                "the sandbox is in force, but for some gaps: a later kernel closes them"
            ),
            (_, true) => info!(
                why = self.why(),
                "there is no sandbox: nothing but the account's rights confines this process"
            ),
            (_, false) => {}
        }
        if self.is_by_birth && !self.is_wanted {
            warn!(
                "Sandbox=off has no effect after an upgrade: this process is confined as the one before it was; restart crmgate"
            );
        }
        if !self.missing.is_empty() {
            warn!(
                missing = ?self.missing,
                "this process is confined as the one before it was, and its configuration asks for more than that: what is named here cannot be reached; restart crmgate"
            );
        }
    }
}

impl Bequest {
    /// What this process hands on, if it is confined.
    #[cfg(unix)]
    pub(super) fn of_this_process() -> Option<Self> {
        Sandbox::in_force().map(Self::of)
    }

    #[cfg(any(unix, test))]
    fn of(sandbox: &Sandbox) -> Self {
        let roots = sandbox.roots.iter().map(|root| WrittenRoot {
            path: root.path.clone(),
            device: root.id.0,
            number: root.id.1,
            rights: match root.rights {
                Rights::Read => WrittenRights::Read,
                Rights::Run => WrittenRights::Run,
                Rights::Write => WrittenRights::Write,
            },
        });
        Self {
            landlock: sandbox.confinement.landlock,
            seccomp: sandbox.confinement.seccomp,
            home: sandbox.home.clone(),
            roots: roots.collect(),
        }
    }

    fn read(&self) -> Sandbox {
        let roots = self.roots.iter().map(|root| Root {
            path: root.path.clone(),
            id: (root.device, root.number),
            rights: match root.rights {
                WrittenRights::Read => Rights::Read,
                WrittenRights::Run => Rights::Run,
                WrittenRights::Write => Rights::Write,
            },
        });
        Sandbox {
            confinement: Confinement {
                landlock: self.landlock,
                seccomp: self.seccomp,
            },
            home: self.home.clone(),
            roots: roots.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
