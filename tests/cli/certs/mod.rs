//! `crmgate certs`, judged by OpenSSL.

mod converting;
mod looking;
mod making;
mod renewing;
mod signing;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::crmgate;

/// What a program said and how it ended.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Done {
    /// Fails the test unless it ended with this code.
    pub(super) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// What it printed as JSON.
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn done(command: &mut Command) -> Done {
    let output = command.output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Done {
        code: output.status.code().expect("no signal"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// A folder with what `certs init` makes in `pki/`.
pub(super) struct Desk(TempDir);

impl Desk {
    /// An empty one.
    pub(super) fn empty() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// One with a PKI of quick keys for `gw.example.com`.
    pub(super) fn with_pki() -> Self {
        let desk = Self::empty();
        let made = desk.certs(&[
            "init",
            "pki",
            "--key",
            "ec",
            "--gateway",
            "gw.example.com,127.0.0.1",
        ]);
        made.ends_with(0);
        desk
    }

    /// One whose `conf/` uses the gateway's certificate of that PKI.
    pub(super) fn with_configuration() -> Self {
        let desk = Self::with_pki();
        std::fs::create_dir(desk.path("conf")).expect("a folder");
        std::fs::copy(desk.path("pki/gateway.pem"), desk.path("conf/gw.pem")).expect("copied");
        desk.write(
            "conf/ssl.ini",
            "[SSL_SERVER_CLIENT]\nCA_FILE=../pki/company-ca.pem\nPEM_FILE=gw.pem\n",
        );
        desk.write(
            "conf/CRMConnectorSAP_SAP1.ini",
            "[Config]\nTpiDllParameter=SSL\n[Requests]\nListen=127.0.0.1:8443\n\
             SideA=https://side-a.example:8443\n",
        );
        desk
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect(name)
    }

    /// Who may read a file.
    pub(super) fn mode(&self, name: &str) -> u32 {
        let found = std::fs::metadata(self.path(name)).expect(name);
        found.permissions().mode() & 0o777
    }

    /// `crmgate certs` in here.
    pub(super) fn certs(&self, words: &[&str]) -> Done {
        let mut command = crmgate();
        command
            .env_remove("CRMGATE_PASSPHRASE")
            .env_remove("CRMGATE_OUT_PASSPHRASE");
        done(command.current_dir(self.0.path()).arg("certs").args(words))
    }

    /// Any other command of ours in here.
    pub(super) fn crmgate(&self, words: &[&str]) -> Done {
        done(crmgate().current_dir(self.0.path()).args(words))
    }

    /// OpenSSL in here. One that is not there fails the test: `.ci/run` installs it.
    pub(super) fn openssl(&self, line: &str) -> Done {
        self.openssl_with(&line.split(' ').collect::<Vec<_>>())
    }

    pub(super) fn openssl_with(&self, words: &[&str]) -> Done {
        let mut command = Command::new("openssl");
        done(command.current_dir(self.0.path()).args(words))
    }

    /// Signs a request as the company's CA does.
    pub(super) fn sign(&self, request: &str, days: u32, answer: &str) {
        let line = format!(
            "x509 -req -in {request} -CA pki/company-ca.pem -CAkey pki/company-ca.key \
             -copy_extensions copy -days {days} -out {answer}"
        );
        self.openssl(&line).ends_with(0);
    }

    /// The names in the folder, sorted.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}
