//! [`TlsPolicy`]: protocol versions, cipher suites and groups of one role.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{NamedGroup, SupportedProtocolVersion};

use crate::certs::digest::Digest;
use crate::certs::inspect::KeyKind;
use crate::config::problem::{Place, Problem, Problems};
use crate::config::settings::{TlsParameters, TlsVersion};
use crate::tls::cipher_suites::{SUITES, Selection, Signature, Suite};
use crate::tls::provider;

/// Which end of the connection a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Our listeners.
    Server,
    /// Our connections to the CRM and to the sides.
    Client,
}

/// What is offered and accepted, in order of preference.
#[derive(Debug, Clone)]
pub struct TlsPolicy {
    provider: Arc<CryptoProvider>,
    versions: Vec<TlsVersion>,
    suites: Vec<&'static Suite>,
    groups: Vec<NamedGroup>,
    order_matters: bool,
}

impl TlsPolicy {
    /// Works the settings out; what a cipher string asks for and does not get becomes a notice or
    /// a warning, a string of which nothing is left an error.
    pub fn build(parameters: &TlsParameters, role: Role) -> (Option<Self>, Problems) {
        let mut problems = Problems::new();
        let selection = match &parameters.cipher_suites {
            None => None,
            Some((text, place)) => match Selection::parse(text) {
                Ok(selection) => {
                    report_notes(&selection, text, place, &mut problems);
                    Some(selection)
                }
                Err(error) => {
                    let what = format!("CIPHERSUITES {error}");
                    problems.push(Problem::error(place.clone(), what, SAFE_STRING).value(text));
                    return (None, problems);
                }
            },
        };
        let range = parameters.min..=parameters.max;
        let allowed = |version: TlsVersion| {
            let masked = selection
                .as_ref()
                .and_then(|selection| selection.versions.as_ref());
            range.contains(&version) && masked.is_none_or(|masked| masked.contains(&version))
        };
        let suites: Vec<&'static Suite> = match &selection {
            Some(selection) => selection.suites.clone(),
            None => SUITES.iter().collect(),
        };
        let suites: Vec<_> = suites
            .into_iter()
            .filter(|suite| allowed(suite.version))
            .collect();
        let versions: Vec<_> = [TlsVersion::V1_2, TlsVersion::V1_3]
            .into_iter()
            .filter(|version| suites.iter().any(|suite| suite.version == *version))
            .collect();
        let groups = groups(selection.as_ref(), role);
        if let Some((text, place)) = &parameters.cipher_suites {
            if versions.is_empty() {
                let what = format!(
                    "CIPHERSUITES and MIN_VERSION={} to MAX_VERSION={} leave no common version",
                    version_name(parameters.min),
                    version_name(parameters.max)
                );
                problems.push(Problem::error(place.clone(), what, SAFE_STRING).value(text));
                return (None, problems);
            }
            let what = format!(
                "CIPHERSUITES comes down to {}",
                summary(&versions, &suites, &groups)
            );
            let hint = "nothing has to be done; compare it with what the peers can do";
            problems.push(Problem::notice(place.clone(), what, hint).value(text));
        }
        let ids: Vec<_> = suites.iter().map(|suite| suite.id).collect();
        let policy = Self {
            provider: Arc::new(provider::with(&ids, &groups)),
            versions,
            suites,
            groups,
            order_matters: selection.is_some(),
        };
        (Some(policy), problems)
    }

    /// The provider, limited to this policy.
    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        Arc::clone(&self.provider)
    }

    /// The versions as the TLS library takes them.
    pub(super) fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let known = |version: &TlsVersion| match version {
            TlsVersion::V1_2 => &TLS12,
            TlsVersion::V1_3 => &TLS13,
        };
        self.versions.iter().map(known).collect()
    }

    /// The suites that are left, in order of preference.
    pub fn suites(&self) -> &[&'static Suite] {
        &self.suites
    }

    /// Whether a listener goes by its own order of suites: only if someone wrote one down.
    pub(super) fn order_matters(&self) -> bool {
        self.order_matters
    }

    /// Says what a listener with a certificate of this kind cannot serve.
    pub(super) fn judge_key(&self, key: &KeyKind, place: &Place) -> Option<Problem> {
        let wanted = match key {
            KeyKind::Rsa(_) => Signature::Rsa,
            KeyKind::Ec(_) | KeyKind::Ed25519 | KeyKind::Other(_) => Signature::Ecdsa,
        };
        let served = |version: TlsVersion| {
            self.suites.iter().any(|suite| {
                suite.version == version
                    && (suite.signature == wanted || suite.signature == Signature::Any)
            })
        };
        if !self.versions.contains(&TlsVersion::V1_2) || served(TlsVersion::V1_2) {
            return None;
        }
        let what =
            format!("CIPHERSUITES leaves no TLSv1.2 suite for a certificate with a key of {key}");
        let hint = "add suites for that kind of certificate, such as PFS:HIGH";
        Some(if served(TlsVersion::V1_3) {
            Problem::warning(place.clone(), what, hint)
        } else {
            Problem::error(place.clone(), what, hint)
        })
    }

    /// The effective policy in one line.
    pub fn summary(&self) -> String {
        summary(&self.versions, &self.suites, &self.groups)
    }

    /// A digest of the policy.
    pub(super) fn digest(&self) -> [u8; 32] {
        let order = if self.order_matters { "ours" } else { "theirs" };
        Digest::new("policy")
            .part(self.summary().as_bytes())
            .part(order.as_bytes())
            .finish()
    }
}

