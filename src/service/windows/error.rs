//! [`ServiceError`]: why something with the service was not carried out, and what to do.

use std::io;
use std::path::PathBuf;

use super::NAME;

/// Why something with the service was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The service control manager, or a file, is for administrators.
    #[error("{doing} is for administrators")]
    NotAllowed {
        /// What was tried.
        doing: &'static str,
    },
    /// It is not installed.
    #[error("no service \"{NAME}\" is installed")]
    NotInstalled,
    /// It does not run, so there is nobody to hear it.
    #[error("the service \"{NAME}\" does not run")]
    NotRunning,
    /// It is on its way to another state.
    #[error("the service \"{NAME}\" takes no orders at the moment: it starts or stops")]
    Busy,
    /// It was removed, and somebody still looks at it.
    #[error("the service \"{NAME}\" is marked for removal and still open somewhere")]
    GoingAway,
    /// Its start was switched off.
    #[error("the service \"{NAME}\" is disabled")]
    Disabled,
    /// There is no such account.
    #[error("there is no account \"{0}\" that a service could run as")]
    NoAccount(String),
    /// The account may not log on as a service, or its password is wrong.
    #[error("the account of the service cannot log on")]
    Logon,
    /// It came to its end instead of serving.
    #[error("the service \"{NAME}\" ended with exit code {0} instead of serving")]
    Ended(u32),
    /// It does not get on.
    #[error("the service \"{NAME}\" has neither started nor ended, and tells no progress any more")]
    Stuck,
    /// Only the service control manager can do this.
    #[error("a service is started by the service control manager and not in a console")]
    NoManager,
    /// A folder could not be made.
    #[error("the folder \"{}\" cannot be made: {cause}", path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A folder could not be closed to other users, so nothing was installed.
    #[error("the folder \"{}\" cannot be closed to other users: {said}", path.display())]
    Open {
        /// Which one.
        path: PathBuf,
        /// What the program for access lists says, or who is still let in.
        said: String,
    },
    /// Anything else.
    #[error("{doing} failed: {cause}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system says.
        cause: io::Error,
    },
}

impl ServiceError {
    /// What a number of Windows means for what was tried.
    pub fn of_system(doing: &'static str, cause: io::Error) -> Self {
        match cause.raw_os_error() {
            Some(5) => Self::NotAllowed { doing },
            Some(1058) => Self::Disabled,
            Some(1060) => Self::NotInstalled,
            Some(1061) => Self::Busy,
            Some(1062) => Self::NotRunning,
            Some(1063) => Self::NoManager,
            Some(1069) => Self::Logon,
            Some(1072) => Self::GoingAway,
            _ => Self::System { doing, cause },
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotAllowed { .. } => {
                "run it in a console that was opened as administrator".to_owned()
            }
            Self::NotInstalled => "install it: crmgate service install".to_owned(),
            Self::NotRunning => "start it: crmgate service start".to_owned(),
            Self::Busy => "wait until crmgate service status says running or stopped".to_owned(),
            Self::GoingAway => {
                "close the window of services and the task manager, then try again; at the latest \
                 it is gone after a restart of the machine"
                    .to_owned()
            }
            Self::Disabled => {
                "let it start again: crmgate service install sets the start to automatic".to_owned()
            }
            Self::NoAccount(_) => {
                "write DOMAIN\\name, name@domain, LocalService, NetworkService or LocalSystem; or \
                 leave --account out for an account of the service's own"
                    .to_owned()
            }
            Self::Logon => {
                "give the account the right to log on as a service, and its password with \
                 --password-file"
                    .to_owned()
            }
            Self::Ended(_) => {
                "see what it wrote to its log and to the event log under Application, source \
                 crmgate; crmgate check says what is wrong in the configuration"
                    .to_owned()
            }
            Self::Stuck => "see its log; then crmgate service stop, or end its process".to_owned(),
            Self::NoManager => {
                "in a console run: crmgate run; as a service: crmgate service start".to_owned()
            }
            Self::Folder { .. } => {
                "name a folder on a disk of this machine with --config".to_owned()
            }
            Self::Open { .. } => {
                "nothing was installed: the keys would be open to others; use a folder on a disk \
                 with NTFS, and see what holds files in it"
                    .to_owned()
            }
            Self::System { .. } => {
                "see what the number means with net helpmsg, and try again".to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(number: i32) -> ServiceError {
        ServiceError::of_system("stopping it", io::Error::from_raw_os_error(number))
    }

    #[test]
    fn the_numbers_of_windows_become_what_an_administrator_can_act_on() {
        let told = [
            (5, "stopping it is for administrators"),
            (1058, "the service \"crmgate\" is disabled"),
            (1060, "no service \"crmgate\" is installed"),
            (
                1061,
                "the service \"crmgate\" takes no orders at the moment: it starts or stops",
            ),
            (1062, "the service \"crmgate\" does not run"),
            (
                1063,
                "a service is started by the service control manager and not in a console",
            ),
            (1069, "the account of the service cannot log on"),
            (
                1072,
                "the service \"crmgate\" is marked for removal and still open somewhere",
            ),
        ];
        for (number, text) in told {
            assert_eq!(of(number).to_string(), text);
        }
        assert!(of(1).to_string().starts_with("stopping it failed: "));
    }

    #[test]
    fn whatever_else_goes_wrong_is_told_with_what_it_is_about() {
        let cause = || io::Error::other("the system said no");
        let path = || PathBuf::from("data");
        let told = [
            (
                ServiceError::NoAccount("gw".to_owned()),
                "there is no account \"gw\" that a service could run as",
            ),
            (
                ServiceError::Ended(78),
                "the service \"crmgate\" ended with exit code 78 instead of serving",
            ),
            (
                ServiceError::Stuck,
                "the service \"crmgate\" has neither started nor ended, and tells no progress any more",
            ),
            (
                ServiceError::Folder {
                    path: path(),
                    cause: cause(),
                },
                "the folder \"data\" cannot be made: the system said no",
            ),
            (
                ServiceError::Open {
                    path: path(),
                    said: "Users can get in".to_owned(),
                },
                "the folder \"data\" cannot be closed to other users: Users can get in",
            ),
        ];
        for (error, text) in told {
            assert_eq!(error.to_string(), text);
            assert!(!error.hint().is_empty());
        }
    }
}
