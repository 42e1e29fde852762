//! Which clients a listener serves, of those whose certificate is good.

use std::fmt;
use std::net::IpAddr;

use crate::model::{DistinguishedName, Fingerprint};

/// The rules of one listener. Without any, every client with a good certificate is served.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientRules {
    /// `AllowClient<n>`: where there is one, whoever none of them is about is not served.
    pub allow: Vec<ClientRule>,
    /// `DenyClient<n>`: whoever one of them is about is not served, whatever is allowed.
    pub deny: Vec<ClientRule>,
}

impl ClientRules {
    /// Whether there is no rule.
    pub const fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }
}

/// One rule: it is about the clients that all of its terms are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRule {
    /// The key as written, such as `DenyClient2`.
    pub key: String,
    /// At least one.
    pub terms: Vec<Term>,
}

impl ClientRule {
    /// Whether every client that the other rule is about is one that this rule is about.
    pub fn covers(&self, other: &Self) -> bool {
        self.terms
            .iter()
            .all(|term| other.terms.iter().any(|narrow| term.covers(narrow)))
    }

    /// The rule in one fixed form, whatever the order of its terms.
    pub fn canonical(&self) -> String {
        let mut terms: Vec<String> = self.terms.iter().map(Term::to_string).collect();
        terms.sort_unstable();
        terms.dedup();
        terms.join(" & ")
    }
}

/// One condition on a client's certificate. Values are in the form in which they are compared.
#[derive(Clone, PartialEq, Eq)]
pub enum Term {
    /// The whole subject.
    Subject(DistinguishedName),
    /// A common name of the subject, folded.
    CommonName(String),
    /// A host name among the alternative names.
    Dns(DnsPattern),
    /// A URI among the alternative names.
    Uri(String),
    /// An address among the alternative names.
    Ip(IpRange),
    /// A mail address among the alternative names.
    Email(String),
    /// The whole issuer.
    Issuer(DistinguishedName),
    /// The serial number, without leading zeros.
    Serial(Vec<u8>),
    /// The certificate itself.
    Certificate(Fingerprint),
    /// The public key.
    Key(Fingerprint),
    /// An object identifier among the certificate policies.
    Policy(String),
}

impl Term {
    /// Whether every client that the other term is about is one that this term is about, as far as
    /// that follows from the two alone.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dns(wide), Self::Dns(narrow)) => wide.covers(narrow),
            (Self::Ip(wide), Self::Ip(narrow)) => wide.covers(*narrow),
            _ => self == other,
        }
    }
}

impl fmt::Display for Term {
    /// The term in one fixed form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(name) => write!(f, "subject={:?}", name.to_string()),
            Self::CommonName(name) => write!(f, "cn={name:?}"),
            Self::Dns(pattern) => write!(f, "dns={pattern}"),
            Self::Uri(uri) => write!(f, "uri={uri:?}"),
            Self::Ip(range) => write!(f, "ip={range}"),
            Self::Email(address) => write!(f, "email={address:?}"),
            Self::Issuer(name) => write!(f, "issuer={:?}", name.to_string()),
            Self::Serial(bytes) => {
                f.write_str("serial=")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Certificate(digest) => write!(f, "sha256={digest}"),
            Self::Key(digest) => write!(f, "key-sha256={digest}"),
            Self::Policy(oid) => write!(f, "policy={oid}"),
        }
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A host name, or all names with one label in front of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsPattern {
    /// Whether it was written with `*.` in front.
    pub any_label: bool,
    /// In small letters, without a dot at either end.
    pub name: String,
}

impl DnsPattern {
    /// Whether a host name of a certificate is meant; capitals and a dot at the end do not count.
    pub fn matches(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        let compared = if self.any_label {
            match name.split_once('.') {
                Some((label, rest)) if !label.is_empty() => rest,
                _ => return false,
            }
        } else {
            name
        };
        compared.eq_ignore_ascii_case(&self.name)
    }

    fn covers(&self, other: &Self) -> bool {
        self == other || (!other.any_label && self.matches(&other.name))
    }
}

impl fmt::Display for DnsPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let any = if self.any_label { "*." } else { "" };
        write!(f, "{any}{}", self.name)
    }
}

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    /// The first address.
    pub first: IpAddr,
    /// How many bits are the same.
    pub prefix: u8,
}

