//! [`Anchors`]: whom to believe, ready to be looked up.

use std::collections::HashMap;

use crate::certs::path::Certificate;
use crate::model::DistinguishedName;

/// The certificates that are believed, whether they have expired or not: the clock decides when a
/// path is judged.
#[derive(Debug, Clone, Default)]
pub struct Anchors {
    certificates: Vec<Certificate>,
    /// The places of the authorities among them, by subject.
    by_name: HashMap<DistinguishedName, Vec<usize>>,
}

impl Anchors {
    /// Puts certificates in order.
    pub fn new(certificates: Vec<Certificate>) -> Self {
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for (index, certificate) in certificates.iter().enumerate() {
            if certificate.is_authority() {
                let name = certificate.subject_form().clone();
                by_name.entry(name).or_default().push(index);
            }
        }
        Self {
            certificates,
            by_name,
        }
    }

    /// The authorities of a name.
    pub(super) fn named(&self, name: &DistinguishedName) -> impl Iterator<Item = &Certificate> {
        let places = self
            .by_name
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default();
        places
            .iter()
            .filter_map(|index| self.certificates.get(*index))
    }

    /// Whether a peer's own certificate is believed by itself.
    pub(super) fn hold(&self, leaf: &Certificate) -> bool {
        self.certificates
            .iter()
            .any(|anchor| anchor.der() == leaf.der())
    }
}
