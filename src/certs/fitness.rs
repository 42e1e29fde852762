//! [`judge`]: what those who meet a certificate will say of it: this gateway, and SAP.
//!
//! For our own part nothing is decided here: what a certificate is refused for is asked of
//! [`crate::certs::path`], which refuses it. What SAP does with it is what its documents and the field
//! tell, and what SAP's side has no words for is not guessed at.

use rustls::pki_types::CertificateDer;

use crate::certs::expiry::Validity;
use crate::certs::identity::chain::{Told, order};
use crate::certs::inspect::{AlternativeName, CertificateFacts, KeyKind};
use crate::certs::path::{Certificate, Purpose};
use crate::certs::signature::judge_key;
use crate::config::problem::Severity;
use crate::model::WallTime;

/// One thing that somebody will say of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// An error is a refusal, a warning works today or with some, a notice is good to know.
    pub severity: Severity,
    /// What is the matter.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

/// What is said of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fitness {
    /// By this gateway, and by other peers that judge strictly.
    pub crmgate: Vec<Remark>,
    /// By SAP CRM, and by STRUST.
    pub sap: Vec<Remark>,
}

impl Fitness {
    /// Whether somebody refuses it.
    pub fn is_refused(&self) -> bool {
        let all = self.crmgate.iter().chain(&self.sap);
        all.into_iter()
            .any(|remark| remark.severity == Severity::Error)
    }
}

/// Judges a certificate by itself, without asking who issued it.
pub fn judge(der: &CertificateDer<'_>, facts: &CertificateFacts, now: WallTime) -> Fitness {
    let mut fitness = Fitness::default();
    let is_authority = facts.ca == Some(true) || (facts.version == 1 && facts.self_issued);
    fitness.crmgate.extend(dates(facts, now));
    fitness.crmgate.extend(match Certificate::read(der) {
        Err(malformed) => vec![refused(
            malformed.to_string(),
            "have it issued again without that",
        )],
        Ok(certificate) if is_authority => as_authority(&certificate, facts),
        Ok(certificate) => as_host(&certificate, facts),
    });
    fitness.sap.extend(dates(facts, now));
    fitness.sap.extend(by_sap(facts, is_authority));
    fitness
}

fn as_authority(certificate: &Certificate, facts: &CertificateFacts) -> Vec<Remark> {
    let mut remarks = Vec::new();
    if let Some(flaw) = certificate.anchor_flaw() {
        remarks.push(refused(flaw.to_string(), GET_CURRENT));
    }
    if let Err(defect) = judge_key(certificate.spki()) {
        remarks.push(refused(defect.to_string(), GET_CURRENT));
    }
    if facts.may_sign_certificates == Some(false) {
        let what = "its key usage does not allow to sign certificates".to_owned();
        remarks.push(refused(what, GET_CURRENT));
    }
    remarks
}

fn as_host(certificate: &Certificate, facts: &CertificateFacts) -> Vec<Remark> {
    let mut remarks = Vec::new();
    if let Some(flaw) = certificate.flaw(false) {
        remarks.push(refused(
            flaw.to_string(),
            "have it issued again without that",
        ));
    }
    if let Err(defect) = judge_key(certificate.spki()) {
        let hint = "have it issued again for RSA with 2048 bits or more, or for P-256";
        remarks.push(refused(defect.to_string(), hint));
    }
    if facts.signature_is_weak && !facts.self_issued {
        let what = format!("it is signed with {}", facts.signature);
        remarks.push(refused(what, "have it issued again with SHA-256"));
    }
    for purpose in [Purpose::Server, Purpose::Client] {
        if let Some(reason) = certificate.unfit_for(purpose) {
            let what = format!("it is no {}'s certificate: {reason}", purpose.words());
            let hint = "one certificate serves both roles here: have it issued with serverAuth and \
                        clientAuth, and with digitalSignature";
            remarks.push(warned(what, hint));
        }
    }
    if certificate.hosts().is_empty() {
        let what = "it names no host among its alternative names, so no host is known by it";
        let hint = "have the host added as an alternative name; until then LEGACY_CN_MATCH=yes takes \
                    the common name";
        remarks.push(warned(what.to_owned(), hint));
    }
    remarks
}

