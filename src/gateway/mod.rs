//! Assembles the flows, swaps them, drains them.
//!
//! ```text
//! config::load -> Settings -> build.rs -> Snapshot -> workers (one thread a core)
//!                                 ^            |
//!                                 | same Arc where nothing changed
//!                                 +------------+
//! ```
//!
//! | file | what it gives |
//! |---|---|
//! | `snapshot` | everything derived from one generation of settings, immutable |
//! | `build` | settings and the previous snapshot to the next; no side effects |
//! | `check` | the same of which nothing runs |
//! | `ca_guard` | no authority goes by oversight while clients of it are at work |
//! | `state_file` | what has to be known after a restart |
//! | `remembering` | what goes in there, and how everybody stands |
//! | `rehearsal` | who of those seen would be refused by what is on the disk |
//! | `routes` | one SAP system's upstreams, sides and probes |
//! | `describe` | a generation in an operator's words |
//! | `worker` | one thread: its listeners, connections, pools |
//! | `abandon` | exchanges that wait for a side which went down |
//! | `accept` | the accept loop of one listener on one thread |
//! | `connection` | one accepted connection from its handshake to its flow |
//! | `lane` | handshakes take turns with the connections at work |
//! | `guests` | the clients behind open connections, judged again when something has changed |
//! | `bench` | by whom they are judged, also once their listener has gone |
//! | `contain` | keeps a panic to the piece of work it happened in |
//! | `announce` | what is due, said once when its time comes |
//! | `raise` | what becomes of it: the log, and a webhook |
//! | `start` | from a directory to the first caller |
//! | `succession` | what is left to the process that takes this one's place |
//! | `recording` | traces of a generation, and who sends them |
//! | `supervise` | tasks beside the traffic: probes, fail-back timers |
//! | `turning` | tells when a certificate has followed another by the clock |
//! | `run` | [`Gateway`]: publish, status |
//! | `opening` | addresses that are new, handed over or opened by us |
//! | `pulse` | whether every worker thread is alive |
//! | `scrape` | all that there is to measure, for the exposition |
//! | `reload` | read, build, bind, publish, or keep what is in force |
//! | `report/` | how it stands, as data with stable names |
//! | `drain` | accept no more, let everybody finish, name what was cut |
//! | `in_force` | what is in force, and what is to be said of it now |
//! | `viewer` | a running gateway as others see it, from any thread |
//! | `watch` | reload by itself when a file has changed |
//!
//! Reading opens nothing, building binds nothing, publishing cannot fail. A reload that goes wrong
//! anywhere leaves the running generation as it was, and stays visible until the next success.
//!
//! Who may come in: `cli`, and whoever puts a gateway to the test (`simulate`, system tests).

mod abandon;
mod accept;
mod announce;
mod bench;
mod build;
mod ca_guard;
mod check;
mod connection;
mod contain;
mod describe;
mod drain;
mod guests;
mod in_force;
mod lane;
mod opening;
mod pulse;
mod raise;
mod recording;
mod rehearsal;
mod reload;
mod remembering;
mod report;
mod routes;
mod run;
mod scrape;
mod snapshot;
mod start;
mod state_file;
mod succession;
mod supervise;
mod turning;
mod viewer;
mod watch;
mod worker;

pub use check::{Check, check};
pub use drain::{CutConnection, DrainReport};
pub use in_force::InForce;
pub use pulse::{Felt, Pulse};
pub use rehearsal::{
    Holder, Objection, Part, Peer, Refused, Rehearsal, Unknown, Who, WhoIsUnknown, rehearse,
};
pub use reload::ReloadReport;
pub use report::{
    AttemptReport, CertificateReport, CertificateState, CertificateUse, FiguresReport,
    ListenerReport, ListenerSessions, ProblemReport, Report, SandboxReport, SessionLookups,
    SessionsReport, SideReport, SidesReport, SweepReport, SystemReport, UpstreamSessions,
};
pub use run::{Gateway, StartError};
pub use start::{Inheritance, Prepared};
pub use state_file::{state_places, token_places};
pub use succession::{Estate, LentSocket};
pub use viewer::{Attempt, Status, Trigger, Viewer};
pub use watch::{FileWatch, Look};
