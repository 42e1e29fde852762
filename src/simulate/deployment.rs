//! [`Deployment`]: the ini files of a gateway, with real ports.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use super::pki::{BOTH_CAS, COMPANY_CA, CRM_CA, CaModel, FOLDER, FileLayout, Party, Pki};
use crate::model::Endpoint;

/// One ini file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ini {
    about: String,
    sections: Vec<Section>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Section {
    name: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    key: String,
    value: String,
}

impl Ini {
    /// An empty one; every line of `about` becomes a comment at its head.
    pub fn new(about: &str) -> Self {
        Self {
            about: about.to_owned(),
            sections: Vec::new(),
        }
    }

    /// Sets a key, in the place where it stands already or at the end of its section.
    pub fn set(&mut self, section: &str, key: &str, value: impl fmt::Display) -> &mut Self {
        let value = value.to_string();
        let entries = self.entries(section);
        match entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => entries.push(Entry {
                key: key.to_owned(),
                value,
            }),
        }
        self
    }

    /// Removes a key.
    pub fn remove(&mut self, section: &str, key: &str) -> &mut Self {
        self.entries(section).retain(|entry| entry.key != key);
        self
    }

    fn entries(&mut self, name: &str) -> &mut Vec<Entry> {
        let place = self.sections.iter().position(|own| own.name == name);
        let place = place.unwrap_or_else(|| {
            self.sections.push(Section {
                name: name.to_owned(),
                entries: Vec::new(),
            });
            self.sections.len() - 1
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "the place was found, or made, right above"
        )]
        let section = &mut self.sections[place];
        &mut section.entries
    }
}

impl fmt::Display for Ini {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.about.lines() {
            writeln!(f, "; {line}")?;
        }
        for section in &self.sections {
            writeln!(f, "\n[{}]", section.name)?;
            for entry in &section.entries {
                writeln!(f, "{}={}", entry.key, entry.value)?;
            }
        }
        Ok(())
    }
}

/// The files of one SAP system. `direct` is one side and events, `failover` two sides,
/// `static-route` two sides and a route; any other combination can be put together as well.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// `ssl.ini`, once [`Deployment::tls`] was called.
    pub ssl: Option<Ini>,
    /// `CRMConnectorSAP_<name>.ini`.
    pub system: Ini,
    /// `crmgate.ini`.
    pub gateway: Ini,
    name: String,
}

impl Deployment {
    /// Files that serve nothing yet, for the SAP system of this name.
    pub fn new(name: &str) -> Self {
        let mut gateway = Ini::new("The gateway itself.");
        gateway.set("Log", "Format", "text");
        Self {
            ssl: None,
            system: Ini::new(&format!("SAP system {name}.")),
            gateway,
            name: name.to_owned(),
        }
    }

    /// TLS towards SAP, with the certificates of a PKI that lies in the same directory.
    #[must_use]
    pub fn tls(mut self, pki: &Pki) -> Self {
        let mut ssl = Ini::new("Throw-away certificates.");
        ssl.set("SSL", "METHOD", 0);
        let stem = format!("./{FOLDER}/{}", Party::Gateway.name());
        let mut role = |section: &str, authorities: &str| {
            ssl.set(section, "CA_FILE", format!("./{FOLDER}/{authorities}"));
            match pki.layout() {
                FileLayout::CertificateFirst | FileLayout::KeyFirst => {
                    ssl.set(section, "PEM_FILE", format!("{stem}.pem"));
                }
                FileLayout::Pair => {
                    ssl.set(section, "CRT_FILE", format!("{stem}.crt"));
                    ssl.set(section, "KEY_FILE", format!("{stem}.key"));
                }
            }
        };
        match pki.model() {
            CaModel::One => role("SSL_SERVER_CLIENT", COMPANY_CA),
            CaModel::Separate => {
                role("SSL_SERVER", CRM_CA);
                // The sides are the company's, SAP CRM is not.
                role("SSL_CLIENT", BOTH_CAS);
            }
        }
        self.system.set("Config", "TpiDllParameter", "SSL");
        self.ssl = Some(ssl);
        self
    }

    /// Requests, from this listener to one or two sides.
    #[must_use]
    pub fn requests(mut self, listen: SocketAddr, a: &Endpoint, b: Option<&Endpoint>) -> Self {
        self.system.set("Requests", "Listen", listen);
        self.system.set("Requests", "SideA", a);
        if let Some(b) = b {
            self.system.set("Requests", "SideB", b);
        }
        self
    }

    /// Events, from this listener to SAP CRM.
    #[must_use]
    pub fn events(mut self, listen: SocketAddr, crm: &Endpoint) -> Self {
        self.system.set("Events", "Listen", listen);
        self.system.set("Events", "Crm", crm);
        self
    }

    /// A static route. All routes of a system listen on the same address.
    #[must_use]
    pub fn static_route(mut self, listen: SocketAddr, crm: SocketAddr) -> Self {
        self.system.set("StaticRoutes", "Bind", listen.ip());
        self.system
            .set("StaticRoutes", &listen.port().to_string(), crm);
        self
    }

    /// Writes the files.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let system = format!("CRMConnectorSAP_{}.ini", self.name);
        std::fs::write(dir.join(system), self.system.to_string())?;
        std::fs::write(dir.join("crmgate.ini"), self.gateway.to_string())?;
        if let Some(ssl) = &self.ssl {
            std::fs::write(dir.join("ssl.ini"), ssl.to_string())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_set_again_keeps_its_place() {
        let mut ini = Ini::new("one\ntwo");
        ini.set("A", "x", 1).set("B", "y", 2).set("A", "z", 3);
        ini.set("A", "x", 4).remove("B", "y");
        assert_eq!(ini.to_string(), "; one\n; two\n\n[A]\nx=4\nz=3\n\n[B]\n");
    }
}
