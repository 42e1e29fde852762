//! Whether a chain of certificates leads to an authority that is believed (RFC 5280, section 6).
//!
//! The whole rule is ours, since it is what this program promises: which certificate may stand
//! where, whose names it may carry, until when, and that none of them has been withdrawn. The
//! signature algorithms are the library's ([`crate::certs::signature`]).

pub(crate) mod name;
