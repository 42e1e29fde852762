//! [`ProcessFigures`]: what the operating system says of this process.

use crate::model::WallTime;

/// What the operating system says of this process, under the names that every program has them by.
/// What it does not say is `None` and is not written.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProcessFigures {
    /// Processor time that was used, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Memory that is in use and not swapped out, in bytes.
    pub resident_bytes: Option<u64>,
    /// Files, sockets and so on that are open.
    pub open_fds: Option<u64>,
    /// How many may be.
    pub max_fds: Option<u64>,
    /// When it began, for those who keep count of it.
    pub started_at: Option<WallTime>,
}

impl ProcessFigures {
    /// What it says now. To be asked beside the traffic: it looks into a few files of the kernel.
    pub fn now(started_at: WallTime) -> Self {
        Self {
            started_at: Some(started_at),
            ..system::read()
        }
    }
}

/// What this machine calls itself; `None` where it does not say.
pub fn host_name() -> Option<String> {
    let name = name::read()?;
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(unix)]
mod name {
    pub(super) fn read() -> Option<String> {
        let system = rustix::system::uname();
        system.nodename().to_str().ok().map(str::to_owned)
    }
}

#[cfg(not(unix))]
mod name {
    pub(super) fn read() -> Option<String> {
        std::env::var("COMPUTERNAME").ok()
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;

    use rustix::process::{Resource, getrlimit};
    use rustix::time::{ClockId, clock_gettime};

    use super::ProcessFigures;

    pub(super) fn read() -> ProcessFigures {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a second is exact for longer than any machine lasts"
        )]
        let cpu = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
        ProcessFigures {
            cpu_seconds: Some(cpu),
            resident_bytes: resident(),
            open_fds: fs::read_dir("/proc/self/fd")
                .ok()
                // The one by which the folder is read is open just now, and is not counted.
                .map(|open| (open.count() as u64).saturating_sub(1)),
            max_fds: getrlimit(Resource::Nofile).current,
            started_at: None,
        }
    }

    fn resident() -> Option<u64> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kibibytes.checked_mul(1024)
    }
}

/// Windows has no such files, and its calls cannot be made without `unsafe`.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::ProcessFigures;

    pub(super) fn read() -> ProcessFigures {
        ProcessFigures::default()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_grows_with_what_the_process_takes() {
        let before = ProcessFigures::now(WallTime(7));
        let held: Vec<_> = (0..100)
            .map(|_| std::fs::File::open("/dev/null").expect("a file"))
            .collect();
        let mut sum = 0_u64;
        while ProcessFigures::now(WallTime(7)).cpu_seconds <= before.cpu_seconds {
            sum = (0..100_000).fold(sum, u64::wrapping_add);
        }
        let now = ProcessFigures::now(WallTime(7));
        assert!(now.open_fds >= Some(held.len() as u64), "{sum}");
        assert!(now.max_fds > now.open_fds);
        // A program without anything takes more than 100 kB.
        assert!(now.resident_bytes > Some(100_000));
        assert_eq!(now.started_at, Some(WallTime(7)));
    }
}
