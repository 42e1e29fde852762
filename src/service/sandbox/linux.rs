//! Linux: Landlock for files and signals, a filter for system calls.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, LandlockStatus, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use rustix::fs::{Access, access};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter_all_threads};

use super::Taken;
use super::links::roots;
use super::wants::{Surroundings, wants};
use crate::config::sandbox::{Rights, Root};
use crate::config::{AdminDoor, Settings};
use crate::gateway::{state_places, token_places};

/// What has to stay in reach, as it is on this machine now.
pub(super) fn asked_for(dir: &Path, settings: &Settings) -> Vec<Root> {
    roots(&wants(dir, settings, &surroundings(dir, settings)))
}

fn surroundings(dir: &Path, settings: &Settings) -> Surroundings {
    let state = state_places(dir, settings);
    let tokens = token_places(dir, &AdminDoor::of_settings(settings));
    let has_token = !settings.admin.listen.is_empty();
    let mut written: Vec<PathBuf> = first_writable(&state).into_iter().collect();
    written.extend(first_writable(&tokens).filter(|_| has_token));
    let named = VARIABLES.iter().filter_map(std::env::var_os);
    Surroundings {
        program: std::env::current_exe().ok(),
        libraries: libraries(),
        kept: state,
        written,
        named: named.map(PathBuf::from).collect(),
    }
}

/// Folders and files that libraries look for under these names, and credentials of the service manager.
const VARIABLES: &[&str] = &[
    "CREDENTIALS_DIRECTORY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "TZDIR",
];

/// The first place takes what is written; the others need not stay open for it.
fn first_writable(places: &[PathBuf]) -> Option<PathBuf> {
    let mut places = places.iter();
    let takes = |place: &&PathBuf| {
        let folder = place.parent().unwrap_or_else(|| Path::new("/"));
        access(folder, Access::WRITE_OK).is_ok()
    };
    places.find(takes).cloned()
}

/// The shared libraries that this process has loaded, its loader among them.
fn libraries() -> Vec<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut files: Vec<PathBuf> = maps.lines().filter_map(mapped).collect();
    files.sort();
    files.dedup();
    files
}

/// The file of a line of `/proc/self/maps`, if it is a library.
fn mapped(line: &str) -> Option<PathBuf> {
    let path = Path::new(line.get(line.find('/')?..)?);
    let name = path.file_name()?.as_bytes();
    let is_library = name.windows(3).any(|part| part == b".so");
    is_library.then(|| path.to_owned())
}

/// Confines this thread, and all that it starts later.
pub(super) fn confine(roots: &[Root]) -> Taken {
    let mut taken = Taken::default();
    match confine_files(roots) {
        Ok(version) => taken.confinement.landlock = version,
        Err(why) => taken.refusals.push(format!("Landlock: {why}")),
    }
    match confine_calls() {
        Ok(()) => taken.confinement.seccomp = true,
        Err(why) => taken.refusals.push(format!("seccomp: {why}")),
    }
    taken
}

/// What was tried: a later kernel may confine more, and in ways that nobody has seen yet.
const KNOWN: ABI = ABI::V7;

/// The version of the kernel's interface, or why there is none.
fn confine_files(roots: &[Root]) -> Result<u8, String> {
    let status = restrict(roots).map_err(|error| error.to_string())?;
    match (status.landlock, status.ruleset) {
        (LandlockStatus::NotEnabled, _) => Err("it is not in the kernel's lsm= list".to_owned()),
        (LandlockStatus::NotImplemented, _) => Err(
            "the kernel has none, or whoever started this process does not permit it".to_owned(),
        ),
        (LandlockStatus::Available { .. }, RulesetStatus::NotEnforced) => {
            Err("the kernel does not enforce it".to_owned())
        }
        (LandlockStatus::Available { effective_abi, .. }, _) => effective_abi
            .to_string()
            .parse()
            .map_err(|_no_number| format!("its version \"{effective_abi}\" is not understood")),
    }
}

fn restrict(roots: &[Root]) -> Result<RestrictionStatus, RulesetError> {
    let mut scopes = BitFlags::from(Scope::Signal);
    let notified = std::env::var_os("NOTIFY_SOCKET").unwrap_or_default();
    // The service manager's ear may be such a socket.
    if !notified.as_bytes().starts_with(b"@") {
        scopes |= Scope::AbstractUnixSocket;
    }
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .scope(scopes)?
        .create()?;
    for root in roots {
        // What cannot be opened just now could not be read either.
        if let Ok(place) = PathFd::new(&root.path) {
            let allowed = rights(root.rights, root.path.is_dir());
            ruleset = ruleset.add_rule(PathBeneath::new(place, allowed))?;
        }
    }
    ruleset.restrict_self()
}

fn rights(rights: Rights, is_folder: bool) -> BitFlags<AccessFs> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let whole = match rights {
        Rights::Read => read,
        Rights::Run => read | AccessFs::Execute,
        Rights::Write => {
            read | AccessFs::WriteFile
                | AccessFs::Truncate
                | AccessFs::MakeReg
                | AccessFs::RemoveFile
        }
    };
    if is_folder {
        whole
    } else {
        whole & AccessFs::from_file(KNOWN)
    }
}

/// Has the kernel refuse system calls that a gateway never makes.
fn confine_calls() -> Result<(), String> {
    let filter = filter().map_err(|error| error.to_string())?;
    apply_filter_all_threads(&filter).map_err(|error| error.to_string())
}

fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let target = TargetArch::try_from(std::env::consts::ARCH)?;
    let calls = REFUSED.iter().flat_map(|call| numbers(*call));
    let rules: BTreeMap<i64, _> = calls.map(|call| (call, Vec::new())).collect();
    let refusal = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refusal, target)?.try_into()
}

/// Each call has a second number on x86-64, by its 32-bit form.
#[cfg(target_arch = "x86_64")]
fn numbers(call: libc::c_long) -> impl Iterator<Item = i64> {
    const X32: i64 = 0x4000_0000;
    [call, call | X32].into_iter()
}

#[cfg(not(target_arch = "x86_64"))]
fn numbers(call: libc::c_long) -> impl Iterator<Item = i64> {
    [i64::from(call)].into_iter()
}

/// Calls that a gateway never makes, and that have helped to take over kernels and other processes.
/// `clone`, `execve` and all that an upgrade needs are not among them.
const REFUSED: &[libc::c_long] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // What is mounted where.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    // Namespaces.
    libc::SYS_setns,
    libc::SYS_unshare,
    // The kernel and its extensions.
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_fanotify_init,
    libc::SYS_personality,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    // Keys that the kernel holds.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    // Those of the 32-bit form that have a number of their own.
    #[cfg(target_arch = "x86_64")]
    X32_PTRACE,
    #[cfg(target_arch = "x86_64")]
    X32_KEXEC_LOAD,
    #[cfg(target_arch = "x86_64")]
    X32_PROCESS_VM_READV,
    #[cfg(target_arch = "x86_64")]
    X32_PROCESS_VM_WRITEV,
];

#[cfg(target_arch = "x86_64")]
const X32_PTRACE: libc::c_long = 521;
#[cfg(target_arch = "x86_64")]
const X32_KEXEC_LOAD: libc::c_long = 528;
#[cfg(target_arch = "x86_64")]
const X32_PROCESS_VM_READV: libc::c_long = 539;
#[cfg(target_arch = "x86_64")]
const X32_PROCESS_VM_WRITEV: libc::c_long = 540;

#[cfg(test)]
#[path = "tests/linux.rs"]
mod tests;
