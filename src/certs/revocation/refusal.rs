//! [`RevocationRefusal`]: why a certificate cannot be shown to be in force.

use crate::certs::revocation::reason::Reason;
use crate::certs::signature::SignatureDefect;
use crate::model::WallTime;

/// Why a certificate cannot be shown to be in force. Names are escaped; "it" is the certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevocationRefusal {
    /// A list names it.
    #[error(
        "it was revoked by \"{issuer}\" on {since} ({reason}), under the serial number {serial}"
    )]
    Revoked {
        /// The authority that revoked it.
        issuer: String,
        /// Since when.
        since: WallTime,
        /// Why.
        reason: Reason,
        /// Its serial number in hexadecimal digits.
        serial: String,
    },
    /// The newest list that would name it is past its end.
    #[error("the revocation list of its authority \"{issuer}\" expired on {next_update}")]
    ListExpired {
        /// Whose list it is.
        issuer: String,
        /// When the next one was due.
        next_update: WallTime,
    },
    /// There is no list that would name it.
    #[error("CRL_FILE has no revocation list of its authority \"{issuer}\" that covers it")]
    ListMissing {
        /// Whose list it would be.
        issuer: String,
    },
    /// The list that would name it is dated in the future.
    #[error("the revocation list of its authority \"{issuer}\" is not valid before {this_update}")]
    ListNotYetValid {
        /// Whose list it is.
        issuer: String,
        /// When it begins.
        this_update: WallTime,
    },
    /// The list that would name it is not its authority's.
    #[error("the revocation list of its authority \"{issuer}\" is not believed: {defect}")]
    ListUnproven {
        /// Whose list it says it is.
        issuer: String,
        /// What is wrong with its signature.
        defect: SignatureDefect,
    },
    /// The list that would name it is signed by a key that may not sign lists.
    #[error(
        "the revocation list of its authority \"{issuer}\" is not believed: the key usage of that \
         authority does not allow to sign lists"
    )]
    MayNotSignLists {
        /// Whose list it is.
        issuer: String,
    },
}
