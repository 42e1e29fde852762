//! crmgate
pub mod cli;
pub mod config;
pub mod model;
pub mod net;
pub mod requests;
pub mod telemetry;
