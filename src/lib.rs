//! crmgate
pub mod certs;
pub mod cli;
pub mod config;
pub mod events;
pub mod gateway;
pub mod http;
pub mod model;
pub mod net;
pub mod requests;
pub mod service;
pub mod simulate;
pub mod telemetry;
pub mod tls;
