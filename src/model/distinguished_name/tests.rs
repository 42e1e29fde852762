use proptest::prelude::*;

use super::*;

fn name(text: &str) -> DistinguishedName {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    let refused = text.parse::<DistinguishedName>();
    refused.expect_err(text).to_string()
}

#[test]
fn a_name_as_strust_prints_it_is_the_name_as_rfc_4514_writes_it() {
    let strust = "CN=sap-crm.example.com, OU=I0020123456, OU=SAP Web AS, O=Company, C=DE";
    let plain = "cn=SAP-CRM.example.com,ou=I0020123456,ou=sap  web as,o=company,c=de";
    assert_eq!(name(strust), name(plain));
    assert_eq!(
        name(strust).to_string(),
        "CN=sap-crm.example.com,OU=i0020123456,OU=sap web as,O=company,C=de"
    );
}

#[test]
fn a_type_may_be_written_by_any_of_its_names_or_as_an_object_identifier() {
    let names = [
        "ST=Bavaria",
        "SP=Bavaria",
        "S = Bavaria",
        "2.5.4.8=Bavaria",
        "OID.2.5.4.8=Bavaria",
    ];
    for other in names {
        assert_eq!(name(other), name("ST=bavaria"), "{other}");
    }
    assert_eq!(name("E=a@example.com"), name("emailAddress=A@EXAMPLE.COM"));
    assert_eq!(name("1.3.6.1.4.1.99=x").to_string(), "1.3.6.1.4.1.99=x");
}

#[test]
fn the_order_of_the_parts_counts_and_that_within_a_part_does_not() {
    assert_ne!(name("CN=a,O=b"), name("O=b,CN=a"));
    assert_ne!(name("CN=a,OU=b"), name("CN=a+OU=b"));
    assert_eq!(name("CN=a + OU=b,O=c"), name("OU=b+CN=a,O=c"));
}

#[test]
fn escapes_and_quotes_stand_for_the_characters_that_they_hide() {
    let plain = name("CN=x,O=Foo\\, Bar \\+ Co\\; \\\"AG\\\"");
    assert_eq!(plain, name("CN=x, O=\"Foo, Bar + Co; \\\"AG\\\"\""));
    assert_eq!(plain, name("CN=x,O=Foo\\2C Bar \\2b Co\\3b \\22AG\\22"));
    assert_eq!(name("CN=M\\C3\\BCller"), name("CN=M\u{fc}ller"));
    assert_eq!(name("CN=\\#1 \\=2"), name("CN=\"#1 =2\""));
    // A whole encoding: a UTF-8 string, and the same as a BMP string.
    assert_eq!(name("CN=#0c026162"), name("CN=ab"));
    assert_eq!(name("CN=#1e0400610062"), name("CN=ab"));
    assert_ne!(name("CN=#0303006162"), name("CN=ab"));
}

#[test]
fn what_is_no_name_is_refused_with_the_part_that_is_wrong() {
    let cases = [
        ("  ", "it is empty"),
        ("/C=DE/CN=x", "it begins with a slash"),
        (
            "CN=x, O=Foo, Inc., C=DE",
            "a part of it, \"Inc.\", has no equals sign",
        ),
        ("CN=x,", "a part of it, \"\", has no equals sign"),
        ("XY=x", "the attribute type \"XY\" is not known"),
        ("2.05.4=x", "the attribute type \"2.05.4\" is not known"),
        ("CN= ,O=y", "there is no value behind \"CN=\""),
        (
            "CN=a;b",
            "the character ';' stands in it without a backslash",
        ),
        (
            "CN=a\tb",
            "the character '\\t' stands in it without a backslash",
        ),
        (
            "CN=a\\zb",
            "a backslash stands before neither a special character nor two hexadecimal digits",
        ),
        (
            "CN=a\\",
            "a backslash stands before neither a special character nor two hexadecimal digits",
        ),
        ("CN=\"a", "a quote is not closed where a value ends"),
        ("CN=\"a\"b", "a quote is not closed where a value ends"),
        ("CN=#0c03", "behind # stands no value in hexadecimal digits"),
        ("CN=#0c1", "behind # stands no value in hexadecimal digits"),
        ("CN=a\\ff", "its escaped bytes are no UTF-8"),
    ];
    for (text, reason) in cases {
        assert_eq!(refused(text), reason, "{text:?}");
    }
}

#[test]
fn a_name_that_stands_the_wrong_way_round_is_noticed() {
    assert!(name("C=DE, O=Company, CN=sap").seems_reversed());
    for fine in ["CN=sap, O=Company, C=DE", "CN=sap", "C=DE", "OU=x, CN=sap"] {
        assert!(!name(fine).seems_reversed(), "{fine}");
    }
}

#[test]
fn debug_output_is_the_name_and_not_its_inside() {
    assert_eq!(format!("{:?}", name("CN=a")), "DistinguishedName(CN=a)");
    let attribute = NameAttribute::text(attribute::COMMON_NAME, "A");
    assert_eq!(format!("{attribute:?}"), "NameAttribute(CN=a)");
}

fn any_attribute() -> impl Strategy<Value = NameAttribute> {
    let oid = prop_oneof![
        Just("2.5.4.3"),
        Just("2.5.4.6"),
        Just("1.2.840.113549.1.9.1"),
        Just("1.3.6.1.4.1.99.7"),
    ];
    let oid = oid.prop_map(|oid| oid::encoded(oid).expect("an object identifier"));
    let text = prop_oneof![".{1,20}", "[ ,+\"\\\\<>;=#a]{1,12}", any::<String>()];
    let texts = (oid.clone(), text).prop_map(|(oid, text)| NameAttribute::text(&oid, &text));
    let content = proptest::collection::vec(any::<u8>(), 0..20);
    let encoded = (oid, content).prop_filter_map("no value", |(oid, content)| {
        let length = u8::try_from(content.len()).expect("short");
        NameAttribute::encoded(&oid, &[vec![0x03, length], content].concat())
    });
    prop_oneof![3 => texts, 1 => encoded]
}

proptest! {
    #[test]
    fn a_name_that_was_printed_reads_back_as_itself(
        parts in proptest::collection::vec(proptest::collection::vec(any_attribute(), 1..3), 1..5),
    ) {
        let parts: Vec<_> = parts.into_iter().map(NamePart::of).collect();
        let name = DistinguishedName::of(&parts);
        let printed = name.to_string();
        prop_assert_eq!(printed.parse::<DistinguishedName>(), Ok(name), "{}", printed);
    }

    #[test]
    fn no_text_makes_reading_panic(text in any::<String>(), signs in "[CN=,+\"\\\\#0a ]{0,30}") {
        let _either = text.parse::<DistinguishedName>();
        let _either = signs.parse::<DistinguishedName>();
        let _either = format!("CN={text}").parse::<DistinguishedName>();
    }
}
