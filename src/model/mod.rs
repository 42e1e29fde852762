//! The words of the product: pure values, no input and no output.
//!
//! Every room may use these words; this room uses none of the others. A value that can be built
//! here is valid: parsing happens once, at the border, and what is printed reads back as the same
//! value.

mod clock;
mod denial;
mod distinguished_name;
mod endpoint;
mod id;
mod lifecycle;
mod names;
mod outcome;
mod principal;
mod sample_ratio;
mod secret;
mod side;
mod tls_role;

pub use clock::{Clock, WallTime};
pub use denial::Denial;
pub use distinguished_name::{
    DistinguishedName, DistinguishedNameError, NameAttribute, NamePart, WrittenAttribute,
    WrittenValue, attribute_name, directory_text, dotted, escaped, folded, has_line_break_or_nul,
    printable, printable_ascii, written_name,
};
pub use endpoint::{Endpoint, EndpointError, HostPort, ListenAddr, Scheme};
pub use id::{ConnectionId, ExchangeId, Generation};
pub use lifecycle::{Lifecycle, Phase};
pub use names::{NameError, SystemName};
pub use outcome::Outcome;
pub use principal::{Fingerprint, Principal};
pub use sample_ratio::SampleRatio;
pub use secret::Secret;
pub use side::Side;
pub use tls_role::TlsRole;
