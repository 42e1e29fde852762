//! [`SystemdError`]: why something with the service was not carried out, and what to do.

use std::io;
use std::path::PathBuf;

use super::{NAME, UNIT};

/// Why something with the service was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum SystemdError {
    /// Another service manager, or none, as in a container.
    #[error("this machine was not started by systemd")]
    NotHere,
    /// It is for root, or for whom polkit lets do it.
    #[error("{doing} is for root")]
    NotAllowed {
        /// What was tried.
        doing: &'static str,
    },
    /// There is no unit.
    #[error("no unit \"{UNIT}\" is installed")]
    NotInstalled,
    /// It does not run, so there is nobody to hear it.
    #[error("the service \"{NAME}\" does not run")]
    NotRunning,
    /// Its condition holds it back.
    #[error("the service \"{NAME}\" waits: there is no configuration of a SAP system yet")]
    Waiting,
    /// It came to its end instead of serving.
    #[error("the service \"{NAME}\" ended with exit code {0} instead of serving")]
    Ended(u8),
    /// It is kept from being started by anybody.
    #[error("the unit \"{UNIT}\" is masked")]
    Masked,
    /// The unit came with a package.
    #[error("the unit \"{}\" came with a package", .0.display())]
    Packaged(PathBuf),
    /// The unit is somebody else's.
    #[error("the unit \"{}\" was not written by crmgate service install", .0.display())]
    Foreign(PathBuf),
    /// A unit with few rights does not see everything.
    #[error("{what} \"{}\" lies where the service cannot see it", path.display())]
    OutOfSight {
        /// What of ours.
        what: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// A new process was started and has not taken over.
    #[error("the upgrade has failed, and process {0} goes on as before")]
    NotUpgraded(u32),
    /// A file cannot be read or written.
    #[error("\"{}\" cannot be {done}: {cause}", path.display())]
    File {
        /// What was tried with it.
        done: &'static str,
        /// Which one.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Anything else.
    #[error("{doing} failed: {said}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system's program says.
        said: String,
    },
}

impl SystemdError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotHere => {
                "have the service manager of this machine start crmgate run; it stays in the \
                 foreground, HUP reloads, TERM stops and USR2 upgrades it"
            }
            Self::NotAllowed { .. } => "say it again with sudo",
            Self::NotInstalled => {
                "install it: crmgate service install, or the package of this system"
            }
            Self::NotRunning => "start it: crmgate service start",
            Self::Waiting => {
                "describe one in a file such as CRMConnectorSAP_SAP1.ini in the configuration \
                 directory, then: crmgate check && crmgate service start"
            }
            Self::Ended(_) => {
                "see why: journalctl -u crmgate -n 30; crmgate check says what is wrong in the \
                 configuration"
            }
            Self::Masked => {
                "take the mask off, which a removed package may have left: systemctl unmask \
                 crmgate.service"
            }
            Self::Packaged(_) => {
                "remove the package: apt remove crmgate, dnf remove crmgate or zypper remove crmgate"
            }
            Self::Foreign(_) => "move it away if it is of no use any more, then say it again",
            Self::OutOfSight { .. } => {
                "homes and folders of temporary files are closed to it: put the program into \
                 /usr/local/bin and the configuration into /etc/crmgate"
            }
            Self::NotUpgraded(_) => "see why: journalctl -u crmgate -n 30; then say it again",
            Self::File { .. } => "see who may write there, and whether the disk is full",
            Self::System { .. } => "systemctl status crmgate and journalctl -u crmgate say more",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_with_what_it_is_about_and_what_to_do() {
        let path = || PathBuf::from("/somewhere/file");
        let told = [
            (
                SystemdError::NotHere,
                "this machine was not started by systemd",
            ),
            (
                SystemdError::NotAllowed {
                    doing: "stopping the service",
                },
                "stopping the service is for root",
            ),
            (
                SystemdError::NotInstalled,
                "no unit \"crmgate.service\" is installed",
            ),
            (
                SystemdError::NotRunning,
                "the service \"crmgate\" does not run",
            ),
            (
                SystemdError::Waiting,
                "the service \"crmgate\" waits: there is no configuration of a SAP system yet",
            ),
            (
                SystemdError::Ended(78),
                "the service \"crmgate\" ended with exit code 78 instead of serving",
            ),
            (
                SystemdError::Masked,
                "the unit \"crmgate.service\" is masked",
            ),
            (
                SystemdError::Packaged(path()),
                "the unit \"/somewhere/file\" came with a package",
            ),
            (
                SystemdError::Foreign(path()),
                "the unit \"/somewhere/file\" was not written by crmgate service install",
            ),
            (
                SystemdError::OutOfSight {
                    what: "the program",
                    path: path(),
                },
                "the program \"/somewhere/file\" lies where the service cannot see it",
            ),
            (
                SystemdError::NotUpgraded(7),
                "the upgrade has failed, and process 7 goes on as before",
            ),
            (
                SystemdError::File {
                    done: "written",
                    path: path(),
                    cause: io::ErrorKind::StorageFull.into(),
                },
                "\"/somewhere/file\" cannot be written: no storage space",
            ),
            (
                SystemdError::System {
                    doing: "starting the service",
                    said: "Job failed.".to_owned(),
                },
                "starting the service failed: Job failed.",
            ),
        ];
        for (error, text) in told {
            assert_eq!(error.to_string(), text);
            assert!(!error.hint().is_empty());
        }
    }
}
