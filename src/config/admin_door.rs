//! [`AdminDoor`]: where the command line finds the gateway of a directory, whatever else may be wrong
//! in its files.

use std::path::Path;

use crate::config::admin_ini::WrittenAdmin;
use crate::config::gateway_ini;
use crate::config::keys::IniFile;
use crate::config::load::documents;
use crate::config::problem::Problems;
use crate::config::settings::{FileRef, Settings};
use crate::model::ListenAddr;

/// What leads to the admin listener of this machine.
///
/// It is read apart from the settings, because the gateway goes on with what it has when the files
/// are broken, and just then somebody has to ask it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdminDoor {
    /// `Listen` of `[Admin]`.
    pub listen: Vec<ListenAddr>,
    /// `TokenFile` of `[Admin]`.
    pub token_file: Option<FileRef>,
    /// `StateFile` of `[Runtime]`: the token lies beside it unless `TokenFile` says otherwise.
    pub state_file: Option<FileRef>,
}

impl AdminDoor {
    /// As the directory says.
    pub fn of_directory(dir: &Path) -> Self {
        let documents = documents(dir).into_iter();
        let mut gateway = documents.filter(|(ini, _)| *ini == IniFile::Gateway);
        let Some((_, document)) = gateway.next() else {
            return Self::default();
        };
        // `check` and a reload tell what is wrong.
        let mut unheard = Problems::new();
        let admin = WrittenAdmin::read(&document, &mut unheard);
        Self {
            listen: admin.listen,
            token_file: admin.token_file,
            state_file: gateway_ini::state_file(&document, &mut unheard),
        }
    }

    /// As settings in force say.
    pub fn of_settings(settings: &Settings) -> Self {
        Self {
            listen: settings.admin.listen.clone(),
            token_file: settings.admin.token_file.clone(),
            state_file: settings.runtime.state_file.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> AdminDoor {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("crmgate.ini"), text).expect("written");
        AdminDoor::of_directory(dir.path())
    }

    #[test]
    fn it_is_found_in_files_that_no_gateway_would_start_with() {
        let door = of(
            "[Admin]\nListen=127.0.0.1:9440\nTokenFile=./a.token\n[Runtime]\nThreads=many\nStateFile=./s\n[Nonsense]\nx=1\n",
        );
        assert_eq!(door.listen, ["127.0.0.1:9440".parse().expect("an address")]);
        let named = |file: Option<FileRef>| file.map(|file| file.written);
        assert_eq!(named(door.token_file).as_deref(), Some("./a.token"));
        assert_eq!(named(door.state_file).as_deref(), Some("./s"));
    }

    #[test]
    fn without_a_file_or_a_section_there_is_none() {
        assert_eq!(of("[Log]\nLevel=info\n"), AdminDoor::default());
        let nowhere = Path::new("nowhere");
        assert_eq!(AdminDoor::of_directory(nowhere), AdminDoor::default());
    }
}