/// The groups of a role.
///
/// The hybrid group is taken from clients that bring it, and never offered by us: its key share
/// makes the first message larger than one packet, which old middleboxes do not survive.
fn groups(selection: Option<&Selection>, role: Role) -> Vec<NamedGroup> {
    let classic = [
        NamedGroup::X25519,
        NamedGroup::secp256r1,
        NamedGroup::secp384r1,
    ];
    match (
        selection.and_then(|selection| selection.groups.clone()),
        role,
    ) {
        (Some(groups), _) => groups,
        (None, Role::Client) => classic.to_vec(),
        (None, Role::Server) => {
            let hybrid = [NamedGroup::X25519MLKEM768];
            classic.into_iter().chain(hybrid).collect()
        }
    }
}

fn report_notes(selection: &Selection, text: &str, place: &Place, problems: &mut Problems) {
    for note in &selection.notes {
        let what = format!("CIPHERSUITES {}", note.text);
        let place = place.clone();
        let problem = if note.is_warning {
            let hint = "check the spelling against SAP Note 510007";
            Problem::warning(place, what, hint)
        } else {
            let hint = "peers that can do nothing better cannot connect; all others are served";
            Problem::notice(place, what, hint)
        };
        problems.push(problem.value(text));
    }
}

fn summary(versions: &[TlsVersion], suites: &[&Suite], groups: &[NamedGroup]) -> String {
    let versions: Vec<_> = versions
        .iter()
        .map(|version| version_name(*version))
        .collect();
    let suites: Vec<_> = suites.iter().map(|suite| suite.name).collect();
    let groups: Vec<_> = groups.iter().map(|group| group_name(*group)).collect();
    format!(
        "{}; {}; {}",
        versions.join(" "),
        suites.join(" "),
        groups.join(" ")
    )
}

/// The version as SAP and OpenSSL print it.
pub fn version_name(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::V1_2 => "TLSv1.2",
        TlsVersion::V1_3 => "TLSv1.3",
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library knows groups that no policy of ours holds"
)]
fn group_name(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "X25519",
        NamedGroup::secp256r1 => "P-256",
        NamedGroup::secp384r1 => "P-384",
        NamedGroup::X25519MLKEM768 => "X25519MLKEM768",
        _ => "other",
    }
}

const SAFE_STRING: &str = "leave CIPHERSUITES out to get all that is safe, or use SAP's own \
     recommendation: 545:PFS:HIGH::EC_X25519:EC_P256:EC_HIGH for TLSv1.2, with 1569 for TLSv1.3 too";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::problem::Severity;

    fn built(
        min: TlsVersion,
        max: TlsVersion,
        text: Option<&str>,
        role: Role,
    ) -> (Option<TlsPolicy>, Problems) {
        let place = Place::file(Path::new("ssl.ini"))
            .section("SSL")
            .key("CIPHERSUITES");
        let parameters = TlsParameters {
            min,
            max,
            cipher_suites: text.map(|text| (text.to_owned(), place)),
        };
        TlsPolicy::build(&parameters, role)
    }

    const V12: TlsVersion = TlsVersion::V1_2;
    const V13: TlsVersion = TlsVersion::V1_3;

    #[test]
    fn without_a_string_everything_safe_is_served_and_nothing_is_said() {
        let (policy, problems) = built(V12, V13, None, Role::Server);
        let policy = policy.expect("usable");
        assert!(problems.is_empty());
        assert_eq!(policy.provider().cipher_suites.len(), 9);
        assert_eq!(policy.versions().len(), 2);
        assert!(!policy.order_matters());
    }

    #[test]
    fn the_hybrid_group_is_accepted_on_listeners_last_and_never_offered() {
        let server = built(V12, V13, None, Role::Server).0.expect("usable");
        assert!(
            server
                .summary()
                .ends_with("X25519 P-256 P-384 X25519MLKEM768")
        );
        let client = built(V12, V13, None, Role::Client).0.expect("usable");
        assert!(client.summary().ends_with("X25519 P-256 P-384"));
    }

    #[test]
    fn the_version_keys_and_the_mask_both_hold() {
        let only_13 = built(V13, V13, Some("1568:PFS"), Role::Server)
            .0
            .expect("usable");
        assert!(
            only_13.summary().starts_with("TLSv1.3; TLS_AES_256"),
            "{}",
            only_13.summary()
        );
        let (none, problems) = built(V13, V13, Some("545:PFS"), Role::Server);
        assert!(none.is_none());
        assert!(
            problems.to_string().contains("leave no common version"),
            "{problems}"
        );
    }

    #[test]
    fn the_effective_result_is_printed_and_an_empty_one_is_an_error() {
        let (_, problems) = built(
            V12,
            V13,
            Some("150:PFS:HIGH::EC_P256:EC_HIGH"),
            Role::Client,
        );
        assert!(!problems.has_errors());
        assert!(
            problems
                .to_string()
                .contains("comes down to TLSv1.2 TLSv1.3; TLS_AES_256_GCM_SHA384")
        );
        let (policy, problems) = built(V12, V13, Some("545:kRSA"), Role::Client);
        assert!(policy.is_none() && problems.to_string().contains("leaves no cipher suite"));
    }

    #[test]
    fn a_certificate_that_no_suite_fits_is_told() {
        let place = Place::file(Path::new("ssl.ini"));
        let policy = |text| built(V12, V13, Some(text), Role::Server).0.expect("usable");
        let severity = |text| {
            policy(text)
                .judge_key(&KeyKind::Rsa(2048), &place)
                .map(|problem| problem.severity)
        };
        assert_eq!(severity("545:PFS:!aRSA"), Some(Severity::Error));
        assert_eq!(
            severity("ECDHE-ECDSA-AES256-GCM-SHA384"),
            Some(Severity::Warning)
        );
        assert_eq!(severity("545:PFS"), None);
    }
}
