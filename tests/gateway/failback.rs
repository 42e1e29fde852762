//! failback
