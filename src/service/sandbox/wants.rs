//! [`wants`]: what the daemon has to read, write and start, worked out from its settings.

use std::path::{Path, PathBuf};

use crate::config::Settings;
use crate::config::sandbox::Rights;

/// A place that has to stay in reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) path: PathBuf,
    pub(super) rights: Rights,
    pub(super) extent: Extent,
}

/// How far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// The path, and if it is a folder, everything beneath it.
    Beneath,
    /// Whatever lies beside the path: files are renewed by putting others in their place, and only a
    /// whole folder covers a file that is not there yet.
    Beside,
}

/// What is not in the settings.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// The program file: an upgrade starts it again.
    pub(super) program: Option<PathBuf>,
    /// The libraries that this process has loaded.
    pub(super) libraries: Vec<PathBuf>,
    /// Files of this process's own that may be read.
    pub(super) kept: Vec<PathBuf>,
    /// Files of this process's own that are written.
    pub(super) written: Vec<PathBuf>,
    /// What variables of the environment name: credentials, authorities, time zones.
    pub(super) named: Vec<PathBuf>,
}

/// Everything that has to stay in reach.
pub(super) fn wants(dir: &Path, settings: &Settings, around: &Surroundings) -> Vec<Want> {
    let beneath = |path: &Path, rights| Want {
        path: path.to_owned(),
        rights,
        extent: Extent::Beneath,
    };
    let beside = |path: &Path, rights| Want {
        path: path.to_owned(),
        rights,
        extent: Extent::Beside,
    };
    let mut wants = vec![beneath(dir, Rights::Read)];
    let files = settings.files();
    wants.extend(files.iter().map(|file| beside(file, Rights::Read)));
    wants.extend(around.kept.iter().map(|file| beside(file, Rights::Read)));
    let written = around.written.iter().chain(&settings.log.file);
    wants.extend(written.map(|file| beside(file, Rights::Write)));
    let programs = around.libraries.iter().chain(&around.program);
    wants.extend(programs.map(|file| beside(file, Rights::Run)));
    wants.extend(around.named.iter().map(|path| beneath(path, Rights::Read)));
    let system = OF_THE_SYSTEM.iter();
    wants.extend(system.map(|(path, rights)| beneath(Path::new(path), *rights)));
    wants
}

/// What the libraries of the system read behind our back. Files that are replaced and not rewritten,
/// such as `/etc/resolv.conf` and `/etc/hosts`, stay in reach only with their folder.
const OF_THE_SYSTEM: &[(&str, Rights)] = &[
    // Names, services, time zone, authorities.
    ("/etc", Rights::Read),
    ("/run/systemd/resolve", Rights::Read),
    ("/run/NetworkManager", Rights::Read),
    ("/run/resolvconf", Rights::Read),
    ("/run/nscd", Rights::Read),
    ("/var/lib/sss/mc", Rights::Read),
    ("/usr/share/zoneinfo", Rights::Read),
    ("/usr/share/ca-certificates", Rights::Read),
    ("/usr/share/pki", Rights::Read),
    ("/usr/local/share/ca-certificates", Rights::Read),
    ("/var/lib/ca-certificates", Rights::Read),
    // Memory, open files and limits of this process. After an upgrade it has another number, so it is
    // all of them; what others hold in memory stays closed by Landlock itself.
    ("/proc", Rights::Read),
    // How many processors it may use.
    ("/sys/devices/system/cpu", Rights::Read),
    ("/sys/fs/cgroup", Rights::Read),
    ("/dev/null", Rights::Write),
    ("/dev/urandom", Rights::Read),
    ("/dev/random", Rights::Read),
    // Tells a copy of a virtual machine from the original, where there is such a device.
    ("/dev/sysgenid", Rights::Write),
    // The loader and libraries of the next version.
    ("/lib", Rights::Run),
    ("/lib64", Rights::Run),
    ("/usr/lib", Rights::Run),
    ("/usr/lib64", Rights::Run),
];

#[cfg(test)]
#[path = "tests/wants.rs"]
mod tests;
