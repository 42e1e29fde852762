//! [`Proof`]: who signed a list, found out once.

use std::sync::{Mutex, PoisonError};

use crate::certs::digest::sha256;
use crate::certs::signature::{SignatureDefect, verify};

/// The signature of a list.
///
/// Which key made it may be known only once a peer has shown its chain. From then on the key is
/// kept and the signed bytes, as large as the list, are not: one key made it, so no other did.
#[derive(Debug)]
pub(super) struct Proof(Mutex<State>);

#[derive(Debug)]
enum State {
    Open {
        signed: Signed,
        /// Keys that did not make it.
        refused: Vec<([u8; 32], SignatureDefect)>,
    },
    MadeBy([u8; 32]),
}

/// What was signed, and how.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) message: Vec<u8>,
    pub(super) algorithm: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// What is known of one key and a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signer {
    /// It made the signature.
    This,
    /// Another key is known to have made it.
    Another,
    /// It did not, and nobody is known who did.
    Nobody(SignatureDefect),
}

/// More keys than authorities of one name have.
const MOST_REFUSED: usize = 16;

impl Proof {
    pub(super) fn new(signed: Signed) -> Self {
        let refused = Vec::new();
        Self(Mutex::new(State::Open { signed, refused }))
    }

    /// Whether a key, given as a whole `SubjectPublicKeyInfo`, made the signature.
    pub(super) fn by(&self, spki: &[u8]) -> Signer {
        let key = sha256(spki);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (signed, refused) = match &mut *state {
            State::MadeBy(known) if *known == key => return Signer::This,
            State::MadeBy(_) => return Signer::Another,
            State::Open { signed, refused } => (signed, refused),
        };
        if let Some((_, defect)) = refused.iter().find(|(known, _)| *known == key) {
            return Signer::Nobody(*defect);
        }
        match verify(spki, &signed.algorithm, &signed.message, &signed.signature) {
            Ok(()) => {
                *state = State::MadeBy(key);
                Signer::This
            }
            Err(defect) => {
                if refused.len() < MOST_REFUSED {
                    refused.push((key, defect));
                }
                Signer::Nobody(defect)
            }
        }
    }
}
