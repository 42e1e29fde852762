//! [`Check`]: one question, with all that is known of it before it is asked.

/// When the checklist is gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The gateway does not run yet: its ports have to be free.
    BeforeStart,
    /// The gateway runs, and SAP CRM is about to be pointed at it.
    BeforeGolive,
    /// All is at work, and is to stay so.
    Daily,
}

impl Phase {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BeforeStart => "before-start",
            Self::BeforeGolive => "before-golive",
            Self::Daily => "daily",
        }
    }
}

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Its name, never to be changed again.
    pub id: &'static str,
    /// What should be so.
    pub question: &'static str,
    /// Checks without whose good end it says nothing.
    pub needs: &'static [&'static str],
    /// Only before the start, or only behind it; none for always.
    pub only_before_start: Option<bool>,
}

impl Check {
    /// Whether it is asked then.
    pub fn is_of(&self, phase: Phase) -> bool {
        let before = phase == Phase::BeforeStart;
        self.only_before_start.is_none_or(|only| only == before)
    }

    /// The check of a name.
    pub fn named(id: &str) -> Option<&'static Self> {
        CHECKS.iter().find(|check| check.id == id)
    }
}

const fn check(id: &'static str, question: &'static str, needs: &'static [&'static str]) -> Check {
    Check {
        id,
        question,
        needs,
        only_before_start: None,
    }
}

