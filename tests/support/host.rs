//! [`Host`]: a machine with a gateway of its own, its certificate and its ini files.

use std::path::Path;

use crmgate::gateway::Gateway;
use crmgate::model::Clock;
use crmgate::simulate::{CaModel, Deployment, FileLayout, Ini, Party, Pki};
use tempfile::TempDir;

use super::started;

/// Whom a role of a gateway meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meets {
    Crm,
    Company,
    Both,
}

/// One machine.
pub struct Host {
    dir: TempDir,
}

impl Host {
    /// A machine whose gateway has a party's certificate, in files of this layout.
    pub fn of(pki: &Pki, party: Party, layout: FileLayout) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let folder = dir.path().join("ssl");
        std::fs::create_dir(&folder).expect("a folder");
        let (company, crm) = (pki.authority(Party::Gateway), pki.authority(Party::Crm));
        private(&folder.join("company.pem"), &company.pem());
        private(&folder.join("crm.pem"), &crm.pem());
        private(
            &folder.join("both.pem"),
            &format!("{}{}", company.pem(), crm.pem()),
        );
        let identity = pki.identity(party);
        let (certificate, key) = (&identity.certificate_pem, &identity.key_pem);
        match layout {
            FileLayout::CertificateFirst => {
                private(&folder.join("own.pem"), &format!("{certificate}{key}"));
            }
            FileLayout::KeyFirst => {
                private(&folder.join("own.pem"), &format!("{key}{certificate}"));
            }
            FileLayout::Pair => {
                private(&folder.join("own.crt"), certificate);
                private(&folder.join("own.key"), key);
            }
        }
        Self { dir }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A deployment with TLS. With one CA it is what the vendor's example shows; with two, each
    /// role names the CA of whom it meets.
    pub fn deployment(pki: &Pki, layout: FileLayout, server: Meets, client: Meets) -> Deployment {
        let mut ssl = Ini::new("A machine of a test.");
        ssl.set("SSL", "METHOD", 0);
        match pki.model() {
            CaModel::One => role(&mut ssl, "SSL_SERVER_CLIENT", Meets::Company, layout),
            CaModel::Separate => {
                role(&mut ssl, "SSL_SERVER", server, layout);
                role(&mut ssl, "SSL_CLIENT", client, layout);
            }
        }
        let mut deployment = Deployment::new("SAP1");
        deployment.ssl = Some(ssl);
        deployment.system.set("Config", "TpiDllParameter", "SSL");
        deployment.gateway.set("Runtime", "Threads", 1);
        deployment
    }

    /// Serves a deployment on this machine.
    pub async fn serve(&self, deployment: &Deployment) -> Gateway {
        deployment.write(self.path()).expect("ini files");
        serve(self.path()).await
    }
}

/// Serves a directory by the clock of this machine.
pub async fn serve(dir: &Path) -> Gateway {
    started(dir, &Clock::system()).await
}

fn role(ssl: &mut Ini, section: &str, meets: Meets, layout: FileLayout) {
    let authority = match meets {
        Meets::Crm => "./ssl/crm.pem",
        Meets::Company => "./ssl/company.pem",
        Meets::Both => "./ssl/both.pem",
    };
    ssl.set(section, "CA_FILE", authority);
    match layout {
        FileLayout::CertificateFirst | FileLayout::KeyFirst => {
            ssl.set(section, "PEM_FILE", "./ssl/own.pem");
        }
        FileLayout::Pair => {
            ssl.set(section, "CRT_FILE", "./ssl/own.crt");
            ssl.set(section, "KEY_FILE", "./ssl/own.key");
        }
    }
}

/// Writes a file that nobody else may read, as a private key has to be.
pub fn private(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("its owner");
    }
}
