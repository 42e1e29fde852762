//! `[Admin]` of `crmgate.ini`: who may look at the gateway and who may change it.

use crate::config::document::Document;
use crate::config::files;
use crate::config::keys::IniFile;
use crate::config::problem::{Place, Problem, Problems};
use crate::config::reader::Reader;
use crate::config::roles::Roles;
use crate::config::rules_ini::rules;
use crate::config::settings::{AdminSettings, ClientAuth, ClientRule, FileRef};
use crate::model::{ListenAddr, SystemName};

/// The section as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WrittenAdmin {
    pub(super) listen: Vec<ListenAddr>,
    pub(super) place: Place,
    pub(super) token_file: Option<FileRef>,
    readers: Vec<ClientRule>,
    operators: Vec<ClientRule>,
    rule: Option<Place>,
}

impl WrittenAdmin {
    /// Under which name `ssl.ini` may have sections for it, as for a SAP system.
    pub(super) const ROLE: &'static str = "ADMIN";

    pub(super) fn read(document: &Document, problems: &mut Problems) -> Self {
        let mut reader = Reader::new(document, IniFile::Gateway, "Admin", problems);
        let listen: Vec<ListenAddr> = reader.value("Listen");
        let place = reader.place("Listen");
        if !reader.is_set("Listen") {
            let names = ["TokenFile", "AllowReader1", "AllowOperator1"];
            reader.without_effect(&names, "without Listen", "write Listen=127.0.0.1:9440");
            return Self {
                listen,
                place,
                token_file: None,
                readers: Vec::new(),
                operators: Vec::new(),
                rule: None,
            };
        }
        let token_file = reader.file("TokenFile");
        if let Some(problem) = token_file.as_ref().and_then(files::unwritable) {
            reader.report(problem);
        }
        let readers = rules(&mut reader, "AllowReader1");
        let operators = rules(&mut reader, "AllowOperator1");
        let rule = operators.iter().chain(&readers).next();
        let rule = rule.map(|rule| reader.place(&rule.key));
        Self {
            listen,
            place,
            token_file,
            readers,
            operators,
            rule,
        }
    }

    /// What is meant, beside `ssl.ini`. Whoever is not on this machine has to prove who he is.
    pub(super) fn resolve(&self, roles: &mut Roles, problems: &mut Problems) -> AdminSettings {
        let is_local = |listen: &ListenAddr| listen.addr().ip().is_loopback();
        let mut settings = AdminSettings {
            listen: self.listen.clone(),
            tls: None,
            token_file: self.token_file.clone(),
            readers: self.readers.clone(),
            operators: self.operators.clone(),
        };
        if self.listen.iter().all(is_local) {
            if let Some(place) = self.rule.clone().filter(|_| !self.listen.is_empty()) {
                problems.push(Problem::warning(
                    place,
                    "rules about readers and operators have no effect on an admin listener of this machine alone",
                    "remove the rules: on the loopback address who may operate is who can read the \
                     token file; or listen on another address too",
                ));
            }
            return settings;
        }
        if self.rule.is_none() {
            problems.push(Problem::error(
                self.place.clone(),
                "an admin listener that other machines can reach needs a rule who may use it",
                "write AllowOperator1=cn=... (and AllowReader1=... for those who only look), or \
                 listen on 127.0.0.1",
            ));
        }
        let Ok(name) = Self::ROLE.parse::<SystemName>() else {
            return settings;
        };
        settings.tls = roles.server(&name, &self.place, problems);
        if let Some(tls) = &settings.tls
            && tls.client_auth != ClientAuth::Require
        {
            problems.push(Problem::error(
                self.place.clone(),
                "an admin listener that other machines can reach needs CLIENT_AUTH=require",
                "write [SSL_SERVER ADMIN] with CLIENT_AUTH=require into ssl.ini",
            ));
        }
        settings
    }
}
