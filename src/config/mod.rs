//! Ini text to validated settings. Nothing here opens a socket.
pub mod problem;
pub mod settings;