fn by_sap(facts: &CertificateFacts, is_authority: bool) -> Vec<Remark> {
    let mut remarks = Vec::new();
    match &facts.key {
        KeyKind::Rsa(bits) if *bits < 2048 => {
            let what = format!("its RSA key has {bits} bits");
            let hint =
                "SAP's CommonCryptoLib takes it where nobody forbids it; have it issued for 2048";
            remarks.push(warned(what, hint));
        }
        KeyKind::Rsa(_) => {}
        KeyKind::Ec(curve) => {
            let what = format!("its key is on the curve {curve}");
            let hint = "STRUST and ICM want CommonCryptoLib 8.4.48 or newer for it; RSA 2048 works with \
                        every release";
            remarks.push(noted(what, hint));
        }
        KeyKind::Ed25519 | KeyKind::Other(_) => {
            let what = format!("its key is of the kind {}", facts.key);
            let hint = "STRUST imports RSA and the NIST curves only: have it issued for RSA 2048";
            remarks.push(refused(what, hint));
        }
    }
    if is_authority {
        return remarks;
    }
    let common_name = facts.common_name().unwrap_or_default();
    let is_named = facts.alternative_names.iter().any(|name| match name {
        AlternativeName::Dns(host) => host.eq_ignore_ascii_case(common_name),
        AlternativeName::Ip(address) => address.to_string() == common_name,
        AlternativeName::Email(_) | AlternativeName::Uri(_) | AlternativeName::Other(_) => false,
    });
    if common_name.is_empty() {
        let what = "it has no common name, which is what SAP's older API compares with the host";
        let hint = "have the host's full name put there, and among the alternative names as well";
        remarks.push(warned(what.to_owned(), hint));
    } else if !facts.has_alternative_names {
        let what = format!("it is known by its common name \"{common_name}\" alone");
        let hint = "SAP connects where the host of the destination (SM59) is called exactly that";
        remarks.push(noted(what, hint));
    } else if !is_named {
        let what = format!("its common name \"{common_name}\" is not among its alternative names");
        let hint = "older releases compare the common name with the host of the destination (SM59), \
                    newer ones the alternative names: have it issued with the same host in both";
        remarks.push(warned(what, hint));
    }
    remarks
}

fn dates(facts: &CertificateFacts, now: WallTime) -> Option<Remark> {
    let validity = Validity::judge(facts.not_before, facts.not_after, now);
    let what = match validity {
        Validity::Good => return None,
        Validity::NotYet => format!("it {validity} (from {})", facts.not_before),
        Validity::EndsSoon { .. } | Validity::Expired { .. } => {
            format!("it {validity} ({})", facts.not_after)
        }
    };
    Some(match validity {
        Validity::EndsSoon { .. } => warned(what, "have it renewed in time: crmgate certs renew"),
        Validity::NotYet => refused(what, "check this host's clock, or wait until then"),
        Validity::Good | Validity::Expired { .. } => {
            refused(what, "have it renewed: crmgate certs renew")
        }
    })
}

fn refused(what: String, hint: &str) -> Remark {
    remark(Severity::Error, what, hint)
}

fn warned(what: String, hint: &str) -> Remark {
    remark(Severity::Warning, what, hint)
}

fn noted(what: String, hint: &str) -> Remark {
    remark(Severity::Notice, what, hint)
}

fn remark(severity: Severity, what: String, hint: &str) -> Remark {
    Remark {
        severity,
        what,
        hint: hint.to_owned(),
    }
}

const GET_CURRENT: &str = "get the authority's current certificate from whoever runs it";

