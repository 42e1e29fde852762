//! x
pub mod cipher_suites;
pub mod policy;
pub mod provider;
