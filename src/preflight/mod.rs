//! The checklist: what has to be so before SAP CRM, the gateway and the sides work together, tried
//! one by one.
//!
//! ```text
//! config::load, gateway::check --> config_checks, own_checks ----+     (of a running gateway:
//!                                                                |      gateway::InForce)
//! net::reserve, net::dial -------> host_checks ------------------+--> plan --> Report
//! Connector, dial, glance -------> walk --> peer_checks ---------+    (skips what cannot matter)
//! ```
//!
//! | file | what it gives |
//! |---|---|
//! | `options`, `run` | what is asked for; going through it |
//! | `check` | [`Check`]: each question with its id, what it needs, and when it is asked |
//! | `verdict` | what came of one: good, a [`Finding`], or not known |
//! | `plan` | which checks are asked for, and what is left out because of another one |
//! | `host_checks` | this machine: ports, open files |
//! | `config_checks` | the ini files, and what the files that they name are said to hold |
//! | `own_checks` | our certificate by our own authorities and lists |
//! | `listener_checks` | what SAP meets when it calls |
//! | `peers`, `walk` | whom we call, on which way; and calling them |
//! | `peer_checks`, `handshake_checks`, `answer_checks` | what that showed |
//! | `trace_checks` | whether the collector of traces takes a post |
//! | `inspection` | signs of a device that reads along |
//! | `report/` | [`Report`] and its forms |
//!
//! **It has no network code of its own**: it dials, shakes hands and speaks HTTP with the functions
//! that traffic uses, so what passes here passes there. It sends no credentials to anybody but the
//! collector of traces, follows no redirect, and no business message unless it is told to. Everything is bounded in time; whoever is called is
//! called at the same time as the others, and the order of the report is always the same.
//!
//! What to do about a finding is written once, in [`crate::explain`], under the check's id.
//!
//! Who may come in: `cli`, and `admin`, which offers the checklist to whoever operates.

mod answer_checks;
mod check;
mod config_checks;
mod handshake_checks;
mod host_checks;
mod inspection;
mod listener_checks;
mod options;
mod own_checks;
mod peer_checks;
mod peers;
mod plan;
mod report;
mod run;
#[cfg(test)]
mod tests;
mod trace_checks;
mod verdict;
mod walk;

pub use check::{CHECKS, Check, Phase};
pub use options::Options;
pub use plan::Unknown;
pub use report::{Line, Report, Section, Status};
pub use run::{run, run_in_force};
pub use verdict::{Finding, Weight};
