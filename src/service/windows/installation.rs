//! [`Installation`]: what `service install` asks for, worked out before anything is touched.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::NAME;

/// How the service is called in lists.
pub const DISPLAY_NAME: &str = "crmgate, gateway between SAP CRM and the connector";

/// What it says below its name.
pub const DESCRIPTION: &str = "Takes requests of SAP CRM by mutual TLS to the connector installation \
     that is alive, and the connector's events back to SAP CRM.";

/// After a crash or an exit code other than 0: wait so long, then start again. After these it stays
/// down until somebody looks, since what has failed four times in two minutes is the configuration.
pub const RECOVERY: [Duration; 3] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(1),
];

/// Failures are forgotten after a day without one.
pub const RECOVERY_RESET: Duration = Duration::from_hours(24);

/// What a stop takes besides the drain.
const CLEARING_UP: Duration = Duration::from_secs(15);

/// Where no configuration says how long a drain takes: its default and more.
pub const DRAIN_UNKNOWN: Duration = Duration::from_mins(1);

/// Who the service runs as.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name, as the service control manager wants it.
    pub name: String,
    /// Only for an account of a person; those of the system and managed ones have none.
    pub password: Option<OsString>,
}

impl Account {
    /// An account of its own that Windows makes for the service and that nobody can log on with.
    pub fn of_the_service() -> Self {
        Self {
            name: format!(r"NT SERVICE\{NAME}"),
            password: None,
        }
    }

    /// As an administrator wrote it: a name without a domain is one of this machine, unless it is one
    /// of the three that Windows has.
    pub fn named(written: &str, password: Option<OsString>) -> Self {
        let known = [
            ("LocalSystem", "LocalSystem"),
            ("LocalService", r"NT AUTHORITY\LocalService"),
            ("NetworkService", r"NT AUTHORITY\NetworkService"),
        ];
        let system = known
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(written));
        let name = match system {
            Some((_, name)) => (*name).to_owned(),
            None if written.contains(['\\', '@']) => written.to_owned(),
            None => format!(r".\{written}"),
        };
        Self { name, password }
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What is to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The program; the one that installs.
    pub program: PathBuf,
    /// The configuration directory, with the whole path: a service begins in a folder of the system.
    pub config: PathBuf,
    /// Who it runs as.
    pub account: Account,
    /// How long it may take to stop when the machine goes down.
    pub stop: Duration,
}

impl Installation {
    /// What is to be installed for a configuration that drains for so long at the most.
    pub fn new(program: PathBuf, config: PathBuf, account: Account, drain: Duration) -> Self {
        Self {
            program,
            config,
            account,
            stop: drain.saturating_add(CLEARING_UP),
        }
    }

    /// What follows the program in its command line.
    pub fn arguments(&self) -> Vec<OsString> {
        let fixed = ["service", "run", "--config"];
        let fixed = fixed.into_iter().map(OsString::from);
        fixed.chain([self.config.clone().into()]).collect()
    }

    /// The folders, the outermost first, each with what the service may do there.
    pub fn folders(&self) -> [(PathBuf, Right); 4] {
        let inner = |name: &str| self.config.join(name);
        [
            (self.config.clone(), Right::Read),
            (inner("ssl"), Right::Read),
            (inner("logs"), Right::Write),
            (inner("state"), Right::Write),
        ]
    }
}

/// What the service may do in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Read what is there.
    Read,
    /// Make, change and delete files too.
    Write,
}

/// What `icacls.exe` is called with to make administrators the owner of a folder and of all in it.
///
/// Everybody may make folders in the one above, so this one may have been made by somebody to keep his
/// rights in it, and an owner may always change the list.
pub fn owned(folder: &Path) -> Vec<OsString> {
    call(folder, &["/setowner", ADMINISTRATORS, "/t", "/l", "/q"])
}

/// What `icacls.exe` is called with, one call after the other, so that the system and administrators
/// have everything in a folder and below it, and nobody else has anything. For a folder that is not
/// closed: on the way its list is for a moment that of the one above.
pub fn closed(folder: &Path) -> [Vec<OsString>; 2] {
    let everything = |who: &str| format!("{who}:(OI)(CI)F");
    [
        // What was granted in particular would outlive the end of the inheritance.
        call(folder, &["/reset", "/t", "/l", "/q"]),
        call(
            folder,
            &[
                "/inheritance:r",
                "/grant:r",
                &everything(SYSTEM),
                &everything(ADMINISTRATORS),
                "/q",
            ],
        ),
    ]
}

