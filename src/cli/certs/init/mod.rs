//! `crmgate certs init`: a PKI for a trial, and what to do with each file of it.

mod told;

use std::path::{Path, PathBuf};

use super::args::{InitArgs, Key, Layout};
use super::failure::Failure;
use super::files::{self, Access};
use crate::certs::container::{Cipher, Label, armoured, write_pkcs12};
use crate::certs::issue::{Authority, IssueError, Issued, KeyChoice, LeafSpec};
use crate::cli::exit::Exit;
use crate::model::{Clock, Secret, WallTime};

/// Makes everything and prints what it is for.
pub(super) fn init(args: &InitArgs) -> Result<Exit, Failure> {
    let now = Clock::system().now();
    let pki = Pki::make(args, now)?;
    let planned = pki.files(args)?;
    // All of them are looked at first: half a PKI is worse than none.
    for file in &planned {
        let path = args.dir.join(&file.name);
        if path.symlink_metadata().is_ok() {
            let hint = "nothing was written: name another directory, or remove the files of the former \
                        trial";
            return Err(Failure::exists(&path, hint));
        }
    }
    files::folder(&args.dir)?;
    files::folder(&args.dir.join(FOR_SAP))?;
    for file in &planned {
        files::write(&args.dir.join(&file.name), &file.bytes, file.access, false)?;
    }
    told::tell(args, &pki, &planned);
    Ok(Exit::Ok)
}

/// Whose certificate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Gateway,
    SideA,
    SideB,
    Crm,
    Admin,
}

impl Who {
    const ALL: [Self; 5] = [
        Self::Gateway,
        Self::SideA,
        Self::SideB,
        Self::Crm,
        Self::Admin,
    ];

    /// The stem of its files.
    const fn stem(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::SideA => "side-a",
            Self::SideB => "side-b",
            Self::Crm => "sap-crm",
            Self::Admin => "admin",
        }
    }

    fn names(self, args: &InitArgs) -> Vec<String> {
        match self {
            Self::Gateway => args.gateway.clone(),
            Self::SideA => args.side_a.clone(),
            Self::SideB => args.side_b.clone(),
            Self::Crm => args.crm.clone(),
            // A person, whom no host name tells.
            Self::Admin => vec!["admin".to_owned()],
        }
    }

    /// What it is for.
    const fn purpose(self) -> &'static str {
        match self {
            Self::Gateway => "the gateway, towards SAP CRM and the sides",
            Self::SideA => "connector side A",
            Self::SideB => "connector side B",
            Self::Crm => "SAP CRM, calling and listening",
            Self::Admin => "an operator's client certificate",
        }
    }
}

/// All that was made.
struct Pki {
    company: Authority,
    crm: Option<Authority>,
    identities: Vec<(Who, Issued)>,
    until: WallTime,
}

/// One file of it.
struct Planned {
    name: PathBuf,
    bytes: Vec<u8>,
    access: Access,
    what: String,
}

impl Pki {
    fn make(args: &InitArgs, now: WallTime) -> Result<Self, Failure> {
        let key = match args.key {
            Key::Rsa => KeyChoice::Rsa2048,
            Key::Ec => KeyChoice::P256,
        };
        let company = Authority::for_trial("Trial Company CA", key, now).map_err(|e| unmade(&e))?;
        let crm = args
            .separate_cas
            .then(|| Authority::for_trial("Trial CRM CA", key, now))
            .transpose()
            .map_err(|e| unmade(&e))?;
        let until = WallTime(now.0.saturating_add(i64::from(args.days) * DAY));
        let mut identities = Vec::new();
        for who in Who::ALL {
            let names = who.names(args);
            let authority = match (who, &crm) {
                (Who::Crm, Some(crm)) => crm,
                _ => &company,
            };
            let issued = authority.issue(&LeafSpec {
                common_name: names.first().cloned().unwrap_or_default(),
                alternative_names: if who == Who::Admin { Vec::new() } else { names },
                server_auth: who != Who::Admin,
                not_after: until,
                key,
                ..LeafSpec::for_name(who.stem(), now)
            });
            identities.push((who, issued.map_err(|error| unmade(&error))?));
        }
        Ok(Self {
            company,
            crm,
            identities,
            until,
        })
    }

