//! [`WrittenIdentity`]: certificate and key as one section of `ssl.ini` names them, and those that
//! follow at a date.

use crate::config::problem::{Place, Problem};
use crate::config::reader::Reader;
use crate::config::settings::{FileRef, IdentityFiles, Successor};
use crate::model::WallTime;

/// Certificate and key, what opens the key, and what follows them: taken together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenIdentity {
    pub(super) files: IdentityFiles,
    pub(super) passphrase: Option<FileRef>,
    pub(super) next: Option<WrittenNext>,
}

/// What follows, with its date if that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenNext {
    pub(super) files: IdentityFiles,
    pub(super) passphrase: Option<FileRef>,
    from: Option<WallTime>,
    place: Place,
}

impl WrittenNext {
    /// As it is meant; without a date there has been a problem.
    pub(super) fn dated(self) -> Option<Successor> {
        Some(Successor {
            identity: self.files,
            passphrase: self.passphrase,
            from: self.from?,
            place: self.place,
        })
    }
}

/// The keys that name a certificate and its key.
struct Names {
    pem: &'static str,
    certificate: &'static str,
    key: &'static str,
    passphrase: &'static str,
}

const PRESENT: Names = Names {
    pem: "PEM_FILE",
    certificate: "CRT_FILE",
    key: "KEY_FILE",
    passphrase: "KEY_PASSPHRASE_FILE",
};

const NEXT: Names = Names {
    pem: "NEXT_PEM_FILE",
    certificate: "NEXT_CRT_FILE",
    key: "NEXT_KEY_FILE",
    passphrase: "NEXT_KEY_PASSPHRASE_FILE",
};

impl Names {
    fn is_named(&self, reader: &Reader<'_>) -> bool {
        [self.pem, self.certificate, self.key]
            .into_iter()
            .any(|key| reader.is_set(key))
    }
}

/// Whether the section is meant to name certificate and key, even if it does so badly.
pub(super) fn is_named(reader: &Reader<'_>) -> bool {
    PRESENT.is_named(reader)
}

/// Reads what the section names. Every mixture is a mistake.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<WrittenIdentity> {
    let files = files(reader, &PRESENT);
    let next = next(reader);
    let (files, passphrase) = files?;
    Some(WrittenIdentity {
        files,
        passphrase,
        next,
    })
}

/// What follows the present certificate, and when.
fn next(reader: &mut Reader<'_>) -> Option<WrittenNext> {
    const FROM: &str = "NEXT_FROM";
    let (files, from) = (files(reader, &NEXT), reader.get(FROM));
    let all = [NEXT.pem, NEXT.certificate, NEXT.key, FROM];
    let written = all.into_iter().find(|key| reader.is_set(key))?;
    let place = reader.place(written);
    if !PRESENT.is_named(reader) {
        reader.report(Problem::error(
            place,
            format!("{written} stands in a section without the certificate that it follows"),
            "write it where PEM_FILE, or CRT_FILE and KEY_FILE, are written",
        ));
    } else if !reader.is_set(FROM) {
        reader.report(Problem::error(
            place,
            format!("{written} is set but {FROM} is missing"),
            "add the date from which it is shown, such as NEXT_FROM=2026-12-01 06:00",
        ));
    } else if !NEXT.is_named(reader) {
        reader.report(Problem::error(
            place,
            format!("{FROM} is set but no certificate is named that follows then"),
            "add NEXT_PEM_FILE, or NEXT_CRT_FILE and NEXT_KEY_FILE, or remove the date",
        ));
    }
    let (files, passphrase) = files?;
    Some(WrittenNext {
        files,
        passphrase,
        from,
        place: reader.place(FROM),
    })
}

/// One file, or a pair of files, and what opens the key.
fn files(reader: &mut Reader<'_>, names: &Names) -> Option<(IdentityFiles, Option<FileRef>)> {
    let pem = reader.file(names.pem);
    let certificate = reader.file(names.certificate);
    let key = reader.file(names.key);
    let passphrase = reader.file(names.passphrase);
    if reader.is_set(names.passphrase) && !names.is_named(reader) {
        let place = reader.place(names.passphrase);
        reader.report(Problem::error(
            place,
            format!(
                "{} stands in a section without the key that it opens",
                names.passphrase
            ),
            format!(
                "write {}, or {} and {}, in the same section",
                names.pem, names.certificate, names.key
            ),
        ));
    }
    if reader.is_set(names.pem) {
        for other in [names.certificate, names.key] {
            if reader.is_set(other) {
                let place = reader.place(other);
                reader.report(Problem::error(
                    place,
                    format!(
                        "{other} stands beside {}, which already holds both",
                        names.pem
                    ),
                    format!(
                        "keep {}, or keep {} and {}",
                        names.pem, names.certificate, names.key
                    ),
                ));
            }
        }
        return pem.map(|file| (IdentityFiles::Combined(file), passphrase));
    }
    let pair = [
        (names.certificate, names.key),
        (names.key, names.certificate),
    ];
    for (present, absent) in pair {
        if reader.is_set(present) && !reader.is_set(absent) {
            let place = reader.place(present);
            reader.report(Problem::error(
                place,
                format!("{present} is set but {absent} is missing"),
                format!(
                    "add {absent} to the same section, or use {} for one file with both",
                    names.pem
                ),
            ));
        }
    }
    let (certificate, key) = certificate.zip(key)?;
    Some((IdentityFiles::Pair { certificate, key }, passphrase))
}
