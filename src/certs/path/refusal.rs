//! [`Refusal`]: which certificate of a chain is to blame, and for what.

use crate::certs::path::{Malformed, Purpose};
use crate::certs::revocation::RevocationRefusal;
use crate::certs::signature::{KeyDefect, SignatureDefect};
use crate::model::WallTime;

/// Why a chain proves nothing. Where several paths were tried, it is about the one that came
/// farthest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate of \"{subject}\" is not accepted: {reason}")]
pub struct Refusal {
    /// The subject of the certificate that is to blame, escaped, or its serial number.
    pub subject: String,
    /// What is wrong with it.
    #[source]
    pub reason: Reason,
}

/// What is wrong with a certificate of a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Its issuer is neither an authority nor among the certificates that were sent.
    #[error("no authority issued it")]
    UnknownIssuer,
    /// Its last second has passed.
    #[error("it expired on {not_after}")]
    Expired {
        /// That second.
        not_after: WallTime,
    },
    /// Its first second is still to come.
    #[error("it is not valid before {not_before}")]
    NotYetValid {
        /// That second.
        not_before: WallTime,
    },
    /// Its bytes are not those of a certificate that may be used.
    #[error("{0}")]
    Malformed(Malformed),
    /// It is of version 1 or 2, and no anchor.
    #[error("it is of X.509 version {0}, and 3 is the least")]
    OldVersion(u8),
    /// It has a critical extension that nobody here understands.
    #[error("its critical extension {0} is not understood")]
    UnknownCritical(String),
    /// It has an extension marked critical that must not be.
    #[error("its extension {0} is marked critical, which the standard forbids")]
    ForbiddenCritical(&'static str),
    /// An authority's certificate was shown as a host's or a client's.
    #[error("it is one of an authority, shown as a host's or a client's")]
    AuthorityAsLeaf,
    /// Nothing that its key signs can be believed, the handshake included.
    #[error("{0}")]
    UnfitKey(KeyDefect),
    /// It issued another and is not an authority's.
    #[error("it is not one of an authority, and issued another")]
    NotAnAuthority,
    /// It issued another, and its key usage lacks `keyCertSign`.
    #[error("its key usage does not allow to sign certificates")]
    MayNotSign,
    /// There are more authorities below it than it allows.
    #[error("more authorities stand below it than the {limit} that it allows")]
    TooManyBelow {
        /// How many it allows.
        limit: u32,
    },
    /// Its extended key usage lacks the purpose in question.
    #[error("its extended key usage does not allow {} authentication", .0.words())]
    WrongPurpose(Purpose),
    /// Its key usage lacks all that a peer's key could do in a handshake.
    #[error("its key usage has {}, and a {}'s needs one", .0.lacking_usages(), .0.words())]
    WrongKeyUsage(Purpose),
    /// It carries a name for which an authority above it may not vouch.
    #[error("an authority above it may not vouch for the name \"{0}\"")]
    NameNotAllowed(String),
    /// An authority demands a certificate policy, and none holds for the whole path.
    #[error("an authority above it demands a certificate policy, and it has none that holds")]
    NoPolicy,
    /// Its signature proves nothing.
    #[error("{0}")]
    Signature(SignatureDefect),
    /// It is not shown to be in force.
    #[error("{0}")]
    Revocation(RevocationRefusal),
    /// More certificates stand between it and an authority than are looked at.
    #[error("the chain above it is longer than {limit} certificates")]
    ChainTooLong {
        /// How many are looked at.
        limit: usize,
    },
    /// There are so many ways through the chain that the search was given up.
    #[error("its chain has too many certificates that could belong together")]
    TooManyPaths,
}
