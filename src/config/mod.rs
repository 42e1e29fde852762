//! Ini text to validated settings. Nothing here opens a socket or reads a certificate.
//!
//! ```text
//!   ssl.ini            CRMConnectorSAP_<name>.ini        crmgate.ini
//!   (vendor's)         (vendor's, sections of ours)      (ours, optional)
//!      |                          |                          |
//!      +----- decode, scan, Document (what was written) -----+
//!      |                          |                          |
//!   ssl_ini           connector_ini, requests_ini,       gateway_ini
//!      |              events_ini                             |
//!      +------- roles, resolve (rules between files) --------+
//!                                 |
//!                Settings (what is meant), or Problems
//! ```
//!
//! - [`load()`] is the only way in: a directory becomes [`Settings`] or a list of every mistake.
//! - [`KEYS`] is the one table of keys; parser, messages and [`mod@reference`] are made from it.
//! - [`Problem`] is one mistake with its place and its remedy.
//!
//! Not here: what a certificate or a cipher suite means (`certs`, `tls`), and what a reload does
//! with new settings (`gateway`).
//!
//! Who comes in: every room above may read [`settings`]; only `gateway` and `cli` call [`load()`].
//!
//! House rules of this room: settings exist only when no problem is an error; `fs` is used in
//! `load`, `files` and `access_list` alone; `rust-ini` in `document` alone; no default is written anywhere but in
//! the table.

pub mod access_list;
mod admin_door;
mod admin_ini;
mod connector_ini;
mod decode;
mod document;
mod effective;
mod events_ini;
mod files;
mod from_text;
mod gateway_ini;
pub mod keys;
mod load;
mod nearest;
pub mod problem;
mod reader;
pub mod reference;
mod requests_ini;
mod resolve;
mod roles;
mod rule;
mod rules_ini;
mod scan;
pub mod settings;
mod ssl_identity;
mod ssl_ini;
mod ssl_ocsp;
mod tls_roles;
mod traces_ini;
mod value;
mod vocabulary;

pub use admin_door::AdminDoor;
pub use effective::{Setting, effective};
pub use keys::{IniFile, KEYS, Key, Kind, Preset};
pub use load::{Loaded, load};
pub use problem::{Place, Problem, Problems, Severity, Topic};
pub use settings::Settings;
pub use tls_roles::TlsRoles;
