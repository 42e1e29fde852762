//! What the fuzz targets call. The functions themselves lie in `entries.rs` and `containers.rs`, which
//! the unit tests of the product include too and run as properties.

use ::crmgate;

#[path = "../containers.rs"]
pub mod containers;
#[path = "../entries.rs"]
mod entries;

pub use entries::{answer_head, chunked, differential, ini, request_head};
