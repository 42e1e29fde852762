//! Whether a certificate is the one of a host that was called (RFC 9525).

use rustls::pki_types::ServerName;

use crate::certs::path::Certificate;
use crate::certs::path::general_name::GeneralName;

impl Certificate {
    /// Whether one of its alternative names is the host's. The common name is none of them.
    pub fn is_for_host(&self, host: &ServerName<'_>) -> bool {
        let host = host.to_str();
        let address = host.parse().ok().map(|address| match address {
            std::net::IpAddr::V4(four) => four.octets().to_vec(),
            std::net::IpAddr::V6(sixteen) => sixteen.octets().to_vec(),
        });
        self.names().any(|name| match (name, &address) {
            (GeneralName::Ip(presented), Some(address)) => presented == address,
            (GeneralName::Dns(presented), None) => is_host(presented, &host),
            _ => false,
        })
    }

    /// The hosts that it names, in the words of messages.
    pub fn hosts(&self) -> Vec<String> {
        self.names()
            .filter(GeneralName::is_about_a_host)
            .map(|name| name.words())
            .collect()
    }
}

/// Whether a name of a certificate is the host's. An asterisk stands for the whole first label,
/// and only above a domain of two labels or more, so that nobody is given a whole top level.
fn is_host(presented: &str, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let Some(domain) = presented.strip_prefix("*.") else {
        return presented.eq_ignore_ascii_case(host);
    };
    let is_domain = domain.split('.').all(|label| !label.is_empty()) && domain.contains('.');
    let below = host.split_once('.').filter(|(label, _)| !label.is_empty());
    is_domain && below.is_some_and(|(_, below)| below.eq_ignore_ascii_case(domain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::issue::LeafSpec;
    use crate::certs::testdata::{authority, now};

    fn certificate(names: &[&str]) -> Certificate {
        let mut spec = LeafSpec::for_name("cn.example.com", now());
        spec.alternative_names = names.iter().map(|name| (*name).to_owned()).collect();
        let issued = authority("CA").issue(&spec).expect("issued");
        Certificate::read(&issued.der).expect("a certificate")
    }

    fn is_for(names: &[&str], host: &str) -> bool {
        let host = ServerName::try_from(host.to_owned()).expect("a host");
        certificate(names).is_for_host(&host)
    }

    #[test]
    fn a_host_is_named_in_whatever_capitals() {
        assert!(is_for(&["Side-A.example.com"], "side-a.EXAMPLE.com"));
        assert!(is_for(
            &["a.example.com", "b.example.com"],
            "b.example.com."
        ));
        assert!(!is_for(&["a.example.com"], "example.com"));
        assert!(!is_for(&["example.com"], "a.example.com"));
    }

    #[test]
    fn an_address_is_named_as_an_address() {
        assert!(is_for(&["10.0.0.5"], "10.0.0.5") && is_for(&["fd00::5"], "fd00::5"));
        assert!(!is_for(&["10.0.0.5"], "10.0.0.6"));
        assert!(!is_for(&["a.example.com"], "10.0.0.5"));
    }

    #[test]
    fn the_common_name_counts_for_nothing() {
        assert!(!is_for(&["a.example.com"], "cn.example.com") && !is_for(&[], "cn.example.com"));
    }

    #[test]
    fn an_asterisk_is_one_label_below_two_others() {
        assert!(is_for(&["*.example.com"], "a.example.com"));
        assert!(!is_for(&["*.example.com"], "a.b.example.com"));
        assert!(!is_for(&["*.example.com"], "example.com"));
        for odd in [
            "*.com",
            "a*.example.com",
            "*a.example.com",
            "a.*.com",
            "*",
            "*..com",
        ] {
            assert!(
                !is_host(odd, "a.example.com") && !is_host(odd, "a.com"),
                "{odd}"
            );
        }
    }

    #[test]
    fn the_hosts_are_listed_for_messages() {
        assert_eq!(
            certificate(&["a.example.com", "10.0.0.5"]).hosts(),
            ["a.example.com", "10.0.0.5"]
        );
    }
}
