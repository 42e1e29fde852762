//! What `CRL_FILE` names, read: files in PEM or DER, bundles, and folders of them.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use memchr::memmem;

use crate::certs::digest::sha256;
use crate::certs::path::Certificate;
use crate::certs::pem::{Foreign, PemFile, error, read_at_most, strip_mark, warning};
use crate::certs::revocation::list::RevocationList;
use crate::certs::revocation::parse::{ListDefect, parse};
use crate::config::problem::{Problem, Problems, Severity};
use crate::config::sandbox::{self, Rights};
use crate::config::settings::FileRef;

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) lists: Vec<Listed>,
    /// Certificates beside the lists, whose keys may have signed them.
    pub(super) signers: Vec<Certificate>,
    /// Of each file, in their order.
    pub(super) digests: Vec<[u8; 32]>,
}

/// A list with its place.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) list: RevocationList,
    pub(super) file: FileRef,
}

/// The largest file that is read: the lists of the largest public authorities are half of it.
const MAX_FILE: u64 = 64 << 20;

/// Reads everything, and reports whatever is no list.
pub(super) fn read(named: &[FileRef], problems: &mut Problems) -> Found {
    let mut found = Found::default();
    let files: Vec<FileRef> = named
        .iter()
        .flat_map(|one| files_of(one, problems))
        .collect();
    for file in files {
        match read_at_most(&file, MAX_FILE) {
            Ok(bytes) => found.take(&file, &bytes, problems),
            Err(unreadable) => problems.extend(unreadable),
        }
    }
    found
}

impl Found {
    fn take(&mut self, file: &FileRef, bytes: &[u8], problems: &mut Problems) {
        self.digests.push(sha256(bytes));
        let (lists, errors) = (self.lists.len(), problems.count(Severity::Error));
        if memmem::find(bytes, b"-----BEGIN ").is_some() {
            match PemFile::of(file, bytes) {
                Ok(pem) => self.take_pem(file, &pem, problems),
                Err(unreadable) => problems.extend(unreadable),
            }
        } else if bytes.first() == Some(&DER_SEQUENCE) {
            let kind = Foreign::sniff(bytes);
            if kind == Foreign::DerRevocationList {
                self.take_list(file, None, bytes, problems);
            } else {
                problems.push(no_list(file, &kind.what()));
            }
        } else {
            problems.push(no_list(file, &Foreign::sniff(strip_mark(bytes)).what()));
        }
        let is_told = problems.count(Severity::Error) > errors;
        if self.lists.len() == lists && !is_told {
            problems.push(no_list(file, "holds no revocation list"));
        }
    }

    fn take_pem(&mut self, file: &FileRef, pem: &PemFile, problems: &mut Problems) {
        for (bytes, line) in pem.revocation_lists() {
            self.take_list(file, Some(line), bytes, problems);
        }
        for (der, line) in pem.certificates() {
            match Certificate::read(der) {
                Ok(signer) => self.signers.push(signer),
                Err(malformed) => {
                    let what = format!(
                        "holds in line {line} a certificate that is of no use: {malformed}"
                    );
                    problems.push(error(file, &what, "copy the certificate again"));
                }
            }
        }
        if pem.keys().next().is_some() {
            let hint = "remove the key: lists are handed around, and nobody else may have it";
            problems.push(warning(file, "holds a private key", hint));
        }
        pem.foreign()
            .for_each(|foreign| problems.push(no_list(file, &foreign.what())));
    }

    fn take_list(
        &mut self,
        file: &FileRef,
        line: Option<u32>,
        bytes: &[u8],
        problems: &mut Problems,
    ) {
        match parse(bytes) {
            Ok(list) => self.lists.push(Listed {
                list,
                file: file.clone(),
            }),
            Err(defect) => {
                let place = line.map_or_else(String::new, |line| format!("in line {line} "));
                let what = format!("holds {place}a revocation list that {defect}");
                problems.push(error(file, &what, remedy(&defect)));
            }
        }
    }
}

/// The file itself, or the files of a folder in the order of their names.
fn files_of(place: &FileRef, problems: &mut Problems) -> Vec<FileRef> {
    if !place.path.is_dir() {
        return vec![place.clone()];
    }
    let names = match names_of(&place.path) {
        Ok(names) => names,
        Err(cause) => {
            let hint = "check that the service's user may read the folder";
            let (why, hint) = sandbox::why(&place.path, Rights::Read, &cause, hint);
            let what = format!("is a folder that cannot be read: {why}");
            problems.push(error(place, &what, hint));
            return Vec::new();
        }
    };
    if names.is_empty() {
        let what = "is a folder without a file in it";
        problems.push(error(place, what, "put the lists into it, or name a file"));
    }
    let file = |name: OsString| FileRef {
        written: place.written.clone(),
        path: place.path.join(name),
        place: place.place.clone(),
    };
    names.into_iter().map(file).collect()
}

/// Hidden files are those that copying tools write before they rename them, and are none.
fn names_of(folder: &Path) -> std::io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // What cannot be looked at may be the list that counts: it is no reason to pass it over.
        if fs::metadata(entry.path())?.is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn no_list(file: &FileRef, what: &str) -> Problem {
    error(file, what, NO_LIST)
}

fn remedy(defect: &ListDefect) -> &'static str {
    match defect {
        ListDefect::Delta => {
            "name the complete list; a delta alone does not say who else was revoked"
        }
        ListDefect::Indirect
        | ListDefect::RelativePoint
        | ListDefect::SomeReasons
        | ListDefect::AttributeCertificates => {
            "have the authority publish one complete list of its own certificates"
        }
        ListDefect::Critical(_) | ListDefect::CriticalNumber | ListDefect::CriticalEntry { .. } => {
            "have the list published otherwise: critical means that it changes what the list says"
        }
        ListDefect::NotAList
        | ListDefect::Version
        | ListDefect::TwoAlgorithms
        | ListDefect::Twice(_)
        | ListDefect::ReasonCode { .. } => {
            "get the list again from where the authority publishes it"
        }
    }
}

const NO_LIST: &str = "name a file with a revocation list, in PEM (-----BEGIN X509 CRL-----) or DER, \
     as the authority publishes it";

const DER_SEQUENCE: u8 = 0x30;
