//! Whether the journal reads what this process prints.

/// Whether standard output leads to the journal, which takes the importance of a line from a number in
/// front of it. Somebody may have led it elsewhere since, so the variable alone says nothing.
#[cfg(unix)]
pub fn is_read_by_journal() -> bool {
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::MetadataExt as _;
    let named = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let output = std::io::stdout().as_fd().try_clone_to_owned();
    let output = output.map(std::fs::File::from);
    let found = output.and_then(|output| output.metadata());
    found.is_ok_and(|found| named == format!("{}:{}", found.dev(), found.ino()))
}

/// There is none.
#[cfg(not(unix))]
pub const fn is_read_by_journal() -> bool {
    false
}
