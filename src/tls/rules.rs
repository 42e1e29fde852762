//! [`Rules`]: whether a client whose certificate is good may be served by this listener.

use crate::certs::Digest;
use crate::certs::inspect::Claims;
use crate::config::settings::{ClientRule, ClientRules};
use crate::model::Denial;

/// The rules of a listener at work. Pure: the same client gets the same answer for as long as the
/// rules are the same, so the answer may be remembered.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules(ClientRules);

impl Rules {
    /// Rules as they are configured.
    pub(super) fn new(rules: &ClientRules) -> Self {
        Self(rules.clone())
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says whether a client is denied, and by what. No rule is about a client without a
    /// certificate.
    pub(super) fn judge(&self, client: Option<&Claims>) -> Option<Denial> {
        let is_about = |rule: &&ClientRule| {
            client.is_some_and(|claims| rule.terms.iter().all(|term| claims.meet(term)))
        };
        if let Some(rule) = self.0.deny.iter().find(is_about) {
            return Some(Denial::Denied {
                rule: rule.key.as_str().into(),
            });
        }
        let is_allowed = self.0.allow.is_empty() || self.0.allow.iter().any(|rule| is_about(&rule));
        (!is_allowed).then_some(Denial::NotAllowed)
    }

    /// A digest of what the rules say: neither their order nor their numbers change it.
    pub(super) fn policy_digest(&self) -> [u8; 32] {
        self.digest_of("client rules", ClientRule::canonical)
    }

    /// A digest of the rules with their keys, which stand in the log.
    pub(super) fn digest(&self) -> [u8; 32] {
        let with_key = |rule: &ClientRule| format!("{}={}", rule.key, rule.canonical());
        self.digest_of("named client rules", with_key)
    }

    fn digest_of(&self, purpose: &str, text: impl Fn(&ClientRule) -> String) -> [u8; 32] {
        let each = |rules: &[ClientRule]| {
            let digest = |rule| Digest::new("rule").part(text(rule).as_bytes()).finish();
            let mut digests: Vec<[u8; 32]> = rules.iter().map(digest).collect();
            digests.sort_unstable();
            digests.dedup();
            digests
        };
        Digest::new(purpose)
            .digests(&each(&self.0.allow))
            .digests(&each(&self.0.deny))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::issue::{Issued, LeafSpec};
    use crate::certs::testdata::{authority, now};
    use crate::config::settings::Term;
    use crate::model::folded;

    fn cn(key: &str, names: &[&str]) -> ClientRule {
        ClientRule {
            key: key.to_owned(),
            terms: names
                .iter()
                .map(|name| Term::CommonName(folded(name)))
                .collect(),
        }
    }

    fn rules(allow: &[ClientRule], deny: &[ClientRule]) -> Rules {
        Rules::new(&ClientRules {
            allow: allow.to_vec(),
            deny: deny.to_vec(),
        })
    }

    fn claims(name: &str) -> Claims {
        let spec = LeafSpec::for_name(name, now());
        let issued: Issued = authority("CA").issue(&spec).expect("issued");
        Claims::of(&issued.der).expect("a certificate")
    }

    fn denied(rule: &str) -> Denial {
        Denial::Denied { rule: rule.into() }
    }

    #[test]
    fn without_rules_everybody_is_served() {
        let none = Rules::default();
        assert_eq!(none.judge(Some(&claims("a"))), None);
        assert_eq!(none.judge(None), None);
    }

    #[test]
    fn where_something_is_allowed_all_the_rest_is_not() {
        let some = rules(
            &[cn("AllowClient1", &["a"]), cn("AllowClient7", &["b"])],
            &[],
        );
        assert_eq!(some.judge(Some(&claims("A"))), None);
        assert_eq!(some.judge(Some(&claims("b"))), None);
        assert_eq!(some.judge(Some(&claims("c"))), Some(Denial::NotAllowed));
        assert_eq!(some.judge(None), Some(Denial::NotAllowed));
    }

    #[test]
    fn a_rule_that_denies_wins_over_one_that_allows_and_is_named() {
        let both = rules(&[cn("AllowClient1", &["a"])], &[cn("DenyClient3", &["a"])]);
        assert_eq!(both.judge(Some(&claims("a"))), Some(denied("DenyClient3")));
        let deny = rules(&[], &[cn("DenyClient1", &["b"]), cn("DenyClient2", &["a"])]);
        assert_eq!(deny.judge(Some(&claims("a"))), Some(denied("DenyClient2")));
        assert_eq!(deny.judge(Some(&claims("c"))), None);
        assert_eq!(deny.judge(None), None);
    }

    #[test]
    fn all_terms_of_a_rule_have_to_hold() {
        let both = rules(&[cn("AllowClient1", &["a", "b"])], &[]);
        assert_eq!(both.judge(Some(&claims("a"))), Some(Denial::NotAllowed));
    }

    #[test]
    fn the_digest_follows_what_is_said_and_not_how_it_is_numbered() {
        let (a, b) = (cn("AllowClient1", &["a"]), cn("AllowClient2", &["b"]));
        let one = rules(&[a.clone(), b.clone()], &[]);
        let renumbered = rules(&[cn("AllowClient9", &["b"]), a.clone()], &[]);
        assert_eq!(one.policy_digest(), renumbered.policy_digest());
        assert_ne!(one.digest(), renumbered.digest());
        for other in [
            rules(std::slice::from_ref(&a), &[]),
            rules(&[], &[a, b]),
            Rules::default(),
        ] {
            assert_ne!(one.policy_digest(), other.policy_digest());
        }
    }
}
