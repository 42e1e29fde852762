//! The one place that writes to the terminal.

use std::fmt::Display;
use std::io::Write;

/// Writes a line to standard output. A closed pipe (`| head`) is the reader's choice, no error.
pub(super) fn say(line: impl Display) {
    let _closed_pipe = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a line to standard error.
pub(super) fn complain(line: impl Display) {
    let _closed_pipe = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes to standard output without ending the line, for what is redrawn.
pub(super) fn draw(text: impl Display) {
    let mut out = std::io::stdout().lock();
    let _closed_pipe = write!(out, "{text}").and_then(|()| out.flush());
}
