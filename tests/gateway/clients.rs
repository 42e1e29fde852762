//! Foreign clients.
