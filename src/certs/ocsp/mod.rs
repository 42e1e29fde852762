//! Whether an authority has withdrawn a certificate, asked of its responder (RFC 6960).
//!
//! Here is what is asked and how the answer is read; who carries it there and keeps the answer is in
//! `tls`. A [`CertId`] names a certificate to the responder, [`read_answer`] believes nothing that
//! the authority itself, or a [`Delegate`] whom it has named for this, did not sign.

mod answer;
mod delegate;
mod request;

pub use answer::{Answer, OcspDefect, Standing, read_answer};
pub use delegate::{Cognizant, Delegate, DelegateDefect};
pub use request::CertId;

/// For how long clocks may differ.
const SKEW: i64 = 300;

#[cfg(test)]
pub(crate) mod drafts;
#[cfg(test)]
mod tests;
