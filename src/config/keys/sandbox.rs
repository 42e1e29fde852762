//! The key `Sandbox` of `[Runtime]` in `crmgate.ini`.

use super::{IniFile, Key, Kind, Preset};

pub(super) const KEYS: &[Key] = &[Key::new(
    IniFile::Gateway,
    "Runtime",
    "Sandbox",
    Kind::Choice(&["auto", "off", "require"]),
    Preset::Value("auto"),
    "Whether the process hands back to the kernel what it does not need, before it lets anybody in. On \
     Linux that is: reading other than beneath this folder, beside the files that the settings name and \
     in the system's own folders (/etc, /proc, libraries, time zones); writing other than beside the log, \
     the state file and the token; signals to other processes; system calls that a gateway never makes. \
     auto: as much as the kernel has, and the log and `crmgate status` say how much. require: no start \
     without Landlock and seccomp. off: nothing. What was given up stays so until the process ends and \
     over upgrades too: a reload that names a file elsewhere is refused and says so. A change takes \
     effect at the next start.",
)];
