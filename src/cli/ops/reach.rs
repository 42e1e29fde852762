//! [`Reach`]: the way from a command line to the gateway that it means.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::args::Which;
use super::trouble::Trouble;
use crate::admin::{Call, Client};
use crate::cli::output::complain;
use crate::config::settings::{
    ClientTls, FileRef, IdentityFiles, TlsFiles, TlsParameters, TlsVersion,
};
use crate::config::{AdminDoor, Place};
use crate::model::Clock;

/// A gateway that can be asked.
#[derive(Debug)]
pub(super) struct Reach {
    client: Client,
}

impl Reach {
    /// The gateway of a directory on this machine, or the one at a URL.
    pub(super) fn to(which: &Which) -> Result<Self, Trouble> {
        if let (Some(url), Some(pem), Some(ca)) = (&which.url, &which.pem, &which.ca) {
            let tls = certificates(pem, which.pem_passphrase.as_deref(), ca);
            let (client, problems) = Client::over_tls(url, &tls, &Clock::system())?;
            for problem in &problems {
                complain(problem);
            }
            return Ok(Self { client });
        }
        let dir = &which.dir.config;
        if !dir.is_dir() {
            return Err(Trouble::NoDirectory(dir.clone()));
        }
        let door = AdminDoor::of_directory(dir);
        let client = Client::of(dir, &door)?;
        Ok(Self { client })
    }

    /// The way itself.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// The answer as it came.
    pub(super) async fn ask(&self, call: Call<'_>) -> Result<Value, Trouble> {
        Ok(self.client.call(call).await?)
    }

    /// The answer to a look, as what it means.
    pub(super) async fn look<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        understood(self.ask(Call::get(path)).await?)
    }
}

/// What an answer means.
pub(super) fn understood<T: DeserializeOwned>(answer: Value) -> Result<T, Trouble> {
    serde_json::from_value(answer).map_err(Trouble::Answer)
}

/// TLS as the command line asks for it, in the form in which the configuration does.
fn certificates(pem: &Path, passphrase: Option<&Path>, ca: &Path) -> ClientTls {
    let file = |path: &Path, option: &str| FileRef {
        written: path.display().to_string(),
        path: path.to_owned(),
        place: Place::file(path).key(option),
    };
    ClientTls {
        files: TlsFiles {
            ca: file(ca, "(--ca)"),
            identity: IdentityFiles::Combined(file(pem, "(--pem)")),
            passphrase: passphrase.map(|path| file(path, "(--pem-passphrase)")),
            next: None,
            revocation: None,
        },
        parameters: TlsParameters {
            min: TlsVersion::V1_2,
            max: TlsVersion::V1_3,
            cipher_suites: None,
        },
        legacy_cn_match: false,
    }
}

/// Whether somebody sits there who can be asked.
pub(super) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks, and takes nothing but a yes for one.
pub(super) fn is_wanted(question: &str) -> Result<bool, Trouble> {
    let mut terminal = std::io::stderr().lock();
    let asked = write!(terminal, "{question} [y/N] ").and_then(|()| terminal.flush());
    asked.map_err(Trouble::Terminal)?;
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.map_err(Trouble::Terminal)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
