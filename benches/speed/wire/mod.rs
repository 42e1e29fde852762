//! What generator, backend and relay are made of: one thread that waits for many sockets, with as
//! few system calls and copies as there can be, so that the server between them is what is measured.

pub mod channel;
pub mod head;
pub mod poll;

pub use channel::{Channel, Scratch};
pub use poll::Poll;
