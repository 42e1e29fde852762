use super::*;

fn dns(name: &str, base: &str) -> (bool, bool) {
    both(&GeneralName::Dns(name), &GeneralName::Dns(base))
}

fn mail(name: &str, base: &str) -> (bool, bool) {
    both(&GeneralName::Mail(name), &GeneralName::Mail(base))
}

fn uri(name: &str, base: &str) -> (bool, bool) {
    both(&GeneralName::Uri(name), &GeneralName::Uri(base))
}

fn ip(name: &[u8], base: &[u8]) -> (bool, bool) {
    both(&GeneralName::Ip(name), &GeneralName::Ip(base))
}

/// Whether a name is within what is permitted, and whether it may touch what is excluded.
fn both(name: &GeneralName<'_>, base: &GeneralName<'_>) -> (bool, bool) {
    (is_within(name, base), may_touch(name, base))
}

const WITHIN: (bool, bool) = (true, true);
const OUTSIDE: (bool, bool) = (false, false);
/// Neither can be said: it counts against the certificate, whatever is asked.
const UNCLEAR: (bool, bool) = (false, true);

#[test]
fn a_host_is_within_its_own_domain_and_those_above() {
    assert_eq!(dns("a.Example.com", "example.COM"), WITHIN);
    assert_eq!(dns("example.com.", "example.com"), WITHIN);
    assert_eq!(dns("b.a.example.com", "example.com"), WITHIN);
    assert_eq!(dns("anything.at.all", ""), WITHIN);
    assert_eq!(dns("badexample.com", "example.com"), OUTSIDE);
    assert_eq!(dns("example.com", "a.example.com"), OUTSIDE);
    assert_eq!(dns("example.com.evil.org", "example.com"), OUTSIDE);
}

#[test]
fn after_a_dot_a_domain_stands_for_the_hosts_below_it() {
    assert_eq!(dns("a.example.com", ".example.com"), WITHIN);
    assert_eq!(dns("example.com", ".example.com"), OUTSIDE);
    assert_eq!(mail("x@a.example.com", ".example.com"), WITHIN);
    assert_eq!(mail("x@example.com", ".example.com"), OUTSIDE);
    assert_eq!(uri("https://a.example.com/x", ".example.com"), WITHIN);
    assert_eq!(uri("https://example.com", ".example.com"), OUTSIDE);
}

#[test]
fn an_asterisk_may_stand_for_a_host_that_is_excluded() {
    assert_eq!(dns("*.example.com", "example.com"), WITHIN);
    assert_eq!(dns("*.example.com", "secret.example.com"), UNCLEAR);
    assert_eq!(dns("*.EXAMPLE.com.", "secret.example.com"), UNCLEAR);
    assert_eq!(dns("*.example.com", "very.secret.example.com"), OUTSIDE);
    assert_eq!(dns("*.example.org", "secret.example.com"), OUTSIDE);
}

#[test]
fn what_is_no_host_counts_against_the_certificate() {
    for odd in [
        "",
        ".example.com",
        "a..example.com",
        "a b.example.com",
        "a.*.example.com",
    ] {
        assert_eq!(dns(odd, "example.com"), UNCLEAR, "{odd}");
        assert_eq!(dns(odd, "other.org"), UNCLEAR, "{odd}");
    }
}

#[test]
fn a_mail_address_is_matched_whole_or_by_its_host() {
    assert_eq!(mail("Agent@example.COM", "Agent@Example.com"), WITHIN);
    assert_eq!(mail("agent@example.com", "Agent@example.com"), OUTSIDE);
    assert_eq!(mail("agent@example.com", "example.com"), WITHIN);
    assert_eq!(mail("agent@mail.example.com", "example.com"), OUTSIDE);
    assert_eq!(mail("\"a@b\"@example.com", "example.com"), WITHIN);
}

#[test]
fn what_is_no_mail_address_counts_against_the_certificate() {
    for odd in [
        "",
        "example.com",
        "@example.com",
        "agent@",
        "a@b@example.com",
        "a@ex ample.com",
    ] {
        assert_eq!(mail(odd, "example.com"), UNCLEAR, "{odd}");
    }
}

#[test]
fn of_a_uri_the_host_counts() {
    for within in [
        "https://example.com",
        "ldap://user@EXAMPLE.com:389/cn=x?y#z",
        "x://example.com.?q",
        "x://a:b@example.com#f",
    ] {
        assert_eq!(uri(within, "example.com"), WITHIN, "{within}");
    }
    assert_eq!(uri("https://a.example.com/", "example.com"), OUTSIDE);
    assert_eq!(uri("https://evil.org/@example.com", "example.com"), OUTSIDE);
}

#[test]
fn a_uri_without_the_name_of_a_host_counts_against_the_certificate() {
    for odd in [
        "urn:example.com",
        "https://10.0.0.1/",
        "https://[fd00::1]/",
        "x:///path",
        "",
    ] {
        assert_eq!(uri(odd, "example.com"), UNCLEAR, "{odd}");
    }
}

#[test]
fn an_address_is_within_a_network_of_its_own_kind() {
    let net = [10, 1, 0, 0, 255, 255, 0, 0];
    assert_eq!(ip(&[10, 1, 2, 3], &net), WITHIN);
    assert_eq!(ip(&[10, 2, 0, 1], &net), OUTSIDE);
    let all = [0; 32];
    assert_eq!(ip(&[7; 16], &all), WITHIN);
    assert_eq!(ip(&[10, 1, 2, 3], &all), OUTSIDE);
}

#[test]
fn a_mask_is_ones_and_then_zeros() {
    for good in [
        &[0, 0, 0, 0][..],
        &[255, 255, 255, 255],
        &[255, 240, 0, 0],
        &[128, 0, 0, 0],
    ] {
        assert!(is_mask(good), "{good:?}");
    }
    for bad in [
        &[255, 0, 255, 0][..],
        &[255, 251, 0, 0],
        &[1, 0, 0, 0],
        &[255, 240, 1, 0],
    ] {
        assert!(!is_mask(bad), "{bad:?}");
    }
}

#[test]
fn names_of_two_forms_have_nothing_to_do_with_each_other() {
    let (mail, dns) = (GeneralName::Mail("a@b.c"), GeneralName::Dns("b.c"));
    assert!(!mail.is_of_form(&dns) && mail.is_of_form(&GeneralName::Mail("x")));
    assert!(GeneralName::Other(0xa0).is_of_form(&GeneralName::Other(0xa0)));
    assert!(!GeneralName::Other(0xa0).is_of_form(&GeneralName::Other(0x88)));
}
