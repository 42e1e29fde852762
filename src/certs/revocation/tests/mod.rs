//! Lists that are made on the spot: by the generator where it can, byte by byte where it cannot.

mod due;
mod judging;
mod loading;
mod parsing;
mod pkits;

use std::sync::OnceLock;
use std::time::Duration;

use super::*;
use crate::certs::TrustStore;
use crate::certs::issue::{Authority, Issued, ListSpec};
use crate::certs::path::{Above, Issuer};
use crate::certs::testdata::{self, authority, leaf};
use crate::config::problem::Problems;
use crate::config::settings::RevocationSettings;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The time at which all of these tests begin, so that none of them straddles a second.
fn now() -> WallTime {
    static NOW: OnceLock<WallTime> = OnceLock::new();
    *NOW.get_or_init(testdata::now)
}

/// A folder with lists, and what is made of them.
struct Desk {
    dir: tempfile::TempDir,
    settings: RevocationSettings,
}

impl Desk {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a folder"),
            settings: RevocationSettings {
                lists: Vec::new(),
                expired: ExpiredLists::Refuse,
                coverage: ListCoverage::Leaf,
            },
        }
    }

    fn expired(mut self, expired: ExpiredLists) -> Self {
        self.settings.expired = expired;
        self
    }

    fn coverage(mut self, coverage: ListCoverage) -> Self {
        self.settings.coverage = coverage;
        self
    }

    /// One more file in `CRL_FILE`.
    fn with(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let file = testdata::file(self.dir.path(), name, content);
        self.settings.lists.push(file);
        self
    }

    /// The lists under these anchors, read at a time.
    fn load(&self, anchors: &[&Authority], at: WallTime) -> (Option<RevocationLists>, Problems) {
        let bundle: String = anchors.iter().map(|ca| ca.pem()).collect();
        let bundle = testdata::file(self.dir.path(), ".ca.pem", bundle);
        let (trust, problems) = TrustStore::load(&bundle, at);
        let trust = trust.unwrap_or_else(|| panic!("{problems}"));
        RevocationLists::load(&self.settings, &trust, &[], at)
    }

    fn lists(&self, anchors: &[&Authority]) -> RevocationLists {
        self.lists_at(anchors, now())
    }

    fn lists_at(&self, anchors: &[&Authority], at: WallTime) -> RevocationLists {
        let (lists, problems) = self.load(anchors, at);
        lists.unwrap_or_else(|| panic!("{problems}"))
    }
}

/// A list in PEM.
fn list(ca: &Authority, spec: &ListSpec) -> String {
    ca.revocation_list(spec).expect("a list").pem
}

/// A list that revokes these.
fn revoking(ca: &Authority, revoked: &[&Issued]) -> String {
    list(ca, &ListSpec::revoking(revoked, now()))
}

fn certificate(ca: &Authority) -> Certificate {
    Certificate::read(ca.der()).expect("a certificate")
}

fn at(seconds: i64) -> WallTime {
    WallTime(now().0 + seconds)
}

/// Asks about a peer's own certificate below the authorities of its path, the nearest first.
fn ask(
    lists: &RevocationLists,
    own: &Issued,
    path: &[&Authority],
    at: WallTime,
) -> Result<Option<WallTime>, RevocationRefusal> {
    let own = Certificate::read(&own.der).expect("a certificate");
    ask_about(lists, &own, true, path, &[], at)
}

fn ask_about(
    lists: &RevocationLists,
    own: &Certificate,
    is_leaf: bool,
    path: &[&Authority],
    pool: &[Certificate],
    at: WallTime,
) -> Result<Option<WallTime>, RevocationRefusal> {
    let path: Vec<Certificate> = path.iter().map(|ca| certificate(ca)).collect();
    let (issuer, above) = path.split_first().expect("an issuer");
    let above: Vec<Above<'_>> = above.iter().map(above_of).collect();
    let link = Link {
        certificate: own,
        is_leaf,
        issuer: Issuer {
            subject: issuer.subject(),
            spki: issuer.spki(),
            may_sign_lists: issuer.may_sign_lists(),
            pool,
            above: &above,
        },
    };
    lists.judge(&link, at)
}

fn above_of(authority: &Certificate) -> Above<'_> {
    Above {
        subject: authority.subject(),
        spki: authority.spki(),
        may_sign_lists: authority.may_sign_lists(),
    }
}

/// A list in the making, for what the generator does not write.
struct Draft {
    version: Option<u8>,
    issuer: Vec<u8>,
    this_update: WallTime,
    next_update: Option<WallTime>,
    entries: Vec<Vec<u8>>,
    extensions: Vec<Vec<u8>>,
}

impl Draft {
    fn of(ca: &Authority) -> Self {
        Self {
            version: Some(1),
            issuer: certificate(ca).subject().to_vec(),
            this_update: at(-HOUR),
            next_update: Some(at(7 * DAY)),
            entries: Vec::new(),
            extensions: Vec::new(),
        }
    }

    /// A list of version 1, which has no extensions.
    fn version_1(mut self) -> Self {
        self.version = None;
        self
    }

    fn entry(mut self, serial: &[u8], extensions: &[Vec<u8>]) -> Self {
        let extensions = match extensions {
            [] => Vec::new(),
            some => element(0x30, &some.concat()),
        };
        let fields = [element(2, serial), time(at(-DAY)), extensions];
        self.entries.push(element(0x30, &fields.concat()));
        self
    }

    fn extension(mut self, arc: u8, is_critical: bool, value: &[u8]) -> Self {
        self.extensions.push(extension(arc, is_critical, value));
        self
    }

    /// What is signed.
    fn message(&self) -> Vec<u8> {
        let version = self.version.map(|version| element(2, &[version]));
        let entries = (!self.entries.is_empty()).then(|| element(0x30, &self.entries.concat()));
        let extensions = (!self.extensions.is_empty())
            .then(|| element(0xa0, &element(0x30, &self.extensions.concat())));
        let fields = [
            version.unwrap_or_default(),
            algorithm(),
            self.issuer.clone(),
            time(self.this_update),
            self.next_update.map(time).unwrap_or_default(),
            entries.unwrap_or_default(),
            extensions.unwrap_or_default(),
        ];
        element(0x30, &fields.concat())
    }

    fn signed_by(&self, ca: &Authority) -> Vec<u8> {
        let message = self.message();
        let signature = [vec![0], ca.sign(&message)].concat();
        element(
            0x30,
            &[message, algorithm(), element(3, &signature)].concat(),
        )
    }
}

/// ecdsa-with-SHA256.
fn algorithm() -> Vec<u8> {
    element(0x30, &element(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]))
}

/// An extension of the arc 2.5.29.
fn extension(arc: u8, is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if is_critical {
        element(1, &[0xff])
    } else {
        Vec::new()
    };
    let fields = [element(6, &[0x55, 0x1d, arc]), critical, element(4, value)];
    element(0x30, &fields.concat())
}

fn time(time: WallTime) -> Vec<u8> {
    let digits: String = time
        .to_string()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    element(0x18, format!("{digits}Z").as_bytes())
}

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let header = match u8::try_from(length) {
        Ok(short @ 0..0x80) => vec![tag, short],
        Ok(longer) => vec![tag, 0x81, longer],
        Err(_) => {
            let [_, a, b, c] = u32::try_from(length).expect("short enough").to_be_bytes();
            if a == 0 {
                vec![tag, 0x82, b, c]
            } else {
                vec![tag, 0x83, a, b, c]
            }
        }
    };
    [header, contents.to_vec()].concat()
}