    /// Every file in the order in which they are explained.
    fn files(&self, args: &InitArgs) -> Result<Vec<Planned>, Failure> {
        let mut all = Vec::new();
        let mut add = |name: &str, bytes: &[u8], access, what: &str| {
            all.push(Planned {
                name: PathBuf::from(name),
                bytes: bytes.to_vec(),
                access,
                what: what.to_owned(),
            });
        };
        let cas = [
            ("company-ca", Some(&self.company), "the company's CA"),
            ("crm-ca", self.crm.as_ref(), "SAP CRM's own CA"),
        ];
        for (stem, authority, what) in cas {
            let Some(authority) = authority else { continue };
            let (pem, key) = (authority.pem(), authority.key_pem());
            let cer = armoured(Label::Certificate, authority.der());
            add(&format!("{stem}.pem"), pem.as_bytes(), Access::Open, what);
            let secret = "its key: it can make any certificate of this trial";
            add(
                &format!("{stem}.key"),
                key.as_bytes(),
                Access::Secret,
                secret,
            );
            let import = "the same, to import in STRUST";
            let name = format!("{FOR_SAP}/{stem}.cer");
            add(&name, cer.as_bytes(), Access::Open, import);
        }
        if let Some(crm) = &self.crm {
            let both = format!("{}{}", self.company.pem(), crm.pem());
            add(
                BOTH,
                both.as_bytes(),
                Access::Open,
                "both CAs, for whoever meets both",
            );
        }
        for (who, issued) in &self.identities {
            let (stem, what) = (who.stem(), who.purpose());
            let chain = format!("{}{}", issued.certificate_pem, issued.chain_pem);
            if args.layout != Layout::Pair {
                let both = issued.combined_pem();
                add(
                    &format!("{stem}.pem"),
                    both.as_bytes(),
                    Access::Secret,
                    what,
                );
            }
            if args.layout != Layout::Pem {
                add(&format!("{stem}.crt"), chain.as_bytes(), Access::Open, what);
                let key = issued.key_pem.as_bytes();
                add(&format!("{stem}.key"), key, Access::Secret, "its key");
            }
            if *who == Who::Crm {
                let pfx = self.pfx(issued)?;
                let name = format!("{FOR_SAP}/{stem}.pfx");
                add(
                    &name,
                    &pfx,
                    Access::Secret,
                    "the same, for sapgenpse import_p12",
                );
            }
        }
        Ok(all)
    }

    fn pfx(&self, issued: &Issued) -> Result<Vec<u8>, Failure> {
        let authority = self.crm.as_ref().unwrap_or(&self.company);
        let chain = [issued.der.clone(), authority.der().clone()];
        let key = issued.key_der.clone().into();
        let passphrase = Secret::new(PASSPHRASE.to_owned());
        let made = write_pkcs12(
            &chain,
            &key,
            Who::Crm.stem(),
            &passphrase,
            Cipher::TripleDes,
        );
        made.map_err(|error| {
            let hint = "report this with the options that were used";
            Failure::new(Exit::Software, error.to_string(), hint)
        })
    }

    /// What the gateway believes.
    fn ca_file(&self) -> &'static str {
        if self.crm.is_some() {
            BOTH
        } else {
            "company-ca.pem"
        }
    }
}

fn unmade(error: &IssueError) -> Failure {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    let what = format!("{error}{}", cause.unwrap_or_default());
    let hint = "write host names in ASCII (punycode) and addresses as numbers, with commas";
    Failure::new(Exit::Usage, what, hint)
}

fn shown(dir: &Path, name: &Path) -> String {
    dir.join(name).display().to_string()
}

/// The folder of what is imported into SAP.
const FOR_SAP: &str = "for-sap";

const BOTH: &str = "both-cas.pem";

/// Of the one PFX of a trial. It is no secret, and says so.
const PASSPHRASE: &str = "changeit";

const DAY: i64 = 86_400;
