//! What a code means and what to do about it, here and in SAP.
//!
//! Two teams look at one failure: the operator of the gateway sees its code, the basis administrator
//! an `SSSLERR_`, an `ICM_HTTP_` or the number of an alert. This room has one entry for each, with the
//! likely causes in order and the next step at either end.
//!
//! ```text
//! words/*.txt  ->  Dictionary  ->  find(a code, or a pasted line)  ->  entries, or the nearest codes
//! ```
//!
//! | file | what it gives |
//! |---|---|
//! | `dictionary` | [`Dictionary`]: all entries, and the search |
//! | `entry` | [`Entry`], read from a text that people can correct |
//! | `text` | words of a text with their places, and codes in it |
//! | `nearest` | codes that are nearly what was typed |
//! | `words/` | the entries |
//!
//! Pure data and look-up: no file is read and nothing is asked at run time. Where a fact about SAP is
//! not certain, the entry says so. Not here: which check or failure has which code; tests hold that
//! each has an entry.
//!
//! Who may come in: every room above.

mod dictionary;
mod entry;
mod nearest;
#[cfg(test)]
mod tests;
mod text;

pub use dictionary::{Dictionary, Found};
pub use entry::{Entry, Family};
