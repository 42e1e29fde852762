//! Flow 1: requests of SAP CRM on their way to a connector, side A or side B.

pub mod failover;