/// The chains that can be made of certificates in any order: each begins with one that issued none
/// of the others and goes on as far as they lead. The numbers are places in the list.
pub fn chains(certificates: &[CertificateDer<'static>], now: WallTime) -> Vec<Vec<usize>> {
    let told: Vec<Option<Told>> = certificates
        .iter()
        .map(|der| Some((der.clone(), CertificateFacts::of(der).ok()?)))
        .collect();
    let places: Vec<usize> = (0..told.len())
        .filter(|place| told.get(*place).is_some_and(Option::is_some))
        .collect();
    let told: Vec<Told> = told.into_iter().flatten().collect();
    let has_issued = |place: usize| {
        let own = told.get(place).map(|(_, facts)| facts);
        let others = told.iter().enumerate().filter(|(other, _)| *other != place);
        own.is_some_and(|own| {
            others
                .into_iter()
                .any(|(_, (_, facts))| facts.names_as_issuer(own) && !facts.is_root())
        })
    };
    let leaves = (0..told.len()).filter(|place| !has_issued(*place));
    let orders = leaves.map(|leaf| order(&told, leaf, now));
    let found = orders.map(|order| {
        let each = order.into_iter();
        each.filter_map(|at| places.get(at).copied()).collect()
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::issue::{Issued, KeyChoice, LeafSpec};
    use crate::certs::testdata::{authority, leaf, now};

    fn judged(spec: &LeafSpec) -> Fitness {
        let issued = authority("CA").issue(spec).expect("issued");
        judged_one(&issued)
    }

    fn judged_one(issued: &Issued) -> Fitness {
        let facts = CertificateFacts::of(&issued.der).expect("a certificate");
        judge(&issued.der, &facts, now())
    }

    fn said(remarks: &[Remark]) -> String {
        let each = remarks
            .iter()
            .map(|remark| format!("{}: {} ({})\n", remark.severity, remark.what, remark.hint));
        each.collect()
    }

    fn rsa(name: &str) -> LeafSpec {
        LeafSpec {
            key: KeyChoice::Rsa2048,
            ..LeafSpec::for_name(name, now())
        }
    }

    #[test]
    fn nobody_has_anything_to_say_of_a_certificate_that_is_in_order() {
        let fitness = judged(&rsa("gw.example.com"));
        assert_eq!(fitness, Fitness::default());
        assert!(!fitness.is_refused());
    }

    #[test]
    fn a_certificate_that_lacks_a_purpose_or_a_host_is_said_to() {
        let fitness = judged(&LeafSpec {
            client_auth: false,
            alternative_names: Vec::new(),
            ..rsa("gw.example.com")
        });
        let crmgate = said(&fitness.crmgate);
        assert!(
            crmgate.contains("no client's certificate: its extended"),
            "{crmgate}"
        );
        assert!(crmgate.contains("names no host"), "{crmgate}");
        let sap = said(&fitness.sap);
        assert!(
            sap.starts_with("notice: it is known by its common name"),
            "{sap}"
        );
        assert!(!fitness.is_refused());
    }

    #[test]
    fn sap_compares_the_common_name_and_says_so_of_another_one() {
        let fitness = judged(&LeafSpec {
            alternative_names: vec!["other.example.com".to_owned()],
            ..rsa("gw.example.com")
        });
        assert!(said(&fitness.sap).contains("is not among its alternative names"));
        let fitness = judged(&LeafSpec {
            alternative_names: vec!["gw.example.com".to_owned()],
            ..rsa("")
        });
        assert!(said(&fitness.sap).contains("it has no common name"));
    }

    #[test]
    fn what_is_out_of_date_is_refused_and_what_ends_soon_is_not() {
        let ends_in = |days: i64| LeafSpec {
            not_before: WallTime(now().0 - 400 * 86_400),
            not_after: WallTime(now().0 + days * 86_400 + 60),
            ..rsa("gw.example.com")
        };
        let gone = judged(&ends_in(-3));
        assert!(gone.is_refused());
        assert!(
            said(&gone.sap).contains("error: it expired 2 days ago"),
            "{}",
            said(&gone.sap)
        );
        let soon = judged(&ends_in(20));
        assert!(!soon.is_refused());
        assert!(said(&soon.crmgate).contains("warning: it expires in 20 days"));
        let early = judged(&LeafSpec {
            not_before: WallTime(now().0 + 86_400),
            ..rsa("gw.example.com")
        });
        assert!(said(&early.crmgate).contains("error: it is not valid yet"));
    }

    #[test]
    fn an_authority_is_judged_as_one_and_its_own_certificate_is_no_hosts() {
        let ca = authority("CA");
        let facts = CertificateFacts::of(ca.der()).expect("a certificate");
        let fitness = judge(ca.der(), &facts, now());
        assert_eq!(fitness.crmgate, []);
        assert!(said(&fitness.sap).contains("its key is on the curve P-256"));
    }

    #[test]
    fn chains_are_found_in_certificates_of_any_order() {
        let ca = authority("CA");
        let sub = ca.intermediate("Sub").expect("a CA");
        let (one, two) = (leaf(&sub, "one.example"), leaf(&ca, "two.example"));
        let all = [
            ca.der().clone(),
            one.der.clone(),
            two.der.clone(),
            sub.der().clone(),
        ];
        assert_eq!(chains(&all, now()), [vec![1, 3, 0], vec![2, 0]]);
        assert_eq!(chains(&all[..1], now()), [vec![0]]);
    }
}
