//! crmgate
pub mod certs;
pub mod cli;
pub mod config;
pub mod model;
pub mod tls;
