//! [`Options`]: what is asked for.

use std::time::Duration;

use crate::model::Side;
use crate::preflight::check::Phase;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only these checks, by their ids; empty for all.
    pub only: Vec<String>,
    /// All but these.
    pub skip: Vec<String>,
    /// Only this SAP system.
    pub system: Option<String>,
    /// Only this side.
    pub side: Option<Side>,
    /// When it is asked.
    pub phase: Phase,
    /// How long anybody is waited for, in all.
    pub wait: Duration,
    /// SAP's cipher string, where it is not the one that SAP recommends.
    pub sap_ciphers: Option<String>,
    /// The path that SAP CRM is asked for.
    pub crm_path: String,
    /// Whether the SOAP probe of the configuration may be sent to the sides.
    pub active: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            skip: Vec::new(),
            system: None,
            side: None,
            phase: Phase::BeforeStart,
            wait: Duration::from_secs(30),
            sap_ciphers: None,
            crm_path: CRM_PATH.to_owned(),
            active: false,
        }
    }
}

/// The ICF node that takes the connector's events.
const CRM_PATH: &str = "/sap/bc/soap/ici";
