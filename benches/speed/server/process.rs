//! What the system knows of a server's processes together.

use crate::support::process::children;

/// A process and all that it has started.
pub fn tree(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut at = 0;
    while let Some(&pid) = all.get(at) {
        all.extend(children(pid));
        at += 1;
    }
    all
}

/// Memory of these processes in bytes, what they share parted among them.
pub fn proportional_set_size(pids: &[u32]) -> u64 {
    let kib = pids.iter().map(|pid| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
        let text = text.unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.map_or(0, |number| number.parse().expect("a number"))
    });
    kib.sum::<u64>() * 1024
}

/// Whether it is no more, or waits for its parent to take note of it.
pub fn has_ended(pid: u32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = text.rsplit(") ").next().unwrap_or_default();
    state.is_empty() || state.starts_with('Z')
}
