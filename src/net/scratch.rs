//! [`Scratch`]: one read buffer a thread, lent out for the time of a single poll.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// The thread's read buffer.
///
/// Bytes are read into it and dealt with in the same poll; only what cannot be passed on at once
/// is copied to the connection. So a connection that waits owns no buffer, and ten thousand idle
/// ones cost one buffer a thread.
#[derive(Clone)]
pub struct Scratch(Rc<RefCell<Box<[u8]>>>);

impl Scratch {
    /// A full TLS record and its neighbours: larger bodies move in few calls, and the buffer
    /// still stays in the processor's cache.
    pub const SIZE: usize = 128 * 1024;

    /// A buffer for one thread.
    pub fn new() -> Self {
        Self(Rc::new(RefCell::new(
            vec![0; Self::SIZE].into_boxed_slice(),
        )))
    }

    /// Lends the buffer. A second loan inside the first gets an empty slice, which reads nothing:
    /// a mistake shows as a stalled test and never as mixed-up bytes.
    pub fn with<T>(&self, work: impl FnOnce(&mut [u8]) -> T) -> T {
        match self.0.try_borrow_mut() {
            Ok(mut buffer) => work(&mut buffer),
            Err(_lent_already) => work(&mut []),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scratch")
    }
}
