//! crmgate
pub mod cli;
pub mod config;
pub mod events;
pub mod http;
pub mod model;
pub mod net;
pub mod requests;
pub mod telemetry;
pub mod tls;
