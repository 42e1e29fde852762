//! Sockets and ways out: binding, dialling, relaying, and who is inside.
//!
//! Bytes only: what they mean is judged above, in `tls` and `http`. Every room above may come in;
//! this one uses the settings for its limits and nothing else of the product.
//!
//! | file | what it gives |
//! |---|---|
//! | `admission` | how many connections and handshakes are allowed in all and per address |
//! | `bind_error` | why an address cannot be had |
//! | `callers` | where a thread's next caller comes from |
//! | `dial` | resolve and connect under one deadline |
//! | `handed` | listening sockets that were opened before this process began |
//! | `listener` | bind, and an accept loop that survives running out of descriptors |
//! | `news` | when a thread last heard from the kernel what has happened |
//! | `passing` | listening sockets from one process to another |
//! | `relay` | bytes both ways, half-close, idle limit, counts |
//! | `roster` | the connections of one thread, and how they are asked to leave |
//! | `scratch` | one read buffer a thread |
//! | `share` | what one thread has of a listening address |
//! | `socket` | a TCP stream that knows how many bytes the kernel took |
//! | `wait` | one timer a connection, and the reasons to stop waiting |

mod admission;
mod bind_error;
mod callers;
mod dial;
mod handed;
mod listener;
mod news;
#[cfg(unix)]
mod passing;
mod relay;
mod roster;
mod scratch;
mod share;
mod socket;
mod wait;

pub use admission::{Admission, Permit, Refused};
pub use bind_error::BindError;
pub use dial::{DialError, dial};
pub use handed::{HandedSocket, HandedSockets};
#[cfg(test)]
pub use listener::bind;
pub use listener::{AcceptEvent, BoundListener, Listener, raise_descriptor_limit, reserve};
pub use news::Turn;
#[cfg(unix)]
pub use passing::{pass, take};
pub use relay::{Inside, RelayEnd, RelayEndpoint, RelayReport, relay};
pub use roster::{Phase, Place, Roster, Scope, Seat};
pub use scratch::Scratch;
pub use share::Share;
pub use socket::Socket;
pub use wait::{Interrupt, Waiter};
