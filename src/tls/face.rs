//! [`Face`]: one own certificate, and what it takes to show it.

use crate::certs::{CertificateFacts, Identity};
use crate::model::WallTime;
use crate::tls::turns::Turns;

/// One own certificate. In [`Turns`] there may be a second one, which follows at a date.
pub(super) struct Face<T> {
    /// TLS under it.
    pub(super) tls: T,
    leaf: CertificateFacts,
    intermediates: Vec<CertificateFacts>,
}

impl<T> Face<T> {
    /// An identity, and TLS under it.
    pub(super) fn new(identity: &Identity, tls: T) -> Self {
        Self {
            tls,
            leaf: identity.leaf().clone(),
            intermediates: identity.intermediates().to_vec(),
        }
    }

    /// The names of the authorities on the way from it, as servers name whom they believe.
    pub(super) fn issuers(&self) -> Vec<Vec<u8>> {
        self.sent()
            .map(|facts| facts.issuer_der().to_vec())
            .collect()
    }

    /// All that is sent.
    fn sent(&self) -> impl Iterator<Item = &CertificateFacts> {
        std::iter::once(&self.leaf).chain(&self.intermediates)
    }
}

/// Certificates that are shown, each with the time from which it is; the present one without.
impl<T> Turns<Face<T>> {
    /// The one that is shown at a time.
    pub(super) fn leaf_at(&self, now: WallTime) -> &CertificateFacts {
        &self.at(now).leaf
    }

    /// Our own, without what is sent beside them.
    pub(super) fn leaves(&self) -> impl Iterator<Item = (Option<WallTime>, &CertificateFacts)> {
        self.each().map(|(from, face)| (from, &face.leaf))
    }

    /// All that is sent.
    pub(super) fn sent(&self) -> impl Iterator<Item = (Option<WallTime>, &CertificateFacts)> {
        let each = self.each();
        each.flat_map(|(from, face)| face.sent().map(move |facts| (from, facts)))
    }
}
