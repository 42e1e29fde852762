//! [`Pki`]: throw-away certificates, in the files that a configuration directory names.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::peer_tls::PeerTls;
use crate::certs::issue::{Authority, IssueError, Issued, LeafSpec};
use crate::model::{Side, WallTime};

/// Why the certificates are not in their files.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// One could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A file could not be written.
    #[error("the file \"{}\" cannot be written: {cause}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// Whose authority signs whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaModel {
    /// One company CA for everybody.
    One,
    /// SAP CRM has a CA of its own.
    Separate,
}

/// How the gateway's certificate and key lie in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileLayout {
    /// One file, the certificate first.
    CertificateFirst,
    /// One file, the key first.
    KeyFirst,
    /// Two files.
    Pair,
}

/// Who has a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// The gateway.
    Gateway,
    /// SAP CRM, calling and listening.
    Crm,
    /// A connector side, calling and listening.
    Side(Side),
}

impl Party {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Gateway,
        Self::Crm,
        Self::Side(Side::A),
        Self::Side(Side::B),
    ];

    /// The stem of its files, and its common name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Crm => "sap-crm",
            Self::Side(Side::A) => "side-a",
            Self::Side(Side::B) => "side-b",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Gateway => 0,
            Self::Crm => 1,
            Self::Side(Side::A) => 2,
            Self::Side(Side::B) => 3,
        }
    }
}

/// Authorities and certificates, and the folder `ssl` that holds them as files.
///
/// Every certificate is good for both roles and for `127.0.0.1` and `localhost`. Keys are not
/// encrypted; nobody but the user may read the files.
#[derive(Debug)]
pub struct Pki {
    folder: PathBuf,
    layout: FileLayout,
    company: Authority,
    crm: Option<Authority>,
    identities: [Issued; 4],
}

impl Pki {
    /// Makes everything and writes it to `dir/ssl`.
    pub fn create(
        dir: &Path,
        model: CaModel,
        layout: FileLayout,
        now: WallTime,
    ) -> Result<Self, PkiError> {
        let company = Authority::new("Company CA", now)?;
        let crm = match model {
            CaModel::One => None,
            CaModel::Separate => Some(Authority::new("CRM Side CA", now)?),
        };
        let of_crm = crm.as_ref().unwrap_or(&company);
        let pki = Self {
            folder: dir.join(FOLDER),
            layout,
            identities: [
                identity(Party::Gateway, &company, now)?,
                identity(Party::Crm, of_crm, now)?,
                identity(Party::Side(Side::A), &company, now)?,
                identity(Party::Side(Side::B), &company, now)?,
            ],
            company,
            crm,
        };
        std::fs::create_dir_all(&pki.folder).map_err(|cause| PkiError::File {
            path: pki.folder.clone(),
            cause,
        })?;
        pki.write_authorities("")?;
        for party in Party::ALL {
            pki.write_identity(party)?;
        }
        Ok(pki)
    }

    /// Gives a party a new certificate with a new key, signed by the same authority, in the same
    /// files. Peers that run keep the old one.
    pub fn renew(&mut self, party: Party, now: WallTime) -> Result<(), PkiError> {
        let issued = identity(party, self.authority(party), now)?;
        if let Some(slot) = self.identities.get_mut(party.index()) {
            *slot = issued;
        }
        self.write_identity(party)
    }

    /// Replaces the company CA by a new one of the same name, and every certificate below it. The
    /// files of authorities hold the new and the old one, as in the weeks of a change of CA.
    pub fn roll_company_ca(&mut self, now: WallTime) -> Result<(), PkiError> {
        let old = self.company.pem();
        self.company = Authority::new("Company CA", now)?;
        self.write_authorities(&old)?;
        for party in Party::ALL {
            if party != Party::Crm || self.crm.is_none() {
                self.renew(party, now)?;
            }
        }
        Ok(())
    }

    /// The authority that signs a party's certificates.
    pub fn authority(&self, party: Party) -> &Authority {
        match (party, &self.crm) {
            (Party::Crm, Some(crm)) => crm,
            _ => &self.company,
        }
    }

    /// A party's certificate and key.
    pub fn identity(&self, party: Party) -> &Issued {
        let [gateway, crm, side_a, side_b] = &self.identities;
        match party {
            Party::Gateway => gateway,
            Party::Crm => crm,
            Party::Side(Side::A) => side_a,
            Party::Side(Side::B) => side_b,
        }
    }

    /// A simulated peer with a party's certificate as it is now. SAP CRM believes the company CA,
    /// which is all it meets; a side believes both CAs, since static routes and passthrough let it
    /// meet SAP CRM itself.
    pub fn peer(&self, party: Party) -> PeerTls {
        let mut trusted = vec![self.company.der()];
        if let (Party::Side(_), Some(crm)) = (party, &self.crm) {
            trusted.push(crm.der());
        }
        PeerTls::new(self.identity(party), self.authority(party).der(), &trusted)
    }

    /// Whether SAP CRM has a CA of its own.
    pub const fn model(&self) -> CaModel {
        if self.crm.is_some() {
            CaModel::Separate
        } else {
            CaModel::One
        }
    }

    /// How the gateway's certificate and key lie in files.
    pub const fn layout(&self) -> FileLayout {
        self.layout
    }

    /// The folder of the files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Replaces a file of the folder at once: nobody ever reads half of it.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, PkiError> {
        let path = self.folder.join(name);
        replace(&path, text).map_err(|cause| PkiError::File {
            path: path.clone(),
            cause,
        })?;
        Ok(path)
    }

    fn write_authorities(&self, former: &str) -> Result<(), PkiError> {
        let mut company = self.company.pem();
        let _infallible = write!(company, "{former}");
        self.write(COMPANY_CA, &company)?;
        if let Some(crm) = &self.crm {
            self.write(CRM_CA, &crm.pem())?;
            self.write(BOTH_CAS, &format!("{company}{}", crm.pem()))?;
        }
        Ok(())
    }

    fn write_identity(&self, party: Party) -> Result<(), PkiError> {
        let (name, issued) = (party.name(), self.identity(party));
        match (party, self.layout) {
            (Party::Gateway, FileLayout::Pair) => {
                let chain = format!("{}{}", issued.certificate_pem, issued.chain_pem);
                self.write(&format!("{name}.crt"), &chain)?;
                self.write(&format!("{name}.key"), &issued.key_pem)?;
            }
            (Party::Gateway, FileLayout::KeyFirst) => {
                let text = format!(
                    "{}{}{}",
                    issued.key_pem, issued.certificate_pem, issued.chain_pem
                );
                self.write(&format!("{name}.pem"), &text)?;
            }
            (Party::Gateway, FileLayout::CertificateFirst) | (Party::Crm | Party::Side(_), _) => {
                self.write(&format!("{name}.pem"), &issued.combined_pem())?;
            }
        }
        Ok(())
    }
}

/// The folder's name, as in the vendor's documentation.
pub(super) const FOLDER: &str = "ssl";

/// The company CA; during a change of CA also the former one.
pub(super) const COMPANY_CA: &str = "company-ca.pem";

/// SAP CRM's own CA.
pub(super) const CRM_CA: &str = "crm-ca.pem";

/// Both, for whoever meets both.
pub(super) const BOTH_CAS: &str = "both-cas.pem";

fn identity(party: Party, authority: &Authority, now: WallTime) -> Result<Issued, IssueError> {
    authority.issue(&LeafSpec {
        alternative_names: vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
        ..LeafSpec::for_name(party.name(), now)
    })
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    // Readable for the user alone, as a private key has to be.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
