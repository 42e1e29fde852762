//! PEM files to proven identities and trust.
//!
//! What is here: a file is read once into labelled items ([`pem`]); a chain and the key that
//! belongs to it become an [`Identity`]; the certificates of `CA_FILE` become a [`TrustStore`];
//! [`path`] proves a peer's chain by them; [`inspect`] says in words what a certificate is;
//! [`expiry`] judges how long it lasts, and [`due`] is what is about to end; [`issue`] makes a throw-away
//! PKI for the demo, for trials and for tests.
//!
//! For the commands about certificates: [`container`] reads and writes what others use instead of PEM,
//! [`fitness`] says who would refuse a certificate, [`inventory`] lists what a configuration uses,
//! [`request`] and [`renewal`] get the next one.
//!
//! What is not here: handshakes, and what becomes of a refused one. Those are in `tls`.
//!
//! Who may come in: every room from floor 3 up. This room reads files and knows no socket.
//!
//! A file that cannot be read, is empty or holds something else is always an error, never an
//! empty set: nothing in here can weaken what was configured. Every message carries the command
//! that puts it right.

pub mod container;
mod der;
pub mod digest;
pub mod due;
pub mod expiry;
mod extension;
pub mod fitness;
pub mod identity;
pub mod inspect;
pub mod inventory;
pub mod issue;
mod key;
mod name;
pub mod ocsp;
pub mod path;
pub mod pem;
pub mod renewal;
pub mod request;
pub mod revocation;
pub mod signature;
#[cfg(test)]
pub(crate) mod testdata;
pub mod ticket_secret;
pub mod trust_store;

pub use digest::Digest;
pub use due::{Due, DueKind, Step};
pub use identity::{Identity, When};
pub use inspect::CertificateFacts;
pub use key::public_key_digest;
pub(crate) use name::rfc4514_of;
pub use revocation::RevocationLists;
pub use ticket_secret::read_ticket_secrets;
pub use trust_store::TrustStore;