fn call(folder: &Path, words: &[&str]) -> Vec<OsString> {
    let words = words.iter().map(OsString::from);
    [folder.into()].into_iter().chain(words).collect()
}

/// What `icacls.exe` is called with to let the service in, once Windows knows it.
pub fn opened(folder: &Path, right: Right) -> Vec<OsString> {
    let right = match right {
        Right::Read => "RX",
        Right::Write => "M",
    };
    let service = format!(r"NT SERVICE\{NAME}:(OI)(CI){right}");
    call(folder, &["/grant:r", &service, "/q"])
}

/// By number, since their names are other ones in other languages.
const SYSTEM: &str = "*S-1-5-18";
const ADMINISTRATORS: &str = "*S-1-5-32-544";

/// Whether a command line leaves it open where the program ends: somebody who may write to `C:\` could
/// then put `C:\Program.exe` in front of it.
pub fn is_open_to_others(command_line: &str) -> bool {
    let line = command_line.trim_start();
    if line.starts_with('"') {
        return false;
    }
    let lower = line.to_ascii_lowercase();
    let program = lower.find(".exe").map_or(lower.len(), |at| at);
    lower
        .get(..program)
        .is_some_and(|program| program.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation() -> Installation {
        Installation::new(
            PathBuf::from(r"C:\Program Files\crmgate\crmgate.exe"),
            PathBuf::from("data dir"),
            Account::of_the_service(),
            Duration::from_secs(30),
        )
    }

    #[test]
    fn the_service_runs_the_program_with_its_directory_as_one_argument() {
        let arguments = installation().arguments();
        assert_eq!(arguments, ["service", "run", "--config", "data dir"]);
    }

    #[test]
    fn the_machine_waits_longer_than_a_drain_takes() {
        assert!(installation().stop > Duration::from_secs(30));
    }

    #[test]
    fn the_service_writes_to_logs_and_state_alone() {
        let folders = installation().folders();
        let written = folders.iter().filter(|(_, right)| *right == Right::Write);
        let written: Vec<_> = written.map(|(folder, _)| folder.clone()).collect();
        let config = PathBuf::from("data dir");
        assert_eq!(written, [config.join("logs"), config.join("state")]);
        assert_eq!(folders[0].0, config);
    }

    #[test]
    fn a_folder_is_taken_over_with_all_in_it_before_it_is_closed() {
        let folder = Path::new("data dir");
        let [reset, list] = closed(folder);
        assert_eq!(reset, ["data dir", "/reset", "/t", "/l", "/q"]);
        assert!(list.contains(&"/inheritance:r".into()));
        let granted = list.iter();
        let granted = granted.filter(|word| word.to_string_lossy().contains("(OI)"));
        assert_eq!(
            granted.count(),
            2,
            "the system and administrators: {list:?}"
        );
        let owner = owned(folder);
        assert!(owner.contains(&"/setowner".into()) && owner.contains(&"/t".into()));
    }

    #[test]
    fn the_service_is_let_in_by_the_name_that_windows_gives_it() {
        let call = opened(Path::new("state"), Right::Write);
        assert_eq!(call[2], r"NT SERVICE\crmgate:(OI)(CI)M");
        let call = opened(Path::new("ssl"), Right::Read);
        assert_eq!(call[2], r"NT SERVICE\crmgate:(OI)(CI)RX");
    }

    #[test]
    fn an_account_is_named_as_the_service_control_manager_wants_it() {
        let name = |written| Account::named(written, None).name;
        assert_eq!(name("localsystem"), "LocalSystem");
        assert_eq!(name("LocalService"), r"NT AUTHORITY\LocalService");
        assert_eq!(name(r"CORP\gw$"), r"CORP\gw$");
        assert_eq!(name("gw@corp.example"), "gw@corp.example");
        assert_eq!(name("gw"), r".\gw");
        assert_eq!(Account::of_the_service().name, r"NT SERVICE\crmgate");
    }

    #[test]
    fn a_password_is_in_no_message() {
        let account = Account::named("gw", Some("open-sesame".into()));
        assert!(!format!("{account:?}").contains("sesame"));
    }

    #[test]
    fn a_command_line_without_quotes_and_with_blanks_is_found() {
        for open in [
            r"C:\Program Files\crmgate\crmgate.exe service run",
            r"  C:\Program Files\crmgate\crmgate.exe",
        ] {
            assert!(is_open_to_others(open), "{open}");
        }
        for closed in [
            r#""C:\Program Files\crmgate\crmgate.exe" service run"#,
            r"C:\crmgate\crmgate.exe service run --config C:\with blank",
        ] {
            assert!(!is_open_to_others(closed), "{closed}");
        }
    }
}
