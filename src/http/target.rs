//! What may stand in a request target and in `Host`.

use crate::http::text::decimal;

/// Whether a byte may stand in a URI as it is. Servers disagree about the others: some take `\\`
/// for `/`, some cut at `<` or at a byte beyond ASCII. A fragment never travels.
pub(super) const fn may_stand_in_target(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'#' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
}

/// Whether a text is a host with an optional port and nothing else: no list, no user, no blank.
pub(super) fn is_host(text: &[u8]) -> bool {
    let (host, port) = if let Some(rest) = text.strip_prefix(b"[") {
        let end = memchr::memchr(b']', rest).unwrap_or_default();
        let (address, behind) = rest.split_at(end);
        let hex = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        if !address.iter().all(hex) {
            return false;
        }
        (address, behind.get(1..).unwrap_or_default())
    } else {
        let end = memchr::memchr(b':', text).unwrap_or(text.len());
        let (name, port) = text.split_at(end);
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if !name.iter().all(plain) {
            return false;
        }
        (name, port)
    };
    !host.is_empty() && (port.is_empty() || port.strip_prefix(b":").is_some_and(is_port))
}

fn is_port(text: &[u8]) -> bool {
    text.len() <= 5 && decimal(text).is_some_and(|port| (1..=65535).contains(&port))
}

/// A host without the port that its scheme implies.
pub(super) fn without_default_port(host: &[u8], port: Option<u16>) -> &[u8] {
    let default: &[u8] = match port {
        Some(443) => b":443",
        Some(_) | None => b":80",
    };
    host.strip_suffix(default).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_an_optional_port() {
        for host in [
            "crm",
            "crm.example.com",
            "crm.example.com:44300",
            "10.0.0.5",
            "10.0.0.5:1",
            "side_a:65535",
            "[::1]",
            "[2001:db8::1]:8443",
            "[::ffff:10.0.0.5]",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn whatever_two_servers_could_read_as_two_hosts_is_none() {
        for host in [
            "",
            ":80",
            "a,b",
            "a b",
            "a@b",
            "user:pw@a",
            "a:b",
            "a:",
            "a:0",
            "a:65536",
            "a:1:2",
            "a:+1",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "[::1",
            "::1",
            "[]",
            "[::1]x",
            "[::1]:",
            "[a g]",
            "a%00",
            "a\0",
            "a\u{e4}",
            "a]",
            "[[::1]]",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn a_port_that_the_scheme_implies_makes_no_other_host() {
        assert_eq!(without_default_port(b"crm:80", Some(80)), b"crm");
        assert_eq!(without_default_port(b"crm:443", Some(443)), b"crm");
        assert_eq!(without_default_port(b"crm:443", Some(80)), b"crm:443");
        assert_eq!(without_default_port(b"crm", Some(80)), b"crm");
    }
}