/// Every check, in the order in which it is asked.
pub const CHECKS: &[Check] = &[
    check(
        "host-open-files",
        "the limit of open files is enough for MaxConnections",
        &[],
    ),
    Check {
        only_before_start: Some(true),
        ..check("host-ports", "every address to listen on is free", &[])
    },
    Check {
        only_before_start: Some(false),
        ..check("host-listeners", "every listener accepts connections", &[])
    },
    check(
        "config-files",
        "the configuration can be read, understood and built",
        &[],
    ),
    check(
        "config-advice",
        "nothing in the configuration is doubtful",
        &["config-files"],
    ),
    check(
        "config-timeouts",
        "the time-outs fit those of ICM",
        &["config-files"],
    ),
    check("own-files", "our certificate and its key can be read", &[]),
    check(
        "own-key",
        "the key belongs to the certificate",
        &["own-files"],
    ),
    check(
        "own-key-access",
        "nobody else can read the key",
        &["own-files"],
    ),
    check("own-dates", "our certificate is in date", &["own-files"]),
    check(
        "own-purpose",
        "our certificate is for servers and for clients",
        &["own-files"],
    ),
    check(
        "own-names",
        "our certificate names its host as current rules want it",
        &["own-files"],
    ),
    check(
        "own-strength",
        "strict peers accept how our certificate is made",
        &["own-files"],
    ),
    check(
        "own-chain",
        "all that peers need is sent with our certificate",
        &["own-files", "trust-files"],
    ),
    check(
        "own-revoked",
        "no list of ours names our certificate",
        &["own-files", "crl-files"],
    ),
    check("trust-files", "the authorities of CA_FILE can be used", &[]),
    check(
        "trust-dates",
        "the authorities of CA_FILE are in date",
        &["trust-files"],
    ),
    check(
        "crl-files",
        "the revocation lists can be used",
        &["trust-files"],
    ),
    check(
        "crl-dates",
        "the revocation lists are in date",
        &["crl-files"],
    ),
    check(
        "crl-coverage",
        "there is a list of each authority that issued to us",
        &["crl-files"],
    ),
    check(
        "listener-suites",
        "SAP's cipher string and ours have a suite in common",
        &["config-files"],
    ),
    check(
        "listener-hints",
        "our listeners name the authority of SAP CRM's certificate",
        &["peer-trust"],
    ),
    check("peer-dns", "the name resolves", &[]),
    check("peer-port", "the port accepts connections", &["peer-dns"]),
    check(
        "proxy-route",
        "the way through PROXY leads to the CRM host",
        &["peer-port"],
    ),
    check(
        "peer-tls",
        "the port speaks what the configuration says",
        &["proxy-route", "peer-port"],
    ),
    check(
        "peer-tls-version",
        "there is a TLS version in common",
        &["peer-tls"],
    ),
    check(
        "peer-suite",
        "there is a cipher suite in common",
        &["peer-tls-version"],
    ),
    check(
        "peer-inspection",
        "nobody on the way reads along",
        &["peer-suite"],
    ),
    check(
        "peer-chain",
        "the server sends its intermediate authority",
        &["peer-inspection"],
    ),
    check(
        "peer-trust",
        "the server's certificate leads to an authority of CA_FILE",
        &["peer-chain"],
    ),
    check(
        "peer-dates",
        "the server's certificates are in date",
        &["peer-trust"],
    ),
    check(
        "peer-purpose",
        "the server's certificate is for servers",
        &["peer-trust"],
    ),
    check(
        "peer-strength",
        "the server's certificate is acceptable as it is made",
        &["peer-trust"],
    ),
    check(
        "peer-revocation",
        "the server's certificate is not revoked",
        &["peer-trust"],
    ),
    check(
        "peer-name",
        "the server's certificate is for the host that is called",
        &["peer-trust"],
    ),
    check(
        "peer-accepts-us",
        "the server accepts our certificate",
        &["peer-name", "peer-suite"],
    ),
    check(
        "peer-asks-us",
        "the server asks for our certificate",
        &["peer-accepts-us"],
    ),
    check(
        "peer-ca-hints",
        "the server names the authority of our certificate",
        &["peer-asks-us"],
    ),
    check(
        "peer-resumes",
        "the server takes up TLS sessions",
        &["peer-answers"],
    ),
    check(
        "peer-answers",
        "an HTTP request is answered in time",
        &["peer-accepts-us", "peer-tls"],
    ),
    check(
        "peer-http",
        "the answer is one that traffic can work with",
        &["peer-answers"],
    ),
    check("peer-clock", "the clocks agree", &["peer-answers"]),
    check(
        "peer-probe",
        "the SOAP probe finds the side alive",
        &["peer-http"],
    ),
    check(
        "trace-collector",
        "the collector of traces takes what it is sent",
        &["config-files"],
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::explain::{Dictionary, Family};

    #[test]
    fn every_check_has_a_name_of_its_own_and_needs_others_that_there_are() {
        let names: BTreeSet<_> = CHECKS.iter().map(|check| check.id).collect();
        assert_eq!(names.len(), CHECKS.len());
        for check in CHECKS {
            assert!(
                check.needs.iter().all(|need| names.contains(need)),
                "{}",
                check.id
            );
            assert!(!check.question.ends_with(['.', '?']), "{}", check.id);
        }
    }

    #[test]
    fn no_check_needs_itself_by_whatever_way() {
        for check in CHECKS {
            let mut above: Vec<&str> = check.needs.to_vec();
            let mut met = BTreeSet::new();
            while let Some(id) = above.pop() {
                assert_ne!(id, check.id);
                if met.insert(id) {
                    above.extend(Check::named(id).expect("there").needs);
                }
            }
        }
    }

    #[test]
    fn every_check_is_explained_and_no_other() {
        let dictionary = Dictionary::new();
        let of_checks = dictionary
            .entries()
            .iter()
            .filter(|one| one.family == Family::Check);
        let explained: BTreeSet<&str> = of_checks.map(|one| one.code.as_str()).collect();
        let known: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
        assert_eq!(explained, known);
    }

    #[test]
    fn ports_are_to_be_free_before_the_start_and_taken_behind_it() {
        let is_of = |id, phase| Check::named(id).expect("there").is_of(phase);
        assert!(is_of("host-ports", Phase::BeforeStart) && !is_of("host-ports", Phase::Daily));
        assert!(is_of("host-listeners", Phase::BeforeGolive));
        assert!(!is_of("host-listeners", Phase::BeforeStart) && is_of("own-key", Phase::Daily));
    }
}
