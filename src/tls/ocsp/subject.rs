//! [`Subject`]: who is asked about, with the authorities above it.

use crate::certs::RevocationLists;
use crate::certs::ocsp::{CertId, Cognizant, Delegate};
use crate::certs::path::{Above, Certificate, Issuer, Proven, Revocation};
use crate::certs::revocation::RevocationRefusal;
use crate::model::WallTime;

/// Who is asked about, with the authorities of the path that was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tls) struct Subject {
    pub(super) id: CertId,
    issuer: Authority,
    /// Those above the issuer, the nearest first.
    above: Box<[Authority]>,
}

/// What counts of an authority's certificate, as it stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Authority {
    subject: Box<[u8]>,
    spki: Box<[u8]>,
    may_sign_lists: bool,
}

impl Authority {
    fn of(certificate: &Certificate) -> Self {
        Self {
            subject: certificate.subject().into(),
            spki: certificate.spki().into(),
            may_sign_lists: certificate.may_sign_lists(),
        }
    }
}

impl Subject {
    /// The leaf of a path; `None` where it is believed by itself and nobody issued it.
    pub(in crate::tls) fn of(proven: &Proven) -> Option<Self> {
        let (leaf, issuer) = (proven.path.first()?, proven.issuer()?);
        let above = proven.path.iter().skip(2);
        let anchor = (proven.path.len() > 1).then_some(&proven.anchor);
        let above: Vec<&Certificate> = above.chain(anchor).collect();
        Self::below(leaf, issuer, &above)
    }

    /// A certificate with its issuer and those above that one, the nearest first.
    pub(super) fn below(
        leaf: &Certificate,
        issuer: &Certificate,
        above: &[&Certificate],
    ) -> Option<Self> {
        Some(Self {
            id: CertId::of(leaf, issuer.spki())?,
            issuer: Authority::of(issuer),
            above: above.iter().map(|one| Authority::of(one)).collect(),
        })
    }

    /// Does something with its issuer and the lists at hand.
    pub(super) fn with_issuer<T>(
        &self,
        lists: Option<&RevocationLists>,
        work: impl FnOnce(&Cognizant<'_>) -> T,
    ) -> T {
        let above = self.above.iter().map(|authority| Above {
            subject: &authority.subject,
            spki: &authority.spki,
            may_sign_lists: authority.may_sign_lists,
        });
        let above: Vec<Above<'_>> = above.collect();
        let issuer = Issuer {
            subject: &self.issuer.subject,
            spki: &self.issuer.spki,
            may_sign_lists: self.issuer.may_sign_lists,
            // An issuer that signs its lists with another key has that key's certificate in CA_FILE
            // or beside the list; what a client sends along is not kept for this.
            pool: &[],
            above: &above,
        };
        let lists = lists.map(|lists| lists as &dyn Revocation);
        work(&Cognizant { issuer, lists })
    }

    /// Whether somebody whom its issuer has named to answer is in force now.
    pub(super) fn judge(
        &self,
        delegate: &Delegate,
        lists: Option<&RevocationLists>,
        now: WallTime,
    ) -> Result<(), RevocationRefusal> {
        self.with_issuer(lists, |by| by.judge_standing(delegate.certificate(), now))
    }
}
