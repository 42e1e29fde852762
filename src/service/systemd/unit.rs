//! [`Unit`]: the unit for a program and a configuration that lie elsewhere than a package puts them.
//!
//! It is the one of the packages, with other paths in it: what that one closes is closed here too.

use std::path::{Path, PathBuf};

use super::SystemdError;

/// The unit as the packages bring it.
const SHIPPED: &str = include_str!("../../../service/linux/crmgate.service");

/// The account, and the folders, as the packages bring them.
pub(super) const ACCOUNT: &str = include_str!("../../../service/linux/sysusers.conf");
const FOLDERS: &str = include_str!("../../../service/linux/tmpfiles.conf");

/// What tells a unit of ours from somebody else's.
pub(super) const FIRST_LINE: &str =
    "# Written by `crmgate service install`, and removed by `crmgate service uninstall`.";

/// Where the packages put things.
const PROGRAMS: &str = "/usr/bin";
const CONFIG: &str = "/etc/crmgate";

/// What the unit hides from the service (`ProtectHome=`, `PrivateTmp=`).
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/// What is to be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// The unit's text.
    pub(super) text: String,
    /// What makes the folders and closes them to others.
    pub(super) folders: String,
}

impl Unit {
    /// The unit that runs a program with a configuration directory, both with their whole paths.
    pub(super) fn of(program: &Path, config: &Path) -> Result<Self, SystemdError> {
        let program_text = seen("the program", program)?;
        let config_text = seen("the configuration directory", config)?;
        let home = program.parent().and_then(Path::to_str).unwrap_or("/");
        let is_elsewhere = config_text != CONFIG;
        let mut text = format!("{FIRST_LINE}\n");
        for line in SHIPPED.lines() {
            let key = line.split_once('=').map_or(line, |(key, _)| key);
            let changed = match key {
                "ExecStart" => format!(
                    "ExecStart={} run --config {}",
                    word(program_text),
                    word(config_text)
                ),
                "ExecPaths" if home != PROGRAMS => format!("{line} {}", word(home)),
                // The folder is made by `install`; systemd knows only those below /etc.
                "ConfigurationDirectory" | "ConfigurationDirectoryMode" if is_elsewhere => continue,
                "ConditionPathExistsGlob" | "LoadCredential" => {
                    line.replace(CONFIG, &config_text.replace('%', "%%"))
                }
                _ => line.to_owned(),
            };
            text.push_str(&changed);
            text.push('\n');
        }
        let folders = FOLDERS.lines().map(|line| {
            // A path with blanks takes quotes, and what follows a folder stays with it.
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("d"), Some(path)) => {
                    let rest: Vec<&str> = words.collect();
                    let path = path.replacen(CONFIG, config_text, 1);
                    format!("d {} {}\n", word(&path), rest.join(" "))
                }
                _ => format!("{line}\n"),
            }
        });
        Ok(Self {
            folders: folders.collect(),
            text,
        })
    }
}

/// A path that the service can see, as text.
fn seen<'a>(what: &'static str, path: &'a Path) -> Result<&'a str, SystemdError> {
    let out_of_sight = || SystemdError::OutOfSight {
        what,
        path: PathBuf::from(path),
    };
    if HIDDEN.iter().any(|hidden| path.starts_with(hidden)) {
        return Err(out_of_sight());
    }
    // A line end would be another line of the unit.
    let text = path
        .to_str()
        .filter(|text| !text.contains(char::is_control));
    text.ok_or_else(out_of_sight)
}

/// A path as one word of a line: specifiers and variables are none in it.
fn word(path: &str) -> String {
    let path = path
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%")
        .replace('$', "$$");
    if path.contains([' ', '\\', '\'', ';']) {
        format!("\"{path}\"")
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = "/usr/bin/crmgate";

    fn unit(program: &str, config: &str) -> Unit {
        Unit::of(Path::new(program), Path::new(config)).expect("in sight")
    }

    fn lines<'a>(unit: &'a Unit, key: &str) -> Vec<&'a str> {
        let lines = unit.text.lines();
        lines.filter(|line| line.starts_with(key)).collect()
    }

    #[test]
    fn where_a_package_would_put_them_the_unit_is_the_one_of_the_packages() {
        let unit = unit(PROGRAM, CONFIG);
        assert_eq!(unit.text, format!("{FIRST_LINE}\n{SHIPPED}"));
        for line in FOLDERS.lines().filter(|line| line.starts_with('d')) {
            let words: Vec<_> = line.split_whitespace().collect();
            assert!(unit.folders.contains(&words.join(" ")), "{line}");
        }
    }

    #[test]
    fn other_paths_take_the_place_of_those_of_a_package() {
        let unit = unit("/opt/crm gate/bin/crmgate", "/srv/gate");
        assert_eq!(
            lines(&unit, "ExecStart="),
            ["ExecStart=\"/opt/crm gate/bin/crmgate\" run --config /srv/gate"]
        );
        let executable = lines(&unit, "ExecPaths=");
        assert!(
            executable[0].ends_with(" \"/opt/crm gate/bin\""),
            "{executable:?}"
        );
        assert_eq!(lines(&unit, "ConfigurationDirectory"), [""; 0]);
        assert_eq!(
            lines(&unit, "ConditionPathExistsGlob="),
            ["ConditionPathExistsGlob=/srv/gate/*_*.ini"]
        );
        assert_eq!(
            lines(&unit, "LoadCredential="),
            ["LoadCredential=key:/srv/gate/credentials"]
        );
        assert!(
            unit.folders
                .contains("d /srv/gate/credentials 0700 root root -")
        );
        assert!(!unit.folders.contains(CONFIG), "{}", unit.folders);
    }

    #[test]
    fn nothing_in_a_path_is_taken_for_a_variable_or_another_word() {
        assert_eq!(word("/a b/%h/$X/\"c\"\\"), "\"/a b/%%h/$$X/\\\"c\\\"\\\\\"");
        assert_eq!(word("/a/%h"), "/a/%%h");
    }

    #[test]
    fn what_the_service_could_not_see_is_refused() {
        for (program, config) in [
            ("/run/user/2/crmgate", CONFIG),
            ("/run/user/3/crmgate", CONFIG),
            (PROGRAM, "/run/user/1/conf"),
            (PROGRAM, "/srv/a\nUser=root"),
        ] {
            let found = Unit::of(Path::new(program), Path::new(config));
            assert!(
                matches!(found, Err(SystemdError::OutOfSight { .. })),
                "{program} {config}: {found:?}"
            );
        }
        assert!(Unit::of(Path::new("/homes/crmgate"), Path::new(CONFIG)).is_ok());
    }
}
