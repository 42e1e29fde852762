use proptest::prelude::*;

use super::*;

/// The terms in their fixed form.
fn read(text: &str) -> String {
    let terms = terms(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let texts: Vec<String> = terms.iter().map(ToString::to_string).collect();
    texts.join(" & ")
}

fn refused(text: &str) -> RuleError {
    terms(text).expect_err(text)
}

#[test]
fn every_kind_is_read_into_the_form_that_is_compared() {
    let digest = "ab".repeat(32);
    let colons = vec!["AB"; 32].join(":");
    let cases = [
        (
            "subject=CN=SAP CRM, O=Company, C=DE".to_owned(),
            "subject=\"CN=sap crm,O=company,C=de\"".to_owned(),
        ),
        ("CN = SAP  CRM ".to_owned(), "cn=\"sap crm\"".to_owned()),
        (
            "dns=A.example.com.".to_owned(),
            "dns=a.example.com".to_owned(),
        ),
        (
            "dns=*.Example.com".to_owned(),
            "dns=*.example.com".to_owned(),
        ),
        (
            "uri=SPIFFE://Company.Example/CRM?A#B".to_owned(),
            "uri=\"spiffe://company.example/CRM?A#B\"".to_owned(),
        ),
        (
            "uri=URN:Company:CRM".to_owned(),
            "uri=\"urn:Company:CRM\"".to_owned(),
        ),
        ("ip=10.0.0.5".to_owned(), "ip=10.0.0.5/32".to_owned()),
        ("ip=10.0.0.0/8".to_owned(), "ip=10.0.0.0/8".to_owned()),
        (
            "ip=[2001:DB8::]/32".to_owned(),
            "ip=2001:db8::/32".to_owned(),
        ),
        ("ip=0.0.0.0/0".to_owned(), "ip=0.0.0.0/0".to_owned()),
        (
            "email=SAP@Example.com".to_owned(),
            "email=\"sap@example.com\"".to_owned(),
        ),
        (
            "issuer=CN=Company CA".to_owned(),
            "issuer=\"CN=company ca\"".to_owned(),
        ),
        ("serial=00:0A 1b".to_owned(), "serial=0a1b".to_owned()),
        ("serial=0xA1B".to_owned(), "serial=0a1b".to_owned()),
        (format!("sha256={colons}"), format!("sha256={digest}")),
        (
            format!("key-sha256={digest}"),
            format!("key-sha256={digest}"),
        ),
        (
            "policy=1.3.6.1.4.1.99.0".to_owned(),
            "policy=1.3.6.1.4.1.99.0".to_owned(),
        ),
    ];
    for (text, form) in cases {
        assert_eq!(read(&text), form, "{text}");
    }
}

#[test]
fn terms_are_joined_by_an_ampersand_between_blanks_that_is_not_in_quotes() {
    assert_eq!(
        read("cn=AT&T  &  subject=CN=x, O=\"Foo & Bar\" & dns=a"),
        "cn=\"at&t\" & subject=\"CN=x,O=foo & bar\" & dns=a"
    );
    assert_eq!(
        read("cn=\"Foo & \\\"Bar\\\" \\\\\" & dns=a"),
        "cn=\"foo & \\\"bar\\\" \\\\\" & dns=a"
    );
    assert_eq!(read("cn=DOMAIN\\user"), "cn=\"domain\\\\user\"");
    assert_eq!(
        read("subject=\"CN=a\\\"b, O=c\""),
        read("subject=CN=a\\\"b, O=c")
    );
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for text in ["cn=a& dns=b", "cn=a &dns=b", "cn=a\\& dns=b"] {
        assert_eq!(refused(text), RuleError::Ampersand, "{text}");
    }
    for text in [
        "cn=\"a",
        "cn=\"a\"b",
        "cn=a\"b\"",
        "cn=\"a\" b",
        "cn=\"a & dns=b",
    ] {
        assert_eq!(refused(text), RuleError::Quote("cn"), "{text}");
    }
    assert_eq!(refused("cn=a & "), RuleError::NoKind(String::new()));
    assert_eq!(refused("& cn=a"), RuleError::NoKind(String::new()));
}

#[test]
fn a_value_that_its_kind_does_not_take_is_refused() {
    let cases = [
        ("cn", "a\tb"),
        ("dns", "a..b"),
        ("dns", "*"),
        ("dns", "a.*.b"),
        ("dns", "*.*.b"),
        ("dns", "m\u{fc}ller.example"),
        ("dns", "a b"),
        ("uri", "no-scheme"),
        ("uri", "urn:a b"),
        ("ip", "10.0.0.5/8"),
        ("ip", "10.0.0.0/33"),
        ("ip", "::/129"),
        ("ip", "10.0.0"),
        ("ip", "crm.example.com"),
        ("email", "example.com"),
        ("email", "@example.com"),
        ("serial", "0x"),
        ("serial", "12g4"),
        ("sha256", "abcd"),
        ("key-sha256", "zz"),
        ("policy", "1"),
        ("policy", "1..2"),
        ("policy", "1.02"),
    ];
    for (kind, value) in cases {
        let error = refused(&format!("{kind}={value}"));
        assert_eq!(
            error,
            RuleError::BadValue(kind, value.to_owned()),
            "{kind}={value}"
        );
        assert!(!error.hint().is_empty() && !error.allowed().is_empty());
    }
}

#[test]
fn every_mistake_is_told_with_what_is_allowed_and_what_to_do() {
    let cases = [
        (
            "sap-crm",
            "has a term that is no kind=value, \"sap-crm\"",
            "kind=value, or several with \" & \"",
            "write terms such as cn=sap-crm",
        ),
        (
            "isuer=CN=x",
            "has a kind that is not known, \"isuer\"",
            "subject | cn | dns | uri | ip | email | issuer | serial | sha256 | key-sha256 | policy",
            "did you mean issuer=?",
        ),
        (
            "o=x",
            "has a kind that is not known, \"o\"",
            "subject | cn | dns | uri | ip | email | issuer | serial | sha256 | key-sha256 | policy",
            "write one of the kinds that are allowed",
        ),
        (
            "cn=",
            "has no value behind cn=",
            "a common name",
            "write the value of the certificate that is meant",
        ),
        (
            "cn=a& dns=b",
            "has a & that neither stands between two terms nor in quotes",
            "kind=value, or several with \" & \"",
            "write a blank on both sides of &",
        ),
        (
            "cn=\"a",
            "has a quote in cn= that does not stand around the whole value",
            "cn=value or cn=\"value\"",
            "write the value without quotes",
        ),
        (
            "ip=10",
            "has a value behind ip= that is not understood, \"10\"",
            "an address such as 10.0.0.5, or a range such as 10.0.0.0/8",
            "write an address or a range",
        ),
        (
            "issuer=CN=x, O=Foo, Inc.",
            "has no distinguished name behind issuer=: a part of it, \"Inc.\", has no equals sign",
            "a whole name such as CN=Company CA, C=DE",
            "write it as STRUST shows it",
        ),
        (
            "subject=/C=DE/CN=x",
            "has no distinguished name behind subject=: it begins with a slash",
            "a whole name such as CN=sap-crm, O=Company, C=DE",
            "write it with commas",
        ),
        (
            "subject=XX=x",
            "has no distinguished name behind subject=: the attribute type \"XX\" is not known",
            "a whole name such as CN=sap-crm, O=Company, C=DE",
            "write a short name such as CN",
        ),
    ];
    for (text, what, allowed, hint) in cases {
        let error = refused(text);
        assert_eq!(error.to_string(), what);
        assert_eq!(error.allowed(), allowed);
        assert!(error.hint().starts_with(hint), "{}", error.hint());
    }
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in any::<String>(), signs in "[cnd=s& \"\\\\*./:]{0,30}") {
        let _either = terms(&text);
        let _either = terms(&signs);
        for kind in KINDS {
            let _either = terms(&format!("{}={text}", kind.name));
        }
    }

    #[test]
    fn any_common_name_can_be_written_in_quotes(name in "[a-z&=,;\"\\\\ #]{0,15}[a-z]") {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        let written = format!("cn=\"{quoted}\"");
        prop_assert_eq!(terms(&written), Ok(vec![Term::CommonName(folded(&name))]));
    }
}