impl IpRange {
    /// Whether an address is one of them. An IPv4 address within IPv6 counts as IPv4.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(own)) => {
                let differ = first.to_bits() ^ own.to_bits();
                differ.leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(first), IpAddr::V6(own)) => {
                let differ = first.to_bits() ^ own.to_bits();
                differ.leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }

    fn covers(self, other: Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.first)
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

/// A URI as it is compared: capitals of its scheme and of its host do not count (RFC 5280 7.4).
pub fn folded_uri(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return uri.to_owned();
    };
    let scheme = scheme.to_ascii_lowercase();
    let Some(rest) = rest.strip_prefix("//") else {
        return format!("{scheme}:{rest}");
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (format!("{user}@"), host),
        None => (String::new(), authority),
    };
    format!("{scheme}://{user}{}{path}", host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(text: &str) -> DnsPattern {
        let name = text.trim_start_matches("*.");
        DnsPattern {
            any_label: name.len() < text.len(),
            name: name.to_owned(),
        }
    }

    fn range(first: &str, prefix: u8) -> IpRange {
        let first = first.parse().expect("an address");
        IpRange { first, prefix }
    }

    fn rule(terms: &[&Term]) -> ClientRule {
        ClientRule {
            key: "AllowClient1".to_owned(),
            terms: terms.iter().copied().cloned().collect(),
        }
    }

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        let any = dns("*.example.com");
        assert!(any.matches("a.example.com") && any.matches("A.Example.COM."));
        for other in [
            "example.com",
            "a.b.example.com",
            ".example.com",
            "aexample.com",
        ] {
            assert!(!any.matches(other), "{other}");
        }
        let exact = dns("a.example.com");
        assert!(exact.matches("A.EXAMPLE.com.") && !exact.matches("b.example.com"));
    }

    #[test]
    fn a_range_holds_the_addresses_that_begin_like_it() {
        let ten = range("10.0.0.0", 8);
        let holds = |range: IpRange, text: &str| range.contains(text.parse().expect("an address"));
        assert!(holds(ten, "10.255.0.1") && !holds(ten, "11.0.0.0"));
        assert!(holds(ten, "::ffff:10.1.2.3") && !holds(ten, "::a00:1"));
        assert!(
            holds(range("0.0.0.0", 0), "1.2.3.4") && !holds(range("0.0.0.0", 0), "2001:db8::1")
        );
        let one = range("2001:db8::1", 128);
        assert!(holds(one, "2001:db8::1") && !holds(one, "2001:db8::2"));
    }

    #[test]
    fn capitals_of_a_uri_count_behind_its_host_only() {
        let cases = [
            (
                "SPIFFE://Me@Company.Example/CRM?A#B",
                "spiffe://Me@company.example/CRM?A#B",
            ),
            ("URN:Company:CRM", "urn:Company:CRM"),
            ("HTTPS://Host", "https://host"),
            ("Nothing", "Nothing"),
        ];
        for (uri, folded) in cases {
            assert_eq!(folded_uri(uri), folded);
        }
    }

    #[test]
    fn a_rule_covers_what_is_narrower_in_any_order_of_terms() {
        let cn = Term::CommonName("sap".to_owned());
        let any = Term::Dns(dns("*.example.com"));
        let one = Term::Dns(dns("a.example.com"));
        assert!(rule(&[&any]).covers(&rule(&[&cn, &one])));
        assert!(rule(&[&cn, &one]).covers(&rule(&[&one, &cn])));
        assert!(!rule(&[&one]).covers(&rule(&[&any])));
        assert!(!rule(&[&cn, &any]).covers(&rule(&[&one])));
        let (wide, narrow) = (
            Term::Ip(range("10.0.0.0", 8)),
            Term::Ip(range("10.1.0.0", 16)),
        );
        assert!(rule(&[&wide]).covers(&rule(&[&narrow])));
        assert!(!rule(&[&narrow]).covers(&rule(&[&wide])));
        assert!(rule(&[&any]).covers(&rule(&[&any])));
    }

    #[test]
    fn two_rules_that_say_the_same_have_the_same_fixed_form() {
        let name: DistinguishedName = "CN=A, O=\"b & c\"".parse().expect("a name");
        let (subject, cn) = (Term::Subject(name), Term::CommonName("a".to_owned()));
        let one = rule(&[&subject, &cn, &cn]);
        assert_eq!(one.canonical(), rule(&[&cn, &subject]).canonical());
        assert_eq!(one.canonical(), "cn=\"a\" & subject=\"CN=a,O=b & c\"");
    }
}
