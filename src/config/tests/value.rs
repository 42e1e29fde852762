use proptest::prelude::*;

use super::*;

const DAY: Duration = Duration::from_hours(24);

fn any_duration(text: &str) -> Parsed<Duration> {
    duration(text, Duration::ZERO, DAY)
}

#[test]
fn a_duration_takes_four_units_and_means_seconds_without_one() {
    for (text, ms) in [
        ("500ms", 500),
        ("10s", 10_000),
        ("5m", 300_000),
        ("8h", 28_800_000),
        ("3", 3_000),
        ("10S", 10_000),
        ("0", 0),
    ] {
        assert_eq!(any_duration(text), Ok(Duration::from_millis(ms)), "{text}");
    }
}

#[test]
fn a_duration_with_another_unit_a_sign_a_point_or_a_blank_is_refused() {
    for text in ["5d", "-1s", "+1s", "1.5s", "10 s", "s", "", "1s;"] {
        assert_eq!(any_duration(text), Err(ValueError::NotUnderstood), "{text}");
    }
}

#[test]
fn a_number_beyond_every_range_is_out_of_range_and_not_a_wrap_around() {
    for text in ["25h", "18446744073709551615h", "99999999999999999999s"] {
        assert_eq!(any_duration(text), Err(ValueError::OutOfRange), "{text}");
    }
    assert_eq!(
        size("18446744073709551615GiB", 0, u64::MAX),
        Err(ValueError::OutOfRange)
    );
}

#[test]
fn a_size_takes_binary_units_only() {
    assert_eq!(size("32768", 0, u64::MAX), Ok(32_768));
    assert_eq!(size("1kib", 0, u64::MAX), Ok(1024));
    assert_eq!(size("64MiB", 0, u64::MAX), Ok(64 << 20));
    assert_eq!(size("2GiB", 0, u64::MAX), Ok(2 << 30));
    for text in ["1MB", "1K", "MiB"] {
        assert_eq!(
            size(text, 0, u64::MAX),
            Err(ValueError::NotUnderstood),
            "{text}"
        );
    }
}

#[test]
fn a_range_includes_both_its_ends() {
    assert_eq!(count("1", 1, 100), Ok(1));
    assert_eq!(count("100", 1, 100), Ok(100));
    assert_eq!(count("0", 1, 100), Err(ValueError::OutOfRange));
    assert_eq!(count("101", 1, 100), Err(ValueError::OutOfRange));
}

#[test]
fn a_switch_takes_the_four_pairs_of_words_in_any_case() {
    for text in ["yes", "TRUE", "On", "1"] {
        assert_eq!(switch(text), Ok(true));
    }
    for text in ["no", "False", "OFF", "0"] {
        assert_eq!(switch(text), Ok(false));
    }
    assert_eq!(switch("ja"), Err(ValueError::NotUnderstood));
}

#[test]
fn statuses_are_single_ones_and_ranges() {
    assert_eq!(
        statuses("200, 204,400-499"),
        Ok(vec![200..=200, 204..=204, 400..=499])
    );
    assert_eq!(statuses("ANY"), Ok(vec![]));
    for text in ["", "2xx", "499-400", "200,", "200-"] {
        assert_eq!(statuses(text), Err(ValueError::NotUnderstood), "{text}");
    }
    assert_eq!(statuses("99"), Err(ValueError::OutOfRange));
    assert_eq!(statuses("600"), Err(ValueError::OutOfRange));
}

#[test]
fn a_window_may_cross_midnight_and_may_not_be_empty() {
    assert_eq!(
        window("22:30-4:00"),
        Ok((TimeOfDay(22 * 60 + 30), TimeOfDay(240)))
    );
    assert_eq!(window("02:00-02:00"), Err(ValueError::OutOfRange));
    assert_eq!(window("24:00-02:00"), Err(ValueError::OutOfRange));
    for text in ["02:00", "2-4", "02:00-", "002:00-04:00", "02:00-04:00:00"] {
        assert_eq!(window(text), Err(ValueError::NotUnderstood), "{text}");
    }
}

#[test]
fn a_list_names_the_entry_that_is_written_twice() {
    assert_eq!(listeners("8443, 127.0.0.1:9000").map(|l| l.len()), Ok(2));
    assert_eq!(
        targets("crm:1,CRM:1"),
        Err(ValueError::Twice("CRM:1".to_owned()))
    );
    assert_eq!(
        targets("crm:1,"),
        Err(ValueError::Address(EndpointError::NoPort))
    );
}

#[test]
fn a_route_without_port_goes_to_the_port_it_came_from() {
    assert_eq!(route("crm", 44300).map(|t| t.port()), Ok(44300));
    assert_eq!(route("crm:443", 44300).map(|t| t.port()), Ok(443));
}

#[test]
fn what_goes_onto_the_wire_holds_no_blank_control_or_accent() {
    assert_eq!(request_path("/health?x=1").as_deref(), Ok("/health?x=1"));
    for text in ["health", "/a b", "/ä", "/a\tb"] {
        assert_eq!(request_path(text), Err(ValueError::NotUnderstood), "{text}");
    }
    assert_eq!(header("urn:a b").as_deref(), Ok("urn:a b"));
    assert_eq!(header("urn:ä"), Err(ValueError::NotUnderstood));
    assert_eq!(header("a\u{7}"), Err(ValueError::NotUnderstood));
}

#[test]
fn a_level_is_a_word_or_a_list_of_targets() {
    for text in ["info", "DEBUG", "info,crmgate::requests=trace", "a=off"] {
        assert_eq!(level(text).as_deref(), Ok(text));
    }
    for text in ["loud", "", "info,", "=debug", "a=loud"] {
        assert_eq!(level(text), Err(ValueError::NotUnderstood), "{text}");
    }
}

#[test]
fn blanks_in_a_filter_are_left_out_of_what_the_log_is_given() {
    for (text, meant) in [
        ("info, crmgate::tls=debug", "info,crmgate::tls=debug"),
        ("crmgate::tls=debug , info", "crmgate::tls=debug,info"),
        ("crmgate::tls = debug,\twarn", "crmgate::tls=debug,warn"),
    ] {
        assert_eq!(level(text).as_deref(), Ok(meant), "{text}");
    }
}

#[test]
fn a_target_of_a_filter_is_the_name_of_a_room_and_nothing_else() {
    for text in [
        "a=b=info",
        "@x=info",
        "a b=info",
        "a[conn]=info",
        "ä=info",
        " =info",
    ] {
        assert_eq!(level(text), Err(ValueError::NotUnderstood), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_said_of_a_duration_reads_back_as_the_same(ms in 0_u64..86_400_000) {
        let value = Duration::from_millis(ms);
        prop_assert_eq!(any_duration(&said_duration(value)), Ok(value));
    }

    #[test]
    fn what_is_said_of_a_size_reads_back_as_the_same(value: u64) {
        prop_assert_eq!(size(&said_size(value), 0, u64::MAX), Ok(value));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text: String) {
        for key in crate::config::keys::KEYS {
            // Whatever the answer: that there is one is the point.
            let _answer = check(key.kind, &text);
        }
    }
}
